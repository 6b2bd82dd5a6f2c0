"""Repairing a log whose database was set back: its leaves are brought back from published files.

Only a database that is behind the anchor is repaired, and only with leaves that give the head
that was signed. What they were made of is lost with the disk: the places in the log stay taken,
the statement `lost` says which, and no number that they may have had is given a second time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.audit.sources import Missing, Source, Unreadable, read_all
from foodtrace.trace.capture.projections import Received
from foodtrace.trace.capture.reading import JSON_TYPE
from foodtrace.trace.capture.statements import store_document
from foodtrace.trace.errors import Conflict, Problem, mark
from foodtrace.trace.log.anchor import Anchor
from foodtrace.trace.log.checkpoints import Checkpoint, open_checkpoint
from foodtrace.trace.log.kinds import LOST
from foodtrace.trace.log.leaves import LEAF_SIZE, Leaf, LeafError, parse_leaf
from foodtrace.trace.log.merkle import extended, leaf_hash, root_of
from foodtrace.trace.log.models import Counter, LogState, Unlogged
from foodtrace.trace.log.models import Leaf as LeafRow
from foodtrace.trace.log.notes import (
    MAX_SIZE,
    NoteError,
    Verifier,
    format_note,
    parse_note,
    verified,
)
from foodtrace.trace.log.numbering import FLOOR
from foodtrace.trace.log.opening import OPENING
from foodtrace.trace.log.publishing import newest_head, publish
from foodtrace.trace.log.recomputing import root_at
from foodtrace.trace.log.sequencing import Clock, grow, now_ms, sequence
from foodtrace.trace.log.signers import load_signer
from foodtrace.trace.log.tiles import WIDTH, bundles_of, unpack_bundle
from foodtrace.trace.log.tree import split_edge
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.bulk import insert_columns, insert_rows, reserve_ids, table_of
from foodtrace.trace.store.models import Statement
from foodtrace.trace.store.session import Store

_PORTION = 5_000
_LARGEST_BUNDLE = WIDTH * (2 + LEAF_SIZE)

_STATE, _LEAF, _COUNTER = table_of(LogState), table_of(LeafRow), table_of(Counter)
_STATE_OF = select(_STATE).where(_STATE.c.year == bindparam("year"))
# Who sequenced before cannot write any more.
_FENCE = (
    update(_STATE).where(_STATE.c.year == bindparam("of_year")).values(epoch=_STATE.c.epoch + 1)
)


_LISTING = "logs.json"
_LARGEST_LISTING = 1024 * 1024


class _Listed(msgspec.Struct):
    """A log in the listing."""

    year: int
    vkey: str


_listing = msgspec.json.Decoder(list[_Listed])


@dataclass(frozen=True, slots=True)
class Lost:
    """Leaves that were brought back without their statements, the last included."""

    year: int
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class _Target:
    """The head up to which a log is brought back: as its log has signed it."""

    head: Checkpoint
    note: bytes


def repair(
    store: Store, settings: Settings, source: Source, *, clock: Clock = now_ms
) -> list[Lost]:
    """Bring back what the database lacks of the logs in the anchor; return what was lost.

    The store must be one to which no log is attached. Everything is one transaction. Raises
    Conflict when the files do not go on from this database, or end before the anchor; and
    what reading the anchor and the key of a log raises.
    """
    anchor = Anchor(settings.anchor_folder)
    lost: list[Lost] = []
    targets: dict[int, _Target] = {}
    with store.transaction() as session:
        connection = session.connection()
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(OPENING)))
            # Files come from far away, perhaps slowly.
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        for year in anchor.years():
            found = _repair_log(connection, settings, source, anchor, year)
            if found is not None:
                lost.append(found[0])
                targets[year] = found[1]
        if not lost:
            return []
        newest = connection.execute(select(func.max(_STATE.c.year))).scalar_one()
        connection.execute(update(_STATE).where(_STATE.c.year < newest).values(is_closed=True))
        _declare(session, lost)
        _skip_numbers(connection, sum(each.count for each in lost))
        sequence(connection, clock=clock)
        for year, target in targets.items():
            signed = anchor.head(year)
            if signed is None or signed.size < target.head.size:
                anchor.advance(year, signed, target.note)
    return lost


def _repair_log(
    connection: Connection, settings: Settings, source: Source, anchor: Anchor, year: int
) -> tuple[Lost, _Target] | None:
    """Bring a log up to its published head; None where the database is not behind the anchor."""
    signed = anchor.head(year)
    state = connection.execute(_STATE_OF, {"year": year}).one_or_none()
    if signed is None or (state is not None and state.size >= signed.size):
        return None
    vkey = state.vkey if state is not None else _vkey(settings, source, year)
    note = anchor.note(year) or b""
    target = _target(source, year, Verifier.from_vkey(vkey), note)
    if state is None:
        state = _begun(connection, year, signed.origin, vkey)
    start = state.size
    leaves = _leaves(source, year, start, target.head.size)
    _require_same(state, leaves, [signed, target.head])
    connection.execute(_FENCE, {"of_year": year})
    for begin in range(0, len(leaves), _PORTION):
        portion = leaves[begin : begin + _PORTION]
        state = connection.execute(_STATE_OF, {"year": year}).one()
        connection.execute(insert(_LEAF), _rows(year, state.size, portion))
        grow(connection, state, portion)
    # Once more by the other way, from the tiles as they are now.
    if root_at(connection, year, target.head.size) != target.head.root:
        raise _other_log(year)
    published = newest_head(connection, state)
    if published is None or published.size < target.head.size:
        publish(connection, year, target.note)
    return Lost(year, start, target.head.size - 1), target


def _vkey(settings: Settings, source: Source, year: int) -> str:
    """Return the public key of a log that the database does not know: the one we have the key of.

    Raises NoSigner where we do not.
    """
    try:
        listed = _listing.decode(source.read(_LISTING, _LARGEST_LISTING))
    except (Unreadable, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(_LISTING, error) from None
    for each in listed:
        if each.year == year:
            return load_signer(settings.log_key_folder, year, each.vkey).vkey
    raise _unreadable(_LISTING, Missing(f"the log {year} is not in it"))


def _target(source: Source, year: int, verifier: Verifier, anchored: bytes) -> _Target:
    """Return the newest published head, which must not be older than what was signed last."""
    path = f"{year}/checkpoint"
    try:
        signed = open_checkpoint(anchored, verifier)
        note = source.read(path, MAX_SIZE)
        head = open_checkpoint(note, verifier)
        parsed = parse_note(note)
        own = verified(parsed, [verifier]).values()
    except (Unreadable, NoteError) as error:
        raise _unreadable(path, error) from None
    if head.size < signed.size:
        raise Conflict(
            Problem(
                path,
                mark(
                    "These files end at number %(found)s, and the log was signed up to "
                    "number %(signed)s"
                ),
                mark("Find a newer copy: of your own, of an auditor, of a mirror"),
                {"found": head.size, "signed": signed.size},
            )
        )
    return _Target(head, format_note(parsed.text, own))


def _leaves(source: Source, year: int, start: int, end: int) -> list[Leaf]:
    """Return the leaves from `start` to before `end`, as the bundles have them."""
    tiles = list(bundles_of(end, start))
    wanted = ((f"{year}/{tile.path}", _LARGEST_BUNDLE) for tile in tiles)
    leaves: list[Leaf] = []
    for tile, data in zip(tiles, read_all(source, wanted), strict=True):
        path = f"{year}/{tile.path}"
        if not isinstance(data, bytes):
            raise _unreadable(path, data)
        try:
            entries = unpack_bundle(data)
            if len(entries) != tile.width:
                raise ValueError(f"it has {len(entries)} entries")
            found = [parse_leaf(entry) for entry in entries]
        except (LeafError, ValueError) as error:
            raise _unreadable(path, error) from None
        leaves += found[max(start - tile.n * WIDTH, 0) :]
    return leaves


def _require_same(state: Row[Any], leaves: Sequence[Leaf], heads: Sequence[Checkpoint]) -> None:
    """Refuse leaves that do not lead from the tree of this database to these heads."""
    size, edge = state.size, split_edge(bytes(state.edge))
    hashes = [leaf_hash(leaf.entry) for leaf in leaves]
    for head in heads:
        if root_of(extended(size, edge, hashes[: head.size - size])) != head.root:
            raise _other_log(state.year)
    times = [state.time, *(leaf.time for leaf in leaves)]
    if times != sorted(times):
        raise _other_log(state.year)


def _begun(connection: Connection, year: int, origin: str, vkey: str) -> Row[Any]:
    """Write down a log that the database does not know, as it was when it began."""
    connection.execute(
        insert(_STATE),
        {
            "year": year,
            "origin": origin,
            "vkey": vkey,
            "size": 0,
            "edge": b"",
            "time": 0,
            "epoch": 0,
            "is_closed": False,
            "stopped": None,
        },
    )
    return connection.execute(_STATE_OF, {"year": year}).one()


def _rows(year: int, start: int, leaves: Sequence[Leaf]) -> list[dict[str, Any]]:
    return [
        {
            "year": year,
            "idx": index,
            "statement_id": None,
            "time": leaf.time,
            "commitment": leaf.commitment,
            "secret": None,
            "header": None,
        }
        for index, leaf in enumerate(leaves, start=start)
    ]


def _declare(session: Session, lost: Sequence[Lost]) -> None:
    """Record which leaves have lost their statements.

    Ids are shown to people too: as many as were lost are not given again.
    """
    skipped = sum(each.count for each in lost)
    ids = reserve_ids(session, Statement, skipped + len(lost))[skipped:]
    received = Received(0, SYSTEM.name, datetime.now(UTC))
    for statement_id, content in zip(ids, _contents(lost), strict=True):
        document_id = store_document(session, received, content, JSON_TYPE)
        row = {"id": statement_id, "kind": LOST, "document_id": document_id}
        insert_rows(session, Statement, [{**row, "start": 0, "length": len(content)}])
    insert_columns(session, Unlogged, {"statement_id": ids})


def _contents(lost: Sequence[Lost]) -> Iterator[bytes]:
    for each in lost:
        yield msgspec.json.encode({"year": each.year, "first": each.first, "last": each.last})


def _skip_numbers(connection: Connection, count: int) -> None:
    """Raise every counter by what the lost statements can have raised it at most.

    Nobody knows whose they were. A party that the database does not know begins above it too,
    for it may have been registered and have recorded in between.
    """
    connection.execute(update(_COUNTER).values(last=_COUNTER.c.last + count))
    at_floor = {"name": FLOOR, "series": "", "last": count}
    if connection.execute(select(_COUNTER.c.name).where(_COUNTER.c.name == FLOOR)).first() is None:
        connection.execute(insert(_COUNTER), at_floor)


def _unreadable(path: str, error: Exception) -> Conflict:
    return Conflict(
        Problem(
            path,
            mark("This file of the published log cannot be used: %(error)s"),
            mark("Find another copy: of your own, of an auditor, of a mirror"),
            {"error": str(error)},
        )
    )


def _other_log(year: int) -> Conflict:
    return Conflict(
        Problem(
            str(year),
            mark("The files do not go on from this database to what was signed"),
            mark("Find out which of them was changed: foodtrace log check, foodtrace audit"),
        )
    )
