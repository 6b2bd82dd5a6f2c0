"""Opening the log of a year: the first of an installation, and the next when a year is over."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.capture.projections import Body, Received, projection
from foodtrace.trace.capture.services import record_statement
from foodtrace.trace.log.models import LogState
from foodtrace.trace.log.publishing import newest_head, newest_note
from foodtrace.trace.log.sequencing import Clock, now_ms, place, sequence
from foodtrace.trace.log.signers import make_signer
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.session import Store

KIND = "log"

_STATE = table_of(LogState)
_NEWEST = select(_STATE).order_by(_STATE.c.year.desc()).limit(1)
# Advisory locks on PostgreSQL: for the one who opens a log, and the one who sequences.
OPENING = 0x666F6F10


@projection(KIND)
def begin(_session: Session, _id: int, _body: Body, _received: Received) -> None:
    """Derive nothing: that a log begins where another ended is for its readers."""


def newest_log(connection: Connection) -> Row[Any] | None:
    """Return the state of the log that grows; None where none was opened yet."""
    return connection.execute(_NEWEST).one_or_none()


def origin_of(base_url: str, year: int) -> str:
    """Return the name of a log: the address it is served at, without its scheme."""
    return f"{base_url.split('://', 1)[-1]}/log/{year}"


def open_log(store: Store, settings: Settings, *, clock: Clock = now_ms) -> None:
    """Open the first log of an installation, if there is none. Raises what `make_signer` does."""
    with store.reading() as session:
        if newest_log(session.connection()) is not None:
            return
    with store.transaction() as session:
        connection = session.connection()
        _keep_others_out(connection)
        if newest_log(connection) is None:
            _begin(connection, settings, year_of(clock))


def close_if_over(store: Store, *, clock: Clock, epoch: int | None) -> bool:
    """Close the log of a year that is over; tell whether that was due.

    What waits gets its place before; what comes later waits for the next log. Nothing is
    signed here: only what is committed may be.
    """
    with store.reading() as session:
        if not _is_over(newest_log(session.connection()), clock):
            return False
    with store.transaction() as session:
        connection = session.connection()
        _keep_others_out(connection)
        state = newest_log(connection)
        if state is None or not _is_over(state, clock):
            return False
        sequence(connection, clock=clock, epoch=epoch)
        connection.execute(update(_STATE).where(_STATE.c.year == state.year).values(is_closed=True))
    return True


def _is_over(state: Row[Any] | None, clock: Clock) -> bool:
    return state is not None and not state.is_closed and state.year < year_of(clock)


def begin_next(store: Store, settings: Settings, *, clock: Clock, epoch: int | None) -> bool:
    """Open the log after a closed one whose last head is published; tell whether that was due.

    The first leaf of the new log holds that head.
    """
    with store.reading() as session:
        if _closed(session.connection()) is None:
            return False
    with store.transaction() as session:
        connection = session.connection()
        _keep_others_out(connection)
        state = _closed(connection)
        if state is None:
            return False
        year = max(year_of(clock), state.year + 1)
        _begin(connection, settings, year, epoch=state.epoch, time=state.time)
        note = newest_note(connection, state.year)
        previous = None if note is None else note.decode()
        first = record_statement(session, SYSTEM, KIND, {"previous": previous})
        place(connection, [first], clock=clock, epoch=epoch)
    return True


def _closed(connection: Connection) -> Row[Any] | None:
    """Return the state of the newest log if it is closed, and all of it is published."""
    state = newest_log(connection)
    if state is None or not state.is_closed:
        return None
    published = newest_head(connection, state)
    return state if state.size == (published.size if published else 0) else None


def _begin(
    connection: Connection, settings: Settings, year: int, *, epoch: int = 0, time: int = 0
) -> None:
    signer = make_signer(settings.log_key_folder, year, origin_of(settings.base_url, year))
    connection.execute(
        insert(_STATE),
        {
            "year": year,
            "origin": signer.name,
            "vkey": signer.vkey,
            "size": 0,
            "edge": b"",
            "time": time,
            "epoch": epoch,
            "is_closed": False,
            "stopped": None,
        },
    )


def _keep_others_out(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(OPENING)))


def year_of(clock: Clock) -> int:
    """Return the year that it is, in UTC."""
    return datetime.fromtimestamp(clock() / 1000, UTC).year
