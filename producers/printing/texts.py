"""What a label says in words, and how it is set into the room beside or under the code."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from foodtrace.producers.printing.layouts import Box
from foodtrace.trace.errors import Invalid, Problem, mark

# The height of a line of text in mm: what is read well, and what is still read at all.
LARGEST_EM, SMALLEST_EM = 3.2, 1.6
NEEDED_LINES = 4  # name, lot and dates
LINE = 1.18  # of the size, from one line to the next
_LONGEST = 120
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

# The width in dots of a text whose letters are so many dots high.
Measure = Callable[[str, int], int]


@dataclass(frozen=True, slots=True)
class Facts:
    """What all labels of a job say beside their code; dates as they are printed."""

    product_name: str
    net_content: str | None = None
    lot_number: str | None = None
    production_date: str | None = None
    expiry_date: str | None = None
    storage: str | None = None
    maker: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """One label: what its code says to a machine, and to people."""

    url: str
    readable: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of text and its upper left corner, in dots."""

    text: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Setting:
    """How the text of a job is set: the size in dots, the common lines, and the code's lines."""

    size: int
    rows: tuple[Row, ...]
    readable: Box


def clean(text: str) -> str:
    """Return a text as one line without what nobody sees: controls, line ends, directions.

    >>> clean("chili" + chr(10) + chr(0x202E) + " sauce")
    'chili sauce'
    """
    seen = (" " if unicodedata.category(sign) in _INVISIBLE else sign for sign in text)
    return " ".join("".join(seen).split())[:_LONGEST]


def lines_of(facts: Facts) -> list[str]:
    """Return the lines of a label, the most important first.

    They are Chinese whoever orders them: the label is for those who buy the food.

    >>> lines_of(Facts("辣椒酱", lot_number="YL01", expiry_date="2027-03-01"))
    ['辣椒酱', '批号 YL01', '保质期至 2027-03-01']
    """
    labelled = (
        ("", facts.product_name),
        ("批号 ", facts.lot_number),
        ("生产日期 ", facts.production_date),
        ("保质期至 ", facts.expiry_date),
        ("净含量 ", facts.net_content),
        ("贮存 ", facts.storage),
        ("", facts.maker),
    )
    return [label + clean(text) for label, text in labelled if text and clean(text)]


def wrap(text: str, width: int, size: int, measure: Measure) -> list[str]:
    """Break a text into lines of a width: at a space or before a bracket, else anywhere."""
    lines = []
    rest = text
    while rest and measure(rest, size) > width:
        end = len(rest) - 1
        while end > 1 and measure(rest[:end], size) > width:
            end -= 1
        end = _natural_end(rest, end)
        lines.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return [*lines, rest] if rest else lines


def set_text(
    facts: Facts, readable: Sequence[str], box: Box, dpi: int, measure: Measure
) -> Setting:
    """Set the text into its box, as large as it fits; unimportant lines go when it does not.

    `readable` are the texts of all codes of the job: each of them must fit. Raises Invalid
    where not even the name and the code's text do.
    """
    lines = lines_of(facts)
    smallest, largest = _dots(SMALLEST_EM, dpi), _dots(LARGEST_EM, dpi)
    widest = max(readable, key=lambda text: measure(text, largest))
    for kept, size in _choices(len(lines), smallest, largest):
        # Numbers are read, and typed, in one piece if there is any way to.
        if size > smallest and not _breaks_well(wrap(widest, box.width, size, measure)):
            continue
        found = _set(lines[:kept], [widest], box, size, measure)
        found = found and _set(lines[:kept], readable, box, size, measure)
        if found is not None:
            return found
    raise Invalid(
        Problem(
            "layout",
            mark(
                "The label has %(width)s x %(height)s mm for text, too little for the name and the numbers of the code"  # noqa: E501
            ),
            mark("Choose a larger label"),
            {"width": _mm(box.width, dpi), "height": _mm(box.height, dpi)},
        )
    )


def set_readable(text: str, setting: Setting, measure: Measure) -> list[Row]:
    """Set the text of one code into the lines kept for it, at the foot of the text."""
    box, step = setting.readable, round(setting.size * LINE)
    lines = wrap(text, box.width, setting.size, measure)
    return [Row(line, box.x, box.y + step * index) for index, line in enumerate(lines)]


def _set(
    lines: Sequence[str], readable: Sequence[str], box: Box, size: int, measure: Measure
) -> Setting | None:
    """Set lines at one size, or return None where they are too many."""
    if box.width < 4 * size:
        return None
    step = round(size * LINE)
    texts = [row for line in lines for row in wrap(line, box.width, size, measure)]
    reserved = max(len(wrap(text, box.width, size, measure)) for text in readable)
    if (len(texts) + reserved) * step > box.height:
        return None
    rows = tuple(Row(text, box.x, box.y + step * index) for index, text in enumerate(texts))
    height = reserved * step
    return Setting(size, rows, Box(box.x, box.y + box.height - height, box.width, height))


def _choices(lines: int, smallest: int, largest: int) -> Iterator[tuple[int, int]]:
    """Yield how many lines are kept and in which size, the best first."""
    for kept in range(lines, 0, -1):
        # What is no number or date is left out before the rest becomes hard to read.
        floor = smallest if kept <= NEEDED_LINES else (2 * smallest + largest) // 3
        for size in range(largest, floor - 1, -1):
            yield kept, size


def _breaks_well(lines: Sequence[str]) -> bool:
    """Answer whether a code's text was broken before brackets or at spaces of groups only."""
    return all(following.startswith("(") or "(" not in lines[0] for _, following in pairwise(lines))


def _natural_end(text: str, end: int) -> int:
    for sign, offset in (("(", 0), (" ", 1)):
        at = text.rfind(sign, 1, end + 1)
        if at > 0:
            return at + offset
    return end


def _dots(length: float, dpi: int) -> int:
    return round(length * dpi / 25.4)


def _mm(dots: int, dpi: int) -> str:
    return f"{max(dots, 0) * 25.4 / dpi:.1f}"
