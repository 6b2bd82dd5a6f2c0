"""What is recorded of the things behind codes, as far as it makes a look at them late."""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from foodtrace.trace.capture.live import is_live
from foodtrace.trace.chain.recalled import recalled_among
from foodtrace.trace.codes.models import UnitCode
from foodtrace.trace.codes.projections import ACTIVE
from foodtrace.trace.codes.rules import Circumstances
from foodtrace.trace.masterdata.models import Lot, Party, Product
from foodtrace.trace.store.models import Event, EventItem, Item
from foodtrace.trace.store.sets import among_texts

SHIPPING, SELLING = "shipping", "retail_selling"


class _Lot(NamedTuple):
    canonical: str
    item_id: int
    party_id: int  # who made it
    amount: Decimal | None
    uom: str | None
    expiry_date: date | None
    production_date: date | None
    shelf_life_days: int | None


class _Move(NamedTuple):
    party_id: int
    step: str
    to: int | None
    amount: Decimal | None
    uom: str | None
    at: datetime


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
    moves = _moves(session, {*names, *lots})
    found = dict.fromkeys(names, Circumstances())
    for code in codes:
        lot = lots.get(code.lot or "")
        found[code.canonical] = Circumstances(
            ended_at=None if code.state == ACTIVE else code.since,
            sold_at=_sold(code.canonical, lot, moves) if lot else None,
            expiry=_expiry(lot) if lot else None,
            is_recalled=lot is not None and lot.item_id in recalled,
        )
    return found


def _lots(session: Session, names: Collection[str]) -> dict[str, _Lot]:
    rows = session.execute(
        select(
            Item.canonical, Lot.item_id, Lot.party_id, Lot.amount, Lot.uom,
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


def _moves(session: Session, names: Collection[str]) -> dict[str, list[_Move]]:
    """Return who shipped these things to whom, and who sold them, by thing."""
    rows = session.execute(
        select(
            Item.canonical, Event.party_id, Event.biz_step, Party.id,
            EventItem.amount, EventItem.uom, Event.event_time,
        )
        .join(EventItem, EventItem.item_id == Item.id)
        .join(Event, Event.id == EventItem.event_id)
        .outerjoin(Party, Party.identifier == Event.destination)
        .where(
            Item.canonical.in_(among_texts(names)),
            Event.biz_step.in_((SHIPPING, SELLING)),
            # A step that its party hides is not told by a warning either.
            Event.hidden.is_(False),
            is_live(),
        )
    )  # fmt: skip
    found: dict[str, list[_Move]] = {}
    for canonical, party_id, step, to, amount, uom, at in rows:
        move = _Move(party_id, step or "", to, amount, uom, at)
        found.setdefault(canonical, []).append(move)
    return found


def _holders(lot: _Lot, moves: Iterable[_Move]) -> set[int]:
    """Return the maker, and all to whom it was shipped by those who had it from the maker.

    A stranger who says that he sold somebody's lot says nothing of that lot.
    """
    shipped = [move for move in moves if move.step == SHIPPING and move.to is not None]
    found = {lot.party_id}
    while more := {move.to for move in shipped if move.party_id in found and move.to} - found:
        found |= more
    return found


def _sold_out(lot: _Lot, sales: Iterable[_Move]) -> datetime | None:
    """Return when as much of a lot was sold as was made, in the same unit."""
    alike = [sale for sale in sales if sale.uom == lot.uom and sale.amount is not None]
    total = sum((sale.amount or Decimal(0) for sale in alike), Decimal(0))
    return max(sale.at for sale in alike) if lot.amount and total >= lot.amount else None


def _sold(name: str, lot: _Lot, moves: dict[str, list[_Move]]) -> datetime | None:
    """Return when a thing, or all of its lot, was sold by those who had it."""
    of_lot = moves.get(lot.canonical, [])
    holders = _holders(lot, [*of_lot, *moves.get(name, [])])
    single, whole = (
        [each for each in some if each.step == SELLING and each.party_id in holders]
        for some in (moves.get(name, []), of_lot)
    )
    return min((sale.at for sale in single), default=None) or _sold_out(lot, whole)
