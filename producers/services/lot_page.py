"""A party's view of one lot: what it was made of, what became of it, and where it is now.

A party sees one step up and one step down of its lots, and its own events. What its
customers' customers do is for regulators.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CTE, Select, and_, case, exists, func, null, or_, select
from sqlalchemy.orm import Session, aliased

from foodtrace.producers.services.goods import Goods, describe
from foodtrace.producers.services.stock import stock_of
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.capture.live import is_live
from foodtrace.trace.errors import NotFound
from foodtrace.trace.masterdata.models import Lot, Party, Place, Product
from foodtrace.trace.store.models import Containment, Edge, Event, EventItem, Item

NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Movement:
    """One event of the party that touched a lot, itself or in a container."""

    id: int
    event_id: str
    at: datetime
    type: str
    action: str | None
    biz_step: str | None
    disposition: str | None
    role: str
    place: str | None
    place_en: str | None
    source: str | None
    source_en: str | None
    destination: str | None
    destination_en: str | None
    temperature_low: Decimal | None
    temperature_high: Decimal | None
    container: str | None
    amount: Decimal | None
    uom: str | None


@dataclass(frozen=True, slots=True)
class HandoverSum:
    """How much of a lot went to one recipient, and how much of that was confirmed.

    None where nobody said how much.
    """

    party_id: int
    name: str
    name_en: str | None
    uom: str | None
    sent: Decimal | None
    confirmed: Decimal | None


@dataclass(frozen=True, slots=True)
class LotPage:
    """All that a party may know of one lot."""

    goods: Goods  # with the amount that was made
    made_at: datetime | None
    origin: str | None
    certificate_number: str | None
    maker: Party | None
    product: Product | None
    inputs: tuple[Goods, ...]
    outputs: tuple[Goods, ...]
    held: tuple[Goods, ...]  # loose in the party's hands
    sent: tuple[HandoverSum, ...]  # to whom it went
    movements: tuple[Movement, ...]


def get_lot(session: Session, actor: Actor, canonical: str) -> Goods:
    """Return what an item is. Raises NotFound when the actor has nothing to do with it."""
    item, lot, _ = _visible(session, actor, canonical)
    return _goods(session, item, lot)


def lot_page(session: Session, actor: Actor, canonical: str) -> LotPage:
    """Return what the actor may know of a lot. Raises NotFound when that is nothing."""
    item, lot, viewer = _visible(session, actor, canonical)
    product = session.scalar(
        select(Product).where(
            Product.identifier == (lot.product_identifier if lot else f"/01/{item.gtin}")
        )
    )
    return LotPage(
        goods=_goods(session, item, lot),
        made_at=lot.made_at if lot else None,
        origin=lot.origin if lot else None,
        certificate_number=lot.certificate_number if lot else None,
        maker=session.get(Party, lot.party_id) if lot else None,
        product=product,
        inputs=_beside(session, Edge.child_id, item.id, "input", viewer),
        outputs=_beside(session, Edge.parent_id, item.id, "output", viewer),
        held=tuple(stock_of(session, viewer, {canonical})),
        sent=_handed_over(session, viewer, item.id),
        movements=_movements(session, viewer, item.id),
    )


def _visible(session: Session, actor: Actor, canonical: str) -> tuple[Item, Lot | None, int]:
    """Return an item, its lot's facts, and the party from whose side it is looked at.

    Those who may read every lot look at it from its maker's side.
    """
    require(actor, "lot.read")
    item = session.scalar(select(Item).where(Item.canonical == canonical))
    if item is None:
        raise NotFound()
    lot = session.get(Lot, item.id)
    maker = lot.party_id if lot else 0
    if can(actor, "lot.read", owner=maker):
        return item, lot, maker
    _require_dealings(session, actor, item.id)
    return item, lot, actor.party_id or 0


def _goods(session: Session, item: Item, lot: Lot | None) -> Goods:
    """Return an item with the amount that was made of it."""
    goods = describe(session, [item.id])[item.id]
    return goods if lot is None else replace(goods, amount=lot.amount, uom=lot.uom)


def _require_dealings(session: Session, actor: Actor, item_id: int) -> None:
    """Raise NotFound unless the party made, moved or was sent this item, or its container."""
    party = session.get(Party, actor.party_id) if actor.party_id is not None else None
    if party is None:
        raise NotFound()
    carriers = _containers(item_id)
    involved = exists().where(
        EventItem.event_id == Event.id,
        or_(EventItem.item_id == item_id, EventItem.item_id.in_(select(carriers.c.container_id))),
    )
    theirs = or_(
        Event.party_id == party.id,
        and_(Event.biz_step == "shipping", Event.destination == party.identifier),
    )
    found = select(Event.id).where(theirs, involved, is_live()).limit(1)
    if session.execute(found).first() is None:
        raise NotFound()


def _beside(
    session: Session, side: Any, item_id: int, role: str, party_id: int
) -> tuple[Goods, ...]:
    """Return the other side of the party's events that made something from or into an item."""
    events = select(Edge.event_id).where(side == item_id, Edge.kind == "made")
    rows = session.execute(
        select(
            EventItem.item_id,
            EventItem.uom,
            func.sum(EventItem.amount),
            func.count() - func.count(EventItem.amount),
        )
        .join(Event, Event.id == EventItem.event_id)
        .where(EventItem.event_id.in_(events), EventItem.role == role, Event.party_id == party_id)
        .group_by(EventItem.item_id, EventItem.uom)
        .order_by(EventItem.item_id)
    ).all()
    described = describe(session, {row.item_id for row in rows})
    return tuple(
        replace(described[found], amount=None if unsaid else amount, uom=uom)
        for found, uom, amount, unsaid in rows
    )


