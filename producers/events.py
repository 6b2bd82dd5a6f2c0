"""The EPCIS 2.0 events that a producer's acts are written as: plain dictionaries.

Words are those of the CBV 2.0. GS1 keys stand on https://id.gs1.org and our own codes
on one fixed root, never on the host of one installation: an event outlives both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote

from foodtrace.trace.gs1.model import GS1_ROOT

OUR_ROOT = "https://foodtrace.example"
CONTEXT = (
    "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
    {"foodtrace": f"{OUR_ROOT}/ns/"},
)

# Business transaction types of the CBV: order, despatch advice, bill of lading, invoice.
DocumentType = Literal["po", "desadv", "bol", "inv"]
# What a receipt may say of what came. CBV: damaged; mismatch_quantity is less than was sent.
Condition = Literal["in_progress", "damaged", "mismatch_quantity"]


@dataclass(frozen=True, slots=True)
class Moved:
    """A lot or logistic unit and how much of it takes part.

    `identifier` is anything that names it (link, canonical path, element string). Without
    an amount all that the party holds is meant; `uom` is a UN/CEFACT Rec 20 code (``KGM``),
    None counts pieces.
    """

    identifier: str
    amount: Decimal | None = None
    uom: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A temperature in degrees Celsius, measured at a moment."""

    at: datetime
    celsius: Decimal


@dataclass(frozen=True, slots=True)
class Paper:
    """A business document that an event refers to, numbered by the party `issuer`."""

    type: DocumentType
    number: str
    issuer: str  # canonical party identifier


@dataclass(frozen=True, slots=True)
class Occasion:
    """When and where an act happens. `place` is a canonical place identifier."""

    at: datetime
    place: str
    note: str | None = None
    paper: Paper | None = None
    readings: Sequence[Reading] = ()
    hidden: bool = False  # kept from the public, who see a numbered blank instead


@dataclass(frozen=True, slots=True)
class LotFacts:
    """What the maker states of a new lot: it becomes the event's ILMD."""

    lot_number: str
    product: str  # canonical product identifier
    production_date: date
    expiry_date: date | None = None
    origin: str | None = None
    certificate_number: str | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """Who gives and who gets: canonical party identifiers, and the places if known."""

    giver: str
    taker: str
    giver_place: str | None = None
    taker_place: str | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """What takes part, split as EPCIS wants it: serialised things and amounts of lots.

    >>> Contents.of([Moved("/00/106901234500000012"), Moved("/q/X", Decimal("2.5"), "KGM")]).epcs
    ['https://id.gs1.org/00/106901234500000012']
    """

    epcs: list[str] = field(default_factory=list)
    quantities: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, items: Sequence[Moved]) -> "Contents":
        """Split items whose identifiers are canonical."""
        return cls(
            [uri_of(item.identifier) for item in items if is_single(item.identifier)],
            [_quantity(item) for item in items if not is_single(item.identifier)],
        )


def uri_of(canonical: str) -> str:
    """Return the absolute URI of a canonical identifier.

    >>> uri_of("/01/06901234567892/10/A1"), uri_of("/q/7Z")
    ('https://id.gs1.org/01/06901234567892/10/A1', 'https://foodtrace.example/q/7Z')
    """
    if canonical.startswith("/q/"):
        return OUR_ROOT + canonical
    return GS1_ROOT + canonical if canonical.startswith("/") else canonical


def is_single(canonical: str) -> bool:
    """Return whether an identifier names one thing (a pallet, an instance), not an amount.

    >>> is_single("/00/106901234500000012"), is_single("/01/06901234567892/10/A1")
    (True, False)
    """
    return canonical.startswith(("/00/", "/8003/", "/8004/")) or "/21/" in canonical


def commissioned(occasion: Occasion, output: Moved, facts: LotFacts) -> dict[str, Any]:
    """A new lot that was made from nothing recorded: harvested, caught, or brought in."""
    return {
        **_event("ObjectEvent", occasion, "commissioning", "active"),
        "action": "ADD",
        **_things(output),
        "ilmd": _ilmd(facts),
    }


def transformed(
    occasion: Occasion,
    inputs: Sequence[Moved],
    outputs: Sequence[Moved],
    facts: LotFacts | None,
    biz_step: str = "commissioning",
) -> dict[str, Any]:
    """Lots that became other lots: processing, mixing, splitting, packing anew."""
    given, made = Contents.of(inputs), Contents.of(outputs)
    event = {
        **_event("TransformationEvent", occasion, biz_step, "active"),
        "inputEPCList": given.epcs,
        "inputQuantityList": given.quantities,
        "outputEPCList": made.epcs,
        "outputQuantityList": made.quantities,
    }
    if facts is not None:
        event["ilmd"] = _ilmd(facts)
    return {key: value for key, value in event.items() if value}


def shipped(occasion: Occasion, items: Sequence[Moved], handover: Handover) -> dict[str, Any]:
    """Goods that leave for another party. Nothing has a location while it travels."""
    event = _observed(occasion, "shipping", "in_transit", items) | _parties(handover)
    del event["bizLocation"]
    return event


def received(
    occasion: Occasion, items: Sequence[Moved], handover: Handover, condition: Condition
) -> dict[str, Any]:
    """Goods that arrived from another party."""
    return _observed(occasion, "receiving", condition, items) | _parties(handover)


