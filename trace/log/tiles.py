"""Tiles: how a log is published as files that never change (c2sp.org/tlog-tiles).

A tile holds 256 hashes side by side of every eighth level of the tree; a bundle holds the 256
entries under a tile of level 0. Those at the right border of the tree are partial.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

from foodtrace.trace.log.merkle import HASH_SIZE, node_hash

WIDTH = 256
HEIGHT = 8
MAX_ENTRY_SIZE = 65_535
ENTRIES: Literal["entries"] = "entries"

Level = int | Literal["entries"]

_MAX_LEVEL = 63
_MAX_INDEX = 2**63 // WIDTH
_PATH = re.compile(
    r"tile/(?P<level>[1-9]?[0-9]|entries)"
    r"/(?P<n>(?:x[0-9]{3}/){0,6}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class Tile(NamedTuple):
    """One tile, or one bundle of entries, of a log of some size."""

    level: Level
    n: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Its path under the log's address."""
        return tile_path(*self)


def tile_path(level: Level, n: int, width: int = WIDTH) -> str:
    """The path of a tile under the log's address, such as `tile/0/x001/x234/067.p/12`.

    Raises ValueError where there can be no such tile.
    """
    if level != ENTRIES and not 0 <= level <= _MAX_LEVEL:
        raise ValueError(f"no tile has level {level}")
    if not 0 <= n < _MAX_INDEX or not 1 <= width <= WIDTH:
        raise ValueError(f"there is no tile {n} of {width} hashes")
    groups = [f"{n % 1000:03d}"]
    while n := n // 1000:
        groups.append(f"x{n % 1000:03d}")
    suffix = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(groups))}{suffix}"


def parse_tile_path(path: str) -> Tile:
    """The tile that has this path. Raises ValueError for any but the one spelling of a path."""
    if (found := _PATH.fullmatch(path)) is None:
        raise ValueError(f"not the path of a tile: {path[:80]!r}")
    level = found["level"]
    tile = Tile(
        ENTRIES if level == ENTRIES else int(level),
        int(found["n"].replace("/", "").replace("x", "")),
        int(found["width"] or WIDTH),
    )
    if tile.path != path:
        raise ValueError(f"not the shortest path of a tile: {path[:80]!r}")
    return tile


def tiles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """The hash tiles of a tree of `size` leaves, level by level, the partial ones included.

    With `since`, only those that a tree of `since` leaves did not have in the same width.
    """
    level = 0
    while hashes := size >> (HEIGHT * level):
        yield from _of_level(level, hashes, since >> (HEIGHT * level))
        level += 1


def bundles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """The bundles of the entries of a tree of `size` leaves; `since` as in `tiles_of`."""
    return _of_level(ENTRIES, size, since)


def _of_level(level: Level, count: int, since: int) -> Iterator[Tile]:
    whole, rest = divmod(count, WIDTH)
    for n in range(since // WIDTH, whole):
        yield Tile(level, n)
    if rest and count > since:
        yield Tile(level, whole, rest)


class TileHashes:
    """The hashes of a published tree, read tile by tile: a `HashAt` of a tree of `size` leaves.

    Tiles are read once. Their bytes are not believed: whoever uses the hashes compares the root
    they lead to. Raises ValueError for a hash the tree does not have, or a tile of another length.
    """

    def __init__(self, read: Callable[[Tile], bytes], size: int) -> None:
        self._read = read
        self._size = size
        # Of each tile its nodes: [0] the hashes it holds, [1] those over two of them, and so on.
        self._nodes: dict[tuple[int, int], list[list[bytes]]] = {}

    def __call__(self, level: int, index: int) -> bytes:
        """The root of the leaves [index * 2**level, (index + 1) * 2**level)."""
        if level < 0 or index < 0 or (index + 1) << level > self._size:
            raise ValueError(f"{self._size} leaves have no node {index} of level {level}")
        tile_level, height = divmod(level, HEIGHT)
        n, offset = divmod(index, WIDTH >> height)
        return self._tile(tile_level, n)[height][offset]

    def _tile(self, level: int, n: int) -> list[list[bytes]]:
        if (level, n) not in self._nodes:
            width = min(WIDTH, (self._size >> (HEIGHT * level)) - n * WIDTH)
            hashes = split_hashes(self._read(Tile(level, n, width)), width)
            nodes = [hashes]
            while len(nodes) < HEIGHT:
                nodes.append([node_hash(*pair) for pair in _pairs(nodes[-1])])
            self._nodes[level, n] = nodes
        return self._nodes[level, n]


def _pairs(hashes: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(hashes[::2], hashes[1::2], strict=False)


def split_hashes(tile: bytes, width: int) -> list[bytes]:
    """The hashes of a tile of this width. Raises ValueError where it has another length."""
    if len(tile) != width * HASH_SIZE:
        raise ValueError(f"a tile of {width} hashes has {width * HASH_SIZE} bytes, not {len(tile)}")
    cuts = range(0, len(tile) + 1, HASH_SIZE)
    return [tile[start:end] for start, end in pairwise(cuts)]


def pack_bundle(entries: Iterable[bytes]) -> bytes:
    """The bundle of these entries, each behind its length as a big-endian uint16.

    Raises ValueError for an entry of more than 65,535 bytes.
    """
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_SIZE:
            raise ValueError(f"an entry has at most {MAX_ENTRY_SIZE} bytes, not {len(entry)}")
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def unpack_bundle(bundle: bytes) -> list[bytes]:
    """The entries of a bundle, 1 to 256 of them.

    Raises ValueError where it is empty, holds too many, or ends in the middle of an entry.
    """
    entries: list[bytes] = []
    position = 0
    while position < len(bundle):
        start = position + 2
        position = start + int.from_bytes(bundle[position:start], "big")
        if start > len(bundle) or position > len(bundle):
            raise ValueError(f"the bundle ends in the middle of its entry {len(entries)}")
        entries.append(bundle[start:position])
    if not 1 <= len(entries) <= WIDTH:
        raise ValueError(f"a bundle holds 1 to {WIDTH} entries, not {len(entries)}")
    return entries
