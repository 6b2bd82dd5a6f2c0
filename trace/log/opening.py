"""Opening the log of a year: the first of an installation, and the next when a year is over."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.capture.projections import Body, Received, projection
from foodtrace.trace.capture.services import record_statement
from foodtrace.trace.log.anchor import Anchor
from foodtrace.trace.log.models import LogState
from foodtrace.trace.log.publishing import head_to_sign, publish, signed, signed_unpublished
from foodtrace.trace.log.sequencing import Clock, now_ms, place, sequence
from foodtrace.trace.log.signers import load_signer, make_signer
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
    """Open the first log of an installation, if there is none."""
    with store.reading() as session:
        if newest_log(session.connection()) is not None:
            return
    with store.transaction() as session:
        connection = session.connection()
        _keep_others_out(connection)
        if newest_log(connection) is None:
            _begin(connection, settings, year_of(clock))


def turn_over(store: Store, settings: Settings, *, clock: Clock, epoch: int | None) -> bool:
    """Close the log of a year that is over, and open the next; tell whether that was due.

    Everything in one transaction: what waits gets its place, the last head is signed, and
    is what the first leaf of the next log holds. Raises what signing raises.
    """
    with store.reading() as session:
        state = newest_log(session.connection())
        if state is None or state.year >= year_of(clock):
            return False
    anchor = Anchor(settings.anchor_folder)
    with store.transaction() as session:
        connection = session.connection()
        _keep_others_out(connection)
        state = newest_log(connection)
        if state is None or state.year >= year_of(clock):
            return False
        sequence(connection, clock=clock, epoch=epoch)
        _sign_last(connection, settings, anchor, state)
        connection.execute(update(_STATE).where(_STATE.c.year == state.year).values(is_closed=True))
        _begin(connection, settings, year_of(clock), epoch=epoch or 0, time=state.time)
        note = anchor.note(state.year)
        previous = None if note is None else note.decode()
        first = record_statement(session, SYSTEM, KIND, {"previous": previous})
        place(connection, [first], clock=clock, epoch=epoch)
    return True


def _sign_last(connection: Connection, settings: Settings, anchor: Anchor, state: Row[Any]) -> None:
    """Sign and publish the last head of a log, if it has grown since the one before."""
    left = signed_unpublished(connection, state.year, anchor)
    if left is not None:
        publish(connection, state.year, left)
    head = head_to_sign(connection, state.year)
    if head is not None:
        signer = load_signer(settings.log_key_folder, state.year, state.origin)
        publish(connection, state.year, signed(head, signer, anchor))


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
