"""A party's view of lots: what it made, what became of it, and where it is now.

A party sees one step up and one step down of its lots, and its own events. What its
customers' customers do is for regulators.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CTE, and_, case, exists, func, null, or_, select
from sqlalchemy.orm import Session, aliased

from foodtrace.producers.services.goods import Goods, describe
from foodtrace.producers.services.stock import stock_of
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.capture.live import is_live
from foodtrace.trace.errors import Invalid, NotFound, Problem, mark
from foodtrace.trace.masterdata.models import Lot, Party, Place, Product
from foodtrace.trace.store.models import Containment, Edge, Event, EventItem, Item

PAGE = 50
LONGEST_SEARCH = 100


@dataclass(frozen=True, slots=True)
class LotList:
    """One page of lots, newest first, and the cursor of the next page if there is one."""

    lots: tuple[Goods, ...]
    next: str | None


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
    amount: Decimal | None
    uom: str | None
    container: str | None
    place: str | None
    source: str | None
    destination: str | None
    temperature_low: Decimal | None
    temperature_high: Decimal | None


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
    movements: tuple[Movement, ...]


def list_lots(
    session: Session,
    actor: Actor,
    *,
    search: str | None = None,
    after: str | None = None,
    limit: int = PAGE,
) -> LotList:
    """Return the lots that the actor's party made, newest first.

    `search` looks in lot numbers and names of products; `after` is the cursor of the page
    before. Who may read everybody's lots gets everybody's.
    """
    require(actor, "lot.read")
    query = (
        select(Lot)
        .outerjoin(Product, Product.identifier == Lot.product_identifier)
        .order_by(Lot.made_at.desc(), Lot.item_id.desc())
        .limit(limit + 1)
    )
    if not can(actor, "lot.read", owner=0):
        query = query.where(Lot.party_id == actor.party_id)
    if search and (wanted := search.strip()[:LONGEST_SEARCH]):
        columns = (Lot.lot_number, Product.name, Product.name_en)
        query = query.where(or_(*(c.icontains(wanted, autoescape=True) for c in columns)))
    if after:
        moment, item_id = _cursor(after)
        query = query.where(
            or_(Lot.made_at < moment, and_(Lot.made_at == moment, Lot.item_id < item_id))
        )
    rows = list(session.scalars(query))
    described = describe(session, [row.item_id for row in rows])
    goods = [replace(described[row.item_id], amount=row.amount, uom=row.uom) for row in rows]
    last = rows[limit - 1] if len(rows) > limit else None
    return LotList(
        tuple(goods[:limit]), None if last is None else f"{last.made_at.isoformat()}_{last.item_id}"
    )


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


def _cursor(text: str) -> tuple[datetime, int]:
    try:
        moment, _, item_id = text.rpartition("_")
        return datetime.fromisoformat(moment).astimezone(UTC), int(item_id)
    except (ValueError, OverflowError):
        raise Invalid(
            Problem(
                "after",
                mark("This is no cursor of a page"),
                mark("Follow the link to the next page as it is"),
            )
        ) from None


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


def _movements(session: Session, party_id: int, item_id: int) -> tuple[Movement, ...]:
    """Return the party's events about an item, newest first."""
    carriers = _containers(item_id)
    source, destination = aliased(Party), aliased(Party)
    about_event: Sequence[Any] = (
        Event.id,
        Event.event_id,
        Event.event_time,
        Event.type,
        Event.action,
        Event.biz_step,
        Event.disposition,
        EventItem.role,
    )
    around: Sequence[Any] = (
        Place.name,
        source.name,
        destination.name,
        Event.temperature_low,
        Event.temperature_high,
    )
    direct = (
        select(*about_event, EventItem.amount, EventItem.uom, null(), *around)
        .join(EventItem, EventItem.event_id == Event.id)
        .where(EventItem.item_id == item_id)
    )
    carried = (
        select(*about_event, carriers.c.amount, carriers.c.uom, Item.canonical, *around)
        .join(EventItem, EventItem.event_id == Event.id)
        .join(Item, Item.id == EventItem.item_id)
        .join(carriers, carriers.c.container_id == EventItem.item_id)
        .where(
            EventItem.role == "epc",
            Event.event_time >= carriers.c.since,
            or_(carriers.c.until.is_(None), Event.event_time <= carriers.c.until),
        )
    )
    rows: list[Any] = [
        row
        for query in (direct, carried)
        for row in session.execute(
            query.outerjoin(Place, Place.identifier == Event.read_point)
            .outerjoin(source, source.identifier == Event.source)
            .outerjoin(destination, destination.identifier == Event.destination)
            .where(Event.party_id == party_id, is_live())
        )
    ]
    found = {Movement(*row) for row in rows}
    return tuple(sorted(found, key=lambda movement: (movement.at, movement.id), reverse=True))
