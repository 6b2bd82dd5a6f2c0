"""Which items take part in an event, in which role and amount."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from foodtrace.trace.epcis.context import expanded
from foodtrace.trace.epcis.model import Participation, Role
from foodtrace.trace.epcis.problems import Problems, identifier_at
from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.model import Identifier, ItemKind

_ONE = Decimal(1)
_MILLIONTH = Decimal("0.000001")

_EPC_LISTS = (
    ("epcList", Role.EPC),
    ("childEPCs", Role.CHILD),
    ("inputEPCList", Role.INPUT),
    ("outputEPCList", Role.OUTPUT),
)
_QUANTITY_LISTS = (
    ("quantityList", Role.EPC),
    ("childQuantityList", Role.CHILD),
    ("inputQuantityList", Role.INPUT),
    ("outputQuantityList", Role.OUTPUT),
)


def participations_of(
    event: Mapping[str, Any], prefixes: Mapping[str, str], place: str, problems: Problems
) -> tuple[Participation, ...]:
    """Return the items of an event, each once a role. Faulty ones go to the problems.

    A list is a set: the same thing named twice counts once, amounts of the same class add up.
    """
    found: dict[tuple[Role, str], Participation] = {}
    for text, role, where in _epcs(event):
        item = problems.tried(identifier_at, expanded(text, prefixes), place + where)
        if item is None:
            continue
        if _is_class(item):
            problems.extend([_class_among_epcs(place + where)])
        amount = None if item.kind is ItemKind.LOT else _ONE
        found.setdefault((role, item.canonical), Participation(role, item, amount, None))
    for entry, role, where in _quantities(event):
        where = place + where + "/epcClass"
        item = problems.tried(identifier_at, expanded(entry["epcClass"], prefixes), where)
        if item is None:
            continue
        if item.kind in (ItemKind.INSTANCE, ItemKind.LOGISTIC):
            problems.extend([_instance_among_classes(where)])
        part = Participation(role, item, _amount_of(entry), entry.get("uom"), True)
        before = found.get((role, item.canonical))
        if before is not None:
            part = problems.tried(_sum, before, part, where) or part
        found[role, item.canonical] = part
    return tuple(found.values())


def _epcs(event: Mapping[str, Any]) -> Iterator[tuple[str, Role, str]]:
    if "parentID" in event:
        yield event["parentID"], Role.PARENT, "/parentID"
    for name, role in _EPC_LISTS:
        for index, text in enumerate(event.get(name, ())):
            yield text, role, f"/{name}/{index}"


def _quantities(event: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Role, str]]:
    for name, role in _QUANTITY_LISTS:
        for index, entry in enumerate(event.get(name, ())):
            yield entry, role, f"/{name}/{index}"


def _amount_of(entry: Mapping[str, Any]) -> Decimal | None:
    if "quantity" not in entry:
        return None
    amount = Decimal(entry["quantity"])
    return amount if amount == amount.to_integral() else amount.quantize(_MILLIONTH)


def _sum(one: Participation, other: Participation, place: str) -> Participation:
    """Return both entries as one. Raises Invalid if they cannot be added."""
    if one.amount is None:
        return other
    if other.amount is None or one.uom != other.uom:
        raise Invalid(
            Problem(
                place,
                mark("The class stands in the event twice, in amounts that cannot be added"),
                mark("Name it once, or twice with the same unit"),
            )
        )
    return replace(one, amount=one.amount + other.amount)


def _is_class(item: Identifier) -> bool:
    return item.kind is ItemKind.CLASS or (item.kind is ItemKind.LOT and item.gtin is not None)


def _class_among_epcs(place: str) -> Problem:
    return Problem(
        place,
        mark("A product or lot stands where single objects are listed"),
        mark("Name lots in the quantity list, with their amount"),
    )


def _instance_among_classes(place: str) -> Problem:
    return Problem(
        place,
        mark("A single object stands where products and lots are listed"),
        mark("Name objects with a serial number or SSCC in the list of EPCs"),
    )
