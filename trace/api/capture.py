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
from foodtrace.trace.capture.jobs import Captured, JobError, get_capture
from foodtrace.trace.capture.services import capture_document
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.epcis.strict_json import MAX_BYTES
from foodtrace.trace.problems import problem_document
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
    job: dict[str, Any] = {
        "captureID": captured.id,
        "createdAt": as_time(captured.created_at),
        "running": captured.running,
        "success": captured.success,
        "captureErrorBehaviour": captured.behaviour,
        "errors": [_as_problem(captured.id, error) for error in captured.errors],
        "eventIDs": captured.event_ids,
        "duplicates": captured.duplicates,
    }
    if captured.finished_at is not None:
        job["finishedAt"] = as_time(captured.finished_at)
    return job


def _as_problem(capture_id: str, error: JobError) -> dict[str, Any]:
    """Return an error of a job as a problem document that names the event."""
    instance = url_for("epcis.capture.job", capture_id=capture_id)
    document = problem_document(error.status, error.title, error.problems, "", instance)
    if error.index is not None:
        document["index"] = error.index
    if error.event_id is not None:
        document["eventID"] = error.event_id
    return document
