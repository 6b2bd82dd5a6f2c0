"""A log computed anew from its entries, and compared with every tile that is served."""

import struct
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from foodtrace.trace.audit.growth import Growth
from foodtrace.trace.audit.report import Report
from foodtrace.trace.audit.rules import LEAF, READABLE, TILE, TIME_ORDER
from foodtrace.trace.audit.sources import Read
from foodtrace.trace.log.leaves import LEAF_SIZE, LEAF_VERSION, LeafError, parse_leaf
from foodtrace.trace.log.merkle import HASH_SIZE, extended, leaf_hash, root_of
from foodtrace.trace.log.tiles import ENTRIES, WIDTH, Tile, bundles_of, unpack_bundle

_ENTRY = struct.Struct(">HBQ32s")  # a leaf behind its length

# Reads these tiles in their order; what cannot be read comes as the reason.
ReadTiles = Callable[[Iterable[Tile]], Iterator[Read]]


@dataclass
class Wanted:
    """What is asked of the entries: roots of these sizes, the leaves of these indexes."""

    sizes: set[int] = field(default_factory=set)
    indexes: set[int] = field(default_factory=set)


@dataclass
class Recomputed:
    """What the entries give. A leaf that could not be read is not in `leaves`."""

    growth: Growth
    last_time: int
    bundled_time: int  # the time of the last leaf of the whole bundles
    roots: dict[int, bytes] = field(default_factory=dict)
    leaves: dict[int, bytes] = field(default_factory=dict)
    is_whole: bool = True  # whether every entry, or at least its hash, was there


@dataclass(frozen=True)
class _Bundle:
    """One bundle as it was served: its leaf hashes; its entries, unless they cannot be read."""

    hashes: Sequence[bytes]
    entries: Sequence[bytes]
    times: Sequence[int]


