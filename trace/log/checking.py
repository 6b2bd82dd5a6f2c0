"""The check before the first capture: does the database extend what was signed?

A database that was set back, lost or exchanged would give places in the log away a second
time. So it is compared with the anchor before anything is recorded, and served read-only if it
does not fit.
"""

from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update
from sqlalchemy.orm import Session

from foodtrace.trace.errors import Problem, mark
from foodtrace.trace.log.anchor import Anchor, BrokenAnchor, head_of
from foodtrace.trace.log.checkpoints import Checkpoint, open_checkpoint
from foodtrace.trace.log.merkle import EMPTY_ROOT, root_of
from foodtrace.trace.log.models import Leaf, LogState
from foodtrace.trace.log.notes import NoteError, Verifier
from foodtrace.trace.log.publishing import newest_head
from foodtrace.trace.log.recomputing import Discrepancy, root_at
from foodtrace.trace.log.tree import split_edge
from foodtrace.trace.store.bulk import table_of

_STATE = table_of(LogState)
_STATES = select(_STATE).order_by(_STATE.c.year)
# How many there are if none is missing; one look at the end of the table.
_LEAVES = select(func.coalesce(func.max(table_of(Leaf).c.idx), -1) + 1).where(
    table_of(Leaf).c.year == bindparam("year")
)
_RESTORE = mark("Restore the newest backup, then bring back what it lacks: foodtrace log repair")
# A backup has to be repaired: accepted, it would give places away a second time.
_BRING_BACK = mark(
    "Bring its file back. If it is lost, and this database is no backup: foodtrace log accept"
)
_INSPECT = mark("Find out what happened: foodtrace log check")


def fault_of(session: Session, anchor: Anchor) -> Problem | None:
    """Return why this database must not be recorded in, or None if it extends the anchor.

    `session` must be new. The anchor is read before the database and after it, for another
    process may be at work: what was signed before has to be there, and nothing may be
    published that is not signed by now.
    """
    try:
        before = _notes(anchor)
        connection = session.connection()
        logs = [(state, newest_head(connection, state)) for state in connection.execute(_STATES)]
        after = _notes(anchor)
        for year in sorted(before.keys() - {state.year for state, _ in logs}):
            return _behind(year, head_of(before[year]).size, 0)
        for state, published in logs:
            fault = (
                (problem_of(state.stopped) if state.stopped is not None else None)
                or _fault_of_anchor(_signed(state, after), published, state.year)
                or _fault_of_log(connection, state, _signed(state, before), published)
            )
            if fault is not None:
                return fault
    except BrokenAnchor as error:
        return broken(error)
    return None


def broken(error: BrokenAnchor) -> Problem:
    """Return the problem of an anchor that cannot be read."""
    return Problem(
        "",
        mark("The anchor of the log cannot be read: %(error)s"),
        _BRING_BACK,
        {"error": str(error)},
    )


def _notes(anchor: Anchor) -> dict[int, bytes]:
    notes = {year: anchor.note(year) for year in anchor.years()}
    return {year: note for year, note in notes.items() if note is not None}


def _signed(state: Row[Any], notes: dict[int, bytes]) -> Checkpoint | None:
    """Return the head that the anchor remembers of a log. Raises BrokenAnchor."""
    note = notes.get(state.year)
    if note is None:
        return None
    try:
        return open_checkpoint(note, Verifier.from_vkey(state.vkey))
    except NoteError as error:
        raise BrokenAnchor(f"{state.year}: {error}") from error


def _fault_of_anchor(
    signed: Checkpoint | None, published: Checkpoint | None, year: int
) -> Problem | None:
    if published is None or (signed is not None and published.size <= signed.size):
        return None
    return Problem(
        "",
        mark("The anchor of the log %(year)s is missing, or older than what was published"),
        _BRING_BACK,
        {"year": year},
    )


def _fault_of_log(
    connection: Connection,
    state: Row[Any],
    signed: Checkpoint | None,
    published: Checkpoint | None,
) -> Problem | None:
    """Return what is wrong with the tree of a log, up to what was signed and behind it."""
    if signed is not None and state.size < signed.size:
        return _behind(state.year, signed.size, state.size)
    for head in (signed, published):
        if head is not None and _root_at(connection, state.year, head.size) != head.root:
            return Problem(
                "",
                mark("The log %(year)s is not the one that was signed up to number %(size)s"),
                _INSPECT,
                {"year": state.year, "size": head.size},
            )
    leaves = connection.execute(_LEAVES, {"year": state.year}).scalar_one()
    root = root_of(split_edge(state.edge))
    if leaves == state.size and _root_at(connection, state.year, state.size) == root:
        return None
    return Problem(
        "",
        mark("The leaves, the tree and the state of the log %(year)s do not agree"),
        _INSPECT,
        {"year": state.year},
    )


def _root_at(connection: Connection, year: int, size: int) -> bytes | None:
    try:
        return root_at(connection, year, size) if size else EMPTY_ROOT
    except Discrepancy:
        return None


def _behind(year: int, signed: int, size: int) -> Problem:
    return Problem(
        "",
        mark(
            "The log %(year)s was signed up to number %(signed)s, and this database has only "
            "%(size)s: it was set back"
        ),
        _RESTORE,
        {"year": year, "signed": signed, "size": size},
    )


def stop(session: Session, year: int, reason: Problem) -> None:
    """Keep in the database why nothing may be recorded or signed, for all processes."""
    session.execute(
        update(_STATE)
        .where(_STATE.c.year == bindparam("of_year"))
        .values(stopped=bindparam("reason")),
        {"of_year": year, "reason": record_of(reason)},
    )


def record_of(problem: Problem) -> dict[str, object]:
    """Return a problem as JSON values."""
    return {"rule": problem.rule, "fix": problem.fix, "values": dict(problem.values)}


def problem_of(record: dict[str, object]) -> Problem:
    """Return the problem that `record_of` wrote."""
    values = record.get("values")
    return Problem(
        "",
        str(record.get("rule", "")),
        str(record.get("fix", "")),
        values if isinstance(values, dict) else {},
    )


def discrepancy(error: Exception) -> Problem:
    """Return the problem of a record that is not what its log says."""
    return Problem(
        "",
        mark("The record and its log do not agree: %(error)s"),
        _INSPECT,
        {"error": str(error)},
    )
