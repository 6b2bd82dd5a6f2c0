"""The check before the first capture: does the database extend what was signed?

A database that was set back, lost or exchanged would give places in the log away a second
time. So it is compared with the anchor before anything is recorded, and served read-only if it
does not fit.
"""

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.orm import Session

from foodtrace.trace.errors import Problem, mark
from foodtrace.trace.log.anchor import Anchor, BrokenAnchor
from foodtrace.trace.log.checkpoints import Checkpoint
from foodtrace.trace.log.models import LogState
from foodtrace.trace.log.publishing import newest_head
from foodtrace.trace.log.recomputing import Discrepancy, root_at
from foodtrace.trace.store.bulk import table_of

_STATE = table_of(LogState)
_STATES = select(_STATE).order_by(_STATE.c.year)
_RESTORE = mark("Restore the newest backup, then bring back what it lacks: foodtrace log repair")
_INSPECT = mark("Find out what happened: foodtrace log check")


def fault_of(session: Session, anchor: Anchor) -> Problem | None:
    """Return why this database must not be recorded in, or None if it extends the anchor.

    `session` must be new. The anchor is read before the database and after it, for another
    process may be at work: what was signed before has to be there, and nothing may be
    published that is not signed by now.
    """
    try:
        before = {year: anchor.head(year) for year in anchor.years()}
        connection = session.connection()
        logs = [(state, newest_head(connection, state)) for state in connection.execute(_STATES)]
        after = {year: anchor.head(year) for year in anchor.years()}
    except BrokenAnchor as error:
        return Problem(
            "",
            mark("The anchor of the log cannot be read: %(error)s"),
            mark("Bring its file back, or accept this database: foodtrace log accept"),
            {"error": str(error)},
        )
    for year in sorted(before.keys() - {state.year for state, _ in logs}):
        return _behind(year, _size(before[year]), 0)
    for state, published in logs:
        fault = (
            (problem_of(state.stopped) if state.stopped is not None else None)
            or _fault_of_anchor(state.year, after.get(state.year), published)
            or _fault_of_log(connection, state.year, state.size, before.get(state.year))
        )
        if fault is not None:
            return fault
    return None


def _size(head: Checkpoint | None) -> int:
    return head.size if head else 0


def _fault_of_anchor(
    year: int, signed: Checkpoint | None, published: Checkpoint | None
) -> Problem | None:
    if _size(published) <= _size(signed):
        return None
    return Problem(
        "",
        mark("The anchor of the log %(year)s is missing, or older than what was published"),
        mark("Bring its file back, or accept this database: foodtrace log accept"),
        {"year": year},
    )


def _fault_of_log(
    connection: Connection, year: int, size: int, signed: Checkpoint | None
) -> Problem | None:
    if signed is None:
        return None
    if size < signed.size:
        return _behind(year, signed.size, size)
    try:
        is_extended = root_at(connection, year, signed.size) == signed.root
    except Discrepancy:
        is_extended = False
    if is_extended:
        return None
    return Problem(
        "",
        mark("The log %(year)s is not the one that was signed up to number %(size)s"),
        _INSPECT,
        {"year": year, "size": signed.size},
    )


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
