"""Whether the numbers of statements have gaps that nothing explains. Pure.

Each party's statements are numbered, and those about each thing. Between two of them a number
may be missing only where leaves were lost and brought back without their statements, and no
more of them than such leaves stand in between.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from foodtrace.trace.log.leaves import Header


@dataclass(slots=True)
class _Count:
    """How far a counter has come, and how many leaves had been lost by then."""

    last: int
    lost: int
    series: str


class Tally:
    """The numbers so far, in the order of the logs."""

    def __init__(self) -> None:
        self._lost = 0
        self._counts: dict[str, _Count] = {}

    def lose(self) -> None:
        """Count a leaf without its statement: any counter may have been raised by it."""
        self._lost += 1

    def count(self, party_id: int, header: Header) -> Iterator[str]:
        """Count a statement; yield what is wrong with its numbers."""
        yield from self._next(str(party_id), "", header.n)
        for each in header.numbers:
            yield from self._next(f"{party_id} {each.canonical}", each.series, each.number)

    def compare(self, counters: Iterable[tuple[str, str, int]]) -> Iterator[str]:
        """Yield what is wrong with the counters (name, series, last) of the database."""
        known = dict(self._counts)
        for name, series, last in counters:
            counted = known.pop(name, None) or _Count(0, 0, series)
            if not counted.last <= last <= counted.last + self._lost - counted.lost:
                yield f"The counter {name!r} stands at {last}; the leaves say {counted.last}."
            if counted.series not in ("", series):
                yield f"The counter {name!r} has another series than the leaves."
        for name in known:
            yield f"The counter {name!r} is missing."

    def _next(self, name: str, series: str, number: int) -> Iterator[str]:
        count = self._counts.setdefault(name, _Count(0, 0, series))
        if count.series != series:
            yield f"{name!r} has got a second series."
        missing = number - count.last - 1
        if missing < 0:
            yield f"the number {number} of {name!r} was given before."
        elif missing > self._lost - count.lost:
            yield f"the numbers of {name!r} go from {count.last} to {number}."
        count.last, count.lost, count.series = number, self._lost, series
