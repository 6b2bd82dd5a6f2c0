"""What events speak of, as collections: types, EPCs, steps, places and dispositions.

EPCIS 2.0, section 12.6.4: ``/epcis/bizSteps`` lists the steps of all events that one may see,
``/epcis/bizSteps/shipping`` what there is below one, and ``…/shipping/events`` its events.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from flask import Response, jsonify

from foodtrace.trace.api.found import answer_query, asked_query
from foodtrace.trace.api.headers import point_to_next
from foodtrace.trace.api.negotiation import extensions, formats, media_type
from foodtrace.trace.api.received import wanted_page
from foodtrace.trace.api.resources import (
    EVENT_TYPES,
    JSON_TYPE,
    LD_JSON_TYPE,
    PAGING,
    Resources,
    answers,
    takes,
    takes_a_query,
)
from foodtrace.trace.epcis.context import EPCIS_CONTEXT, expanded
from foodtrace.trace.epcis.translation import identifier_in
from foodtrace.trace.epcis.vocabulary import BIZ_STEP, DISPOSITION, Vocabulary
from foodtrace.trace.errors import Invalid, NotFound, Problem, mark
from foodtrace.trace.gs1.model import GS1_ROOT
from foodtrace.trace.query.keys import thing
from foodtrace.trace.query.observed import Kind, is_observed, observed_values
from foodtrace.trace.query.parameters import query_of
from foodtrace.trace.web import current_actor, needs, reading, settings

bp = Resources("vocabularies", __name__)


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection: its address, what it holds, and by which parameter events have one of it.

    `words` are the standard words of a vocabulary; without, the values are identifiers.
    """

    path: str
    part: str
    kind: Kind
    parameter: str
    words: Vocabulary | None = None


COLLECTIONS = (
    Collection("eventTypes", "event_type", "eventType", "eventType"),
    Collection("epcs", "epc", "epc", "MATCH_anyEPC"),
    Collection("bizSteps", "biz_step", "bizStep", "EQ_bizStep", BIZ_STEP),
    Collection("bizLocations", "biz_location", "bizLocation", "EQ_bizLocation"),
    Collection("readPoints", "read_point", "readPoint", "EQ_readPoint"),
    Collection("dispositions", "disposition", "disposition", "EQ_disposition", DISPOSITION),
)


def _values_of(collection: Collection) -> Callable[[], Response]:
    @needs("event.read")
    @answers(JSON_TYPE, LD_JSON_TYPE)
    @takes(*PAGING)
    def values() -> Response:
        """List the values, in a fixed order."""
        wanted = wanted_page()
        with reading() as session:
            page = observed_values(
                session,
                current_actor(),
                collection.kind,
                per_page=wanted.per_page,
                secret=settings().secret_key,
                token=wanted.token,
            )
        response = jsonify(_listed(collection, [_written(value) for value in page.values]))
        response.mimetype = media_type()
        return point_to_next(response, page.next_token, page.expires_at)

    return values


def _below(collection: Collection) -> Callable[..., Response]:
    @needs("event.read")
    @answers(JSON_TYPE)
    def below(**part: str) -> Response:
        """Name what there is below one value: its events."""
        _check_observed(collection, part[collection.part])
        return jsonify(["events"])

    return below


def _events_of(collection: Collection) -> Callable[..., Response]:
    @needs("event.read")
    @answers(*EVENT_TYPES)
    @takes_a_query
    def events(**part: str) -> Response:
        """Give the events that have the value, and that the address asks for."""
        value = _check_observed(collection, part[collection.part])
        having = query_of({collection.parameter: [value]}, extensions())
        query = asked_query()
        return answer_query(replace(query, criteria=(*having.criteria, *query.criteria)))

    return events


def _check_observed(collection: Collection, text: str) -> str:
    """Return the value that a part of the address names. Raises NotFound where none has it."""
    value = expanded(text, extensions())
    canonical = value
    if collection.words is not None:
        canonical = _word(collection.words, value)
    elif collection.kind != "eventType":
        canonical = thing(value)
    with reading() as session:
        if is_observed(session, current_actor(), collection.kind, canonical):
            return value
    raise NotFound(
        Problem(
            "",
            mark("No event that you may see has %(value)s there"),
            mark("GET %(path)s lists those that there are"),
            {"value": text[:200], "path": f"/epcis/{collection.path}"},
        )
    )


def _word(words: Vocabulary, value: str) -> str:
    try:
        return words.word(value, {}, "")
    except Invalid:  # a word that no event can have
        return ""


def _written(value: str) -> str:
    """Return a canonical value as answers have it."""
    is_key = value.startswith("/") and not value.startswith("/q/")
    return identifier_in(GS1_ROOT + value if is_key else value, {}, formats().epc)


def _listed(collection: Collection, values: list[str]) -> object:
    """Return the list as the standard wants it: EPCs bare, all else with its type."""
    if collection.kind == "epc":
        return values
    type_name = f"{collection.kind[0].upper()}{collection.kind[1:]}ItemList"
    return {"@context": EPCIS_CONTEXT, "type": type_name, collection.kind: values}


def _add(collection: Collection) -> None:
    """Add the three addresses of a collection."""
    address = f"/{collection.path}"
    one = f"{address}/<path:{collection.part}>"
    bp.add_url_rule(address, collection.path, _values_of(collection))
    bp.add_url_rule(one, f"{collection.path}_below", _below(collection))
    bp.add_url_rule(f"{one}/events", f"{collection.path}_events", _events_of(collection))


for each in COLLECTIONS:
    _add(each)
