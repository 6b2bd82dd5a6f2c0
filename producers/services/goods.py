"""Goods as pages and acts speak of them: what an item is, and what lies inside it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from foodtrace.trace.chain.recalled import recalled_among
from foodtrace.trace.gs1.model import ItemKind
from foodtrace.trace.masterdata.models import Lot, Product
from foodtrace.trace.store.models import Containment, Item
from foodtrace.trace.store.sets import id_rows

ONE_THING = (ItemKind.INSTANCE, ItemKind.LOGISTIC)


@dataclass(frozen=True, slots=True)
class Goods:
    """Something that is held or on its way: a lot with an amount, or one single thing.

    `amount` is None where nobody said how much there is; `contents` is what lies inside.
    """

    item_id: int
    canonical: str
    kind: str
    product_name: str | None = None
    product_name_en: str | None = None
    lot_number: str | None = None
    production_date: date | None = None
    expiry_date: date | None = None
    amount: Decimal | None = None
    uom: str | None = None
    contents: tuple["Goods", ...] = ()
    is_named_by_recall: bool = False  # itself or an ancestor; what lies inside says so itself

    @property
    def is_single(self) -> bool:
        """Whether this is one thing (a pallet, an instance) and not an amount of a lot."""
        return self.kind in ONE_THING

    @property
    def everything(self) -> Iterator["Goods"]:
        """This and all that lies inside it, at any depth."""
        yield self
        for inside in self.contents:
            yield from inside.everything

    @property
    def recalled(self) -> tuple["Goods", ...]:
        """What of this an open recall reaches: itself, or what lies inside it."""
        return tuple(goods for goods in self.everything if goods.is_named_by_recall)

    @property
    def is_recalled(self) -> bool:
        """Whether an open recall reaches this, or something inside it."""
        return bool(self.recalled)

    def expired(self, today: date) -> tuple["Goods", ...]:
        """Return what of this is past its date: itself, or what lies inside it."""
        return tuple(
            goods for goods in self.everything if goods.expiry_date and goods.expiry_date < today
        )


def describe(session: Session, item_ids: Collection[int]) -> Mapping[int, Goods]:
    """Return what items are, by id: product's name, lot number, dates, and if it is recalled."""
    if not item_ids:
        return {}
    wanted = id_rows("ids")
    rows = session.execute(
        select(
            Item.id,
            Item.canonical,
            Item.kind,
            Product.name,
            Product.name_en,
            func.coalesce(Lot.lot_number, Item.lot),
            Lot.production_date,
            Lot.expiry_date,
        )
        .outerjoin(Lot, Lot.item_id == Item.id)
        .outerjoin(Product, Product.identifier == _product_of_item())
        .join(wanted, wanted.c.id == Item.id),
        {"ids": item_ids},
    )
    recalled = recalled_among(session, item_ids)
    return {row.id: Goods(*row, is_named_by_recall=row.id in recalled) for row in rows}


def contents_of(session: Session, item_ids: Collection[int]) -> Mapping[int, list[Goods]]:
    """Return what lies in each container now, containers inside containers included."""
    if not item_ids:
        return {}
    inside = select(id_rows("ids").c.id.label("id")).cte("inside", recursive=True)
    deeper = aliased(Containment)
    inside = inside.union(
        select(deeper.content_id).where(deeper.container_id == inside.c.id, deeper.until.is_(None))
    )
    rows = session.execute(
        select(
            Containment.container_id, Containment.content_id, Containment.amount, Containment.uom
        )
        .join(inside, inside.c.id == Containment.container_id)
        .where(Containment.until.is_(None))
        .order_by(Containment.content_id),
        {"ids": item_ids},
    ).all()
    described = describe(session, {row.content_id for row in rows})
    direct: dict[int, list[Goods]] = {}
    for row in rows:
        goods = replace(described[row.content_id], amount=row.amount, uom=row.uom)
        direct.setdefault(row.container_id, []).append(goods)
    return {item_id: _nested(direct, item_id, frozenset()) for item_id in direct}


def _nested(
    direct: Mapping[int, list[Goods]], container_id: int, above: frozenset[int]
) -> list[Goods]:
    """Hang what lies in each content below it; a container inside itself is cut there."""
    if container_id in above:
        return []
    above |= {container_id}
    return [
        replace(goods, contents=tuple(_nested(direct, goods.item_id, above)))
        for goods in direct.get(container_id, [])
    ]


def _product_of_item() -> ColumnElement[str]:
    """The product a lot was made as; without a stated one, the one of its GTIN."""
    return func.coalesce(Lot.product_identifier, "/01/" + Item.gtin)
