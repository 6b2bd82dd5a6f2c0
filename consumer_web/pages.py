"""The pages that anyone sees. No cookie, no script, no gate: the label comes first."""

from urllib.parse import quote

from flask import Blueprint, Response, make_response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from foodtrace.consumer_web.lookup import PAGES, find_code
from foodtrace.consumer_web.rendering import add_words, page
from foodtrace.consumer_web.story import recalls_of
from foodtrace.producers.labels import lot_url, qr_svg
from foodtrace.trace.errors import NotFound
from foodtrace.trace.gs1.identifiers import parse_identifier
from foodtrace.trace.web import reading, settings

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
