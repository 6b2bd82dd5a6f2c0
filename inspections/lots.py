"""What those who check read of lots: search, the chain both ways, and a recall's reach."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from sqlalchemy import Select, func, or_, select, union
from sqlalchemy.orm import Session

from foodtrace.inspections import models
from foodtrace.inspections.findings import Findings, Recall
from foodtrace.inspections.services import find_lot, findings_of
from foodtrace.inspections.tracing import STEP, join, lots, recalled
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.chain.holders import Holding, holdings
from foodtrace.trace.chain.ledger import State
from foodtrace.trace.chain.model import Chain, ChainItem
from foodtrace.trace.chain.services import trace_back, trace_forward
from foodtrace.trace.errors import Invalid, NotFound
from foodtrace.trace.gs1.check_digits import normal_gtin
from foodtrace.trace.gs1.scanning import read_code
from foodtrace.trace.masterdata.models import Lot, Party, Product
from foodtrace.trace.store.models import Item

Found = TypeVar("Found")

MOST_FOUND = 50
LONGEST_SEARCH = 200

# Where food still is, or went to people: what a recall has to reach.
REACHABLE = frozenset({State.HELD, State.CLAIMED, State.IN_TRANSIT, State.SOLD})


@dataclass(frozen=True, slots=True)
class FoundLot:
    """A lot as a search lists it."""

    canonical: str
    kind: str
    lot_number: str | None
    production_date: date | None
    product_name: str | None
    product_name_en: str | None
    party_name: str | None
    party_name_en: str | None


@dataclass(frozen=True, slots=True)
class LotView:
    """A lot's whole chain, what was found of it, and where all of it is now."""

    chain: Chain
    findings: Findings
    holdings: tuple[Holding, ...]  # of the lot and all that was made of it
    recalls: tuple[Recall, ...]  # that reach this lot: its own and its ancestors', newest first
    affected: frozenset[int]  # the items that an open recall reaches


@dataclass(frozen=True, slots=True)
class Reach:
    """What a recall of a lot reaches: all that was made of it, and who has it."""

    chain: Chain
    lots: tuple[ChainItem, ...]
    holdings: tuple[Holding, ...]

    @property
    def holders(self) -> int:
        """How many organisations have some of it, or had it last."""
        return len({held.party.identifier for held in self.holdings if held.party})


def search_lots(session: Session, actor: Actor, text: str) -> list[FoundLot]:
    """Return at most MOST_FOUND lots that a code, number or name points to, newest first.

    An empty text finds the newest lots.
    """
    require(actor, "chain.read", 0)
    wanted = text.strip()[:LONGEST_SEARCH]
    if not wanted:
        return _found(session, [select(Lot.item_id)])
    code = _read(read_code, wanted)
    if code is not None:
        return _found(session, [select(Item.id).where(Item.canonical == code.canonical)])
    gtin = _read(normal_gtin, wanted)
    products = select(Product.identifier).where(
        or_(
            *(
                column.icontains(wanted, autoescape=True)
                for column in (Product.name, Product.name_en, Product.brand)
            )
        )
    )
    parties = select(Party.id).where(
        or_(
            Party.name.icontains(wanted, autoescape=True),
            Party.name_en.icontains(wanted, autoescape=True),
            Party.uscc == wanted.upper(),
        )
    )
    certified = select(models.Certificate.lot).where(models.Certificate.number == wanted)
    return _found(
        session,
        [
            select(Lot.item_id).where(Lot.product_identifier.in_(products)),
            select(Lot.item_id).where(Lot.party_id.in_(parties)),
            select(Lot.item_id).where(func.lower(Lot.lot_number) == wanted.lower()),
            select(Item.id).where(Item.canonical.in_(certified)),
            select(Item.id).where(Item.gtin == gtin, Item.kind != "class"),
        ],
    )


def view_lot(session: Session, actor: Actor, canonical: str) -> LotView:
    """Return everything that is recorded of a lot's chain. Raises NotFound.

    For those who may read every chain: nothing in it is hidden from them.
    """
    require(actor, "chain.read", 0)
    back, forward = _both_ways(session, canonical)
    chain = join(back, forward)
    findings = findings_of(session, {chain.items[node].canonical for node in chain.nodes})
    upstream = {back.items[node].canonical for node in back.nodes}
    return LotView(
        chain=chain,
        findings=findings,
        holdings=tuple(holdings(forward)),
        recalls=tuple(recall for recall in findings.recalls if recall.lot in upstream),
        affected=frozenset(recalled(chain, {recall.lot for recall in findings.open_recalls})),
    )


def reach_of(session: Session, actor: Actor, text: str) -> Reach:
    """Return what a recall of this lot reaches.

    A maker may ask for its own lots before it recalls one. Raises Invalid or NotFound.
    """
    canonical, owner = find_lot(session, text)
    if not can(actor, "chain.read", 0):
        require(actor, "recall.open", owner)
    chain = trace_forward(session, canonical)
    if chain is None:
        raise NotFound()
    where = (held for held in holdings(chain) if held.state in REACHABLE)
    return Reach(chain, tuple(lots(chain)), tuple(where))


def _both_ways(session: Session, canonical: str) -> tuple[Chain, Chain]:
    back, forward = trace_back(session, canonical), trace_forward(session, canonical)
    if back is None or forward is None:
        raise NotFound()
    return back, forward


def _found(session: Session, item_ids: Iterable[Select[int]]) -> list[FoundLot]:
    rows = session.execute(
        select(
            Item.canonical,
            Item.kind,
            func.coalesce(Lot.lot_number, Item.lot),
            Lot.production_date,
            Product.name,
            Product.name_en,
            Party.name,
            Party.name_en,
        )
        .outerjoin(Lot, Lot.item_id == Item.id)
        .outerjoin(
            Product,
            Product.identifier == func.coalesce(Lot.product_identifier, "/01/" + Item.gtin),
        )
        .outerjoin(Party, Party.id == Lot.party_id)
        .where(Item.id.in_(union(*item_ids)), Item.kind != STEP)
        .order_by(Item.id.desc())
        .limit(MOST_FOUND)
    )
    return [FoundLot(*row) for row in rows]


def _read(reader: Callable[[str], Found], text: str) -> Found | None:
    """Return what the reader makes of a text, or None where it is no such thing."""
    try:
        return reader(text)
    except Invalid:
        return None
