"""The EPCIS 2.0 REST binding: capture documents and events, and read an event again.

Bodies are read and checked before the transaction opens. A capture is finished when it
is answered: the job that the standard has one poll for is done from the start.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request, url_for
from werkzeug.exceptions import NotImplemented as UnsupportedBehaviour
from werkzeug.exceptions import UnsupportedMediaType

from foodtrace.trace.access.policy import require
from foodtrace.trace.capture.once import LONGEST_KEY
from foodtrace.trace.capture.services import (
    JSON_TYPE,
    LD_JSON_TYPE,
    Captured,
    capture_document,
    find_event_body,
    get_capture,
)
from foodtrace.trace.epcis.model import EventDocument
from foodtrace.trace.epcis.reader import read_document, read_event
from foodtrace.trace.epcis.strict_json import MAX_BYTES, MAX_EVENTS
from foodtrace.trace.errors import Invalid, NotFound, Problem, TooLarge, mark
from foodtrace.trace.web import body_limit, current_actor, reading, transaction

bp = Blueprint("epcis", __name__, url_prefix="/epcis")

ROLLBACK = "rollback"
_HEADERS = {
    "GS1-EPCIS-Version": "2.0.0",
    "GS1-CBV-Version": "2.0.0",
    "GS1-EPCIS-Capture-Limit": str(MAX_EVENTS),
    "GS1-EPCIS-Capture-File-Size-Limit": str(MAX_BYTES),
    "GS1-Capture-Error-Behaviour": ROLLBACK,
}

_Reader = Callable[..., EventDocument]


@bp.after_app_request
def add_versions(response: Response) -> Response:
    """Say which standard is spoken here, and its limits; also where nothing is found (404)."""
    if f"{request.path}/".startswith(f"{bp.url_prefix}/"):
        response.headers.update(_HEADERS)
    return response


@bp.post("/capture")
@body_limit(MAX_BYTES)
def capture() -> tuple[Response, int, dict[str, str]]:
    """Capture an EPCISDocument."""
    captured = _capture(read_document)
    location = url_for("epcis.capture_job", capture_id=captured.id)
    return jsonify(_job(captured)), 202, _headers(captured, location)


@bp.get("/capture/<capture_id>")
def capture_job(capture_id: str) -> Response:
    """Show what a capture did."""
    with reading() as session:
        captured = get_capture(session, current_actor(), capture_id)
    return jsonify(_job(captured))


@bp.post("/events")
@body_limit(MAX_BYTES)
def capture_event() -> tuple[Response, int, dict[str, str]]:
    """Capture one bare event."""
    captured = _capture(read_event)
    (event_id,) = captured.event_ids or captured.duplicates
    # Ids such as ni:///… hold slashes: escaped, they are one segment of the path.
    location = f"{bp.url_prefix}/events/{quote(event_id, safe='')}"
    return jsonify(_job(captured)), 201, _headers(captured, location)


@bp.get("/events/<path:event_id>", merge_slashes=False)
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
    wanted = request.accept_mimetypes.best_match([JSON_TYPE, LD_JSON_TYPE], default=JSON_TYPE)
    return Response(body, mimetype=wanted)


def _capture(read: _Reader) -> Captured:
    require(current_actor(), "event.capture")
    key = _idempotency_key()
    document = read(_body(), now=datetime.now(UTC))
    with transaction() as session:
        return capture_document(
            session, current_actor(), document, content_type=request.mimetype, key=key
        )


def _body() -> bytes:
    """Return the body; over the limit it is refused while it arrives, never held whole."""
    if request.mimetype not in (JSON_TYPE, LD_JSON_TYPE):
        raise UnsupportedMediaType(f"Send the body as {JSON_TYPE} or {LD_JSON_TYPE}")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType("Send the body without Content-Encoding")
    if request.headers.get("GS1-Capture-Error-Behaviour", ROLLBACK) != ROLLBACK:
        raise UnsupportedBehaviour("A capture is recorded whole or not at all: send rollback")
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) >= MAX_BYTES:
        # Of a chunked body werkzeug reads as much as is allowed, and leaves the rest unsaid.
        raise TooLarge(
            Problem(
                "",
                mark("A body may have %(most)s bytes"),
                mark("Send the events in several documents"),
                {"most": MAX_BYTES},
            )
        )
    return body


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 0 < len(key) <= LONGEST_KEY or not all("!" <= char <= "~" for char in key):
        raise Invalid(
            Problem(
                "Idempotency-Key",
                mark("The key has 1 to %(longest)s visible ASCII characters"),
                mark("Send a random UUID for each document"),
                {"longest": LONGEST_KEY},
            )
        )
    return key


def _headers(captured: Captured, location: str) -> dict[str, str]:
    headers = {"Location": location}
    if captured.replayed:
        headers["Idempotent-Replayed"] = "true"
    return headers


def _job(captured: Captured) -> dict[str, Any]:
    """Return the capture job of the standard, and which events it recorded."""
    at = captured.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "captureID": captured.id,
        "createdAt": at,
        "finishedAt": at,
        "running": False,
        "success": True,
        "captureErrorBehaviour": ROLLBACK,
        "errors": [],
        "eventIDs": captured.event_ids,
        "duplicates": captured.duplicates,
    }
