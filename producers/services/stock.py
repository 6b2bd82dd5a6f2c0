"""What a party holds: counted from its own events."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from foodtrace.producers.balance import Movement, effect_of, stock
from foodtrace.producers.services.goods import ONE_THING, Goods, contents_of, describe
from foodtrace.trace.capture.live import is_live
from foodtrace.trace.store.models import Containment, Event, EventItem, Item


def stock_of(
    session: Session, party_id: int, canonicals: Collection[str] | None = None
) -> list[Goods]:
    """Return what lies loose in a party's hands, pallets with their contents.

    With `canonicals` only these are looked at. What is recalled comes first, then what expires
    first; what has no date comes last.
    """
    left = stock(_movements(session, party_id, canonicals))
    things = _things_held(session, party_id, canonicals)
    described = describe(session, {item_id for item_id, _ in left} | things)
    inside = contents_of(session, things)
    held = [
        replace(described[item_id], amount=amount, uom=uom)
        for (item_id, uom), amount in left.items()
    ]
    held += [
        replace(described[item_id], contents=tuple(inside.get(item_id, ()))) for item_id in things
    ]
    return sorted(
        held,
        key=lambda goods: (not goods.is_recalled, goods.expiry_date or date.max, goods.canonical),
    )


def _movements(
    session: Session, party_id: int, canonicals: Collection[str] | None
) -> list[Movement]:
    """Return the sums of all that the party's events did with lots, by kind of event."""
    kind_of_event = (Event.type, Event.action, Event.biz_step, EventItem.role)
    query = (
        select(
            EventItem.item_id,
            EventItem.uom,
            *kind_of_event,
            func.sum(EventItem.amount),
            func.count() - func.count(EventItem.amount),
        )
        .select_from(EventItem)
        .join(Event, Event.id == EventItem.event_id)
        .join(Item, Item.id == EventItem.item_id)
        .where(Event.party_id == party_id, Item.kind.not_in(ONE_THING), is_live())
        .group_by(EventItem.item_id, EventItem.uom, *kind_of_event)
    )
    if canonicals is not None:
        query = query.where(Item.canonical.in_(canonicals))
    movements = [
        Movement(item_id, uom, effect, amount or Decimal(0), unsaid, step)
        for item_id, uom, kind, action, step, role, amount, unsaid in session.execute(query)
        if (effect := effect_of(kind, action, step, role))
    ]
    return movements + _emptied(session, party_id, canonicals)


def _emptied(session: Session, party_id: int, canonicals: Collection[str] | None) -> list[Movement]:
    """Return what came loose when a container was emptied by an event that lists nothing."""
    child = aliased(EventItem)
    listed = exists().where(child.event_id == Event.id, child.role == "child")
    query = (
        select(Containment.content_id, Containment.uom, Containment.amount)
        .join(EventItem, EventItem.item_id == Containment.container_id)
        .join(Event, Event.id == EventItem.event_id)
        .join(Item, Item.id == Containment.content_id)
        .where(
            Event.party_id == party_id,
            Event.type == "AggregationEvent",
            Event.action == "DELETE",
            EventItem.role == "parent",
            Containment.until == Event.event_time,
            Item.kind.not_in(ONE_THING),
            ~listed,
            is_live(),
        )
    )
    if canonicals is not None:
        query = query.where(Item.canonical.in_(canonicals))
    return [
        Movement(item_id, uom, 1, amount or Decimal(0), int(amount is None))
        for item_id, uom, amount in session.execute(query)
    ]


def _things_held(session: Session, party_id: int, canonicals: Collection[str] | None) -> set[int]:
    """Return the single things that the party's last event about them left loose with it."""
    query = (
        select(EventItem.item_id, Event.type, Event.action, Event.biz_step, EventItem.role)
        .join(Event, Event.id == EventItem.event_id)
        .join(Item, Item.id == EventItem.item_id)
        .where(Event.party_id == party_id, Item.kind.in_(ONE_THING), is_live())
        .order_by(Event.event_time, Event.id)
    )
    if canonicals is not None:
        query = query.where(Item.canonical.in_(canonicals))
    last: dict[int, int] = {}
    for item_id, kind, action, step, role in session.execute(query):
        effect = effect_of(kind, action, step, role)
        if effect:
            last[item_id] = effect
    return {item_id for item_id, effect in last.items() if effect > 0}
