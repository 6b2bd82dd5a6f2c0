"""A whole tree, computed once more from its leaves by the definition of RFC 6962. Pure.

It shares no code with what grew the tree, and holds the hashes of all tiles in memory: 33 bytes
an entry.
"""

import hashlib
from functools import lru_cache

from foodtrace.trace.log.merkle import HASH_SIZE, tree_root
from foodtrace.trace.log.tiles import WIDTH

_TILE = WIDTH * HASH_SIZE
_KEPT = 4096


class Retraced:
    """The tree over the leaf hashes that were added so far."""

    def __init__(self) -> None:
        # Of each tile level its hashes, side by side.
        self._levels = [bytearray()]
        # Heads of one log have most of their subtrees in common.
        self._perfect = lru_cache(_KEPT)(self._split)

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0]) // HASH_SIZE

    def add(self, leaf_hash: bytes) -> None:
        """Add one leaf."""
        level, hash_ = 0, leaf_hash
        while True:
            if level == len(self._levels):
                self._levels.append(bytearray())
            hashes = self._levels[level]
            hashes += hash_
            if len(hashes) % _TILE:
                return
            tile = bytes(hashes[-_TILE:])
            hash_ = tree_root([tile[i : i + HASH_SIZE] for i in range(0, _TILE, HASH_SIZE)])
            level += 1

    def tile(self, level: int, number: int) -> bytes:
        """Return all hashes that a tile holds; nothing where there is no such tile."""
        if level >= len(self._levels):
            return b""
        return bytes(self._levels[level][number * _TILE : (number + 1) * _TILE])

    def tiles(self) -> list[tuple[int, int]]:
        """Return level and number of all tiles."""
        return [
            (level, number)
            for level, hashes in enumerate(self._levels)
            for number in range(-(-len(hashes) // _TILE))
        ]

    def root(self, size: int) -> bytes:
        """Return the root of the first leaves, `size` of them at least 1 and at most all."""
        if not 1 <= size <= self.size:
            raise ValueError(f"there is no head of {size} in a tree of {self.size}")
        return self._range(0, size)

    def _range(self, start: int, end: int) -> bytes:
        count = end - start
        level, width = 0, 1
        while width < count:
            level, width = level + 1, width * WIDTH
        if width == count and start % width == 0:
            index = start // width
            return bytes(self._levels[level][index * HASH_SIZE : (index + 1) * HASH_SIZE])
        is_perfect = count & (count - 1) == 0 and start % count == 0
        return self._perfect(start, end) if is_perfect else self._split(start, end)

    def _split(self, start: int, end: int) -> bytes:
        half = 1 << ((end - start - 1).bit_length() - 1)
        left, right = self._range(start, start + half), self._range(start + half, end)
        return hashlib.sha256(b"\1" + left + right).digest()
