"""What follows from events: who lay in what, what became what, what is known of a lot.

Pure functions of plain values: the same whether the events arrive one by one, late, or all
again in a rebuild.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from foodtrace.trace.capture.ilmd import read_ilmd
from foodtrace.trace.epcis.model import Event, Role
from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.identifiers import lot_path, parse_identifier
from foodtrace.trace.gs1.model import Identifier, ItemKind

# Up to so many pairs of inputs and outputs, each pair is an edge; beyond, the event itself
# becomes a node, and edges grow with the sum instead of the product.
MOST_PAIRS = 200

PACKING_TYPES = ("AggregationEvent", "AssociationEvent")


@dataclass(frozen=True, slots=True)
class Packing:
    """One act of putting into, or taking out of, a container.

    `content_id` is None when everything in it was taken out.
    """

    event_id: int
    time: datetime
    adds: bool
    container_id: int
    content_id: int | None
    amount: Decimal | None
    uom: str | None


@dataclass(frozen=True, slots=True)
class Interval:
    """From when to when how much of a content lay in a container."""

    content_id: int
    container_id: int
    since: datetime
    until: datetime | None
    amount: Decimal | None
    uom: str | None


# Whose lot it is when its event came from no party, or from one that has no right to it.
NOBODY = 0


@dataclass(frozen=True, slots=True)
class Made:
    """What one event says of a lot that it made: the columns of a `Lot` row."""

    event_id: int
    party_id: int
    made_at: datetime
    product_identifier: str | None
    lot_number: str | None
    production_date: date | None
    expiry_date: date | None
    origin: str | None
    amount: Decimal | None
    uom: str | None
    certificate_number: str | None
    more: dict[str, Any] | None


def packed_intervals(content_id: int, acts: Iterable[Packing], *, alone: bool) -> list[Interval]:
    """Return when one content lay in which containers.

    `acts` name the content, or empty a container. `alone` is for what can be in one place
    only (an instance, a pallet): putting it elsewhere ends where it was before. A lot may
    lie in many containers at once, each with its amount.
    """
    inside: dict[int, Interval] = {}
    done: list[Interval] = []
    for act in sorted(acts, key=lambda each: (each.time, each.event_id)):
        before = inside.pop(act.container_id, None)
        if act.adds and alone:
            done += [_ended(other, act.time) for other in inside.values()]
            inside.clear()
        after = _put(before, act, content_id) if act.adds else _taken(before, act)
        if before is not None and after is not before:
            done.append(_ended(before, act.time))
        if after is not None:
            inside[act.container_id] = after
    # What was put in and taken out at one instant never travelled.
    return [each for each in (*done, *inside.values()) if each.until != each.since]


def _ended(interval: Interval, until: datetime) -> Interval:
    return replace(interval, until=until)


def _put(before: Interval | None, act: Packing, content_id: int) -> Interval:
    fresh = Interval(content_id, act.container_id, act.time, None, act.amount, act.uom)
    if before is None:
        return fresh
    amount, uom = added(before.amount, before.uom, act.amount, act.uom)
    # An instance that is put where it is already stays one instance.
    if act.amount == 1 and act.uom is None and before.amount == 1:
        return before
    return replace(fresh, amount=amount, uom=uom)


def _taken(before: Interval | None, act: Packing) -> Interval | None:
    if before is None or act.content_id is None or act.amount is None:
        return None
    if before.amount is None or before.uom != act.uom:
        # Some is gone and nobody can say how much is left.
        return replace(before, since=act.time, amount=None, uom=None)
    left = before.amount - act.amount
    return replace(before, since=act.time, amount=left) if left > 0 else None


def added(
    amount: Decimal | None, uom: str | None, more: Decimal | None, more_uom: str | None
) -> tuple[Decimal | None, str | None]:
    """Return the sum of two amounts, unknown if one is or if their units differ."""
    if amount is None or more is None or uom != more_uom:
        return None, None
    return amount + more, uom


def made_edges(
    inputs: Mapping[int, int], outputs: Mapping[int, int]
) -> Iterator[tuple[int, int, int]] | None:
    """Yield (parent, child, event) of a transformation, or None when there are too many pairs.

    Both map an item to the event that names it: the inputs and outputs of one
    transformation may be told by several events.
    """
    if len(inputs) * len(outputs) > MOST_PAIRS:
        return None
    return (
        (parent, child, max(said, told))
        for parent, said in inputs.items()
        for child, told in outputs.items()
    )


def makes(event: Event) -> Role | None:
    """Return the role of what the event brings into being, None if it only tells of things."""
    if event.type == "TransformationEvent":
        return Role.OUTPUT
    if event.type == "ObjectEvent" and event.action == "ADD":
        return Role.EPC
    return None


def memberships(event: Event) -> list[tuple[str, str]]:
    """Return (lot, instance) in canonical form for the instances whose lot the event tells.

    A key may hold both (``/01/…/10/…/21/…``); else the lot number of the event that makes
    serials of one GTIN is theirs.
    """
    instances = [part for part in event.participations if part.identifier.kind is ItemKind.INSTANCE]
    if not instances:
        return []
    common = _common_lot(event)
    made = makes(event)
    pairs = []
    for part in instances:
        identifier = part.identifier
        lot = identifier.lot or (common if part.role is made else None)
        if lot is not None and identifier.gtin is not None:
            pairs.append((lot_path(identifier.gtin, lot), identifier.canonical))
    return pairs


def _common_lot(event: Event) -> str | None:
    """Return the lot number that the ILMD gives to all serials that the event makes."""
    role = makes(event)
    number = read_ilmd(event.ilmd).lot_number if role is not None else None
    if number is None:
        return None
    gtins = {
        part.identifier.gtin
        for part in event.participations
        if part.role is role and part.identifier.gtin
    }
    if len(gtins) != 1:
        return None
    try:
        (gtin,) = gtins
        # The number must be one that GS1 allows in a key.
        return parse_identifier(lot_path(str(gtin), number)).lot
    except Invalid:
        return None


def made_lots(statement_id: int, event: Event, party_id: int) -> dict[str, Made]:
    """Return what the event says of the lots that it makes, by their canonical form."""
    role = makes(event)
    if role is None:
        return {}
    amounts: dict[str, tuple[Decimal | None, str | None]] = {}
    lots: dict[str, Identifier] = {}
    lot_of = {instance: lot for lot, instance in memberships(event)}
    for part in event.participations:
        if part.role is not role:
            continue
        canonical = part.identifier.canonical
        lot = canonical if part.identifier.kind is ItemKind.LOT else lot_of.get(canonical)
        if lot is None:
            continue
        lots[lot] = part.identifier if lot == canonical else parse_identifier(lot)
        amounts[lot] = (
            added(*amounts[lot], part.amount, part.uom)
            if lot in amounts
            else (part.amount, part.uom)
        )
    return {
        lot: _made(statement_id, event, party_id, lots[lot], amount, uom)
        for lot, (amount, uom) in amounts.items()
    }


def _made(
    statement_id: int,
    event: Event,
    party_id: int,
    identifier: Identifier,
    amount: Decimal | None,
    uom: str | None,
) -> Made:
    said = read_ilmd(event.ilmd)
    return Made(
        event_id=statement_id,
        party_id=party_id,
        made_at=event.event_time,
        product_identifier=f"/01/{identifier.gtin}" if identifier.gtin else said.product,
        lot_number=identifier.lot or said.lot_number,
        production_date=said.production_date,
        expiry_date=said.expiry_date,
        origin=said.origin,
        amount=amount,
        uom=uom,
        certificate_number=said.certificate_number,
        more=said.more,
    )


def merged(first: Made, later: Made) -> Made:
    """Return what is known of a lot after another event that makes (more of) it.

    The first event decides whose lot it is: others cannot add to it. Its maker may, in
    several events: amounts add up, and what was not said before is filled in. Where the
    first was nobody's (NOBODY), the later one takes its place.
    """
    if later.party_id != first.party_id:
        return later if first.party_id == NOBODY else first
    amount, uom = added(first.amount, first.uom, later.amount, later.uom)
    return replace(
        first,
        product_identifier=first.product_identifier or later.product_identifier,
        lot_number=first.lot_number or later.lot_number,
        production_date=first.production_date or later.production_date,
        expiry_date=first.expiry_date or later.expiry_date,
        origin=first.origin or later.origin,
        amount=amount,
        uom=uom,
        certificate_number=first.certificate_number or later.certificate_number,
        more={**(later.more or {}), **(first.more or {})} or None,
    )
