"""The words of the record in plain language: steps, temperatures, results. Pure.

Texts are English and marked; the page translates them.
"""

from decimal import Decimal

from foodtrace.inspections.rules import Comparator, Outcome, Result
from foodtrace.inspections.words import KINDS
from foodtrace.trace import words
from foodtrace.trace.errors import mark

CERTIFICATE_KINDS = KINDS
STEPS = {**words.STEPS, "hidden": mark("Hidden steps")}

SIGNS = {
    Comparator.AT_MOST: "≤",
    Comparator.LESS_THAN: "<",
    Comparator.AT_LEAST: "≥",
    Comparator.MORE_THAN: ">",
}


def step_text(word: str) -> str:
    """Return the name of a step; private words of a party are all one to the reader."""
    return STEPS.get(word, STEPS["other"])


def degrees(low: Decimal | None, high: Decimal | None) -> str:
    """Return a temperature band.

    >>> degrees(Decimal("-18.50"), Decimal("-18.1")), degrees(Decimal(4), None)
    ('−18.5 … −18.1 °C', '4 °C')
    """
    ends = [_plain(end) for end in (low, high) if end is not None]
    return " … ".join(dict.fromkeys(ends)) + " °C" if ends else ""


def measured(result: Result) -> str:
    """Return the number of a result, or an empty text where there is none."""
    if result.outcome is Outcome.MEASURED:
        return f"{result.value_text} {result.unit}".strip()
    return ""


def limit(result: Result) -> str:
    """Return the limit of a result with its sign, or an empty text where nothing is said."""
    if result.limit is None or result.limit.comparator is Comparator.ABSENT:
        return ""
    sign = SIGNS[result.limit.comparator]
    return f"{sign} {result.limit_text} {result.unit}".strip()


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "−")
