"""What is on its way to a party, and what of it has not arrived."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session, aliased

from foodtrace.producers.balance import Arrived, Sent, still_open
from foodtrace.producers.services.goods import Goods, contents_of, describe
from foodtrace.trace.capture.live import is_live
from foodtrace.trace.errors import NotFound
from foodtrace.trace.masterdata.models import Party
from foodtrace.trace.store.models import Event, EventItem, Item
from foodtrace.trace.store.sets import id_rows

# A receipt that says one of these expects no more of the shipment.
CLOSING = ("mismatch_quantity", "damaged")


@dataclass(frozen=True, slots=True)
class ShipmentLine:
    """One line of a shipment: what was sent, and how much of it is still to come."""

    goods: Goods
    to_come: Decimal | None


@dataclass(frozen=True, slots=True)
class Shipment:
    """Goods on their way: who says to have sent them, when, and what has not arrived."""

    event_id: int
    sent_at: datetime
    sender_id: int
    sender_name: str
    sender_name_en: str | None
    lines: tuple[ShipmentLine, ...] = ()

    @property
    def is_recalled(self) -> bool:
        """Whether an open recall reaches some of what is on its way."""
        return any(line.goods.is_recalled for line in self.lines)


def shipments_to(session: Session, party_id: int) -> list[Shipment]:
    """Return the shipments on their way to a party, newest first, with what is to come.

    A shipment whose sender is no registered party is left out: nobody could confirm it.
    """
    party = session.get(Party, party_id)
    if party is None:
        raise NotFound()
    sent = _sent_to(session, party)
    arrived = _arrivals(session, party_id, {line.item_id for _, line in sent})
    lines: dict[int, list[tuple[Sent, Decimal | None]]] = {}
    for sender_id in {head.sender_id for head, _ in sent}:
        theirs = [line for head, line in sent if head.sender_id == sender_id]
        for line, to_come in still_open(theirs, arrived.get(sender_id, [])):
            lines.setdefault(line.event_id, []).append((line, to_come))
    heads = {head.event_id: head for head, _ in sent}
    item_ids = {line.item_id for opened in lines.values() for line, _ in opened}
    described, inside = describe(session, item_ids), contents_of(session, item_ids)

    def shown(line: Sent, to_come: Decimal | None) -> ShipmentLine:
        goods = replace(
            described[line.item_id],
            amount=line.amount,
            uom=line.uom,
            contents=tuple(inside.get(line.item_id, ())),
        )
        return ShipmentLine(goods, to_come)

    shipments = [
        replace(heads[event_id], lines=tuple(shown(*line) for line in opened))
        for event_id, opened in lines.items()
    ]
    return sorted(shipments, key=lambda found: (found.sent_at, found.event_id), reverse=True)


def was_sent(
    session: Session, party: Party, sender: Party, canonicals: Collection[str]
) -> set[str]:
    """Return which of these the sender has ever recorded as shipped to the party."""
    return set(
        session.scalars(
            select(Item.canonical)
            .join(EventItem, EventItem.item_id == Item.id)
            .join(Event, Event.id == EventItem.event_id)
            .where(
                Item.canonical.in_(canonicals),
                Event.biz_step == "shipping",
                Event.destination == party.identifier,
                or_(Event.source == sender.identifier, Event.party_id == sender.id),
                is_live(),
            )
        )
    )


def _sent_to(session: Session, party: Party) -> list[tuple[Shipment, Sent]]:
    """Return every line ever shipped to a party with the head of its shipment, oldest first."""
    named = aliased(Party)
    captor = aliased(Party)
    rows = session.execute(
        select(
            Event.id,
            Event.event_time,
            func.coalesce(named.id, captor.id),
            func.coalesce(named.name, captor.name),
            # The English name of the same party, even where it has none.
            case((named.id.is_not(None), named.name_en), else_=captor.name_en),
            EventItem.item_id,
            EventItem.amount,
            EventItem.uom,
        )
        .join(EventItem, EventItem.event_id == Event.id)
        .outerjoin(named, named.identifier == Event.source)
        .outerjoin(captor, captor.id == Event.party_id)
        .where(
            Event.biz_step == "shipping",
            Event.destination == party.identifier,
            EventItem.role == "epc",
            func.coalesce(named.id, captor.id).is_not(None),
            is_live(),
        )
        .order_by(Event.event_time, Event.id, EventItem.item_id)
    )
    return [
        (Shipment(event_id, at, sender_id, name, name_en), Sent(event_id, *line))
        for event_id, at, sender_id, name, name_en, *line in rows
    ]


def _arrivals(
    session: Session, party_id: int, item_ids: Collection[int]
) -> Mapping[int, list[Arrived]]:
    """Return what the party received of these items, by sender, in time order."""
    wanted = id_rows("ids")
    rows = session.execute(
        select(EventItem.item_id, EventItem.amount, Event.disposition, Party.id)
        .join(Event, Event.id == EventItem.event_id)
        .join(Party, Party.identifier == Event.source)
        .join(wanted, wanted.c.id == EventItem.item_id)
        .where(
            Event.party_id == party_id,
            Event.biz_step == "receiving",
            EventItem.role == "epc",
            is_live(),
        )
        .order_by(Event.event_time, Event.id),
        {"ids": item_ids},
    )
    arrived: dict[int, list[Arrived]] = {}
    for item_id, amount, disposition, sender_id in rows:
        arrived.setdefault(sender_id, []).append(Arrived(item_id, amount, disposition in CLOSING))
    return arrived
