"""Figures, each beside its floor, and the table of them."""

import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table. `floor` is measured in the same run, in the same unit."""

    work: str
    database: str
    unit: str
    value: float
    floor: float | None
    floor_is: str

    @property
    def ratio(self) -> str:
        """The figure as a multiple of its floor: 1.00 is as good as the floor."""
        return f"{self.value / self.floor:.2f}" if self.floor else "-"


Timed = Callable[[], object]


def interleaved(pairs: Iterable[Sequence[Timed]], rounds: int = 3) -> list[list[float]]:
    """Time alternatives side by side; return the best of the rounds for each, in seconds.

    `pairs` are calls that do the same work in different ways. What disturbs the machine
    disturbs them all.
    """
    best = []
    for calls in pairs:
        times = [float("inf")] * len(calls)
        for _ in range(rounds):
            for number, call in enumerate(calls):
                begin = time.perf_counter()
                call()
                times[number] = min(times[number], time.perf_counter() - begin)
        best.append(times)
    return best


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def compared(
    work: str, database: str, times: Sequence[Sequence[float]], floor_is: str, *shares: float
) -> list[Figure]:
    """Return one figure in milliseconds for each percentile: first column against second."""
    ours, floors = zip(*times, strict=True)
    return [
        Figure(
            f"{work}, p{share * 100:.0f}",
            database,
            "ms",
            percentile(ours, share) * 1000,
            percentile(floors, share) * 1000,
            floor_is,
        )
        for share in shares
    ]


def median_of(rounds: Sequence[Sequence[float]]) -> list[float]:
    """Return the median of each column."""
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def progress(text: str) -> None:
    """Say on standard error what is being done; the table alone goes to standard output."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table of text."""
    head = ("work", "database", "figure", "unit", "floor", "ratio", "the floor is")
    lines = [
        (
            one.work,
            one.database,
            _number(one.value),
            one.unit,
            _number(one.floor) if one.floor else "-",
            one.ratio,
            one.floor_is,
        )
        for one in figures
    ]
    widths = [max(len(line[column]) for line in (head, *lines)) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if column in (2, 4, 5) else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (head, *lines)
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" if value < 100 else f"{value:.0f}"
