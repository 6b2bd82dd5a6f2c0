"""``/epcis/events``: capture one event, and read an event again."""

from datetime import UTC, datetime
from urllib.parse import quote

import msgspec
from flask import Response, jsonify, request

from foodtrace.trace.api.capture import as_job, replayed
from foodtrace.trace.api.headers import as_time
from foodtrace.trace.api.negotiation import media_type
from foodtrace.trace.api.received import idempotency_key, received_body
from foodtrace.trace.api.resources import JSON_TYPE, LD_JSON_TYPE, Resources, answers
from foodtrace.trace.capture.services import EPCIS_CONTEXT, capture_document, find_event_body
from foodtrace.trace.epcis.reader import read_event
from foodtrace.trace.epcis.strict_json import MAX_BYTES
from foodtrace.trace.errors import NotFound, Problem, mark
from foodtrace.trace.web import body_limit, current_actor, needs, reading, transaction

bp = Resources("events", __name__)


@bp.post("/events")
@needs("event.capture")
@answers(JSON_TYPE)
@body_limit(MAX_BYTES)
def capture_event() -> tuple[Response, int, dict[str, str]]:
    """Capture one bare event."""
    key = idempotency_key()
    body = received_body(MAX_BYTES, JSON_TYPE, LD_JSON_TYPE)
    document = read_event(body, now=datetime.now(UTC))
    with transaction() as session:
        captured = capture_document(
            session, current_actor(), document, content_type=request.mimetype, key=key
        )
    (event_id,) = captured.event_ids or captured.duplicates
    # Ids such as ni:///… hold slashes: escaped, they are one segment of the path.
    location = f"/epcis/events/{quote(event_id, safe='')}"
    return jsonify(as_job(captured)), 201, {"Location": location, **replayed(captured)}


@bp.get("/events/<path:event_id>")
@needs("event.read")
@answers(JSON_TYPE, LD_JSON_TYPE)
def event(event_id: str) -> Response:
    """Show an event as it was received, with all that it needs to stand alone."""
    with reading() as session:
        body = find_event_body(session, current_actor(), event_id)
    if body is None:
        raise NotFound(
            Problem(
                "",
                mark("There is no event %(event_id)s that you may see"),
                mark("Check the eventID; only its sender and the authorities see an event"),
                {"event_id": event_id},
            )
        )
    return Response(_found(body), mimetype=media_type())


def _found(event: bytes) -> bytes:
    """Return the document that a query answers with; the event is as it was received."""
    head = {
        "@context": EPCIS_CONTEXT,
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": as_time(datetime.now(UTC)),
    }
    results = b'{"queryName":"SimpleEventQuery","resultsBody":{"eventList":[%b]}}' % event
    return b'%b,"epcisBody":{"queryResults":%b}}' % (msgspec.json.encode(head)[:-1], results)