class Recomputing:
    """The recomputation of one log of `size` entries, from where `growth` ends."""

    def __init__(
        self,
        origin: str,
        size: int,
        growth: Growth,
        last_time: int,
        wanted: Wanted,
        report: Report,
    ) -> None:
        self._origin = origin
        self._size = size
        self._sizes = sorted(wanted.sizes)
        self._indexes = sorted(wanted.indexes)
        self._report = report
        self._start = growth.size
        # Once something has failed to be read, the tiles above it are not computed.
        self._done = Recomputed(growth, last_time, last_time)

    def run(self, read: ReadTiles) -> Recomputed:
        """Read and compare everything; report what differs."""
        done = self._done
        if self._start in self._sizes:
            done.roots[self._start] = root_of(done.growth.edge)
        tail: Sequence[bytes] = ()
        for bundle, hashes in self._served(read):
            served = self._hashes(bundle, hashes)
            if served is None:
                done.is_whole = False
                return done
            self._note_roots(served.hashes)
            self._note_leaves(served)
            if bundle.width == WIDTH:
                self._compare(read, done.growth.add(served.hashes))
                done.bundled_time = done.last_time
            else:
                tail = served.hashes
        self._compare(read, done.growth.unfinished())
        if not tail and self._size == self._start:
            done.roots[self._size] = root_of(done.growth.edge)
        return done

    def _served(self, read: ReadTiles) -> Iterator[tuple[Tile, tuple[Read, Read]]]:
        """Yield each bundle with its bytes and those of the tile of its hashes."""
        # Never as a list: a log may sign any size, and need not have the entries.
        bundles = bundles_of(self._size, self._start)
        both = (
            tile
            for each in bundles_of(self._size, self._start)
            for tile in (each, Tile(0, each.n, each.width))
        )
        served = iter(read(both))
        for bundle, entries, hashes in zip(bundles, served, served, strict=True):
            yield bundle, (entries, hashes)

    def _hashes(self, bundle: Tile, served: tuple[Read, Read]) -> _Bundle | None:
        """Return what a bundle holds; only the hashes of its tile, if it cannot be read."""
        entries, hashes = served
        tile = Tile(0, bundle.n, bundle.width)
        if not isinstance(hashes, bytes):
            self._report.differ(READABLE, self._place(tile), f"It cannot be read: {hashes}.")
        elif len(hashes) != bundle.width * HASH_SIZE:
            self._report.differ(TILE, self._place(tile), f"It has {len(hashes)} bytes.")
            hashes = b""
        read = self._entries(bundle, entries)
        if read is None:
            if not isinstance(hashes, bytes) or not hashes:
                return None
            cut = [hashes[i : i + HASH_SIZE] for i in range(0, len(hashes), HASH_SIZE)]
            return _Bundle(cut, (), ())
        computed = [leaf_hash(entry) for entry in read]
        if isinstance(hashes, bytes) and hashes and b"".join(computed) != hashes:
            self._differing(tile, computed, hashes)
        return _Bundle(computed, read, self._times(bundle, read))

    def _entries(self, bundle: Tile, data: Read) -> Sequence[bytes] | None:
        place = self._place(bundle)
        if not isinstance(data, bytes):
            self._report.differ(READABLE, place, f"It cannot be read: {data}.")
            return None
        size = LEAF_SIZE + 2
        if len(data) == bundle.width * size and all(
            length == LEAF_SIZE and version == LEAF_VERSION
            for length, version, _time, _commitment in _ENTRY.iter_unpack(data)
        ):
            return [data[i + 2 : i + size] for i in range(0, len(data), size)]
        try:
            entries = unpack_bundle(data)
        except ValueError as error:
            self._report.differ(LEAF, place, f"It is no bundle of entries: {error}.")
            return None
        if len(entries) != bundle.width:
            self._report.differ(LEAF, place, f"It holds {len(entries)} entries.")
            return None
        for index, entry in enumerate(entries, start=bundle.n * WIDTH):
            try:
                parse_leaf(entry)
            except LeafError as error:
                self._report.differ(LEAF, f"{self._origin}, entry {index}", f"It differs: {error}.")
        return entries

    def _times(self, bundle: Tile, entries: Sequence[bytes]) -> list[int]:
        """Return the times of leaves; report each that goes back."""
        times = [int.from_bytes(entry[1:9], "big") for entry in entries]
        last = self._done.last_time
        if times[0] < last or sorted(times) != times:
            for index, time in enumerate(times, start=bundle.n * WIDTH):
                if time < last:
                    self._report.differ(
                        TIME_ORDER,
                        f"{self._origin}, entry {index}",
                        f"Its time is {(last - time) / 1000:g} seconds before that of an entry "
                        "before it.",
                    )
                last = max(last, time)
        self._done.last_time = max(last, times[-1])
        return times

    def _note_roots(self, hashes: Sequence[bytes]) -> None:
        """Keep the roots of the wanted sizes that end in this bundle."""
        growth = self._done.growth
        size, edge = growth.size, growth.edge
        position = bisect_left(self._sizes, size + 1)
        taken = 0
        while position < len(self._sizes) and self._sizes[position] <= growth.size + len(hashes):
            count = self._sizes[position] - growth.size
            edge = extended(size, edge, hashes[taken:count])
            size, taken = growth.size + count, count
            self._done.roots[size] = root_of(edge)
            position += 1

    def _note_leaves(self, bundle: _Bundle) -> None:
        start = self._done.growth.size
        position = bisect_left(self._indexes, start)
        end = start + len(bundle.entries)
        while position < len(self._indexes) and self._indexes[position] < end:
            index = self._indexes[position]
            self._done.leaves[index] = bundle.entries[index - start]
            position += 1

    def _compare(self, read: ReadTiles, computed: Iterable[tuple[Tile, bytes]]) -> None:
        """Compare computed tiles of level 1 and up with those that are served."""
        expected = list(computed)
        served = read(tile for tile, _hashes in expected)
        for (tile, hashes), data in zip(expected, served, strict=True):
            if not isinstance(data, bytes):
                self._report.differ(READABLE, self._place(tile), f"It cannot be read: {data}.")
            elif data != hashes:
                cut = [hashes[i : i + HASH_SIZE] for i in range(0, len(hashes), HASH_SIZE)]
                self._differing(tile, cut, data)

    def _differing(self, tile: Tile, computed: Sequence[bytes], served: bytes) -> None:
        """Say which hashes of a tile are not those of the entries."""
        differing = [
            place
            for place, hash_ in enumerate(computed)
            if served[place * HASH_SIZE : (place + 1) * HASH_SIZE] != hash_
        ]
        span = 1 << (8 * int(tile.level)) if tile.level != ENTRIES else 1
        first = (tile.n * WIDTH + (differing[0] if differing else 0)) * span
        last = (tile.n * WIDTH + (differing[-1] if differing else 0) + 1) * span - 1
        what = f"entry {first}" if first == last else f"the entries {first} to {last}"
        self._report.differ(
            TILE,
            self._place(tile),
            f"{len(differing)} of its {len(computed)} hashes are not those of the entries "
            f"served: it differs for {what}.",
        )

    def _place(self, tile: Tile) -> str:
        return f"{self._origin}, {tile.path}"


def largest(tile: Tile) -> int:
    """Return how many bytes of a tile or bundle are read, well above what a right one has."""
    return tile.width * (4 * LEAF_SIZE if tile.level == ENTRIES else HASH_SIZE)
