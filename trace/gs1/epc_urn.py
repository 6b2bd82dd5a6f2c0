"""EPC URNs (GS1 EPC Tag Data Standard, sections 6 and 8) turned into GS1 keys.

An EPC URN splits a key after the company prefix and leaves the check digit out:
``urn:epc:id:sgtin:9506000.013435.12`` is GTIN 09506000134352, serial 12.
"""

from collections.abc import Callable, Mapping, Sequence

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.charset import decoded, is_digits
from foodtrace.trace.gs1.check_digits import gs1_check_digit
from foodtrace.trace.gs1.keys import identifier_of
from foodtrace.trace.gs1.model import Identifier, ItemKind

# A key as `identifier_of` takes it: application identifier, value, qualifiers.
_Parts = tuple[str, str, list[tuple[str, str]]]
# How many fields a scheme has, and how its key is made of them.
_Scheme = tuple[int, Callable[[list[str]], _Parts]]


def parse_epc_urn(text: str) -> Identifier:
    """Return the identifier of a URN that starts with ``urn:epc:``. Raises Invalid.

    Schemes without a GS1 key (usdod, adi, bic, imovn), patterns that name no class and
    anything unknown stay as they are.
    """
    form, _, rest = text[len("urn:epc:") :].partition(":")
    name, _, body = rest.partition(":")
    schemes = {"id": _IDS, "class": _CLASSES, "idpat": _PATTERNS}.get(form, {})
    if form == "idpat":
        # A star for the serial alone names the class; more stars are a real pattern.
        body, star, tail = body.rpartition(".*")
        if not star or tail or "*" in body:
            return Identifier(text, ItemKind.OTHER)
    if name not in schemes:
        return Identifier(text, ItemKind.OTHER)
    count, key_of = schemes[name]
    # The last field is free text and may hold dots itself.
    fields = body.split(".", count - 1)
    if len(fields) != count or not is_digits(fields[0]) or not 6 <= len(fields[0]) <= 12:
        raise Invalid(_malformed())
    fields[-1] = decoded(fields[-1])
    # A reference is empty where the company prefix takes up all digits of the number.
    if not all(fields[2:]):
        raise Invalid(_malformed())
    return identifier_of(*key_of(fields))


def _malformed() -> Problem:
    return Problem(
        "identifier",
        mark("The URN does not have the parts of its EPC scheme"),
        mark("Write company prefix, reference and serial as the EPC Tag Data Standard says"),
    )


def _number(fields: Sequence[str], length: int) -> str:
    """Return the fields joined, with their check digit; raise Invalid unless `length` digits."""
    digits = "".join(fields)
    if len(digits) != length - 1 or not is_digits(digits):
        raise Invalid(_malformed())
    return digits + gs1_check_digit(digits)


def _reference(text: str) -> str:
    if not text:
        raise Invalid(_malformed())
    return text


def _indicated(prefix: str, reference: str, length: int) -> str:
    """Return a number whose first digit stands first in the reference (GTIN, SSCC)."""
    return _number((reference[:1], prefix, reference[1:]), length)


def _gtin(*ai: str) -> Callable[[list[str]], _Parts]:
    def key_of(fields: list[str]) -> _Parts:
        return "01", _indicated(fields[0], fields[1], 14), list(zip(ai, fields[2:], strict=True))

    return key_of


def _sscc(fields: list[str]) -> _Parts:
    return "00", _indicated(fields[0], fields[1], 18), []


def _sgln(fields: list[str]) -> _Parts:
    # Extension 0 says that there is none (Tag Data Standard 6.3.3).
    extension = [] if fields[2] == "0" else [("254", fields[2])]
    return "414", _number(fields[:2], 13), extension


def _number_of(ai: str, length: int, lead: str = "") -> Callable[[list[str]], _Parts]:
    def key_of(fields: list[str]) -> _Parts:
        return ai, lead + _number(fields[:2], length) + "".join(fields[2:]), []

    return key_of


def _text_of(ai: str) -> Callable[[list[str]], _Parts]:
    def key_of(fields: list[str]) -> _Parts:
        return ai, fields[0] + _reference(fields[1]), []

    return key_of


def _cpi(fields: list[str]) -> _Parts:
    prefix, part, *serial = fields
    part = _reference(decoded(part) if serial else part)
    return "8010", prefix + part, [("8011", text) for text in serial]


def _itip(fields: list[str]) -> _Parts:
    prefix, reference, piece, total, *serial = fields
    value = _indicated(prefix, reference, 14) + piece + total
    return "8006", value, [("21", text) for text in serial]


_IDS: Mapping[str, _Scheme] = {
    "sgtin": (3, _gtin("21")),
    "sscc": (2, _sscc),
    "sgln": (3, _sgln),
    "pgln": (2, _number_of("417", 13)),
    "grai": (3, _number_of("8003", 13, "0")),
    "giai": (2, _text_of("8004")),
    "gsrn": (2, _number_of("8018", 18)),
    "gsrnp": (2, _number_of("8017", 18)),
    "gdti": (3, _number_of("253", 13)),
    "cpi": (3, _cpi),
    "sgcn": (3, _number_of("255", 13)),
    "ginc": (2, _text_of("401")),
    "gsin": (2, _number_of("402", 17)),
    "itip": (5, _itip),
    "upui": (3, _gtin("235")),
}
_CLASSES: Mapping[str, _Scheme] = {"lgtin": (3, _gtin("10"))}
_PATTERNS: Mapping[str, _Scheme] = {
    "sgtin": (2, _gtin()),
    "grai": (2, _number_of("8003", 13, "0")),
    "gdti": (2, _number_of("253", 13)),
    "sgcn": (2, _number_of("255", 13)),
    "cpi": (2, _cpi),
    "itip": (4, _itip),
}
