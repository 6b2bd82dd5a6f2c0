"""The check of everything: each statement, leaf, tile, number and head of every log, once more.

What is recomputed before each signature covers what is new; this covers all of it, and says
every difference rather than the first. Nothing is changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, exists, func, select
from sqlalchemy.orm import Session

from foodtrace.trace.log.anchor import Anchor, BrokenAnchor
from foodtrace.trace.log.checkpoints import Checkpoint, open_checkpoint
from foodtrace.trace.log.contents import Stated, contents, header_of
from foodtrace.trace.log.leaves import Leaf, LeafError, commit, fields_of
from foodtrace.trace.log.merkle import EMPTY_ROOT, HASH_SIZE, leaf_hash, root_of
from foodtrace.trace.log.models import Counter, LogCheckpoint, LogState, LogTile, Unlogged
from foodtrace.trace.log.models import Leaf as LeafRow
from foodtrace.trace.log.notes import NoteError, Verifier
from foodtrace.trace.log.retracing import Retraced
from foodtrace.trace.log.tallying import Tally
from foodtrace.trace.log.tree import split_edge
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.models import Statement

_PORTION = 1_000

_STATE, _LEAF, _TILE = table_of(LogState), table_of(LeafRow), table_of(LogTile)
_CHECKPOINT, _COUNTER = table_of(LogCheckpoint), table_of(Counter)
_STATEMENT, _UNLOGGED = table_of(Statement), table_of(Unlogged)

_STATES = select(_STATE).order_by(_STATE.c.year)
_LEAVES = (
    select(_LEAF)
    .where(_LEAF.c.year == bindparam("year"), _LEAF.c.idx >= bindparam("start"))
    .order_by(_LEAF.c.idx)
    .limit(_PORTION)
)
_TILES = select(_TILE.c.level, _TILE.c.number, _TILE.c.hashes).where(
    _TILE.c.year == bindparam("year")
)
_CHECKPOINTS = (
    select(_CHECKPOINT).where(_CHECKPOINT.c.year == bindparam("year")).order_by(_CHECKPOINT.c.size)
)
_HAS_LEAF = exists().where(_LEAF.c.statement_id == _STATEMENT.c.id)
_WAITS = exists().where(_UNLOGGED.c.statement_id == _STATEMENT.c.id)
_FORGOTTEN = select(func.count(), func.min(_STATEMENT.c.id)).where(~_HAS_LEAF, ~_WAITS)
_TWICE = select(func.count(), func.min(_STATEMENT.c.id)).where(_HAS_LEAF, _WAITS)
_COUNTERS = select(_COUNTER.c.name, _COUNTER.c.series, _COUNTER.c.last)

_content = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it must be, in one English sentence.

    `is_anchor`: only the anchor is missing, or older than what was published; an operator
    who has found out why may accept the database (trace/log/accepting.py).
    """

    place: str
    text: str
    is_anchor: bool = False


def differences(session: Session, anchor: Anchor) -> Iterator[Difference]:
    """Yield everything that is not as it must be; `session` must be new."""
    connection = session.connection()
    tally = Tally()
    states = connection.execute(_STATES).all()
    before: Row[Any] | None = None
    for state in states:
        yield from _of_log(connection, state, before, tally, anchor)
        before = state
    for state in states[:-1]:
        if not state.is_closed:
            yield Difference(str(state.year), "The log is not closed, though a newer one is open.")
    yield from _unknown(anchor, {state.year for state in states})
    counters = connection.execute(_COUNTERS)
    for text in tally.compare((row.name, row.series, row.last) for row in counters):
        yield Difference("numbers", text)
    for query, what in ((_FORGOTTEN, "have no leaf"), (_TWICE, "have a leaf and wait for one")):
        count, first = connection.execute(query).one()
        if count:
            yield Difference("statements", f"{count} {what}; the first is No. {first}.")


def _unknown(anchor: Anchor, known: set[int]) -> Iterator[Difference]:
    try:
        years = anchor.years()
    except BrokenAnchor as error:
        yield Difference("anchor", f"Its folder cannot be read: {error}.")
        return
    for year in sorted(set(years) - known):
        yield Difference(str(year), "The anchor knows this log, and the database does not.")


def _of_log(
    connection: Connection,
    state: Row[Any],
    before: Row[Any] | None,
    tally: Tally,
    anchor: Anchor,
) -> Iterator[Difference]:
    place = str(state.year)
    retraced = Retraced()
    for text in _leaves(connection, state, before, tally, retraced):
        yield Difference(place, text)
    if retraced.size != state.size:
        yield Difference(place, f"There are {retraced.size} leaves; its state says {state.size}.")
    for text in _tree(connection, state, retraced):
        yield Difference(place, text)
    published: Checkpoint | None = None
    for row in connection.execute(_CHECKPOINTS, {"year": state.year}):
        for text in _head(state, row, retraced):
            yield Difference(place, text)
        published = Checkpoint(state.origin, row.size, bytes(row.root))
    yield from _anchor(state, published, retraced, anchor)


