"""The words of the record in plain language: steps and units. Pure.

Texts are English and marked; the page that shows one translates it.
"""

from decimal import Decimal

from foodtrace.trace.errors import mark

# Core Business Vocabulary 2.0, business steps.
STEPS = {
    "accepting": mark("Accepted"),
    "arriving": mark("Arrived"),
    "assembling": mark("Put together"),
    "collecting": mark("Collected"),
    "commissioning": mark("Produced, lot registered"),
    "consigning": mark("Handed over"),
    "consuming": mark("Consumed"),
    "creating_class_instance": mark("Produced, lot registered"),
    "cycle_counting": mark("Stock counted"),
    "decommissioning": mark("Code taken out of use"),
    "departing": mark("Departed"),
    "destroying": mark("Destroyed"),
    "disassembling": mark("Taken apart"),
    "dispensing": mark("Handed out"),
    "encoding": mark("Label written"),
    "entering_exiting": mark("Passed a gate"),
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

# UN/CEFACT Recommendation 20; no unit counts pieces.
UNITS = {
    None: mark("pieces"),
    "H87": mark("pieces"),
    "EA": mark("pieces"),
    "KGM": mark("kg"),
    "GRM": mark("g"),
    "MGM": mark("mg"),
    "TNE": mark("t"),
    "LTR": mark("L"),
    "MLT": mark("mL"),
}


def step_text(word: str | None) -> str:
    """Return the name of a step; an unknown word, or none, is another step."""
    return STEPS.get(word or "other", STEPS["other"])


def unit_text(uom: str | None) -> str:
    """Return the name of a unit; a code that is not in UNITS names itself."""
    return UNITS.get(uom, uom or "")


def amount_digits(amount: Decimal) -> str:
    """Return an amount with its digits in groups of three.

    >>> amount_digits(Decimal("12500.50"))
    '12,500.50'
    """
    return f"{amount:,f}"
