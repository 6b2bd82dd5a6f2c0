"""The addresses that codes lead to, for people and for programs (GS1-Conformant resolver 1.2).

A browser, which names text/html, gets the page of the code at once: it is the target of the
default link, a round trip earlier. Who names nothing is led there (307), as the standard says.
docs/resolver.md has the whole table.
"""

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, make_response, redirect, request
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as AnyResponse

from foodtrace.consumer_web.journey import abridged, zone_of
from foodtrace.consumer_web.looks import count_look
from foodtrace.consumer_web.page_cache import GUARDED, PERSONAL, TODAY
from foodtrace.consumer_web.proofs.bundles import bundle_of, ids_shown
from foodtrace.consumer_web.rendering import page
from foodtrace.consumer_web.resolver.addresses import FIRST_SEGMENTS, Address, read_path
from foodtrace.consumer_web.resolver.answers import (
    CONTEXT_PATH,
    Found,
    led_up,
    linked,
    shown,
    unknown,
)
from foodtrace.consumer_web.resolver.linkset import Link, forwarded
from foodtrace.consumer_web.resolver.negotiation import (
    DATA_TYPE,
    GS1_VOCABULARY,
    Asked,
    View,
    read_request,
)
from foodtrace.consumer_web.resolver.things import Thing, find_above, find_thing, given_links
from foodtrace.producers.labels import lot_url
from foodtrace.trace.errors import Invalid, NotFound, Problem, mark
from foodtrace.trace.gs1.charset import checked_value
from foodtrace.trace.gs1.keys import KEYS
from foodtrace.trace.issuers.signers import signers_of
from foodtrace.trace.links.rules import host_of
from foodtrace.trace.links.services import find_link
from foodtrace.trace.log.places import Places, places_of
from foodtrace.trace.log.policy_file import policy_of
from foodtrace.trace.log.receipts import FROM_THE_START
from foodtrace.trace.web import reading, settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CHINA = zone_of("+08:00")
METHODS = "GET, HEAD, OPTIONS"
_DIGITS = re.compile("[0-9]{1,15}")
# Terms of link sets for those who read them as linked data (RFC 9264, section 4.2).
CONTEXT = {
    "@context": {
        "@version": 1.1,
        "@vocab": GS1_VOCABULARY,
        "linkset": "@graph",
        "anchor": "@id",
        "href": "@id",
        "title": "http://purl.org/dc/terms/title",
        "itemDescription": "http://purl.org/dc/terms/description",
        "type": "http://purl.org/dc/terms/format",
        "hreflang": {"@id": "http://purl.org/dc/terms/language", "@container": "@set"},
    }
}
bp = Blueprint("resolver", __name__)


@bp.record
def keep_slashes(state: BlueprintSetupState) -> None:
    """Take a path as it is: a lot may hold two slashes, and nobody is led to ``//host``."""
    state.app.url_map.merge_slashes = False


@bp.after_request
def open_to_programs(response: Response) -> Response:
    """Let programs in browsers read the answers: they are public, and nobody is signed in."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Methods"] = METHODS
    response.headers["Access-Control-Allow-Headers"] = "Accept, Accept-Language"
    response.headers["Access-Control-Expose-Headers"] = "Link, Location"
    return response


def resolve(key: str) -> AnyResponse:
    """Show the thing whose code was scanned, or lead to what was asked for of it."""
    address = read_path(request.path)
    asked = read_request(
        request.query_string.decode("latin-1"),
        request.headers.get("Accept", ""),
        request.headers.get("Accept-Language", ""),
    )
    with reading() as session:
        thing = find_thing(session, address, today())
        above = None if thing else find_above(session, _believed(address, thing), today())
        nearest = thing or above
        standings = nearest.standings if nearest else []
        given = given_links(session, standings) if nearest else []
        is_looked_at = asked.view is View.PAGE and not asked.link_type
        unit = thing.unit if thing and is_looked_at else None
        scans = count_look(session, unit) if unit else None
        values = _told(session, nearest, asked) if nearest else {}
    if nearest is None:
        return unknown(address, asked)
    found = Found(nearest, standings, given)
    # What the fingerprint does not cover is covered by the version: see page_cache.
    places: Places | None = values.get("places")
    request.environ[GUARDED] = nearest.story is not None and (places is None or places.is_settled)
    request.environ[PERSONAL] = nearest.unit is not None
    if asked.link_type:
        return linked(found, asked)
    if above is not None and asked.view is not View.LINKSET:
        return led_up(found, address, asked)
    return shown(found, asked, _values_of(nearest, asked) | values | {"scans": scans})


for _segment in FIRST_SEGMENTS:
    bp.add_url_rule(f"/{_segment}/<path:key>", view_func=resolve)


@bp.get("/away/<int:link_id>")
def away(link_id: int) -> AnyResponse:
    """Say that a link leads to somebody else's site, and to which one; lead on if it is known."""
    with reading() as session:
        link = find_link(session, link_id)
    if link is None:
        raise NotFound()
    asked = read_request(request.query_string.decode("latin-1"))
    target = forwarded(Link("", link.href, ""), Asked(View.PAGE, others=asked.others))
    if host_of(link.href) in settings().link_hosts:
        return redirect(target, 307)
    return page("away.html", link=link, target=target, host=host_of(link.href))


