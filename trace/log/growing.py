"""How the tiles of a tree grow when leaves are added. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from foodtrace.trace.log.merkle import extended
from foodtrace.trace.log.tiles import WIDTH

_HASH = 32


@dataclass(frozen=True, slots=True)
class Grown:
    """A tile after the growth, in its full length."""

    level: int
    number: int
    hashes: bytes


# (level, number) -> the hashes of the last tile of a level, which is not full.
ReadTile = Callable[[int, int], bytes]


def grown(size: int, leaf_hashes: Sequence[bytes], read: ReadTile) -> list[Grown]:
    """Return the tiles that change when these leaves follow `size` others.

    `read` is asked for partial tiles only, at most one a level.
    """
    changed = []
    level, start, hashes = 0, size, list(leaf_hashes)
    while hashes:
        number, kept = divmod(start, WIDTH)
        tail = read(level, number) if kept else b""
        if len(tail) != kept * _HASH:
            raise ValueError(f"tile {number} of level {level} has {len(tail)} bytes")
        above = []
        for begin in range(0, kept + len(hashes), WIDTH):
            part = hashes[max(begin - kept, 0) : begin + WIDTH - kept]
            whole = (tail if begin == 0 else b"") + b"".join(part)
            changed.append(Grown(level, number + begin // WIDTH, whole))
            if len(whole) == WIDTH * _HASH:
                above.append(_root(whole))
        level, start, hashes = level + 1, start // WIDTH, above
    return changed


def _root(tile: bytes) -> bytes:
    (root,) = extended(0, (), [tile[i : i + _HASH] for i in range(0, len(tile), _HASH)])
    return root
