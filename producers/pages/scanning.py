"""What those who make and move food may do next with a scanned thing."""

from typing import TYPE_CHECKING

from flask import url_for

from foodtrace.producers import services
from foodtrace.producers.services import Goods, Shipment
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can
from foodtrace.trace.errors import mark
from foodtrace.trace.gs1.model import ItemKind
from foodtrace.trace.scanning.model import GOODS, Scanned, Step

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def next_steps(session: "Session", actor: Actor, scanned: Scanned) -> list[Step]:
    """Return the pages of the producers' console that take this thing, filled in."""
    party_id = actor.party_id
    if party_id is None or scanned.identifier is None or not can(actor, "lot.move", party_id):
        return []
    if scanned.known is None or not scanned.is_goods:
        return _of_unknown(scanned)
    canonical = scanned.known.canonical
    steps = []
    for shipment in services.shipments_to(session, party_id):
        line = _line_with(shipment, canonical)
        if line is not None:
            address = url_for(
                "producers.receive_shipment", shipment_id=shipment.event_id, code=line
            )
            steps.append(Step(mark("Receive it"), address, is_first=True))
    steps += [
        step
        for held in services.stock_of(session, party_id, {canonical})[:1]
        for step in _of_stock(held)
    ]
    lot = url_for("producers.lot", identifier=canonical.removeprefix("/"))
    return [
        *steps,
        Step(mark("Look at it"), lot, is_first=not any(step.is_first for step in steps)),
    ]


def _line_with(shipment: Shipment, canonical: str) -> str | None:
    """Return the line of a shipment that is this thing, or in which it lies."""
    for line in shipment.lines:
        if any(goods.canonical == canonical for goods in line.goods.everything):
            return line.goods.canonical
    return None


def _of_stock(held: Goods) -> list[Step]:
    """Return what may be done with goods in stock. What is recalled is only sent back, or kept."""
    code = held.canonical
    if held.is_recalled:
        steps = [Step(mark("Ship it back"), url_for("producers.ship", code=code))]
    else:
        steps = [
            Step(mark("Ship it"), url_for("producers.ship", code=code), is_first=True),
            Step(mark("Pack it"), url_for("producers.pack", code=code)),
            Step(mark("Sell it"), url_for("producers.sell", code=code)),
        ]
    if held.kind == ItemKind.LOGISTIC:
        steps.append(Step(mark("Unpack it"), url_for("producers.unpack", code=code)))
    return [
        *steps,
        Step(mark("Record temperatures"), url_for("producers.temperatures", code=code)),
    ]


def _of_unknown(scanned: Scanned) -> list[Step]:
    """Return what may be done with a thing that nobody announced."""
    identifier = scanned.identifier
    if identifier is None or identifier.kind not in GOODS:
        return []
    address = url_for("producers.receive_other", code=identifier.canonical)
    return [Step(mark("It arrived: receive it"), address)]
