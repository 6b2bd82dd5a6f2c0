"""Where things stand on a label, and how large: sheets of labels, rolls, and the code on them.

Lengths are millimetres until a printer's density is known, then whole dots of that printer:
a module of the code is a whole number of dots, or the printer would round each edge anew.
"""

import re
from dataclasses import dataclass
from types import MappingProxyType

from foodtrace.producers.labels import (
    LARGEST_MODULE_MM,
    MM_PER_INCH,
    MODULE_MM,
    QUIET_ZONE,
    SMALLEST_MODULE_MM,
)
from foodtrace.trace.errors import Invalid, Problem, mark

A4 = (210.0, 297.0)
# What a printer may be off by: the code and its quiet zone keep this from the edge.
SLIP = 1.0
# Below this, hardly a word fits beside the code: the text goes under it.
NARROWEST_TEXT = 14.0
SMALLEST_ROLL, WIDEST_ROLL, LONGEST_ROLL = 15, 108, 300

_ROLL = re.compile(r"([0-9]{2,3})x([0-9]{2,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Layout:
    """A label, and how many of it stand on a page; `margin` is left white for the printer.

    Of a roll a page is one label.
    """

    key: str
    width: float
    height: float
    columns: int = 1
    rows: int = 1
    left: float = 0.0  # of the first label
    top: float = 0.0
    pitch_x: float = 0.0  # from one label to the next
    pitch_y: float = 0.0
    margin: float = SLIP

    @property
    def is_sheet(self) -> bool:
        """Whether it is an A4 sheet, which a label printer cannot take."""
        return self.labels_a_page > 1

    @property
    def labels_a_page(self) -> int:
        """How many labels a page holds."""
        return self.columns * self.rows

    @property
    def page(self) -> tuple[float, float]:
        """Width and height of a page."""
        return A4 if self.is_sheet else (self.width, self.height)

    def corner(self, index: int) -> tuple[float, float]:
        """Return the upper left corner of the `index`-th label of a page, counted from 0."""
        row, column = divmod(index, self.columns)
        return self.left + column * self.pitch_x, self.top + row * self.pitch_y


SHEETS = MappingProxyType(
    {
        sheet.key: sheet
        for sheet in (
            Layout("a4-24", 63.5, 33.9, 3, 8, 7.25, 12.9, 66.0, 33.9),
            # Up to the edge of the paper, where no office printer prints.
            Layout("a4-30", 70.0, 29.7, 3, 10, 0.0, 0.0, 70.0, 29.7, margin=4.3),
            Layout("a4-65", 38.1, 21.2, 5, 13, 4.75, 10.7, 40.6, 21.2),
        )
    }
)
# Those that are sold everywhere; any other is written the same way.
ROLLS = ("40x30", "50x30", "60x40", "70x50", "100x70")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in dots of the printer."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A label in dots: its size, the dark part of the code, and where text may stand."""

    dpi: int
    width: int
    height: int
    dots: int  # a module
    code: Box
    text: Box

    @property
    def module_mm(self) -> float:
        """How wide a module is."""
        return self.dots * MM_PER_INCH / self.dpi


def layout_of(key: str) -> Layout:
    """Return a sheet by its name (``a4-24``), or a roll by its size (``60x40``).

    Raises Invalid for what is neither.
    """
    if key in SHEETS:
        return SHEETS[key]
    size = _ROLL.fullmatch(key)
    if size is None:
        raise Invalid(
            Problem(
                "layout",
                mark("There is no layout %(layout)s"),
                mark("Write one of %(sheets)s, or width x height of a roll in mm, as 60x40"),
                {"layout": key[:40], "sheets": ", ".join(SHEETS)},
            )
        )
    width, height = int(size[1]), int(size[2])
    if width > WIDEST_ROLL or height > LONGEST_ROLL or min(width, height) < SMALLEST_ROLL:
        raise Invalid(
            Problem(
                "layout",
                mark("No label printer takes labels of %(width)s x %(height)s mm"),
                mark("Use %(smallest)s mm at least, %(widest)s mm wide and %(longest)s mm long at most"),  # noqa: E501
                {"width": width, "height": height, "smallest": SMALLEST_ROLL,
                 "widest": WIDEST_ROLL, "longest": LONGEST_ROLL},
            )
        )  # fmt: skip
    return Layout(key, width, height)


def plan_label(layout: Layout, modules: int, dpi: int) -> Plan:
    """Return where everything stands on a label whose code has so many modules a side.

    The module is the one nearest to the target size that there is room for. Raises Invalid,
    with the numbers, where even the smallest legal one is too large for the label
    (GS1 General Specifications 5.12.3.1).
    """
    room = min(layout.width, layout.height)
    for dots in _legal_dots(dpi):
        module = dots * MM_PER_INCH / dpi
        edge = max(layout.margin, SLIP + QUIET_ZONE * module)
        if modules * module + 2 * edge <= room:
            return _placed(layout, modules, dpi, dots, edge)
    smallest = min(_legal_dots(dpi)) * MM_PER_INCH / dpi
    edge = max(layout.margin, SLIP + QUIET_ZONE * smallest)
    raise Invalid(
        Problem(
            "layout",
            mark(
                "The code has %(modules)s modules a side. At %(module)s mm, the smallest that this printer may print, it needs %(needed)s mm with its quiet zone, and the label has %(room)s mm"  # noqa: E501
            ),
            mark("Choose a larger label, a finer printer or a shorter lot number"),
            {
                "modules": modules,
                "module": f"{smallest:.3f}",
                "needed": f"{modules * smallest + 2 * edge:.1f}",
                "room": f"{room:g}",
            },
        )
    )


def _legal_dots(dpi: int) -> list[int]:
    """Return the legal sizes of a module that are not above the target's, largest first."""
    sizes = range(1, round(LARGEST_MODULE_MM * dpi / MM_PER_INCH) + 1)
    legal = [
        dots
        for dots in sizes
        if SMALLEST_MODULE_MM <= dots * MM_PER_INCH / dpi <= LARGEST_MODULE_MM
    ]
    target = max(round(MODULE_MM * dpi / MM_PER_INCH), legal[0])
    return [dots for dots in reversed(legal) if dots <= target]


def _placed(layout: Layout, modules: int, dpi: int, dots: int, edge: float) -> Plan:
    def in_dots(length: float) -> int:
        return round(length * dpi / MM_PER_INCH)

    width, height = in_dots(layout.width), in_dots(layout.height)
    side, quiet, margin = modules * dots, QUIET_ZONE * dots, in_dots(layout.margin)
    first = in_dots(edge)
    after = first + side + quiet
    beside = Box(after, margin, width - margin - after, height - 2 * margin)
    below = Box(margin, after, width - 2 * margin, height - margin - after)
    if beside.width >= in_dots(NARROWEST_TEXT) and _area(beside) >= _area(below):
        code = Box(first, (height - side) // 2, side, side)
        return Plan(dpi, width, height, dots, code, beside)
    code = Box((width - side) // 2, first, side, side)
    return Plan(dpi, width, height, dots, code, below)


def _area(box: Box) -> int:
    return max(box.width, 0) * max(box.height, 0)
