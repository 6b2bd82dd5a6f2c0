"""The QR code of a lot: on paper, on a thermal label and in the terminal.

Sizes follow the GS1 General Specifications 5.12.3.1 (QR Code with GS1 Digital Link):
one module is 0.396 to 0.990 mm wide, and 4 empty modules surround the symbol.
"""

import io
from collections.abc import Iterator
from itertools import groupby
from urllib.parse import unquote

import qrcode
from PIL import Image
from qrcode.constants import ERROR_CORRECT_M

from foodtrace.trace.errors import Invalid, Problem, mark

QUIET_ZONE = 4  # modules
MODULE_MM = 0.495  # the target X-dimension; the range is 0.396 to 0.990 mm
SMALLEST_MODULE_MM, LARGEST_MODULE_MM = 0.396, 0.990
MM_PER_INCH = 25.4
LOWEST_DPI, HIGHEST_DPI = 72, 1200
# Any mask can be read; choosing the best one takes eight times as long.
MASK = 3

Matrix = list[list[bool]]


def lot_url(base_url: str, canonical: str) -> str:
    """Return what the QR code says: the page of an item on this installation.

    A canonical identifier is percent-encoded already.

    >>> lot_url("https://trace.example", "/01/06901234567892/10/A%2F1")
    'https://trace.example/01/06901234567892/10/A%2F1'
    """
    return base_url.rstrip("/") + canonical


def human_readable(canonical: str) -> str:
    """Return the text beside a code: application identifiers, or our code in groups.

    >>> human_readable("/01/06901234567892/10/A%2F1")
    '(01)06901234567892(10)A/1'
    >>> human_readable("/q/0123456789ABCDEFGHJKMNPQRS7")
    '0123 4567 89AB CDEF GHJK MNPQ RS7'
    """
    if canonical.startswith("/q/"):
        code = canonical.removeprefix("/q/")
        return " ".join(code[i : i + 4] for i in range(0, len(code), 4))
    if not canonical.startswith("/"):
        return canonical
    parts = canonical.strip("/").split("/")
    pairs = zip(parts[::2], parts[1::2], strict=False)
    return "".join(f"({key}){unquote(value)}" for key, value in pairs)


def qr_svg(url: str) -> str:
    """Return the code as SVG with its size in millimetres and the quiet zone inside."""
    matrix = _modules(url)
    side = len(matrix)
    width = f"{side * MODULE_MM:.3f}mm"
    path = "".join(
        f"M{x} {y}h{length}v1h-{length}z"
        for y, row in enumerate(matrix)
        for x, length in dark_runs(row)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{width}" '
        f'viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/><path d="{path}"/></svg>'
    )


def qr_png(url: str, dpi: int = 300) -> bytes:
    """Return the code as PNG for a printer of `dpi` dots an inch: whole dots a module.

    Raises Invalid for a density that no label printer has.
    """
    dots = dots_a_module(dpi)
    matrix = _modules(url)
    side = len(matrix)
    image = Image.new("1", (side, side), 1)
    image.putdata([0 if dark else 1 for row in matrix for dark in row])
    picture = io.BytesIO()
    image.resize((side * dots, side * dots), Image.Resampling.NEAREST).save(
        picture, "PNG", dpi=(dpi, dpi), optimize=True
    )
    return picture.getvalue()


def dots_a_module(dpi: int) -> int:
    """Return how many printer dots wide a module is, nearest to the target size.

    >>> dots_a_module(203), dots_a_module(300)
    (4, 6)
    """
    if not LOWEST_DPI <= dpi <= HIGHEST_DPI:
        raise Invalid(
            Problem(
                "dpi",
                mark("A printer has between %(low)s and %(high)s dots an inch"),
                mark("Write 203 or 300"),
                {"low": LOWEST_DPI, "high": HIGHEST_DPI},
            )
        )
    return max(1, round(MODULE_MM * dpi / MM_PER_INCH))


def qr_text(url: str) -> str:
    """Return the code for a terminal: half blocks, two rows of modules a line.

    Black and white are set, not left to the terminal's theme, so that the code has the
    right contrast on dark and light backgrounds alike.
    """
    matrix = _modules(url)
    if len(matrix) % 2:
        matrix.append([False] * len(matrix))
    blocks = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    lines = (
        "".join(blocks[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(matrix[::2], matrix[1::2], strict=True)
    )
    return "\n".join(f"\x1b[38;5;16;48;5;231m{line}\x1b[0m" for line in lines)


def _modules(url: str) -> Matrix:
    """Return the dark modules row by row, quiet zone included."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=QUIET_ZONE, mask_pattern=MASK)
    code.add_data(url)
    code.make(fit=True)
    return [[bool(dark) for dark in row] for row in code.get_matrix()]


def dark_runs(row: list[bool]) -> Iterator[tuple[int, int]]:
    """Yield where each run of dark modules begins, and its length."""
    x = 0
    for dark, group in groupby(row):
        length = len(list(group))
        if dark:
            yield x, length
        x += length
