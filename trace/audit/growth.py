"""A tree that is computed from its entries, bundle by bundle, in constant memory. Pure."""

from collections.abc import Iterator, Sequence

from foodtrace.trace.log.merkle import Edge, extended, root_of
from foodtrace.trace.log.tiles import HEIGHT, WIDTH, Tile


class Growth:
    """The whole bundles of a tree so far.

    `levels` holds, of tile level 1 and up, the hashes of the last tile, which is not full yet:
    all that is needed to go on.
    """

    def __init__(self, levels: Sequence[Sequence[bytes]] = ()) -> None:
        """Raise ValueError where a level is no unfinished tile."""
        if any(len(hashes) >= WIDTH for hashes in levels):
            raise ValueError("an unfinished tile has fewer than 256 hashes")
        self.levels = [list(hashes) for hashes in levels]
        self.bundles = sum(
            len(hashes) << (HEIGHT * level) for level, hashes in enumerate(self.levels)
        )
        self._edge: Edge = tuple(
            root for hashes in reversed(self.levels) for root in extended(0, (), hashes)
        )

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self.bundles * WIDTH

    @property
    def edge(self) -> Edge:
        """The edge of the tree."""
        return self._edge

    def add(self, leaf_hashes: Sequence[bytes]) -> list[tuple[Tile, bytes]]:
        """Add a whole bundle; return the tiles of level 1 and up that it completes."""
        root = root_of(extended(0, (), leaf_hashes))
        self._edge = extended(self.bundles, self._edge, [root])
        self.bundles += 1
        completed = []
        for level in range(len(self.levels) + 1):
            if level == len(self.levels):
                self.levels.append([])
            hashes = self.levels[level]
            hashes.append(root)
            if len(hashes) < WIDTH:
                break
            number = (self.bundles >> (HEIGHT * (level + 1))) - 1
            completed.append((Tile(level + 1, number), b"".join(hashes)))
            root = root_of(extended(0, (), hashes))
            hashes.clear()
        return completed

    def unfinished(self) -> Iterator[tuple[Tile, bytes]]:
        """Yield the partial tiles of level 1 and up."""
        for level, hashes in enumerate(self.levels, start=1):
            if hashes:
                number = self.bundles >> (HEIGHT * level)
                yield Tile(level, number, len(hashes)), b"".join(hashes)
