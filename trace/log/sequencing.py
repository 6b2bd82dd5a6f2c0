"""Giving statements their places in the log: leaves, tiles and state, in one transaction.

On SQLite this runs in the transaction that records the statements, before its commit; on
PostgreSQL one elected sequencer does it soon after. Nothing is signed here.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from foodtrace.trace.capture.statements import EVENT
from foodtrace.trace.errors import Problem, ReadOnly, mark
from foodtrace.trace.log.contents import Stated, contents, header_of, stored
from foodtrace.trace.log.growing import grown
from foodtrace.trace.log.leaves import SECRET_SIZE, Leaf, commit, fields_of
from foodtrace.trace.log.merkle import extended, leaf_hash
from foodtrace.trace.log.models import Counter, LogState, LogTile, Numbered, Unlogged
from foodtrace.trace.log.models import Leaf as LeafRow
from foodtrace.trace.log.numbering import Counters, counter_names, numbers_of, things_named
from foodtrace.trace.log.recomputing import Discrepancy
from foodtrace.trace.log.tree import split_edge
from foodtrace.trace.store.bulk import insert_on, table_of
from foodtrace.trace.store.sets import id_rows

# A clock that went back by more is a fault that somebody has to look at; what is less is
# levelled out, for the time of the log never goes back.
MOST_BACKWARDS_MS = 5_000

_STATE, _TILE = table_of(LogState), table_of(LogTile)
_UNLOGGED, _COUNTER = table_of(Unlogged), table_of(Counter)

_WAITING = select(_UNLOGGED.c.statement_id).order_by(_UNLOGGED.c.statement_id)
_TAKEN = delete(_UNLOGGED).where(_UNLOGGED.c.statement_id.in_(select(id_rows("ids").c.id)))
# Locked (PostgreSQL), so that who has been overtaken learns it before it writes anything.
_OPEN = select(_STATE).order_by(_STATE.c.year.desc()).limit(1).with_for_update()
_ADVANCE = (
    update(_STATE)
    .where(
        _STATE.c.year == bindparam("of_year"),
        _STATE.c.epoch == bindparam("own_epoch"),
        _STATE.c.size == bindparam("old_size"),
    )
    .values(size=bindparam("size"), edge=bindparam("edge"), time=bindparam("time"))
)
_HASHES = select(_TILE.c.hashes).where(
    _TILE.c.year == bindparam("year"),
    _TILE.c.level == bindparam("level"),
    _TILE.c.number == bindparam("number"),
)
_INSERT_NUMBERED = insert(table_of(Numbered))


class Fenced(RuntimeError):
    """Another sequencer has taken over: this one must not write any more."""


def now_ms() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Placed:
    """A statement with its place in the log."""

    stated: Stated
    leaf: Leaf
    secret: bytes
    header: bytes


def sequence(
    connection: Connection,
    *,
    clock: Clock = now_ms,
    most: int | None = None,
    epoch: int | None = None,
) -> int:
    """Give the statements that have none their places, at most so many; return how many.

    `epoch` is that of an elected sequencer. Raises Fenced when another one has taken over,
    ReadOnly when the clock went back, and Discrepancy when the log cannot grow as it stands.
    """
    ids = connection.execute(_WAITING.limit(most)).scalars().all()
    return place(connection, ids, clock=clock, epoch=epoch) if ids else 0


def place(
    connection: Connection, ids: Sequence[int], *, clock: Clock = now_ms, epoch: int | None = None
) -> int:
    """Give these statements the next places in the order of their ids, as `sequence` does.

    They wait where no log was opened yet, where it is closed and where it was stopped.
    """
    state = connection.execute(_OPEN).one_or_none()
    if state is None or state.is_closed or state.stopped is not None:
        return 0
    if epoch is not None and state.epoch != epoch:
        raise Fenced(f"another sequencer has taken over the log {state.year}")
    statements = contents(connection, ids)
    if len(statements) != len(ids):
        raise Discrepancy("a statement that waits for its place in the log is gone")
    placed = _placed(connection, statements, _time(state, clock))
    _append(connection, state, placed)
    connection.execute(_TAKEN, {"ids": ids})
    return len(placed)


def clock_fault(last: int, now: int) -> Problem | None:
    """Return why a clock that shows `now` cannot be after the last leaf; None if it can."""
    if now >= last - MOST_BACKWARDS_MS:
        return None
    return Problem(
        "",
        mark("The clock of this server went back by %(seconds)s seconds"),
        mark("Set the clock right; recording goes on by itself"),
        {"seconds": (last - now) // 1000},
    )


def _time(state: Row[Any], clock: Clock) -> int:
    """Return the time of the next leaf, never before that of the last one."""
    now, last = clock(), int(state.time)
    fault = clock_fault(last, now)
    if fault is not None:
        raise ReadOnly(fault)
    return max(now, last)


def _placed(connection: Connection, statements: Sequence[Stated], at: int) -> list[Placed]:
    things = things_named(connection, statements)
    names = {name for each in statements for name in counter_names(each, things[each.id])}
    counters = Counters(connection, names)
    placed = []
    for each in statements:
        n, numbers = numbers_of(counters, each, things[each.id])
        header = stored(each.party, n, numbers)
        secret = secrets.token_bytes(SECRET_SIZE)
        commitment = commit(secret, fields_of(header_of(each, header), each.content))
        placed.append(Placed(each, Leaf(at, commitment), secret, header))
    _upsert(connection, Counter, counters.rows)
    numbered = [
        {"thing": thing, "statement_id": each.id}
        for each in statements
        if each.kind != EVENT  # the things of an event are its items
        for thing in things[each.id]
    ]
    if numbered:
        connection.execute(_INSERT_NUMBERED, numbered)
    return placed


def _append(connection: Connection, state: Row[Any], placed: Sequence[Placed]) -> None:
    """Write the leaves, the tiles and the state of the log that they give."""
    insert_on(
        connection,
        LeafRow,
        {
            "year": [state.year] * len(placed),
            "idx": list(range(state.size, state.size + len(placed))),
            "statement_id": [each.stated.id for each in placed],
            "time": [each.leaf.time for each in placed],
            "commitment": [each.leaf.commitment for each in placed],
            "secret": [each.secret for each in placed],
            "header": [each.header for each in placed],
        },
    )
    grow(connection, state, [each.leaf for each in placed])


def grow(connection: Connection, state: Row[Any], leaves: Sequence[Leaf]) -> None:
    """Add leaves, whose rows are written, to the tree of a log that is in this state.

    Raises Discrepancy when its tiles or its edge are not those of its size, and Fenced when
    the state has changed meanwhile.
    """
    hashes = [leaf_hash(leaf.entry) for leaf in leaves]

    def read(level: int, number: int) -> bytes:
        at = {"year": state.year, "level": level, "number": number}
        return bytes(connection.execute(_HASHES, at).scalar_one_or_none() or b"")

    try:
        changed = grown(state.size, hashes, read)
        edge = extended(state.size, split_edge(state.edge), hashes)
    except ValueError as error:
        raise Discrepancy(f"the log {state.year} cannot grow: {error}") from error
    tiles = [
        {"year": state.year, "level": each.level, "number": each.number, "hashes": each.hashes}
        for each in changed
    ]
    _upsert(connection, LogTile, tiles)
    advanced = connection.execute(
        _ADVANCE,
        {
            "of_year": state.year,
            "own_epoch": state.epoch,
            "old_size": state.size,
            "size": state.size + len(leaves),
            "edge": b"".join(edge),
            "time": leaves[-1].time,
        },
    )
    if advanced.rowcount != 1:
        raise Fenced(f"another sequencer has taken over the log {state.year}")


def waiting(connection: Connection) -> int:
    """Return how many statements have no place in the log yet."""
    return connection.execute(select(func.count()).select_from(_UNLOGGED)).scalar_one()


def _upsert(
    connection: Connection, model: type[Counter] | type[LogTile], rows: list[dict[str, Any]]
) -> None:
    connection.execute(_UPSERTS[connection.dialect.name, model], rows)


def _upsert_of(dialect: str, model: type[Counter] | type[LogTile], changed: str) -> Any:
    table = table_of(model)
    add = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return add.on_conflict_do_update(
        index_elements=list(table.primary_key), set_={changed: add.excluded[changed]}
    )


_UPSERTS = {
    (dialect, model): _upsert_of(dialect, model, changed)
    for dialect in ("sqlite", "postgresql")
    for model, changed in ((Counter, "last"), (LogTile, "hashes"))
}
