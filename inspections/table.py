"""The rows of a chain as a CSV file that a spreadsheet opens safely. Pure."""

import csv
import io
from collections.abc import Iterable, Sequence

BYTE_ORDER_MARK = "\ufeff"  # without it, Excel reads Chinese in a legacy encoding

# A cell that begins like this is run as a formula by spreadsheets (CWE-1236).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return the file: quoted cells, CRLF lines (RFC 4180), a byte order mark in front."""
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(header)
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return BYTE_ORDER_MARK + file.getvalue()


def safe_cell(text: str) -> str:
    """Return the cell with an apostrophe in front where it would run as a formula.

    >>> safe_cell("=HYPERLINK(1)"), safe_cell("L1"), safe_cell("-18.5")
    ("'=HYPERLINK(1)", 'L1', '-18.5')
    """
    if text.startswith(_FORMULA_STARTS) and not _is_number(text):
        return "'" + text
    return text


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-").replace(".", "", 1)
    return digits.isascii() and digits.isdecimal()
