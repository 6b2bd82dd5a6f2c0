"""Having an authority say when heads and certificates existed (RFC 3161); a job of the worker.

After each day (UTC) its last published head is stamped, and each certificate as soon as its
leaf is published. Nothing waits for it: while the authority is away the log goes on, and what
was missed is stamped later, in the order of the log. How far it has come stands in
`stamp_state`, where one process at a time takes the turn.
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from foodtrace.trace.log.authority import Authority, NotStamped, Token, authority_of
from foodtrace.trace.log.leaves import Leaf as Entry
from foodtrace.trace.log.models import Leaf, LogCheckpoint, LogState, StampState, TimeStamp
from foodtrace.trace.log.sequencing import Clock, now_ms
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.models import Statement
from foodtrace.trace.store.session import Store

CERTIFICATE = "certificate"
# Heads that were signed just before midnight may still be on their way into the database.
GRACE = timedelta(minutes=2)
# Longer than any exchange with the authority (authority.SECONDS_TO_ANSWER).
LEASE_MS = 60_000
FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 60_000, 3_600_000
# So many leaves are looked through for certificates at once.
PORTION = 1_000
_LONGEST_TEXT = 500
_ONE = 1  # the id of the only row
_DAY = timedelta(days=1)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)

_STATE, _STAMP = table_of(StampState), table_of(TimeStamp)
_LOG, _HEAD = table_of(LogState), table_of(LogCheckpoint)
_LEAF, _STATEMENT = table_of(Leaf), table_of(Statement)

_LOGS = select(
    _LOG.c.year,
    select(func.max(_HEAD.c.size))
    .where(_HEAD.c.year == _LOG.c.year)
    .scalar_subquery()
    .label("size"),
).order_by(_LOG.c.year)
_CERTIFICATES = (
    select(_LEAF.c.idx, _LEAF.c.time, _LEAF.c.commitment)
    .join(_STATEMENT, _STATEMENT.c.id == _LEAF.c.statement_id)
    .where(
        _LEAF.c.year == bindparam("year"),
        _LEAF.c.idx >= bindparam("start"),
        _LEAF.c.idx < bindparam("end"),
        _STATEMENT.c.kind == CERTIFICATE,
    )
    .order_by(_LEAF.c.idx)
    .limit(1)
)
_NEXT_SIGNED = select(func.min(_HEAD.c.signed_at)).where(
    _HEAD.c.year == bindparam("year"), _HEAD.c.signed_at >= bindparam("start")
)
LAST_OF_DAY = (
    select(_HEAD.c.size, _HEAD.c.note)
    .where(
        _HEAD.c.year == bindparam("year"),
        _HEAD.c.signed_at >= bindparam("start"),
        _HEAD.c.signed_at < bindparam("end"),
    )
    .order_by(_HEAD.c.size.desc())
    .limit(1)
)
_IS_STAMPED = select(_STAMP.c.subject).where(_STAMP.c.subject == bindparam("subject"))
_TAKE_TURN = (
    update(_STATE)
    .where(_STATE.c.id == _ONE, _STATE.c.busy_until == bindparam("seen"))
    .values(busy_until=bindparam("until"))
)
_END_TURN = (
    update(_STATE)
    .where(_STATE.c.id == _ONE, _STATE.c.busy_until == bindparam("turn"))
    .values(
        day=bindparam("day"),
        year=bindparam("year"),
        idx=bindparam("idx"),
        busy_until=bindparam("free"),
        failures=bindparam("failures"),
        error=bindparam("error"),
    )
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """All days before `day` are stamped, and all certificates before leaf `idx` of a log."""

    day: date
    year: int
    idx: int


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be stamped, and how far that brings the stamping."""

    subject: str
    data: bytes
    progress: Progress


def stamp(store: Store, settings: Settings, *, clock: Clock = now_ms) -> bool:
    """Have the next thing stamped that is due; say whether that made a difference.

    Without an authority, nothing happens. Raises Invalid for settings that cannot be.
    """
    authority = authority_of(settings)
    if authority is None or store.standing.reason is not None:
        return False
    now = clock()
    state = _state(store, now)
    if state is None or _is_busy(state, now):
        return False
    found = _next(store, Progress(state.day, state.year, state.idx), now)
    if found is None:
        return False
    turn = _take_turn(store, state, now)
    if turn is None:
        return False
    if isinstance(found, Progress):
        _finish(store, turn, found)
        return True
    return _stamp(store, authority, turn, found)


def checkpoint_subject(year: int, size: int) -> str:
    """Return what the stamp of a head is kept under."""
    return f"checkpoint/{year}/{size}"


def leaf_subject(year: int, idx: int) -> str:
    """Return what the stamp of a leaf is kept under."""
    return f"leaf/{year}/{idx}"


def bounds_of(day: date) -> dict[str, datetime]:
    """Return when a day (UTC) starts and ends, as `LAST_OF_DAY` takes it."""
    start = datetime.combine(day, time.min, UTC)
    # Behind the last day that can be written there is no other.
    return {"start": start, "end": start + _DAY if day < date.max else _END_OF_TIME}


def day_of_next_head(connection: Connection, year: int, day: date) -> date | None:
    """Return the first day, from this one on, on which a head of a log was published."""
    at = {"year": year, "start": bounds_of(day)["start"]}
    found: datetime | None = connection.execute(_NEXT_SIGNED, at).scalar_one()
    return None if found is None else found.astimezone(UTC).date()


def today_of(now: int) -> date:
    """Return the day (UTC) that is not over yet, a little after midnight the one before."""
    return (datetime.fromtimestamp(now / 1000, UTC) - GRACE).date()


