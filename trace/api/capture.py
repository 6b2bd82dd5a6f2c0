"""``/epcis/capture``: capture documents, and show what became of a capture.

Bodies are read and checked before the transaction opens. A capture is finished when it
is answered: the job that the standard has one poll for is done from the start.
"""

from datetime import UTC, datetime
from typing import Any

from flask import Response, jsonify, request, url_for
from werkzeug.exceptions import NotImplemented as UnsupportedBehaviour

from foodtrace.trace.api.headers import as_time
from foodtrace.trace.api.received import idempotency_key, received_body
from foodtrace.trace.api.resources import JSON_TYPE, LD_JSON_TYPE, Resources, answers
from foodtrace.trace.capture.services import Captured, capture_document, get_capture
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.epcis.strict_json import MAX_BYTES
from foodtrace.trace.web import body_limit, current_actor, needs, reading, transaction

bp = Resources("capture", __name__)

ROLLBACK = "rollback"


@bp.post("/capture")
@needs("event.capture")
@answers(JSON_TYPE)
@body_limit(MAX_BYTES)
def start() -> tuple[Response, int, dict[str, str]]:
    """Capture an EPCISDocument."""
    if request.headers.get("GS1-Capture-Error-Behaviour", ROLLBACK) != ROLLBACK:
        raise UnsupportedBehaviour("A capture is recorded whole or not at all: send rollback")
    key = idempotency_key()
    body = received_body(MAX_BYTES, JSON_TYPE, LD_JSON_TYPE)
    document = read_document(body, now=datetime.now(UTC))
    with transaction() as session:
        captured = capture_document(
            session, current_actor(), document, content_type=request.mimetype, key=key
        )
    location = url_for("epcis.capture.job", capture_id=captured.id)
    return jsonify(as_job(captured)), 202, {"Location": location, **replayed(captured)}


@bp.get("/capture/<capture_id>")
@needs("event.read")
@answers(JSON_TYPE)
def job(capture_id: str) -> Response:
    """Show what a capture did."""
    with reading() as session:
        captured = get_capture(session, current_actor(), capture_id)
    return jsonify(as_job(captured))


def replayed(captured: Captured) -> dict[str, str]:
    """Return the header that tells that nothing was done again."""
    return {"Idempotent-Replayed": "true"} if captured.replayed else {}


def as_job(captured: Captured) -> dict[str, Any]:
    """Return the capture job of the standard, and which events it recorded."""
    at = as_time(captured.created_at)
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