@bp.get("/.well-known/gs1resolver")
def describe() -> Response:
    """Describe this resolver to programs (GS1-Conformant resolver standard, chapter 5)."""
    return _public_json(
        {
            "name": "foodtrace",
            "resolverRoot": settings().base_url,
            "supportedPrimaryKeys": list(KEYS),
            "supportedLinkType": [{"namespace": GS1_VOCABULARY, "prefix": "gs1:"}],
            "linkTypeDefaultCanBeLinkset": False,
        },
        "application/json",
    )


@bp.get(CONTEXT_PATH)
def context() -> Response:
    """Give the JSON-LD context of link sets."""
    return _public_json(CONTEXT, DATA_TYPE)


def today() -> date:
    """Return the day in China; the page cache says which one this page is made for."""
    day: date = request.environ.get(TODAY) or datetime.now(CHINA).date()
    return day


def _believed(address: Address, thing: Thing | None) -> Address:
    """Refuse a path that is none, unless the thing with such a strange number is on record."""
    if thing is None and address.doubt is not None:
        raise address.doubt
    return address


def _values_of(thing: Thing, asked: Asked) -> dict[str, Any]:
    """Return what the page of a thing shows besides what it shows to machines."""
    if asked.view is not View.PAGE:
        return {}
    if thing.product is not None:
        missed = _missed_lot(thing, asked.values.get("lot", ""))
        return {"product": thing.product, "maker": thing.product.maker, "missed": missed}
    if thing.story is None:
        return {"place": thing.place, "owner": thing.party}
    identifier = thing.address.identifier
    return {
        "story": thing.story,
        "url": lot_url(settings().base_url, identifier.canonical),
        "identifier": identifier,
    }


def _told(session: "Session", thing: Thing, asked: Asked) -> dict[str, Any]:
    """Return the journey of a thing and what the log says of it, or the proof of it all."""
    story = thing.story
    if story is None:
        return {}
    if asked.view is View.PROOF:
        after = _after(asked.values.get("after", ""))
        return {"bundle": bundle_of(session, story, policy_of(settings()), after=after)}
    if asked.view is not View.PAGE:
        return {}
    journey = story.journey
    if "all" not in asked.values:
        journey = abridged(journey, [story.item.canonical, story.product.canonical])
    ids = ids_shown(story, journey.steps)
    return {
        "journey": journey,
        "places": places_of(session, ids, policy_of(settings())),
        "signers": signers_of(session, ids),
    }


def _after(text: str) -> tuple[int, int]:
    """Return the place after which a part of a proof begins. Raises Invalid."""
    if not text:
        return FROM_THE_START
    year, _, index = text.partition("/")
    if not (_DIGITS.fullmatch(year) and _DIGITS.fullmatch(index)):
        raise Invalid(
            Problem("after", mark("This is no place in the log"), mark("Write it like 2026/1234"))
        )
    return int(year), int(index)


def _missed_lot(thing: Thing, lot: str) -> str | None:
    """Return the lot from whose code a reader was led here, if it is still unknown."""
    gtin = thing.address.identifier.gtin
    if not lot or not gtin:
        return None
    try:
        checked_value("lot", lot, 20)
        address = read_path(f"/01/{gtin}/10/{lot}")
    except Invalid:
        return None
    with reading() as session:
        return None if find_thing(session, address, today()) else lot


def _public_json(value: dict[str, Any], media_type: str) -> Response:
    response = make_response(value)
    response.content_type = media_type
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response
