"""Labels as PDF: sheets of A4, or one page a label; codes as areas, text with its font.

Codes stand on whole dots of 300 to the inch: an office printer of 300 or 600, printing
without scaling, puts the dots on paper that were read back.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import BinaryIO

from fpdf import FPDF
from fpdf.fonts import TTFFont

from foodtrace.producers.labels import MM_PER_INCH, dark_runs
from foodtrace.producers.printing.drawing import Design, DrawnLabel
from foodtrace.producers.printing.lettering import FONT
from foodtrace.producers.printing.texts import Row

DPI = 300
_POINTS_PER_INCH = 72
_FAMILY = "label"
# Where the letters stand: how far the base line is below the top of a line, of its size.
_ASCENT = 0.88


class Sheets(FPDF):
    """A PDF of labels. Its unit is the dot, of 300 to the inch."""

    def __init__(self, design: Design) -> None:
        width, height = (_dots(length) for length in design.layout.page)
        super().__init__(
            orientation="portrait", unit=_POINTS_PER_INCH / DPI, format=(width, height)
        )
        self.design = design
        self.set_auto_page_break(False)
        self.set_margin(0)
        # Nothing of this installation, and the same bytes when it is drawn again.
        self.set_title("")
        self.set_producer("foodtrace")
        self.set_creation_date(datetime(2000, 1, 1, tzinfo=UTC))
        self.add_font(_FAMILY, fname=FONT)
        self._outlines: tuple[object, str] = (None, "")

    def put(self, label: DrawnLabel, place: int) -> None:
        """Draw a label at a place of the page; the first place begins a new page."""
        if place == 0:
            self.add_page()
            size = self.design.setting.size
            self.set_font(_FAMILY, size=size * _POINTS_PER_INCH / DPI)
        x, y = (_dots(length) for length in self.design.layout.corner(place))
        self._put_code(label, x, y)
        self._put_rows(self.design.setting.rows, x, y)
        self._put_rows(label.rows, x, y)

    def close_font(self) -> None:
        """Close the file of the font, which was read from until now."""
        font = self.fonts[_FAMILY]
        if isinstance(font, TTFFont):
            font.ttfont.close()

    def _put_code(self, label: DrawnLabel, x: int, y: int) -> None:
        """Write the code as one area: between areas of their own some printers leave a hair."""
        symbol, box, scale = label.symbol, label.plan.code, _POINTS_PER_INCH / DPI
        if self._outlines[0] is not symbol:
            self._outlines = (symbol, _outlines(symbol.matrix))
        module = label.plan.dots * scale
        left = (x + box.x) * scale
        top = self.h_pt - (y + box.y) * scale
        # The y axis of a PDF points upwards.
        self._out(f"q {module:.4f} 0 0 {-module:.4f} {left:.4f} {top:.4f} cm")
        self._out(f"{self._outlines[1]} f Q")

    def _put_rows(self, rows: Sequence[Row], x: int, y: int) -> None:
        for row in rows:
            self.text(x + row.x, y + row.y + self.design.setting.size * _ASCENT, row.text)


def write_sheets(file: BinaryIO, design: Design, labels: Iterable[DrawnLabel], copies: int) -> None:
    """Write the PDF of a job: each label so many times, from the first place of the first page."""
    sheets = Sheets(design)
    places = design.layout.labels_a_page
    number = 0
    try:
        for label in labels:
            for _ in range(copies):
                sheets.put(label, number % places)
                number += 1
        file.write(sheets.output())
    finally:
        sheets.close_font()


def _outlines(matrix: list[list[bool]]) -> str:
    """Return the dark modules as rectangles of a path, in modules."""
    return " ".join(
        f"{x} {y} {length} 1 re" for y, row in enumerate(matrix) for x, length in dark_runs(row)
    )


def _dots(length: float) -> int:
    return round(length * DPI / MM_PER_INCH)
