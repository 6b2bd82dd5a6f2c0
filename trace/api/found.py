"""Events as answers: in the notation and media type that were agreed on."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Response, request

from foodtrace.trace.api.headers import point_to_next
from foodtrace.trace.api.negotiation import extensions, formats, media_type
from foodtrace.trace.api.received import wanted_page
from foodtrace.trace.api.resources import XML_TYPES
from foodtrace.trace.epcis.context import STANDARD_PREFIXES, prefixes_of
from foodtrace.trace.epcis.translation import CbvFormat, translated
from foodtrace.trace.epcis.xml.event_writing import event_xml
from foodtrace.trace.epcis.xml.writing import xml_query_document
from foodtrace.trace.personal.keeping import visible_values
from foodtrace.trace.personal.showing import commitments_in, with_values
from foodtrace.trace.query.model import Query
from foodtrace.trace.query.parameters import parameters_of, query_of
from foodtrace.trace.query.results import (
    ENCODER,
    SIMPLE_EVENT_QUERY,
    Found,
    as_result,
    query_document,
)
from foodtrace.trace.query.services import find_events
from foodtrace.trace.web import current_actor, reading, settings

_COMMITMENT = b"ni:///sha-256;"


def asked_query() -> Query:
    """Return the query that the address asks. Raises what `query_of` raises."""
    return query_of(parameters_of(list(request.args.items(multi=True))), extensions())


def answer_query(query: Query, *, query_name: str = SIMPLE_EVENT_QUERY) -> Response:
    """Answer the page of a query that the address asks for."""
    wanted = wanted_page()
    with reading() as session:
        page = find_events(
            session,
            current_actor(),
            query,
            per_page=wanted.per_page,
            secret=settings().secret_key,
            token=wanted.token,
        )
    response = answer_events(page.events, query_name=query_name)
    return point_to_next(response, page.next_token, page.expires_at)


def answer_events(events: Sequence[Found], *, query_name: str = SIMPLE_EVENT_QUERY) -> Response:
    """Answer these events as an EPCISQueryDocument, with the personal values of one's own."""
    given: Sequence[Mapping[str, Any]] = [as_result(each) for each in events]
    # Looked for only where there may be any: most events name nobody.
    if any(_COMMITMENT in each.event for each in events):
        given = _with_own_values(given)
    results = [in_notation(event) for event in given]
    if media_type() in XML_TYPES:
        pairs = [(event, prefixes_in(event)) for event in results]
        created = datetime.now(UTC)
        pieces = xml_query_document(pairs, query_name=query_name, created=created)
        return Response(b"".join(pieces), mimetype=media_type())
    document = query_document(results, query_name=query_name)
    return Response(ENCODER.encode(document), mimetype=media_type())


def _with_own_values(events: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    digests = commitments_in(events)
    if not digests:
        return events
    with reading() as session:
        values = visible_values(session, current_actor(), digests)
    return [with_values(event, values) for event in events]


def answer_event(event: Mapping[str, Any]) -> Response:
    """Answer one event by itself."""
    written = in_notation(event)
    if media_type() in XML_TYPES:
        return Response(event_xml(written, prefixes_in(written)), mimetype=media_type())
    return Response(ENCODER.encode(written), mimetype=media_type())


def in_notation(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event with its identifiers and standard words written as was agreed on.

    In JSON standard words are bare, unless they are to stay as they were received; so that
    is all that is asked of GS1-CBV-XML-Format there.
    """
    asked = formats()
    words = asked.cbv
    if media_type() not in XML_TYPES and words is not CbvFormat.NEVER_TRANSLATES:
        words = CbvFormat.NO_PREFERENCE
    return translated(event, prefixes_in(event), epc_format=asked.epc, cbv_format=words)


def prefixes_in(event: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the namespaces in force in an event, the standard ones too."""
    return prefixes_of(event.get("@context", {}), STANDARD_PREFIXES, "")
