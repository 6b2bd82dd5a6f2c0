"""GS1 keys written as EPC URNs (EPC Tag Data Standard, section 6.3): epc_urn.py backwards.

A URN keeps the company prefix apart from the rest of the key. Where its length is not known
there is no URN: a wrong one would name something else.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from urllib.parse import quote

from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.charset import decoded
from foodtrace.trace.gs1.company_prefix import company_prefix_length
from foodtrace.trace.gs1.epc_urn import parse_epc_urn
from foodtrace.trace.gs1.keys import KEYS

# What stands in a URN as it is; the other signs that GS1 keys may hold are escaped
# (EPC Tag Data Standard, table A-1).
_UNESCAPED = "!'()*+,-.:;=_"
# A GTIN-8 as 14 digits. Its prefix is GS1's own, and the company's part of it is in no list.
_GTIN_8 = "000000"

_Writer = Callable[[str, str], str | None]


# Products, places and parties recur in event after event; identifiers are at most 500 long.
@lru_cache(maxsize=8192)
def epc_urn_of(canonical: str) -> str | None:
    """Return the EPC URN of a canonical identifier; None where there is none or none is known.

    >>> epc_urn_of("/01/06901234567892/10/L1")
    'urn:epc:class:lgtin:6901234.056789.L1'
    """
    _, _, path = canonical.partition("/")
    ai, _, rest = path.partition("/")
    if canonical[:1] != "/" or ai not in KEYS:
        return None
    value, _, qualifier = rest.partition("/")
    name, _, text = qualifier.partition("/")
    writer = _WRITERS.get((ai, name))
    urn = writer(decoded(value), decoded(text)) if writer else None
    return urn if urn is not None and _names(urn, canonical) else None


def _names(urn: str, canonical: str) -> bool:
    """Answer whether the URN is read as that very identifier: not all of them have a URN."""
    try:
        return parse_epc_urn(urn).canonical == canonical
    except Invalid:
        return False


def _escaped(text: str) -> str:
    return quote(text, safe=_UNESCAPED)


def _split(number: str) -> str | None:
    """Return the number with a dot after its company prefix."""
    length = company_prefix_length(number)
    return None if length is None else f"{number[:length]}.{number[length:]}"


def _split_indicated(number: str) -> str | None:
    """Return the number with its first digit, an indicator, behind the dot."""
    split = _split(number[1:])
    return split and split.replace(".", f".{number[0]}")


def _gtin(scheme: str) -> _Writer:
    def write(value: str, text: str) -> str | None:
        split = None if value.startswith(_GTIN_8) else _split_indicated(value[:-1])
        return split and f"urn:epc:{scheme}:{split}.{_escaped(text) if text else '*'}"

    return write


def _sscc(value: str, _: str) -> str | None:
    split = _split_indicated(value[:-1])
    return split and f"urn:epc:id:sscc:{split}"


def _sgln(value: str, extension: str) -> str | None:
    split = _split(value[:-1])
    # No extension is written as 0 (Tag Data Standard, section 6.3.3).
    return split and f"urn:epc:id:sgln:{split}.{_escaped(extension) if extension else '0'}"


def _number(scheme: str) -> _Writer:
    def write(value: str, _: str) -> str | None:
        split = _split(value[:-1])
        return split and f"urn:epc:id:{scheme}:{split}"

    return write


def _serialized(scheme: str, lead: int = 0) -> _Writer:
    """Return the writer of keys whose 13 digits, after `lead` more, may have a serial behind."""

    def write(value: str, _: str) -> str | None:
        number, serial = value[lead : lead + 12], value[lead + 13 :]
        split = _split(number)
        if split is None:
            return None
        if not serial:
            return f"urn:epc:idpat:{scheme}:{split}.*"
        return f"urn:epc:id:{scheme}:{split}.{_escaped(serial)}"

    return write


def _text(scheme: str) -> _Writer:
    def write(value: str, _: str) -> str | None:
        split = _split(value)
        return split and f"urn:epc:id:{scheme}:{_escaped(split)}"

    return write


def _cpi(value: str, serial: str) -> str | None:
    split = _split(value)
    if split is None:
        return None
    form, last = ("id", serial) if serial else ("idpat", "*")
    return f"urn:epc:{form}:cpi:{_escaped(split)}.{last}"


def _itip(value: str, serial: str) -> str | None:
    split = _split_indicated(value[:13])
    if split is None:
        return None
    form, last = ("id", _escaped(serial)) if serial else ("idpat", "*")
    return f"urn:epc:{form}:itip:{split}.{value[14:16]}.{value[16:]}.{last}"


# By application identifier of the key and of its finest qualifier.
_WRITERS: Mapping[tuple[str, str], _Writer] = {
    ("00", ""): _sscc,
    ("01", ""): _gtin("idpat:sgtin"),
    ("01", "10"): _gtin("class:lgtin"),
    ("01", "21"): _gtin("id:sgtin"),
    ("01", "235"): _gtin("id:upui"),
    ("253", ""): _serialized("gdti"),
    ("255", ""): _serialized("sgcn"),
    ("401", ""): _text("ginc"),
    ("402", ""): _number("gsin"),
    ("414", ""): _sgln,
    ("414", "254"): _sgln,
    ("417", ""): _number("pgln"),
    ("8003", ""): _serialized("grai", lead=1),
    ("8004", ""): _text("giai"),
    ("8006", ""): _itip,
    ("8006", "21"): _itip,
    ("8010", ""): _cpi,
    ("8010", "8011"): _cpi,
    ("8017", ""): _number("gsrnp"),
    ("8018", ""): _number("gsrn"),
}
