"""Whether anything was left out of what one is shown about a thing. Pure.

Each organisation's statements about a thing are numbered 1, 2, 3 …: a *series*, with a random
name, in the field ``number`` of the statement: ``SERIES 2 /01/06901234567892/10/L1``. Who must
not see a statement still sees its number. So what is left out of the middle leaves a hole;
what is left off the end does not.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple


class Gap(NamedTuple):
    """Where a series does not go on as it must: `expected` should come, `found` does.

    A larger number says that those between were left out; a smaller one that a number was
    given twice, or stands in the wrong order. `found` is 0 for a text that is no number.
    """

    series: str
    thing: str
    expected: int
    found: int

    def __str__(self) -> str:
        if not self.found:
            return f"{self.series!r} is no number of a statement"
        if self.found < self.expected:
            return f"{self.thing}: number {self.found} of series {self.series} comes again"
        last = self.found - 1
        missing = f"{self.expected}" if last == self.expected else f"{self.expected} to {last}"
        return f"{self.thing}: number {missing} of series {self.series} is left out"


def gaps_of(numbers: Iterable[str], things: Collection[str]) -> list[Gap]:
    """Return where the series of these things are not 1, 2, 3 …

    `numbers` are the values of all fields ``number`` that are shown, in the order of the log;
    those of other things are not looked at. Each series is of one thing.
    """
    last: dict[str, tuple[str, int]] = {}
    gaps = []
    for value in numbers:
        series, number, thing = _read(value)
        if number and thing not in things:
            continue
        known, former = last.get(series, (thing, 0))
        if not number or known != thing or number != former + 1:
            gaps.append(Gap(series, thing, former + 1, number if known == thing else 0))
        if number:
            last[series] = thing, max(number, former)
    return gaps


def _read(value: str) -> tuple[str, int, str]:
    """Return series, number and thing; number 0 where the text is none."""
    series, _, rest = value.partition(" ")
    number, _, thing = rest.partition(" ")
    is_number = number.isascii() and number.isdecimal() and number[0] != "0" and len(number) < 19
    return (series, int(number), thing) if is_number and series and thing else (value, 0, "")
