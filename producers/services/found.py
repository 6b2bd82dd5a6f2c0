"""What was scanned, as far as a party may know it: goods it made, had or is sent."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from foodtrace.producers.services.goods import Goods
from foodtrace.producers.services.lot_page import get_lot
from foodtrace.producers.services.stock import stock_of
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.errors import NotFound
from foodtrace.trace.gs1.model import Identifier, ItemKind
from foodtrace.trace.masterdata.models import Lot, Party
from foodtrace.trace.scanning.model import GOODS, Known
from foodtrace.trace.scanning.services import finder, lot_finder

MOST_LOTS = 10


@finder
def find_goods(session: Session, actor: Actor, name: Identifier) -> Known | None:
    """Return a lot, a single thing or a pallet that the actor has to do with."""
    if name.kind not in GOODS:
        return None
    try:
        goods = get_lot(session, actor, name.canonical)
    except NotFound:
        return None
    maker = session.scalar(
        select(Party).join(Lot, Lot.party_id == Party.id).where(Lot.item_id == goods.item_id)
    )
    return _known(goods, maker)


@lot_finder
def find_lots(session: Session, actor: Actor, product: str) -> tuple[Known, ...]:
    """Return the lots of a product with a GTIN that the actor's party has in stock."""
    if actor.party_id is None:
        return ()
    held = stock_of(session, actor.party_id)
    # A lot in pieces and in kilograms is one lot.
    lots = {each.canonical: each for each in held if each.canonical.startswith(f"{product}/10/")}
    return tuple(_known(each, None) for each in list(lots.values())[:MOST_LOTS])


def _known(goods: Goods, maker: Party | None) -> Known:
    return Known(
        canonical=goods.canonical,
        kind=ItemKind(goods.kind),
        name=goods.product_name,
        name_en=goods.product_name_en,
        lot_number=goods.lot_number,
        owner=maker.name if maker else None,
        owner_en=maker.name_en if maker else None,
        expiry_date=goods.expiry_date,
        is_recalled=goods.is_recalled,
    )