def _state(store: Store, now: int) -> Row[Any] | None:
    """Return the one row; make it when the stamping begins, None while there is no log.

    What was recorded before is not stamped leaf by leaf: the head of this day covers it.
    """
    with store.reading() as session:
        connection = session.connection()
        state = connection.execute(select(_STATE)).one_or_none()
        logs = connection.execute(_LOGS).all() if state is None else ()
    if state is not None or not logs:
        return state
    day = today_of(now)
    with store.transaction() as session:
        first = {
            "id": _ONE, "since": day, "day": day, "year": logs[-1].year,
            "idx": logs[-1].size or 0, "busy_until": 0, "failures": 0, "error": None,
        }  # fmt: skip
        session.execute(_adding(store, StampState), first)
        return session.connection().execute(select(_STATE)).one()


def _is_busy(state: Row[Any], now: int) -> bool:
    """Tell whether somebody has the turn, or the authority is left alone for a while.

    A time that lies further ahead than any of these was written under a wrong clock.
    """
    wait: int = state.busy_until - now
    return 0 < wait <= LONGEST_PAUSE_MS + LEASE_MS


def _next(store: Store, at: Progress, now: int) -> Due | Progress | None:
    with store.reading() as session:
        connection = session.connection()
        return _next_certificate(connection, at) or _next_head(connection, at, now)


def _next_certificate(connection: Connection, at: Progress) -> Due | Progress | None:
    """Return the next certificate in the order of the log; or how far there is none."""
    for log in connection.execute(_LOGS).all():
        if log.year < at.year:
            continue
        start = at.idx if log.year == at.year else 0
        end = min(log.size or 0, start + PORTION)
        found = connection.execute(
            _CERTIFICATES, {"year": log.year, "start": start, "end": end}
        ).one_or_none()
        if found is not None:
            entry = Entry(found.time, bytes(found.commitment)).entry
            beyond = replace(at, year=log.year, idx=found.idx + 1)
            return Due(leaf_subject(log.year, found.idx), entry, beyond)
        if end - start == PORTION:
            return replace(at, year=log.year, idx=end)
    return None


def _next_head(connection: Connection, at: Progress, now: int) -> Due | None:
    """Return the last head of the first day that is over and has a head without a stamp."""
    today = today_of(now)
    for day in _days_with_heads(connection, at.day, today):
        for log in connection.execute(_LOGS).all():
            head = connection.execute(
                LAST_OF_DAY, {"year": log.year, **bounds_of(day)}
            ).one_or_none()
            subject = "" if head is None else checkpoint_subject(log.year, head.size)
            if head is not None and not connection.execute(_IS_STAMPED, {"subject": subject}).all():
                return Due(subject, bytes(head.note), replace(at, day=day))
    return None


def _days_with_heads(connection: Connection, day: date, today: date) -> Iterator[date]:
    """Yield the days from this one on, before today, on which heads were published."""
    years = [log.year for log in connection.execute(_LOGS)]
    while True:
        found = [day_of_next_head(connection, year, day) for year in years]
        nearest = min((each for each in found if each is not None), default=today)
        if nearest >= today:
            return
        yield nearest
        day = nearest + _DAY


def _take_turn(store: Store, state: Row[Any], now: int) -> int | None:
    """Have all others wait; return until when, None if another one was faster."""
    turn = now + LEASE_MS
    with store.transaction() as session:
        taken = session.connection().execute(_TAKE_TURN, {"seen": state.busy_until, "until": turn})
        return turn if taken.rowcount == 1 else None


def _stamp(store: Store, authority: Authority, turn: int, due: Due) -> bool:
    try:
        token = authority.stamp(due.data)
    except NotStamped as failure:
        pause = _fail(store, turn, str(failure))
        _log.warning(
            "%s has no time stamp yet: %s; the authority is asked again in %d s",
            due.subject, failure, pause // 1000,
        )  # fmt: skip
        return False
    _finish(store, turn, due.progress, _row(authority, due, token))
    return True


def _row(authority: Authority, due: Due, token: Token) -> dict[str, Any]:
    return {
        "subject": due.subject,
        "authority": authority.url,
        "digest": hashlib.sha256(due.data).digest(),
        "token": token.answer,
        "time": token.time,
    }


def _finish(store: Store, turn: int, progress: Progress, row: dict[str, Any] | None = None) -> None:
    """Keep a stamp, and how far it brings the stamping, and let the next one have its turn.

    Whose turn was over may still add its stamp; others have gone on from where it began.
    """
    with store.transaction() as session:
        connection = session.connection()
        if row is not None:
            connection.execute(_adding(store, TimeStamp), row)
        connection.execute(
            _END_TURN,
            {
                "turn": turn, "day": progress.day, "year": progress.year, "idx": progress.idx,
                "free": 0, "failures": 0, "error": None,
            },
        )  # fmt: skip


def _fail(store: Store, turn: int, reason: str) -> int:
    """Note why there is no stamp; return how long the authority is left alone (milliseconds)."""
    with store.transaction() as session:
        connection = session.connection()
        state = connection.execute(select(_STATE)).one()
        failures: int = state.failures + 1
        pause: int = min(FIRST_PAUSE_MS * 2 ** min(failures - 1, 16), LONGEST_PAUSE_MS)
        connection.execute(
            _END_TURN,
            {
                "turn": turn, "day": state.day, "year": state.year, "idx": state.idx,
                "free": turn - LEASE_MS + pause, "failures": failures,
                "error": reason[:_LONGEST_TEXT],
            },
        )  # fmt: skip
    return pause


def _adding(store: Store, model: type[StampState] | type[TimeStamp]) -> Any:
    add = postgresql.insert if store.dialect == "postgresql" else sqlite.insert
    return add(table_of(model)).on_conflict_do_nothing()
