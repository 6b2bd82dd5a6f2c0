"""The second opinion before a head is signed: the root once more, by another way.

The statements are read again from the record, their commitments made again, and the root is
computed by the recursive definition of RFC 6962, with none of the code that grew the tree. A
bit that flipped in memory, on disk or by somebody's hand since is found before it is signed.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, select

from foodtrace.trace.log.contents import contents, header_of
from foodtrace.trace.log.leaves import Leaf, LeafError, commit, fields_of
from foodtrace.trace.log.merkle import HASH_SIZE
from foodtrace.trace.log.models import Leaf as LeafRow
from foodtrace.trace.log.tiles import WIDTH
from foodtrace.trace.log.tree import stored_hashes
from foodtrace.trace.store.bulk import table_of

_LEAF = table_of(LeafRow).c
_ROWS = (
    select(_LEAF.idx, _LEAF.statement_id, _LEAF.time, _LEAF.commitment)
    .add_columns(_LEAF.secret, _LEAF.header)
    .where(
        _LEAF.year == bindparam("year"),
        _LEAF.idx >= bindparam("start"),
        _LEAF.idx < bindparam("end"),
    )
    .order_by(_LEAF.idx)
)
_PORTION = 1_000


class Discrepancy(Exception):
    """The record is not what its log says; the text says where."""


def check_growth(
    connection: Connection, year: int, old: tuple[int, bytes], new: tuple[int, bytes]
) -> None:
    """Check that a tree of the new size and root begins with the old one, and holds the record.

    `old` and `new` are sizes and roots; of leaves before the old size the tiles are believed
    as far as they give the old root. Raises Discrepancy.
    """
    old_size, old_root = old
    new_size, new_root = new
    tiles = _Tiles(connection, year)
    if old_size and _root(0, old_size, tiles, [], old_size) != old_root:
        raise Discrepancy(f"the tree of the log {year} is not the one signed at {old_size}")
    fresh = [_leaf_hash(leaf) for leaf in recomputed(connection, year, old_size, new_size)]
    if len(fresh) != new_size - old_size:
        raise Discrepancy(f"the log {year} has {old_size + len(fresh)} leaves, not {new_size}")
    if new_size and _root(0, new_size, tiles, fresh, old_size) != new_root:
        raise Discrepancy(f"the log {year} and its leaves from {old_size} give different roots")
    _check_tiles(tiles, fresh, old_size, new_size)


def _check_tiles(tiles: "_Tiles", fresh: Sequence[bytes], old_size: int, new_size: int) -> None:
    """Check each hash that the tiles have gained: those of full tiles are published for ever."""
    level, width = 0, 1
    while width <= new_size:
        for index in range(old_size // width, new_size // width):
            start = index * width
            if tiles.hash(level, index) != _root(start, start + width, tiles, fresh, old_size):
                place = f"{index} of level {level} of the log {tiles.year}"
                raise Discrepancy(f"hash {place} is not that of its leaves")
        level, width = level + 1, width * WIDTH


def root_at(connection: Connection, year: int, size: int) -> bytes:
    """Return the root of the first `size` leaves, as the tiles give it. Raises Discrepancy."""
    return _root(0, size, _Tiles(connection, year), [], size)


def recomputed(connection: Connection, year: int, start: int, end: int) -> Iterator[Leaf]:
    """Yield the leaves of these indexes, their commitments made again from the record.

    Raises Discrepancy where a statement is not the one that was committed to.
    """
    for first in range(start, end, _PORTION):
        at = {"year": year, "start": first, "end": min(first + _PORTION, end)}
        rows = connection.execute(_ROWS, at).all()
        ids = [row.statement_id for row in rows if row.statement_id is not None]
        found = {each.id: each for each in contents(connection, ids)}
        for index, row in enumerate(rows, start=first):
            if row.idx != index:
                raise Discrepancy(f"leaf {index} of the log {year} is missing")
            yield _recomputed(year, row, found)


def _recomputed(year: int, row: Row[Any], found: dict[int, Any]) -> Leaf:
    if row.statement_id is None:  # its statement was lost, and its place brought back
        return Leaf(row.time, bytes(row.commitment))
    stated = found.get(row.statement_id)
    if stated is None:
        raise Discrepancy(f"the statement of leaf {row.idx} of the log {year} is gone")
    try:
        fields = fields_of(header_of(stated, row.header), stated.content)
        commitment = commit(bytes(row.secret), fields)
    except (LeafError, msgspec.DecodeError, TypeError) as error:
        raise Discrepancy(f"leaf {row.idx} of the log {year}: {error}") from error
    if commitment != row.commitment:
        raise Discrepancy(
            f"the statement of leaf {row.idx} of the log {year} is not the one that was logged"
        )
    return Leaf(row.time, commitment)


def _leaf_hash(leaf: Leaf) -> bytes:
    return hashlib.sha256(b"\0" + leaf.entry).digest()


class _Tiles:
    """The hashes of stored tiles, each read once."""

    def __init__(self, connection: Connection, year: int) -> None:
        self.year = year
        self._connection = connection
        self._read: dict[tuple[int, int], bytes] = {}

    def hash(self, level: int, index: int) -> bytes:
        """Return one hash as it stands in a tile."""
        number, place = divmod(index, WIDTH)
        if (level, number) not in self._read:
            hashes = stored_hashes(self._connection, self.year, level, number)
            self._read[level, number] = hashes
        tile = self._read[level, number]
        if len(tile) < (place + 1) * HASH_SIZE:
            raise Discrepancy(f"tile {number} of level {level} is missing or too short")
        return tile[place * HASH_SIZE : (place + 1) * HASH_SIZE]


def _root(start: int, end: int, tiles: _Tiles, fresh: Sequence[bytes], known: int) -> bytes:
    """Return the hash of the leaves [start, end): MTH of RFC 6962 2.1.

    Leaves from `known` on are in `fresh`. Before it, a range that is one hash of a tile is
    read from there.
    """
    count = end - start
    if end <= known:
        level, width = 0, 1
        while width < count:
            level, width = level + 1, width * WIDTH
        if width == count and start % width == 0:
            return tiles.hash(level, start // width)
    elif count == 1:
        return fresh[start - known]
    half = 1 << ((count - 1).bit_length() - 1)
    left = _root(start, start + half, tiles, fresh, known)
    right = _root(start + half, end, tiles, fresh, known)
    return hashlib.sha256(b"\1" + left + right).digest()
