"""What a scanner or a person puts into a scan field, and what it names.

A hand scanner types what the symbol holds: a web address from a QR code, an element
string from a GS1-128 or DataMatrix (with FNC1 or the brackets of the printed text), or
the bare digits of an SSCC or GTIN. A person types the code below the symbol.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import quote

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.check_digits import normal_gtin
from foodtrace.trace.gs1.elements import FNC1, Element, parse_elements
from foodtrace.trace.gs1.identifiers import parse_identifier
from foodtrace.trace.gs1.links import parse_link
from foodtrace.trace.gs1.model import GS1_ROOT, Identifier, ItemKind

# The names of one thing, the finest first: its serial number, its lot, its product.
Names = tuple[Identifier, ...]

MAX_SCAN = 500
SSCC_LENGTH = 18
GTIN_LENGTHS = (8, 12, 13, 14)
OUR_CODE_LENGTH = 27
# Symbology identifiers that scanners put in front (ISO/IEC 15424): QR, DataMatrix, Code 128,
# DataBar, EAN and UPC, ITF.
_SYMBOLOGIES = ("]Q3", "]Q1", "]d2", "]d1", "]C1", "]C0", "]e0", "]E0", "]E4", "]I1")
_WRAPPING = "\ufeff\u200b \t\r\n"
# How scanners and key maps write the separator of a GS1 symbol, the character GS (29).
_SEPARATOR = re.compile(r"\x1d|\u241d|\{GS\}|<GS>|\^\]", re.IGNORECASE)
# What an input method for Chinese makes of letters, digits and signs; and its space.
_FULL_WIDTH = re.compile("[\uff01-\uff5e\u3000]")
# A value that swallowed others begins behind a GTIN or later; no longer string is cut.
_FIRST_CUT = 4
_LONGEST_CUT = 120


def read_code(text: str) -> Identifier:
    """Return what a scanned or typed text names. Raises Invalid.

    >>> read_code("(01)06901234567892(10)A1").canonical
    '/01/06901234567892/10/A1'
    >>> read_code("106901234500000010").canonical
    '/00/106901234500000010'
    """
    code = cleaned_code(text)
    whole = _whole_code(code)
    if whole is not None:
        return whole
    finest = _names_of(_elements(code))[0]
    if finest.kind == ItemKind.CLASS:
        raise _unreadable(mark("The code names a product, but no lot of it"))
    return finest


def read_scan(text: str) -> tuple[Names, ...]:
    """Return the ways to read a scanned text, each with the names of a thing. Raises Invalid.

    There is one way; more only where a scanner may have lost the separators between values:
    then the first is to take the text as it stands. A product without lot is read as well.

    >>> [name.canonical for name in read_scan("4006381333931")[0]]
    ['/01/04006381333931']
    """
    code = cleaned_code(text)
    if code.isascii() and code.isdigit() and len(code) in GTIN_LENGTHS:
        return ((_product(code),),)
    whole = _whole_code(code)
    if whole is not None:
        return (_names_in_link(code) or (whole,),)
    return _element_ways(code)


def read_lot_of(product: str, lot: str) -> Identifier:
    """Return the lot of a product (``/01/…``) by the number on the pack. Raises Invalid."""
    try:
        return parse_identifier(f"{product}/10/{quote(cleaned_code(lot), safe='')}")
    except Invalid as refusal:
        raise Invalid(*(replace(problem, place="lot") for problem in refusal.problems)) from None


def cleaned_code(text: str) -> str:
    """Return a scanned text without what scanners put around it, FNC1 as ``^``."""
    code = text[: MAX_SCAN + 1].strip(_WRAPPING)
    if not code:
        raise _unreadable(mark("Nothing was scanned or typed"))
    if len(code) > MAX_SCAN:
        raise _unreadable(mark("This is too long for a code"))
    wide = _FULL_WIDTH.search(code)
    if wide:
        raise Invalid(
            Problem(
                "code",
                mark("The code holds the full-width character %(character)s"),
                mark("Switch the input method to English (half-width), and scan again"),
                {"character": wide.group()},
            )
        )
    for symbology in _SYMBOLOGIES:
        code = code.removeprefix(symbology)
    return _SEPARATOR.sub(FNC1, code)


def _whole_code(code: str) -> Identifier | None:
    """Return what an address, the digits of an SSCC or our own code names; else None."""
    if ":" in code[:12] or code.startswith("/"):
        return parse_identifier(code)
    if code.isascii() and code.isdigit() and len(code) == SSCC_LENGTH:
        return parse_identifier(f"/00/{code}")
    bare = code.replace("-", "").replace(" ", "")
    if len(bare) == OUR_CODE_LENGTH and bare.isascii() and bare.isalnum():
        return parse_identifier(f"/q/{bare}")
    return None


def _product(digits: str) -> Identifier:
    try:
        return parse_identifier(f"/01/{normal_gtin(digits)}")
    except Invalid as refusal:
        raise _at_code(refusal) from None


def _names_in_link(code: str) -> Names | None:
    """Return all names in a GS1 Digital Link: its own canonical form keeps the finest only."""
    try:
        return _names_of(parse_link(GS1_ROOT + code if code.startswith("/") else code).elements)
    except Invalid:
        return None


def _elements(code: str) -> tuple[Element, ...]:
    """Read application identifiers: ``(01)…(10)…`` as printed, or the raw string.

    Whether they may stand together is not asked: the rest may be in another bar code.
    """
    try:
        return parse_elements(code)
    except Invalid as refusal:
        raise _known_or_not(refusal) from None


def _element_ways(code: str) -> tuple[Names, ...]:
    """Return the ways to read an element string, the strict one first."""
    ways: dict[Names, None] = {}
    refusal = None
    try:
        ways[_names_of(_elements(code))] = None
    except Invalid as error:
        refusal = error
    ways |= dict.fromkeys(_ways_with_lost_separator(code))
    if not ways and refusal is not None:
        raise refusal
    return tuple(ways)


def _ways_with_lost_separator(code: str) -> Iterable[Names]:
    """Yield what a string without any separator may have been before one of them was lost."""
    if code.startswith("(") or FNC1 in code[1:] or len(code) > _LONGEST_CUT:
        return
    for at in range(_FIRST_CUT, len(code)):
        try:
            yield _names_of(parse_elements(code[:at] + FNC1 + code[at:]))
        except Invalid:
            continue


def _names_of(elements: Iterable[tuple[str, str]]) -> Names:
    """Return the names in an element string. Raises Invalid where nothing is named."""
    values = dict(elements)
    for ai in ("00", "8003", "414", "417"):
        if ai in values:
            return (parse_identifier(_path(ai, values)),)
    gtin = values.get("01") or values.get("02")
    if gtin is None:
        raise _unreadable(mark("The code names no product and no pallet"))
    product = f"/01/{gtin}"
    finer = [f"{product}/{ai}/{quote(values[ai], safe='')}" for ai in ("21", "10") if ai in values]
    return tuple(parse_identifier(each) for each in (*finer, product))


def _path(ai: str, values: Mapping[str, str]) -> str:
    path = f"/{ai}/{quote(values[ai], safe='')}"
    extension = values.get("254")
    return f"{path}/254/{quote(extension, safe='')}" if ai == "414" and extension else path


def _known_or_not(refusal: Invalid) -> Invalid:
    """Return what is wrong with a value; of what is no element string, only that."""
    if any(problem.place.startswith("(") for problem in refusal.problems):
        return _at_code(refusal)
    return _unreadable(mark("This is no code that this service knows"))


def _at_code(refusal: Invalid) -> Invalid:
    return Invalid(*(replace(problem, place="code") for problem in refusal.problems))


def _unreadable(rule: str) -> Invalid:
    return Invalid(Problem("code", rule, mark("Scan the code again, or type what is below it")))