def packed(occasion: Occasion, container: str, items: Sequence[Moved]) -> dict[str, Any]:
    """Things that were put into a logistic unit."""
    return _aggregated("ADD", "packing", occasion, container, items)


def unpacked(occasion: Occasion, container: str, items: Sequence[Moved]) -> dict[str, Any]:
    """Things that were taken out of a logistic unit."""
    return _aggregated("DELETE", "unpacking", occasion, container, items)


def stored(occasion: Occasion, items: Sequence[Moved]) -> dict[str, Any]:
    """Goods that lie in a store, with the temperatures measured there."""
    return _observed(occasion, "storing", "in_progress", items)


def sold(occasion: Occasion, items: Sequence[Moved]) -> dict[str, Any]:
    """Goods sold to consumers: the chain ends here."""
    return _observed(occasion, "retail_selling", "retail_sold", items)


def destroyed(occasion: Occasion, items: Sequence[Moved]) -> dict[str, Any]:
    """Goods that were destroyed and can never be sold."""
    return _observed(occasion, "destroying", "destroyed", items) | {"action": "DELETE"}


def _event(kind: str, occasion: Occasion, biz_step: str, disposition: str) -> dict[str, Any]:
    place = {"id": uri_of(occasion.place)}
    event: dict[str, Any] = {
        "@context": list(CONTEXT),
        "type": kind,
        "eventTime": occasion.at.isoformat(timespec="milliseconds"),
        "eventTimeZoneOffset": _offset(occasion.at),
        "bizStep": biz_step,
        "disposition": disposition,
        "readPoint": place,
        "bizLocation": place,
    }
    if occasion.paper is not None:
        event["bizTransactionList"] = [_transaction(occasion.paper)]
    if occasion.readings:
        event["sensorElementList"] = [_sensor_element(reading) for reading in occasion.readings]
    if occasion.note:
        event["foodtrace:note"] = occasion.note
    if occasion.hidden:
        event["foodtrace:visibility"] = "hidden"
    return event


def _observed(
    occasion: Occasion, biz_step: str, disposition: str, items: Sequence[Moved]
) -> dict[str, Any]:
    return {
        **_event("ObjectEvent", occasion, biz_step, disposition),
        "action": "OBSERVE",
        **_things(*items),
    }


def _aggregated(
    action: str, biz_step: str, occasion: Occasion, container: str, items: Sequence[Moved]
) -> dict[str, Any]:
    inside = Contents.of(items)
    event = {
        **_event("AggregationEvent", occasion, biz_step, "in_progress"),
        "action": action,
        "parentID": uri_of(container),
        "childEPCs": inside.epcs,
        "childQuantityList": inside.quantities,
    }
    return {key: value for key, value in event.items() if value}


def _things(*items: Moved) -> dict[str, Any]:
    contents = Contents.of(items)
    things: Mapping[str, Any] = {"epcList": contents.epcs, "quantityList": contents.quantities}
    return {key: value for key, value in things.items() if value}


def _quantity(item: Moved) -> dict[str, Any]:
    element: dict[str, Any] = {"epcClass": uri_of(item.identifier)}
    if item.amount is not None:
        element["quantity"] = _number(item.amount)
        if item.uom:
            element["uom"] = item.uom
    return element


def _parties(handover: Handover) -> dict[str, Any]:
    return {
        "sourceList": _ends("source", handover.giver, handover.giver_place),
        "destinationList": _ends("destination", handover.taker, handover.taker_place),
    }


def _ends(name: str, party: str, place: str | None) -> list[dict[str, str]]:
    ends = [{"type": "possessing_party", name: uri_of(party)}]
    if place is not None:
        ends.append({"type": "location", name: uri_of(place)})
    return ends


def _ilmd(facts: LotFacts) -> dict[str, str]:
    stated = {
        "cbvmda:lotNumber": facts.lot_number,
        "cbvmda:itemExpirationDate": facts.expiry_date and facts.expiry_date.isoformat(),
        "foodtrace:product": uri_of(facts.product),
        "foodtrace:productionDate": facts.production_date.isoformat(),
        "foodtrace:origin": facts.origin,
        "foodtrace:certificateNumber": facts.certificate_number,
    }
    return {key: value for key, value in stated.items() if value}


def _transaction(paper: Paper) -> dict[str, str]:
    """Name a document: a GLN with the number (CBV 8.5.2), else a URI below the issuer's."""
    number = quote(paper.number, safe="")
    if paper.issuer.startswith("/417/"):
        name = f"urn:epcglobal:cbv:bt:{paper.issuer.removeprefix('/417/')}:{number}"
    else:
        name = f"{OUR_ROOT}/document/{quote(paper.issuer, safe='')}/{number}"
    return {"type": paper.type, "bizTransaction": name}


def _sensor_element(reading: Reading) -> dict[str, Any]:
    return {
        "sensorMetadata": {"time": reading.at.isoformat(timespec="milliseconds")},
        "sensorReport": [{"type": "Temperature", "value": _number(reading.celsius), "uom": "CEL"}],
    }


def _number(value: Decimal) -> int | float:
    """Return the JSON number: amounts have at most 15 digits, so a float keeps them all."""
    return int(value) if value == value.to_integral_value() else float(value)


def _offset(moment: datetime) -> str:
    """Return the time zone offset as EPCIS writes it (``+08:00``)."""
    text = moment.strftime("%z")
    return f"{text[:3]}:{text[3:5]}"
