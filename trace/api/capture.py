"""``/epcis/capture``: capture documents, and show what became of a capture.

Bodies are read and checked before the transaction opens. What is small is recorded before
the answer; what is large, or asked to be by ``Prefer: respond-async``, after it.
"""

from datetime import UTC, datetime
from typing import Any

from flask import Response, jsonify, request, url_for

from foodtrace.trace import worker
from foodtrace.trace.api.headers import BEHAVIOUR, as_time, point_to_next
from foodtrace.trace.api.received import idempotency_key, received_body, wanted_page
from foodtrace.trace.api.resources import EVENT_TYPES, JSON_TYPE, PAGING, Resources, answers, takes
from foodtrace.trace.capture.jobs import (
    Behaviour,
    Captured,
    JobError,
    get_capture,
    is_large,
    list_captures,
)
from foodtrace.trace.capture.reading import read_capture
from foodtrace.trace.capture.services import capture_document
from foodtrace.trace.epcis.strict_json import MAX_BYTES
from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.log.evidence import Progress, progress_of
from foodtrace.trace.log.policy_file import policy_of
from foodtrace.trace.problems import problem_document
from foodtrace.trace.web import body_limit, current_actor, needs, reading, settings, transaction

bp = Resources("capture", __name__)

_LATER = "respond-async"


@bp.get("/capture")
@needs("event.read")
@answers(JSON_TYPE)
@takes(*PAGING)
def jobs() -> Response:
    """List the capture jobs, the newest first."""
    wanted = wanted_page()
    with reading() as session:
        page = list_captures(session, current_actor(), per_page=wanted.per_page, token=wanted.token)
    listed = [_head(each) for each in page.captures]
    return point_to_next(jsonify(listed), page.next_token, None)


@bp.post("/capture")
@needs("event.capture")
@answers(JSON_TYPE)
@body_limit(MAX_BYTES)
def start() -> tuple[Response, int, dict[str, str]]:
    """Capture a document."""
    key, behaviour = idempotency_key(), _behaviour()
    body = received_body(MAX_BYTES, *EVENT_TYPES)
    document = read_capture(
        body, request.mimetype, now=datetime.now(UTC), proceed=behaviour == "proceed"
    )
    is_later = _LATER in request.headers.get("Prefer", "").lower().replace(" ", "").split(",")
    with transaction() as session:
        captured = capture_document(
            session,
            current_actor(),
            document,
            content_type=request.mimetype,
            key=key,
            behaviour=behaviour,
            asynchronous=is_later or is_large(document),
        )
    if captured.running:
        worker.wake()
    headers = {
        "Location": url_for("epcis.capture.job", capture_id=captured.id),
        BEHAVIOUR: captured.behaviour,
        **replayed(is_known=captured.replayed),
    }
    if is_later:
        headers["Preference-Applied"] = _LATER
    return jsonify(_job(captured)), 202, headers


@bp.get("/capture/<capture_id>")
@needs("event.read")
@answers(JSON_TYPE)
def job(capture_id: str) -> tuple[Response, int, dict[str, str]]:
    """Show what became of a capture."""
    with reading() as session:
        captured = get_capture(session, current_actor(), capture_id)
        progress = progress_of(session, capture_id, policy_of(settings()))
    found = _job(captured) | {"log": _progress(progress)}
    return jsonify(found), 200, {BEHAVIOUR: captured.behaviour}


def _progress(progress: Progress) -> dict[str, Any]:
    """Return how far the captured events have come in the log."""
    ends = {"first": progress.first, "last": progress.last}
    return {
        "state": progress.state,
        "recorded": progress.recorded,
        **{name: place.number for name, place in ends.items() if place},
        "witnesses": list(progress.last.witnesses) if progress.last else [],
    }


def replayed(*, is_known: bool) -> dict[str, str]:
    """Return the header that tells that nothing was done again."""
    return {"Idempotent-Replayed": "true"} if is_known else {}


def _behaviour() -> Behaviour:
    asked = request.headers.get(BEHAVIOUR, "rollback")
    if asked == "proceed":
        return "proceed"
    if asked != "rollback":
        raise Invalid(
            Problem(
                BEHAVIOUR,
                mark("This is neither rollback nor proceed"),
                mark("Send rollback to have all or nothing recorded, proceed to have what is good"),
            )
        )
    return "rollback"


def _head(captured: Captured) -> dict[str, Any]:
    """Return the capture job of the standard."""
    times = {"createdAt": captured.created_at, "finishedAt": captured.finished_at}
    return {
        "captureID": captured.id,
        **{name: as_time(at) for name, at in times.items() if at is not None},
        "running": captured.running,
        "success": captured.success,
        "captureErrorBehaviour": captured.behaviour,
        "errors": [_error(captured, each) for each in captured.errors],
    }


def _job(captured: Captured) -> dict[str, Any]:
    """Return the capture job, and which events it recorded."""
    return _head(captured) | {
        "eventIDs": list(captured.event_ids),
        "duplicates": list(captured.duplicates),
    }


def _error(captured: Captured, error: JobError) -> dict[str, Any]:
    """Return the problem document of an error, and which event of the document has it."""
    where = f"/epcis/capture/{captured.id}"
    document = problem_document(error.status, error.title, error.problems, "about:blank", where)
    which = {"index": error.index, "eventID": error.event_id}
    return document | {name: value for name, value in which.items() if value is not None}
