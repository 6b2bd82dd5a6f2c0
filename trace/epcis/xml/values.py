"""Texts of XML as JSON values. Numbers keep their digits: none goes through a float."""

import re

import msgspec

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_XML_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")
_BREAK = re.compile(r"[\t\r\n]")
_SPACE = " \t\r\n"

Number = msgspec.Raw


def trimmed(text: str | None) -> str:
    """Return a text as an EPCIS field has it: without the white space around it."""
    return (text or "").strip(_SPACE)


def prose(text: str | None) -> str:
    """Return a text of an extension: indentation is layout, spaces within a line are not.

    >>> prose("  two  words\\n      and more ")
    'two  words and more'
    """
    text = trimmed(text)
    if _BREAK.search(text) is None:
        return text
    return " ".join(filter(None, (line.strip(" ") for line in _BREAK.split(text))))


def number(text: str) -> Number | str:
    """Return a number as JSON, digit for digit; what is none comes back as the text it is.

    >>> bytes(number("200.50")), bytes(number("+.5")), number("INF")
    (b'200.50', b'0.5', 'INF')
    """
    if _JSON_NUMBER.fullmatch(text):
        return Number(text.encode())
    found = _XML_NUMBER.fullmatch(text)
    if not found or not (found.group(2) or found.group(3)):
        return text
    sign, whole, fraction, exponent = found.groups()
    made = "-" if sign == "-" else ""
    made += whole.lstrip("0") or "0"
    made += f".{fraction}" if fraction else ""
    made += f"e{exponent}" if exponent else ""
    return Number(made.encode())


def boolean(text: str) -> bool | str:
    """Return a boolean of XML schema; what is none comes back as the text it is."""
    return {"true": True, "1": True, "false": False, "0": False}.get(text, text)


def raw_json(text: str) -> Number:
    """Return a number of JSON as it is written."""
    return Number(text.encode())
