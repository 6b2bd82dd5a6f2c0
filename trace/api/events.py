"""``/epcis/events``: ask for events, capture one, and read one again."""

from datetime import UTC, datetime
from urllib.parse import quote

from flask import Response, request

from foodtrace.trace.api.capture import replayed
from foodtrace.trace.api.found import answer_event, answer_events, answer_query, asked_query
from foodtrace.trace.api.received import idempotency_key, received_body
from foodtrace.trace.api.resources import EVENT_TYPES, Resources, answers, takes_a_query
from foodtrace.trace.capture.reading import read_capture_event
from foodtrace.trace.capture.services import capture_document
from foodtrace.trace.epcis.strict_json import MAX_BYTES
from foodtrace.trace.errors import NotFound, Problem, mark
from foodtrace.trace.query.model import Identified, Query
from foodtrace.trace.query.services import MOST_PER_PAGE, find_events
from foodtrace.trace.web import body_limit, current_actor, needs, reading, settings, transaction

bp = Resources("events", __name__)


@bp.get("/events")
@needs("event.read")
@answers(*EVENT_TYPES)
@takes_a_query
def events() -> Response:
    """Give the events that the address asks for."""
    return answer_query(asked_query())


@bp.post("/events")
@needs("event.capture")
@answers(*EVENT_TYPES)
@body_limit(MAX_BYTES)
def capture_event() -> tuple[Response, int, dict[str, str]]:
    """Capture one bare event, and give it back with its eventID."""
    key = idempotency_key()
    body = received_body(MAX_BYTES, *EVENT_TYPES)
    document = read_capture_event(body, request.mimetype, now=datetime.now(UTC))
    with transaction() as session:
        captured = capture_document(
            session, current_actor(), document, content_type=request.mimetype, key=key
        )
    (event,) = document.events
    # Ids such as ni:///… hold slashes: escaped, they are one segment of the path.
    location = f"/epcis/events/{quote(event.event_id, safe='')}"
    answer = answer_event(event.body | {"eventID": event.event_id})
    known = replayed(is_known=captured.replayed or not captured.event_ids)
    return answer, 201, {"Location": location, **known}


@bp.get("/events/<path:event_id>")
@needs("event.read")
@answers(*EVENT_TYPES)
def event(event_id: str) -> Response:
    """Give an event back, and behind it the declarations that it is wrong."""
    namesakes = Query((Identified((event_id,)),), descending=False)
    with reading() as session:
        page = find_events(
            session,
            current_actor(),
            namesakes,
            per_page=MOST_PER_PAGE,
            secret=settings().secret_key,
        )
    if not page.events:
        raise NotFound(
            Problem(
                "",
                mark("There is no event %(event_id)s that you may see"),
                mark("Check the eventID; only its sender and the authorities see an event"),
                {"event_id": event_id},
            )
        )
    return answer_events(page.events)