def _leaves(
    connection: Connection,
    state: Row[Any],
    before: Row[Any] | None,
    tally: Tally,
    retraced: Retraced,
) -> Iterator[str]:
    """Make every leaf again from its statement; say where it is another one."""
    start, time = 0, before.time if before is not None else 0
    while rows := connection.execute(_LEAVES, {"year": state.year, "start": start}).all():
        ids = [row.statement_id for row in rows if row.statement_id is not None]
        found = {each.id: each for each in contents(connection, ids)}
        for row in rows:
            if row.idx != start:
                yield f"The leaves {start} to {row.idx - 1} are missing."
            if row.time < time:
                yield f"The leaf {row.idx} is older than the one before it."
            time = row.time
            stated = found.get(row.statement_id)
            yield from _statement(row, stated, tally)
            if row.idx == 0 and before is not None and stated is not None:
                yield from _first(connection, before, stated)
            retraced.add(leaf_hash(Leaf(row.time, bytes(row.commitment)).entry))
            start = row.idx + 1


def _statement(row: Row[Any], stated: Stated | None, tally: Tally) -> Iterator[str]:
    if row.statement_id is None:
        tally.lose()
        return
    if stated is None:
        yield f"The statement No. {row.statement_id} of the leaf {row.idx} is gone."
        return
    try:
        header = header_of(stated, bytes(row.header))
        commitment = commit(bytes(row.secret), fields_of(header, stated.content))
    except (LeafError, msgspec.DecodeError, TypeError) as error:
        yield f"The leaf {row.idx} cannot be read: {error}."
        return
    if commitment != row.commitment:
        yield (f"The statement No. {stated.id} is not the one that the leaf {row.idx} was made of.")
        return
    for text in tally.count(stated.party_id, header):
        yield f"The leaf {row.idx}: {text}"


def _first(connection: Connection, before: Row[Any], stated: Stated) -> Iterator[str]:
    """Say whether a log does not begin with the last head of the one before."""
    last = None
    for row in connection.execute(_CHECKPOINTS, {"year": before.year}):
        last = bytes(row.note).decode()
    try:
        said = _content.decode(stated.content).get("previous")
    except msgspec.DecodeError:
        said = None
    if said != last:
        yield f"Its first leaf does not hold the last head of the log {before.year}."


def _tree(connection: Connection, state: Row[Any], retraced: Retraced) -> Iterator[str]:
    missing = set(retraced.tiles())
    for row in connection.execute(_TILES, {"year": state.year}):
        if bytes(row.hashes) != retraced.tile(row.level, row.number):
            yield f"The tile {row.number} of level {row.level} is not that of its leaves."
        missing.discard((row.level, row.number))
    for level, number in sorted(missing):
        yield f"The tile {number} of level {level} is missing."
    root = retraced.root(retraced.size) if retraced.size else EMPTY_ROOT
    edge = bytes(state.edge)
    if len(edge) != HASH_SIZE * state.size.bit_count() or root_of(split_edge(edge)) != root:
        yield "Its state does not give the root of its leaves."


def _head(state: Row[Any], row: Row[Any], retraced: Retraced) -> Iterator[str]:
    try:
        signed = open_checkpoint(bytes(row.note), Verifier.from_vkey(state.vkey))
    except NoteError as error:
        yield f"The head at {row.size} is not one of this log: {error}."
        return
    if signed != Checkpoint(state.origin, row.size, bytes(row.root)):
        yield f"The head at {row.size} says something else than its note."
    if row.size > retraced.size:
        yield f"A head at {row.size} was published, and there are {retraced.size} leaves."
    elif row.size and retraced.root(row.size) != signed.root:
        yield f"The leaves do not give the head that was signed at {row.size}."


def _anchor(
    state: Row[Any], published: Checkpoint | None, retraced: Retraced, anchor: Anchor
) -> Iterator[Difference]:
    place = f"{state.year}, anchor"
    try:
        signed = anchor.head(state.year)
    except BrokenAnchor as error:
        yield Difference(place, f"It cannot be read: {error}.", is_anchor=True)
        return
    size, known = signed.size if signed else 0, published.size if published else 0
    if signed is not None and signed.origin != state.origin:
        yield Difference(place, f"It is that of another log, {signed.origin}.")
    elif size > retraced.size:
        yield Difference(
            place,
            f"{size} leaves were signed, and this database has {retraced.size}: it was set back.",
        )
    elif signed is not None and size and retraced.root(size) != signed.root:
        yield Difference(place, f"It is another tree that was signed at {size}.")
    elif size < known:
        text = "It is missing" if signed is None else f"It is that of {size} leaves"
        yield Difference(place, f"{text}, and {known} were published.", is_anchor=True)


def count_of(found: Sequence[Difference]) -> str:
    """Return in words how many differences there are."""
    return "1 difference" if len(found) == 1 else f"{len(found)} differences"
