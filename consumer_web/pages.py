"""The pages that anyone sees. No cookie, no script, no gate: the label comes first."""

from datetime import date, datetime
from urllib.parse import quote

from flask import Blueprint, Response, make_response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from foodtrace.consumer_web.journey import abridged, zone_of
from foodtrace.consumer_web.lookup import PAGES, find_code, identifier_of_path
from foodtrace.consumer_web.page_cache import GUARDED, TODAY
from foodtrace.consumer_web.rendering import add_words, page
from foodtrace.consumer_web.story import AboutProduct, about_product, recalls_of, tell
from foodtrace.producers.labels import lot_url, qr_svg
from foodtrace.trace.errors import NotFound
from foodtrace.trace.gs1.identifiers import parse_identifier
from foodtrace.trace.gs1.model import Identifier, ItemKind
from foodtrace.trace.web import reading, settings

CHINA = zone_of("+08:00")
# What a page that names one single thing may be kept by: the reader's own browser.
PRIVATE = "private, no-cache"

ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<path fill="#0b6b3f" d="M16 1 4 5v11c0 8 5 12 12 15 7-3 12-7 12-15V5z"/>
<path fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"
 d="m10 16 4 5 8-10"/></svg>"""
bp = Blueprint("consumer", __name__, template_folder="templates")
add_words(bp)


@bp.get("/")
def look_up() -> AnyResponse:
    """Show the field for a code; with one, lead to its page."""
    code, lot = request.args.get("code", ""), request.args.get("lot", "")
    if not code.strip():
        return page("look_up.html")
    identifier = find_code(code, lot)
    query = f"?lang={quote(lang)}" if (lang := request.args.get("lang")) else ""
    return redirect(identifier.canonical + query, 303)


@bp.get("/01/<path:key>")
@bp.get("/00/<path:key>")
@bp.get("/q/<path:key>")
def scan(key: str) -> Response:
    """Show the product, lot, piece or logistic unit whose code was scanned."""
    identifier = identifier_of_path(request.path)
    return show_product(identifier) if identifier.kind is ItemKind.CLASS else show(identifier)


@bp.get("/recalls")
def recalls() -> Response:
    """List what is recalled now."""
    with reading() as session:
        found = recalls_of(session)
    return page("recalls.html", recalls=found)


@bp.get("/qr.svg")
def qr_code() -> Response:
    """Draw the code of one of our pages, for the printed page."""
    identifier = parse_identifier(request.args.get("of", ""))
    if not identifier.canonical.startswith(PAGES):
        raise NotFound()
    response = make_response(qr_svg(lot_url(settings().base_url, identifier.canonical)))
    response.content_type = "image/svg+xml"
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


@bp.get("/robots.txt")
def robots() -> Response:
    """Tell crawlers that they may read; the pages themselves say what not to index."""
    response = make_response("User-agent: *\nAllow: /\n")
    response.content_type = "text/plain; charset=utf-8"
    return response


@bp.get("/favicon.ico")
@bp.get("/favicon.svg")
def icon() -> Response:
    """Draw the icon of the site."""
    response = make_response(ICON)
    response.content_type = "image/svg+xml"
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


def show_product(identifier: Identifier) -> Response:
    """Show what is known of a product, whatever its lot."""
    with reading() as session:
        product = about_product(session, identifier)
    return _unknown(identifier, product)


def show(identifier: Identifier) -> Response:
    """Show the whole chain of a lot, a piece or a logistic unit; 404 where none is on record."""
    with reading() as session:
        story = tell(session, identifier.canonical, today())
        if story is None or not _belongs(identifier, story.product.lot):
            story, product = None, about_product(session, identifier)
    if story is None:
        return _unknown(identifier, product)
    request.environ[GUARDED] = True
    journey = story.journey
    if "all" not in request.args:
        journey = abridged(journey, [story.item.canonical, story.product.canonical])
    return page(
        "trace.html",
        cache=PRIVATE if identifier.serial else "no-cache",
        story=story,
        journey=journey,
        url=lot_url(settings().base_url, identifier.canonical),
        identifier=identifier,
    )


def today() -> date:
    """Return the day in China; the page cache says which one this page is made for."""
    day: date = request.environ.get(TODAY) or datetime.now(CHINA).date()
    return day


def _unknown(identifier: Identifier, product: AboutProduct | None) -> Response:
    """Answer a code that has no chain: it names a product, or nothing that is on record."""
    if product is None or product.identifier != identifier.canonical:
        return page("unknown.html", 404, identifier=identifier, product=product)
    return page("product.html", product=product, maker=product.maker)


def _belongs(identifier: Identifier, lot: str | None) -> bool:
    """Tell whether a piece is of the lot that its code says: a copied label mixes the two."""
    return not (identifier.serial and identifier.lot and lot) or identifier.lot == lot
