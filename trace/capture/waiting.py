"""Recording what was answered before it was recorded: the capture jobs that are waiting."""

import logging
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, bindparam, select, text, update
from sqlalchemy.orm import Session

from foodtrace.trace.capture.jobs import (
    Captured,
    JobError,
    ended,
    finish_job,
    refusal_of,
)
from foodtrace.trace.capture.projections import Received
from foodtrace.trace.capture.reading import in_received
from foodtrace.trace.capture.recording import attempted, record
from foodtrace.trace.epcis.model import EventDocument
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.errors import FoodtraceError, Problem, Unavailable, mark
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.models import Capture, Document
from foodtrace.trace.store.session import Store
from foodtrace.trace.store.silence import is_away

# A document that cannot be recorded, for a reason that is not its own, is given up after so
# many attempts: others wait behind it. A database that is busy, with a rebuild say, is given
# more of them; the worker rests longer each time, so they are half an hour.
MOST_ATTEMPTS = 3
MOST_ATTEMPTS_WHEN_BUSY = 30

_log = logging.getLogger(__name__)

_CAPTURE, _DOCUMENT = table_of(Capture).c, table_of(Document).c
# Written out, for an index holds just these rows.
_IS_WAITING = text("state = 'waiting'")
_OLDEST = (
    select(_CAPTURE.id, _CAPTURE.document_id, _CAPTURE.behaviour)
    .add_columns(_CAPTURE.created_at, _CAPTURE.result)
    .where(_IS_WAITING)
    .order_by(_CAPTURE.created_at, _CAPTURE.id)
    .limit(1)
)
_TAKE = _OLDEST.with_for_update(skip_locked=True)
_CONTENT = select(
    _DOCUMENT.body, _DOCUMENT.original, _DOCUMENT.party_id, _DOCUMENT.actor, _DOCUMENT.received_at
).where(_DOCUMENT.id == bindparam("document_id"))
_COUNT = update(table_of(Capture)).where(_CAPTURE.id == bindparam("capture_id"), _IS_WAITING)

_Job = Row[Any]
_Content = tuple[EventDocument, Received]


def record_waiting(store: Store, _settings: Settings) -> bool:
    """Record the document that waits longest, in one transaction; False if none waits.

    On PostgreSQL another process may be at it: then this one takes the next. While the record
    is read-only all go on waiting.
    """
    if store.standing.reason is not None:
        return False
    with store.reading() as session:
        job = session.execute(_OLDEST).one_or_none()
    if job is None:
        return False
    try:
        # SQLite has one writer: others need not wait while this is read.
        ahead = _read_ahead(store, job) if store.dialect == "sqlite" else None
        with store.transaction() as session:
            taken = session.execute(_TAKE).one_or_none()
            if taken is None:
                return False
            is_read = ahead is not None and taken.id == job.id
            job = taken
            _record(session, job, ahead if is_read else None)
    except Unavailable:  # too many writers, say: nothing is wrong with the document
        raise
    except Exception as error:
        if not _is_given_up(store, job, error):
            raise
    return True


def _read_ahead(store: Store, job: _Job) -> _Content:
    with store.reading() as session:
        return _read(session, job)


def _read(session: Session, job: _Job) -> _Content:
    row = session.execute(_CONTENT, {"document_id": job.document_id}).one()
    received = Received(row.party_id or 0, row.actor, row.received_at)
    document = read_document(row.body, now=received.at, proceed=job.behaviour == "proceed")
    return in_received(replace(document, original=row.original)), received


def _record(session: Session, job: _Job, content: _Content | None) -> None:
    document, received = content or _read(session, job)
    outcome = attempted(session, lambda: record(session, document, job.document_id, received))
    running = Captured(job.id, "waiting", job.behaviour, job.created_at, None)
    finish_job(session, ended(running, document, outcome, at=datetime.now(UTC)))


def _is_given_up(store: Store, job: _Job, error: Exception) -> bool:
    """Count an attempt that failed, or end the job; a refusal would only come again."""
    attempts = job.result.get("attempts", 0) + 1
    most = MOST_ATTEMPTS_WHEN_BUSY if is_away(error) else MOST_ATTEMPTS
    if not isinstance(error, FoodtraceError) and attempts < most:
        counted = _COUNT.values(result={**job.result, "attempts": attempts})
        with store.transaction() as session:
            session.connection().execute(counted, {"capture_id": job.id})
        return False
    reason = refusal_of(error) if isinstance(error, FoodtraceError) else _failure_of(job, error)
    now = datetime.now(UTC)
    failed = Captured(job.id, "failed", job.behaviour, job.created_at, now, errors=(reason,))
    with store.transaction() as session:
        # The same may be sent again, and is then another job. No sender's key holds a blank.
        finish_job(session, failed, key=f"failed {job.id}")
    return True


def _failure_of(job: _Job, error: Exception) -> JobError:
    """Log a failure of ours, and return what its sender is told."""
    number = secrets.token_hex(6)
    _log.error("capture %s cannot be recorded, id %s", job.id, number, exc_info=error)
    problem = Problem(
        "",
        mark("The number of this failure is %(id)s"),
        mark("Tell it to those who run this service"),
        {"id": number},
    )
    return JobError(500, mark("Something went wrong on our side"), (problem,))
