r"""Element strings: application identifiers and their values, as bar codes hold and show them.

In brackets, as printed below a bar code: ``(01)09506000134352(10)A\(1)``, a bracket of the
value escaped by a backslash. Or as the bar code holds it, with the sign FNC1 behind values of
variable length: ``^010950600013435210A(1^17261231``, FNC1 being ``^`` or the character GS (29).
"""

from collections.abc import Iterable
from typing import NamedTuple

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.application_identifiers import find_ai, find_ai_at, unknown_ai
from foodtrace.trace.gs1.values import check_value

FNC1 = "^"
_GROUP_SEPARATOR = "\x1d"  # FNC1 as scanners type it
_LONGEST_AI = 4


class Element(NamedTuple):
    """An application identifier and its value."""

    ai: str
    value: str


def parse_elements(text: str, *, permit_unknown_ais: bool = False) -> tuple[Element, ...]:
    """Return the elements of an element string, every value checked. Raises Invalid.

    FNC1 in front may be missing. What may stand together is `check_associations`'s to say:
    the other half may be in another bar code.

    >>> parse_elements("(01)09506000134352(10)A1")
    (Element(ai='01', value='09506000134352'), Element(ai='10', value='A1'))
    """
    read = _bracketed if text.startswith("(") else _separated
    elements = tuple(read(text, permit_unknown_ais))
    for ai, value in elements:
        entry = find_ai(ai, permit_unknown=permit_unknown_ais)
        if entry is None:
            raise Invalid(unknown_ai(f"({ai[:40]})", ai))
        check_value(entry, value)
    return elements


def element_string(elements: Iterable[tuple[str, str]]) -> str:
    """Return elements as a bar code holds them, ``^`` for FNC1. They are taken as checked.

    >>> element_string([("10", "A1"), ("01", "09506000134352")])
    '^10A1^0109506000134352'
    """
    parts = []
    separated = True
    for ai, value in elements:
        parts.append(f"{FNC1 if separated else ''}{ai}{value}")
        entry = find_ai(ai, permit_unknown=True)
        separated = entry is None or not entry.predefined
    return "".join(parts)


def bracketed(elements: Iterable[tuple[str, str]]) -> str:
    r"""Return elements as they are printed. They are taken as checked.

    >>> bracketed([("01", "09506000134352"), ("10", "A(1")])
    '(01)09506000134352(10)A\\(1'
    """
    return "".join("({}){}".format(ai, value.replace("(", r"\(")) for ai, value in elements)


def _bracketed(text: str, _permit_unknown: bool) -> Iterable[Element]:
    at = 0
    while at < len(text):
        # The value before ended at a bracket: this is one.
        close = text.find(")", at, at + _LONGEST_AI + 2)
        if close < 0:
            raise Invalid(
                _problem(
                    at,
                    mark("A bracket opens here, but no application identifier is in it"),
                    mark(r"Write (10) for the AI, and \( for a bracket that belongs to a value"),
                )
            )
        value, end = _value_in_brackets(text, close + 1)
        yield Element(text[at + 1 : close], value)
        at = end


def _value_in_brackets(text: str, start: int) -> tuple[str, int]:
    """Return the value that begins here, its brackets no longer escaped, and where it ends."""
    parts: list[str] = []
    while True:
        bracket = text.find("(", start)
        if bracket <= start or text[bracket - 1] != "\\":
            end = len(text) if bracket < 0 else bracket
            return "".join([*parts, text[start:end]]), end
        parts.append(text[start : bracket - 1] + "(")
        start = bracket + 1


def _separated(text: str, permit_unknown: bool) -> Iterable[Element]:
    text = text.replace(_GROUP_SEPARATOR, FNC1)
    start = text.startswith(FNC1)
    end = len(text) - (len(text) > start and text.endswith(FNC1))
    if end == start:
        raise Invalid(
            _problem(0, mark("The element string is empty"), mark("Write (01), a GTIN and so on"))
        )
    at = int(start)
    for group in text[start:end].split(FNC1):
        yield from _group(group, at, permit_unknown)
        at += len(group) + 1


def _group(group: str, start: int, permit_unknown: bool) -> Iterable[Element]:
    """Read what stands between two FNC1: values of predefined length, at most one other, last."""
    at = 0
    while at < len(group) or not group:
        entry = find_ai_at(group, at, permit_unknown=permit_unknown)
        if entry is None:
            raise Invalid(
                _problem(
                    start + at,
                    mark("No application identifier of GS1 begins with %(text)s"),
                    mark("Use ^ for FNC1, behind each value of variable length but the last"),
                    {"text": repr(group[at : at + _LONGEST_AI])},
                )
            )
        begin = at + len(entry.ai)
        at = begin + entry.longest if entry.predefined else len(group)
        yield Element(entry.ai, group[begin:at])


def _problem(at: int, rule: str, fix: str, values: dict[str, object] | None = None) -> Problem:
    return Problem(f"elements:{at + 1}", rule, fix, values or {})
