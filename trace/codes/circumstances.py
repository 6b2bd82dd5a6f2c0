"""What is recorded of the things behind codes, as far as it makes a look at them late."""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from foodtrace.trace.capture.live import is_live
from foodtrace.trace.chain.recalled import recalled_among
from foodtrace.trace.codes.models import UnitCode
from foodtrace.trace.codes.projections import ACTIVE
from foodtrace.trace.codes.rules import Circumstances
from foodtrace.trace.masterdata.models import Lot, Product
from foodtrace.trace.store.models import Event, EventItem, Item
from foodtrace.trace.store.sets import among_ids, among_texts

SELLING = "retail_selling"


class _Lot(NamedTuple):
    canonical: str
    item_id: int
    amount: Decimal | None
    uom: str | None
    expiry_date: date | None
    production_date: date | None
    shelf_life_days: int | None


def circumstances_of(session: Session, names: Collection[str]) -> dict[str, Circumstances]:
    """Return the circumstances of each of these codes, in a handful of queries for all."""
    codes = session.execute(
        select(UnitCode.canonical, UnitCode.lot, UnitCode.state, UnitCode.since).where(
            UnitCode.canonical.in_(among_texts(names))
        )
    ).all()
    lots = _lots(session, {code.lot for code in codes if code.lot})
    ids = [lot.item_id for lot in lots.values()]
    recalled = recalled_among(session, ids)
    sold = _sold_out(session, lots.values()) | _sold_single(session, names)
    found = dict.fromkeys(names, Circumstances())
    for code in codes:
        lot = lots.get(code.lot or "")
        found[code.canonical] = Circumstances(
            ended_at=None if code.state == ACTIVE else code.since,
            sold_at=sold.get(code.canonical) or sold.get(code.lot or ""),
            expiry=_expiry(lot) if lot else None,
            is_recalled=lot is not None and lot.item_id in recalled,
        )
    return found


def _lots(session: Session, names: Collection[str]) -> dict[str, _Lot]:
    rows = session.execute(
        select(
            Item.canonical, Lot.item_id, Lot.amount, Lot.uom,
            Lot.expiry_date, Lot.production_date, Product.shelf_life_days,
        )
        .join(Lot, Lot.item_id == Item.id)
        .outerjoin(Product, Product.identifier == Lot.product_identifier)
        .where(Item.canonical.in_(among_texts(names)))
    )  # fmt: skip
    return {row.canonical: _Lot(*row) for row in rows}


def _expiry(lot: _Lot) -> date | None:
    """Return the last good day: as stated, else production date and shelf life."""
    if (
        lot.expiry_date is None
        and lot.production_date is not None
        and lot.shelf_life_days is not None
    ):
        return lot.production_date + timedelta(days=lot.shelf_life_days)
    return lot.expiry_date


def _sold_single(session: Session, names: Collection[str]) -> dict[str, datetime]:
    """Return when single things were recorded as sold."""
    rows = session.execute(
        select(Item.canonical, func.min(Event.event_time))
        .join(EventItem, EventItem.item_id == Item.id)
        .join(Event, Event.id == EventItem.event_id)
        .where(
            Item.canonical.in_(among_texts(names)),
            Event.biz_step == SELLING,
            is_live(),
        )
        .group_by(Item.canonical)
    )
    return dict(rows.all())


def _sold_out(session: Session, lots: Iterable[_Lot]) -> dict[str, datetime]:
    """Return when lots were sold out: as much as was made, in the same unit."""
    made = {lot.item_id: lot for lot in lots}
    rows = session.execute(
        select(
            EventItem.item_id,
            EventItem.uom,
            func.sum(EventItem.amount),
            func.max(Event.event_time),
        )
        .join(Event, Event.id == EventItem.event_id)
        .where(
            EventItem.item_id.in_(among_ids(made)),
            Event.biz_step == SELLING,
            is_live(),
        )
        .group_by(EventItem.item_id, EventItem.uom)
    )
    found = {}
    for item_id, uom, amount, newest in rows:
        lot = made[item_id]
        if uom == lot.uom and amount and lot.amount and Decimal(amount) >= lot.amount:
            found[lot.canonical] = newest
    return found
