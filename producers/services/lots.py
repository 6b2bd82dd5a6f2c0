"""The lots that a party made, page by page."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from foodtrace.producers.services.goods import Goods, describe
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.masterdata.models import Lot, Product

PAGE = 50
LONGEST_SEARCH = 100


@dataclass(frozen=True, slots=True)
class LotList:
    """One page of lots, newest first, and the cursor of the next page if there is one."""

    lots: tuple[Goods, ...]
    next: str | None


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