def _containers(item_id: int) -> CTE:
    """Return every container that held an item, at any depth, and from when to when."""
    outer = aliased(Containment)
    inside = (
        select(
            Containment.container_id,
            Containment.since,
            Containment.until,
            Containment.amount,
            Containment.uom,
        )
        .where(Containment.content_id == item_id)
        .cte("carriers", recursive=True)
    )
    return inside.union(
        select(
            outer.container_id,
            case((outer.since > inside.c.since, outer.since), else_=inside.c.since),
            case(
                (outer.until.is_(None), inside.c.until),
                (inside.c.until.is_(None), outer.until),
                (outer.until < inside.c.until, outer.until),
                else_=inside.c.until,
            ),
            inside.c.amount,
            inside.c.uom,
        ).where(
            outer.content_id == inside.c.container_id,
            or_(inside.c.until.is_(None), outer.since < inside.c.until),
            or_(outer.until.is_(None), outer.until > inside.c.since),
        )
    )


def _about(item_id: int, *columns: Any) -> Iterator[Select[Any]]:
    """Yield two queries of live events: those that name an item, and those of its containers.

    Their rows are the columns, then the container (None), the amount and the unit.
    """
    yield (
        select(*columns, null(), EventItem.amount, EventItem.uom)
        .select_from(Event)
        .join(EventItem, EventItem.event_id == Event.id)
        .where(EventItem.item_id == item_id, is_live())
    )
    carriers = _containers(item_id)
    yield (
        select(*columns, Item.canonical, carriers.c.amount, carriers.c.uom)
        .select_from(Event)
        .join(EventItem, EventItem.event_id == Event.id)
        .join(Item, Item.id == EventItem.item_id)
        .join(carriers, carriers.c.container_id == EventItem.item_id)
        .where(
            EventItem.role == "epc",
            Event.event_time >= carriers.c.since,
            or_(carriers.c.until.is_(None), Event.event_time <= carriers.c.until),
            is_live(),
        )
    )


def _movements(session: Session, party_id: int, item_id: int) -> tuple[Movement, ...]:
    """Return the party's events about an item, newest first."""
    source, destination = aliased(Party), aliased(Party)
    columns = (
        Event.id,
        Event.event_id,
        Event.event_time,
        Event.type,
        Event.action,
        Event.biz_step,
        Event.disposition,
        EventItem.role,
        Place.name,
        Place.name_en,
        source.name,
        source.name_en,
        destination.name,
        destination.name_en,
        Event.temperature_low,
        Event.temperature_high,
    )
    found = {
        Movement(*row)
        for query in _about(item_id, *columns)
        for row in session.execute(
            query.outerjoin(Place, Place.identifier == Event.read_point)
            .outerjoin(source, source.identifier == Event.source)
            .outerjoin(destination, destination.identifier == Event.destination)
            .where(Event.party_id == party_id)
        )
    }
    return tuple(sorted(found, key=lambda movement: (movement.at, movement.id), reverse=True))


def _handed_over(session: Session, party_id: int, item_id: int) -> tuple[HandoverSum, ...]:
    """Return to whom a party sent an item, and what of it they confirmed."""
    party = session.get(Party, party_id)
    if party is None:
        return ()
    other = aliased(Party)
    by_us = and_(Event.biz_step == "shipping", Event.party_id == party_id)
    from_us = and_(
        Event.biz_step == "receiving",
        Event.source == party.identifier,
        Event.party_id == other.id,
    )
    sums: dict[tuple[Any, ...], dict[str, Decimal | None]] = {}
    for query in _about(item_id, Event.biz_step, other.id, other.name, other.name_en):
        taken = query.join(other, other.identifier == Event.destination)
        for step, *who, _container, amount, uom in session.execute(
            taken.where(or_(by_us, from_us))
        ):
            of_party = sums.setdefault((*who, uom), {})
            before = of_party.get(step, NONE)
            of_party[step] = None if amount is None or before is None else before + amount
    handovers = [
        HandoverSum(other_id, name, name_en, uom, steps["shipping"], steps.get("receiving", NONE))
        for (other_id, name, name_en, uom), steps in sums.items()
        if "shipping" in steps
    ]
    return tuple(sorted(handovers, key=lambda handover: handover.name))
