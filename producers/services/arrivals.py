"""Whether what arrived fits what its sender says to have sent."""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from foodtrace.producers.events import Moved, is_single
from foodtrace.producers.services.transit import Shipment, shipments_to, was_sent
from foodtrace.trace.errors import Conflict, Problem, mark
from foodtrace.trace.masterdata.models import Party


def as_announced(
    session: Session, party: Party, sender: Party, items: Sequence[Moved]
) -> list[Moved]:
    """Return items with amounts, checked against what the sender says to have sent."""
    shipments = [found for found in shipments_to(session, party.id) if found.sender_id == sender.id]
    sent_before = was_sent(session, party, sender, [item.identifier for item in items])
    arrived: list[Moved] = []
    problems: list[Problem] = []
    for i, item in enumerate(items):
        found = _arriving(item, shipments, item.identifier in sent_before)
        if isinstance(found, Moved):
            arrived.append(found)
        else:
            problems.append(
                Problem(f"items/{i}/{found.place}", found.rule, found.fix, found.values)
            )
    if problems:
        raise Conflict(*problems)
    return arrived


def _arriving(item: Moved, shipments: Sequence[Shipment], sent_before: bool) -> Moved | Problem:
    """Return the item as it arrived, or why it cannot have arrived."""
    lines = [
        line
        for shipment in shipments
        for line in shipment.lines
        if line.goods.canonical == item.identifier
    ]
    if is_single(item.identifier):
        if sent_before and not lines:
            return _received_already(item)
        return Moved(item.identifier)
    if not lines:
        if sent_before:
            return _received_already(item)
        if item.amount is None:
            return Problem(
                "amount",
                mark("Nobody announced this, so the amount is not known"),
                mark("Write how much arrived"),
            )
        return item
    known = [line.to_come for line in lines if line.to_come is not None]
    to_come = sum(known, Decimal(0)) if len(known) == len(lines) else None
    uom = lines[0].goods.uom
    if item.amount is None:
        return Moved(item.identifier, to_come, uom)
    if item.uom != uom:
        return Problem(
            "uom",
            mark("It was sent in another unit: %(unit)s"),
            mark("Write the amount in that unit"),
            {"unit": uom or "pieces"},
        )
    if to_come is not None and item.amount > to_come:
        return Problem(
            "amount",
            mark("%(available)s of it is on its way to you, not %(amount)s"),
            mark("Ask the sender to correct the shipment if more arrived"),
            {"available": to_come, "amount": item.amount},
        )
    return item


def _received_already(item: Moved) -> Problem:
    return Problem(
        "identifier",
        mark("All that was sent of %(identifier)s is received already"),
        mark("Look at your stock"),
        {"identifier": item.identifier},
    )
