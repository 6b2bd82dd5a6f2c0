"""The files that labels are printed from, and what is written into each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO

from foodtrace.producers.printing.drawing import Design, DrawnLabel
from foodtrace.producers.printing.layouts import Layout
from foodtrace.producers.printing.pictures import write_pictures
from foodtrace.producers.printing.sheets import DPI, write_sheets
from foodtrace.producers.printing.thermal import write_tspl, write_zpl
from foodtrace.trace.errors import Invalid, Problem, mark

PRINTERS = (203, 300)  # dots an inch

Writer = Callable[[BinaryIO, Design, Iterable[DrawnLabel], int], None]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file. `dpi` is given where the printer's density does not matter."""

    suffix: str
    media_type: str
    write: Writer
    dpi: int | None = None
    takes_sheets: bool = False
    archive: tuple[str, str] | None = None  # suffix and media type of several labels


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "pdf": Format("pdf", "application/pdf", write_sheets, dpi=DPI, takes_sheets=True),
        "zpl": Format("zpl", "application/octet-stream", write_zpl),
        "tspl": Format("prn", "application/octet-stream", write_tspl),
        "png": Format("png", "image/png", write_pictures, archive=("zip", "application/zip")),
    }
)


def check_format(name: str, layout: Layout, dpi: int) -> int:
    """Return the density in which labels of this format are drawn.

    Raises Invalid for an unknown format or density, and for sheets in what only rolls take.
    """
    found = FORMATS.get(name)
    if found is None:
        raise Invalid(
            Problem(
                "format",
                mark("There is no format %(format)s"),
                mark("Write one of %(formats)s"),
                {"format": name[:40], "formats": ", ".join(FORMATS)},
            )
        )
    if layout.is_sheet and not found.takes_sheets:
        raise Invalid(
            Problem(
                "format",
                mark("Sheets are printed from a PDF"),
                mark("Choose PDF, or the size of a roll"),
            )
        )
    if dpi not in PRINTERS:
        raise Invalid(
            Problem("dpi", mark("Label printers have 203 or 300 dots an inch"), mark("Choose one"))
        )
    return found.dpi or dpi


def file_kind(name: str, codes: int) -> tuple[str, str]:
    """Return suffix and media type of the file of a job with so many different codes."""
    found = FORMATS[name]
    return found.archive if found.archive and codes > 1 else (found.suffix, found.media_type)
