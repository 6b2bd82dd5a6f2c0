"""The tree of a log as it is stored: its hashes, and what is published of it."""

from collections.abc import Iterator

from sqlalchemy import Connection, bindparam, select

from foodtrace.trace.log.leaves import Leaf
from foodtrace.trace.log.merkle import HASH_SIZE, Edge, HashAt
from foodtrace.trace.log.models import Leaf as LeafRow
from foodtrace.trace.log.models import LogTile
from foodtrace.trace.log.tiles import ENTRIES, WIDTH, Tile, TileHashes, pack_bundle
from foodtrace.trace.store.bulk import table_of

_TILE, _LEAF = table_of(LogTile).c, table_of(LeafRow).c
_HASHES = select(_TILE.hashes).where(
    _TILE.year == bindparam("year"),
    _TILE.level == bindparam("level"),
    _TILE.number == bindparam("number"),
)
_LEAVES = (
    select(_LEAF.time, _LEAF.commitment)
    .where(
        _LEAF.year == bindparam("year"),
        _LEAF.idx >= bindparam("start"),
        _LEAF.idx < bindparam("end"),
    )
    .order_by(_LEAF.idx)
)


def hash_at(connection: Connection, year: int, size: int) -> HashAt:
    """Return what reads the hashes of the first `size` leaves of a log from its tiles."""

    def read(tile: Tile) -> bytes:
        found = read_tile(connection, year, tile)
        if found is None:
            raise ValueError(f"{tile.path} of the log {year} is missing")
        return found

    return TileHashes(read, size)


def read_tile(connection: Connection, year: int, tile: Tile) -> bytes | None:
    """Return the bytes of a tile or bundle of this width; None where the log has no such."""
    if tile.level == ENTRIES:
        start = tile.n * WIDTH
        leaves = list(read_leaves(connection, year, start, start + tile.width))
        is_whole = len(leaves) == tile.width
        return pack_bundle(leaf.entry for leaf in leaves) if is_whole else None
    hashes = stored_hashes(connection, year, tile.level, tile.n)
    if len(hashes) < tile.width * HASH_SIZE:
        return None
    return hashes[: tile.width * HASH_SIZE]


def stored_hashes(connection: Connection, year: int, level: int, number: int) -> bytes:
    """Return all hashes that a tile holds so far; nothing where there is no such tile."""
    at = {"year": year, "level": level, "number": number}
    return bytes(connection.execute(_HASHES, at).scalar_one_or_none() or b"")


def read_leaves(connection: Connection, year: int, start: int, end: int) -> Iterator[Leaf]:
    """Yield the leaves from index `start` to before `end`."""
    for row in connection.execute(_LEAVES, {"year": year, "start": start, "end": end}):
        yield Leaf(row.time, bytes(row.commitment))


def split_edge(edge: bytes) -> Edge:
    """Return the hashes of an edge as it is stored."""
    return tuple(edge[i : i + HASH_SIZE] for i in range(0, len(edge), HASH_SIZE))
