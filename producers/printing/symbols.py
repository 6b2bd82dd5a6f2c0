"""QR Codes of one job: all of one version and one mask, so that all labels look alike."""

from collections.abc import Iterable
from dataclasses import dataclass

import qrcode
from PIL import Image
from qrcode.constants import ERROR_CORRECT_M
from qrcode.util import MODE_8BIT_BYTE, QRData

from foodtrace.producers.labels import MASK
from foodtrace.producers.printing.codewords import codewords
from foodtrace.producers.printing.lettering import BLACK, WHITE
from foodtrace.trace.errors import Invalid, Problem, mark

# Beyond this a telephone has to come too near; 1,990 bytes would fit into the largest of all.
LONGEST_URL = 500

Matrix = list[list[bool]]


@dataclass(frozen=True, slots=True)
class Symbol:
    """The dark modules of a code row by row, without the quiet zone."""

    matrix: Matrix

    @property
    def side(self) -> int:
        """How many modules a side has."""
        return len(self.matrix)

    def drawn(self, dots: int) -> Image.Image:
        """Return it as a picture with so many dots a module."""
        image = Image.new("1", (self.side, self.side), WHITE)
        image.putdata([BLACK if dark else WHITE for row in self.matrix for dark in row])
        return image.resize((self.side * dots, self.side * dots), Image.Resampling.NEAREST)


def version_for(urls: Iterable[str]) -> int:
    """Return the version that holds every one of these; raise Invalid for too long a text."""
    longest = max(urls, key=len)
    if len(longest) > LONGEST_URL:
        raise Invalid(
            Problem(
                "identifier",
                mark("The address of the code has %(length)s characters, and a code that is still read well holds %(most)s"),  # noqa: E501
                mark("Use a shorter lot number"),
                {"length": len(longest), "most": LONGEST_URL},
            )
        )  # fmt: skip
    code = _code(None)
    code.add_data(QRData(longest, mode=MODE_8BIT_BYTE))
    return int(code.best_fit())


def modules_of(version: int) -> int:
    """Return how many modules a side of a version has (ISO/IEC 18004).

    >>> modules_of(4)
    33
    """
    return 17 + 4 * version


def symbol_of(url: str, version: int) -> Symbol:
    """Return the code of an address in a version that holds it."""
    code = _code(version)
    code.data_cache = codewords(url.encode(), version)
    code.makeImpl(False, MASK)
    return Symbol([[bool(dark) for dark in row] for row in code.modules])


def _code(version: int | None) -> qrcode.QRCode:
    return qrcode.QRCode(
        version=version, error_correction=ERROR_CORRECT_M, border=0, mask_pattern=MASK
    )
