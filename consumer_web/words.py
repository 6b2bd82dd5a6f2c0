"""The words of the record in plain language: steps, temperatures, results. Pure.

Texts are English and marked; the page translates them.
"""

from decimal import Decimal

from foodtrace.inspections.rules import CertificateKind, Comparator, Outcome, Result
from foodtrace.trace.errors import mark

STEPS = {
    "accepting": mark("Accepted"),
    "arriving": mark("Arrived"),
    "assembling": mark("Put together"),
    "collecting": mark("Collected"),
    "commissioning": mark("Produced, lot registered"),
    "consigning": mark("Handed over"),
    "creating_class_instance": mark("Produced, lot registered"),
    "cycle_counting": mark("Stock counted"),
    "decommissioning": mark("Code taken out of use"),
    "departing": mark("Departed"),
    "destroying": mark("Destroyed"),
    "disassembling": mark("Taken apart"),
    "dispensing": mark("Handed out"),
    "encoding": mark("Label written"),
    "entering_exiting": mark("Passed a gate"),
    "hidden": mark("Hidden steps"),
    "holding": mark("Held back"),
    "inspecting": mark("Inspected"),
    "installing": mark("Placed in equipment"),
    "killing": mark("Code taken out of use"),
    "loading": mark("Loaded"),
    "other": mark("Other step"),
    "packing": mark("Packed"),
    "picking": mark("Picked for an order"),
    "receiving": mark("Received"),
    "removing": mark("Taken out of equipment"),
    "repackaging": mark("Repacked"),
    "repairing": mark("Repaired"),
    "replacing": mark("Replaced"),
    "reserving": mark("Reserved"),
    "retail_selling": mark("Sold"),
    "sampling": mark("Sample taken"),
    "sensor_reporting": mark("Temperature recorded"),
    "shipping": mark("Shipped"),
    "staging_outbound": mark("Made ready for dispatch"),
    "stock_taking": mark("Stock taken"),
    "stocking": mark("Put on the shelf"),
    "storing": mark("Stored"),
    "transforming": mark("Processed"),
    "transporting": mark("Transported"),
    "unloading": mark("Unloaded"),
    "unpacking": mark("Unpacked"),
    "void_shipping": mark("Shipment cancelled"),
}

CERTIFICATE_KINDS = {
    CertificateKind.SELF_TEST: mark("Self-test"),
    CertificateKind.COMMISSIONED: mark("Commissioned test"),
    CertificateKind.SUPERVISION: mark("Official sampling"),
}

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
