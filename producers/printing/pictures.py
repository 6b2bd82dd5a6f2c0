"""Labels as pictures: PNG with the printer's density, many of them in a ZIP archive."""

import io
import zipfile
from collections.abc import Iterable
from typing import BinaryIO

from foodtrace.producers.printing.drawing import Design, DrawnLabel

# All the same, so that a job drawn again makes the same file.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def png_of(label: DrawnLabel) -> bytes:
    """Return a label as PNG, dot by dot."""
    picture = io.BytesIO()
    dpi = label.plan.dpi
    label.bitmap().save(picture, "PNG", dpi=(dpi, dpi))
    return picture.getvalue()


def write_pictures(
    file: BinaryIO, design: Design, labels: Iterable[DrawnLabel], copies: int
) -> None:
    """Write the one picture of a job, or a numbered one for each code in an archive.

    How often a picture is printed is said to the program that prints it.
    """
    if len(design.labels) == 1:
        for label in labels:
            file.write(png_of(label))
        return
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for number, label in enumerate(labels, 1):
            archive.writestr(zipfile.ZipInfo(f"{number:05}.png", _NO_TIME), png_of(label))
