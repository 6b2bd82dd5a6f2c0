"""Capture jobs: what became of a document that somebody sent (EPCIS 2.0, section 12.6)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, bindparam, insert, literal, select, text, tuple_, update
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.capture.recording import Outcome
from foodtrace.trace.epcis.model import EventDocument
from foodtrace.trace.errors import (
    FoodtraceError,
    Invalid,
    NotFound,
    Problem,
    Unprocessable,
    mark,
)
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.models import Capture
from foodtrace.trace.store.types import UtcTime

Behaviour = Literal["rollback", "proceed"]
State = Literal["waiting", "done", "failed"]

# What is larger is recorded after it is answered: its sender should not hold a connection, and
# a thread of the server, for seconds.
MOST_EVENTS_AT_ONCE = 500
MOST_BYTES_AT_ONCE = 512 * 1024

MOST_PER_PAGE = 100

# Statements are made once: putting one together costs more than running it.
_CAPTURE = table_of(Capture).c
_IS_JOB = text("state <> 'act'")
_JOB = (_CAPTURE.id, _CAPTURE.state, _CAPTURE.behaviour, _CAPTURE.created_at, _CAPTURE.finished_at)
_ANSWERED = select(*_JOB, _CAPTURE.result, _CAPTURE.body_sha256).where(
    _CAPTURE.party_id == bindparam("party_id"), _CAPTURE.key == bindparam("key")
)
_ONE = select(*_JOB, _CAPTURE.result, _CAPTURE.party_id).where(
    _CAPTURE.id == bindparam("capture_id"), _IS_JOB
)
# Without the eventIDs, of which there may be millions on one page.
_LISTED = select(*_JOB, _CAPTURE.result["errors"].label("errors")).where(_IS_JOB)
_INSERT = insert(table_of(Capture))
_FINISH = update(table_of(Capture)).where(_CAPTURE.id == bindparam("capture_id"))


@dataclass(frozen=True, slots=True)
class JobError:
    """Why an event, or without `index` the whole document, is not recorded.

    `index` counts the events of the document from 0. The problems hold finished English.
    """

    status: int
    title: str
    problems: tuple[Problem, ...]
    index: int | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Captured:
    """A capture job. `event_ids` were recorded, `duplicates` were known already."""

    id: str
    state: State
    behaviour: Behaviour
    created_at: datetime
    finished_at: datetime | None
    event_ids: Sequence[str] = ()
    duplicates: Sequence[str] = ()
    errors: tuple[JobError, ...] = ()
    replayed: bool = False

    @property
    def running(self) -> bool:
        """Whether the document is still to be recorded."""
        return self.state == "waiting"

    @property
    def success(self) -> bool:
        """Whether nothing went wrong, so far; with *proceed*, also no single event."""
        return self.state != "failed" and not self.errors


@dataclass(frozen=True, slots=True)
class CapturePage:
    """Some jobs, newest first and without their eventIDs, and where the next ones begin."""

    captures: list[Captured]
    next_token: str | None


def is_large(document: EventDocument) -> bool:
    """Say whether a document is better recorded after it is answered."""
    size = len(document.original or document.body)
    return len(document.events) > MOST_EVENTS_AT_ONCE or size > MOST_BYTES_AT_ONCE


def ended(job: Captured, document: EventDocument, outcome: Outcome, *, at: datetime) -> Captured:
    """Return a job as it is when its document is recorded, but for the events it leaves out."""
    errors = tuple(
        JobError(Invalid.status, Invalid.title, each.problems, each.index, each.event_id)
        for each in document.refused
    )
    is_known = outcome.event_ids or outcome.duplicates or document.master_data is not None
    return replace(
        job,
        state="done" if is_known else "failed",
        finished_at=at,
        event_ids=outcome.event_ids,
        duplicates=outcome.duplicates,
        errors=errors,
    )


def refusal_of(error: FoodtraceError) -> JobError:
    """Return the error of a whole document."""
    return JobError(error.status, error.title, tuple(error.problems))


def answered(
    session: Session, party_id: int, key: str, digests: Collection[bytes]
) -> Captured | None:
    """Return the job that this key began before. Raises Unprocessable for another body.

    The body is the same if it has one of these digests.
    """
    found = {"party_id": party_id, "key": key}
    row = session.connection().execute(_ANSWERED, found).one_or_none()
    if row is None:
        return None
    if row.body_sha256 not in digests:
        raise Unprocessable(
            Problem(
                "Idempotency-Key",
                mark("This key came with another body before"),
                mark("Use a new key for a new body"),
            )
        )
    return replace(_job_of(row, row.result), replayed=True)


def insert_job(
    session: Session, job: Captured, *, party_id: int, key: str, digest: bytes, document_id: int
) -> None:
    """Write a new job, waiting or finished."""
    session.connection().execute(
        _INSERT,
        {
            "id": job.id,
            "party_id": party_id,
            "key": key,
            "body_sha256": digest,
            "document_id": document_id,
            "created_at": job.created_at,
            "state": job.state,
            "behaviour": job.behaviour,
            "finished_at": job.finished_at,
            "result": _result_of(job),
        },
    )


def finish_job(session: Session, job: Captured, *, key: str | None = None) -> None:
    """Write how a job that was waiting ended; another key sets its own free."""
    values: dict[str, Any] = {
        "state": job.state,
        "finished_at": job.finished_at,
        "result": _result_of(job),
    }
    if key is not None:
        values["key"] = key
    session.connection().execute(_FINISH.values(**values), {"capture_id": job.id})


def get_capture(session: Session, actor: Actor, capture_id: str) -> Captured:
    """Return a job, to its sender and to those who see all events. Raises NotFound."""
    # No id has a NUL, and PostgreSQL refuses to look for one.
    row = session.execute(_ONE, {"capture_id": capture_id.replace("\0", " ")}).one_or_none()
    if row is None or not can(actor, "event.read", owner=row.party_id):
        raise NotFound()
    return _job_of(row, row.result)


def list_captures(
    session: Session, actor: Actor, *, per_page: int, token: str | None = None
) -> CapturePage:
    """Return jobs, newest first: one's own, or everybody's for those who see all events.

    `per_page` is at most MOST_PER_PAGE. Raises Invalid for a token that is none.
    """
    require(actor, "event.read")
    most = min(per_page, MOST_PER_PAGE)
    found = _LISTED.order_by(_CAPTURE.created_at.desc(), _CAPTURE.id.desc()).limit(most + 1)
    if not can(actor, "event.read", owner=_SOMEBODY_ELSE):
        found = found.where(_CAPTURE.party_id == actor.party_id)
    if token is not None:
        found = found.where(_older_than(*_read_token(token)))
    rows = session.execute(found).all()
    captures = [_job_of(row, {"errors": row.errors}) for row in rows[:most]]
    is_last = len(rows) <= most
    return CapturePage(captures, None if is_last else _token_of(captures[-1]))


# No party has this id: who may read its events may read all.
_SOMEBODY_ELSE = -1


def _older_than(created_at: datetime, capture_id: str) -> ColumnElement[bool]:
    here = tuple_(literal(created_at, UtcTime()), literal(capture_id))
    # The first condition by itself is what an index is searched by.
    return and_(
        _CAPTURE.created_at <= literal(created_at, UtcTime()),
        tuple_(_CAPTURE.created_at, _CAPTURE.id) < here,
    )


def _token_of(job: Captured) -> str:
    return urlsafe_b64encode(f"{job.created_at.isoformat()} {job.id}".encode()).decode()


def _read_token(token: str) -> tuple[datetime, str]:
    try:
        moment, _, capture_id = urlsafe_b64decode(token.encode()).decode().partition(" ")
        created_at = datetime.fromisoformat(moment)
        if created_at.tzinfo is None:
            raise ValueError(moment)
    except ValueError:
        raise Invalid(
            Problem(
                "nextPageToken",
                mark("This is no token of ours"),
                mark("Follow the address in the header Link"),
            )
        ) from None
    return created_at, capture_id


def _result_of(job: Captured) -> dict[str, Any]:
    result: dict[str, Any] = {
        "eventIDs": list(job.event_ids),
        "duplicates": list(job.duplicates),
    }
    if job.errors:
        result["errors"] = [_stored(error) for error in job.errors]
    return result


def _stored(error: JobError) -> dict[str, Any]:
    return {
        "status": error.status,
        "title": error.title,
        "index": error.index,
        "eventID": error.event_id,
        "problems": [
            {"place": each.place, "rule": each.rule % each.values, "fix": each.fix % each.values}
            for each in error.problems
        ],
    }


def _job_of(row: Any, result: Mapping[str, Any]) -> Captured:
    return Captured(
        id=row.id,
        state=row.state,
        behaviour=row.behaviour,
        created_at=row.created_at,
        finished_at=row.finished_at,
        event_ids=result.get("eventIDs", ()),
        duplicates=result.get("duplicates", ()),
        errors=tuple(_read_error(each) for each in result.get("errors") or ()),
    )


def _read_error(stored: Mapping[str, Any]) -> JobError:
    problems = tuple(
        Problem(each["place"], _literally(each["rule"]), _literally(each["fix"]))
        for each in stored["problems"]
    )
    return JobError(stored["status"], stored["title"], problems, stored["index"], stored["eventID"])


def _literally(finished: str) -> str:
    return finished.replace("%", "%%")
