"""Labels as dots: what all labels of a job share is drawn once, then each with its own code."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from foodtrace.producers.printing.layouts import Layout, Plan, plan_label
from foodtrace.producers.printing.lettering import (
    WHITE,
    draw_text,
    missing,
    printable,
    width_of,
)
from foodtrace.producers.printing.symbols import Symbol, modules_of, symbol_of, version_for
from foodtrace.producers.printing.texts import (
    Facts,
    Row,
    Said,
    Setting,
    clean,
    lines_of,
    set_readable,
    set_text,
)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Dots of a label, black and white, and where they stand on it. It equals only itself."""

    x: int
    y: int
    image: Image.Image


@dataclass(frozen=True, slots=True)
class DrawnLabel:
    """One label as the printer gets it; `rows` are the texts of its own, for what sets text."""

    said: Said
    plan: Plan
    symbol: Symbol
    pieces: tuple[Piece, ...]
    rows: tuple[Row, ...]

    def bitmap(self) -> Image.Image:
        """Return the whole label, dot by dot."""
        image = Image.new("1", (self.plan.width, self.plan.height), WHITE)
        for piece in self.pieces:
            image.paste(piece.image, (piece.x, piece.y))
        return image


class Design:
    """How the labels of one job look: size, version of the code, and the text they share.

    Making one raises Invalid where the labels cannot hold what they have to say.
    """

    def __init__(self, layout: Layout, dpi: int, facts: Facts, labels: Sequence[Said]) -> None:
        self.layout, self.labels = layout, labels
        self.version = version_for(label.url for label in labels)
        self.plan = plan_label(layout, modules_of(self.version), dpi)
        readable = [printable(clean(label.readable)) for label in labels]
        shown = _printable(facts)
        self.setting: Setting = set_text(shown, readable, self.plan.text, dpi, width_of)
        said = "".join(lines_of(facts)) + "".join({sign for s in labels for sign in s.readable})
        # Letters of the texts that are drawn as boxes.
        self.missing = missing(clean(said))
        self.shared = self._text(self.setting.rows)

    def draw(self, said: Said) -> DrawnLabel:
        """Draw one label."""
        symbol = symbol_of(said.url, self.version)
        code = Piece(self.plan.code.x, self.plan.code.y, symbol.drawn(self.plan.dots))
        rows = set_readable(printable(clean(said.readable)), self.setting, width_of)
        pieces = (code, *self.shared, *self._text(rows))
        return DrawnLabel(said, self.plan, symbol, pieces, tuple(rows))

    def _text(self, rows: Sequence[Row]) -> tuple[Piece, ...]:
        drawn = ((row, draw_text(row.text, self.setting.size)) for row in rows)
        return tuple(
            Piece(row.x + dots[0], row.y + dots[1], dots[2]) for row, dots in drawn if dots
        )


def _printable(facts: Facts) -> Facts:
    given = ((name, getattr(facts, name)) for name in Facts.__slots__)
    return Facts(**{name: text and printable(clean(text)) for name, text in given})
