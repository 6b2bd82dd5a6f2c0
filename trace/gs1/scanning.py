"""What a scanner or a person puts into a scan field, and what it names.

A hand scanner types what the symbol holds: a web address from a QR code, an element
string from a GS1-128 or DataMatrix (with FNC1 or the brackets of the printed text), or
the bare digits of an SSCC. A person types the code below the symbol.
"""

from dataclasses import replace
from urllib.parse import quote

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.elements import parse_elements
from foodtrace.trace.gs1.identifiers import parse_identifier
from foodtrace.trace.gs1.model import Identifier

MAX_SCAN = 500
SSCC_LENGTH = 18
OUR_CODE_LENGTH = 27
# Symbology identifiers that scanners put in front (ISO/IEC 15424): QR, GS1-128, DataMatrix.
_SYMBOLOGIES = ("]Q3", "]Q1", "]d2", "]C1", "]e0")
_WRAPPING = "\ufeff\u200b \t\r\n"


def read_code(text: str) -> Identifier:
    """Return what a scanned or typed text names. Raises Invalid.

    >>> read_code("(01)06901234567892(10)A1").canonical
    '/01/06901234567892/10/A1'
    >>> read_code("106901234500000010").canonical
    '/00/106901234500000010'
    """
    code = text[: MAX_SCAN + 1].strip(_WRAPPING)
    if not code:
        raise _unreadable(mark("Nothing was scanned or typed"))
    if len(code) > MAX_SCAN:
        raise _unreadable(mark("This is too long for a code"))
    for symbology in _SYMBOLOGIES:
        code = code.removeprefix(symbology)
    if ":" in code[:12] or code.startswith("/"):
        return parse_identifier(code)
    if code.isascii() and code.isdigit() and len(code) == SSCC_LENGTH:
        return parse_identifier(f"/00/{code}")
    bare = code.replace("-", "").replace(" ", "")
    if len(bare) == OUR_CODE_LENGTH and bare.isascii() and bare.isalnum():
        return parse_identifier(f"/q/{bare}")
    return _element_string(code)


def _element_string(code: str) -> Identifier:
    """Read application identifiers: ``(01)…(10)…`` as printed, or the raw string.

    Whether they may stand together is not asked: the rest may be in another bar code.
    """
    try:
        values = dict(parse_elements(code))
    except Invalid as refusal:
        raise _known_or_not(refusal) from None
    if "00" in values:
        return parse_identifier(f"/00/{values['00']}")
    gtin = values.get("01") or values.get("02")
    if gtin is None:
        raise _unreadable(mark("The code names no product and no pallet"))
    if "21" in values:
        return parse_identifier(f"/01/{gtin}/21/{quote(values['21'], safe='')}")
    if "10" in values:
        return parse_identifier(f"/01/{gtin}/10/{quote(values['10'], safe='')}")
    raise _unreadable(mark("The code names a product, but no lot of it"))


def _known_or_not(refusal: Invalid) -> Invalid:
    """Return what is wrong with a value; of what is no element string, only that."""
    if any(problem.place.startswith("(") for problem in refusal.problems):
        return Invalid(*(replace(problem, place="code") for problem in refusal.problems))
    return _unreadable(mark("This is no code that this service knows"))


def _unreadable(rule: str) -> Invalid:
    return Invalid(Problem("code", rule, mark("Scan the code again, or type what is below it")))
