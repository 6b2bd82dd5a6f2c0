"""What those who check read of lots: search, the chain both ways, and a recall's reach."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from sqlalchemy import Select, func, or_, select, union
from sqlalchemy.orm import Session

from foodtrace.inspections import models
from foodtrace.inspections.findings import Findings, Recall
from foodtrace.inspections.services import find_lot, findings_of
from foodtrace.inspections.tracing import STEP, Row, join, lots, recalled, rows_of
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.chain.holders import Holding, holdings
from foodtrace.trace.chain.ledger import State
from foodtrace.trace.chain.model import Chain, ChainItem
from foodtrace.trace.chain.services import trace_back, trace_forward
from foodtrace.trace.errors import Forbidden, Invalid, NotFound, Problem, mark
from foodtrace.trace.gs1.check_digits import normal_gtin
from foodtrace.trace.gs1.identifiers import in_address
from foodtrace.trace.gs1.scanning import read_code
from foodtrace.trace.masterdata.models import Lot, Party, Product
from foodtrace.trace.store.models import Item
from foodtrace.trace.store.sets import text_rows

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

    def title(self, english: bool) -> str:
        """The product's name, else the lot's number or code."""
        name = (english and self.product_name_en) or self.product_name
        return name or self.lot_number or self.canonical

    def maker(self, english: bool) -> str | None:
        """The name of the organisation that made it."""
        return (english and self.party_name_en) or self.party_name


@dataclass(frozen=True, slots=True)
class LotView:
    """A lot's whole chain, what was found of it, and where all of it is now."""

    chain: Chain
    findings: Findings
    holdings: tuple[Holding, ...]  # of the lot and all that was made of it
    recalls: tuple[Recall, ...]  # that reach this lot: its own and its ancestors', newest first
    affected: frozenset[int]  # the items that an open recall reaches

    @property
    def items(self) -> list[ChainItem]:
        """Everything that the links speak of: lots, and steps of many inputs and outputs."""
        return [self.chain.items[key] for key in sorted(self.chain.nodes)]

    @property
    def rows(self) -> list[Row]:
        """Every lot in every event, in time order."""
        return rows_of(self.chain)


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


@dataclass(frozen=True, slots=True)
class LotName:
    """What a lot is called on a list."""

    name: str
    name_en: str | None
    number: str | None


# What a lot is called: canonical, kind, number, production date, product, maker.
_NAMED = (
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
    .select_from(Item)
    .outerjoin(Lot, Lot.item_id == Item.id)
    .outerjoin(
        Product, Product.identifier == func.coalesce(Lot.product_identifier, "/01/" + Item.gtin)
    )
    .outerjoin(Party, Party.id == Lot.party_id)
)


def search_lots(session: Session, actor: Actor, text: str) -> list[FoundLot]:
    """Return at most MOST_FOUND lots that a code, number or name points to, newest first.

    An empty text finds the newest lots.
    """
    require_every_chain(actor)
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
    ids = [
        select(Lot.item_id).where(Lot.product_identifier.in_(products)),
        select(Lot.item_id).where(Lot.party_id.in_(parties)),
        select(Lot.item_id).where(func.lower(Lot.lot_number) == wanted.lower()),
        select(Item.id).where(Item.canonical.in_(certified)),
    ]
    if gtin is not None:
        ids.append(select(Item.id).where(Item.gtin == gtin, Item.kind != "class"))
    return _found(session, ids)


def view_lot(session: Session, actor: Actor, canonical: str) -> LotView:
    """Return everything that is recorded of a lot's chain. Raises NotFound.

    For those who may read every chain: nothing in it is hidden from them.
    """
    require_every_chain(actor)
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


def require_every_chain(actor: Actor) -> None:
    """Raise unless the actor may read everybody's chains: here nothing is hidden."""
    require(actor, "chain.read")
    if not can(actor, "chain.read", 0):
        raise Forbidden(
            Problem(
                "",
                mark("Whole chains are read by inspectors and regulators"),
                mark("Your own lots stand in the console of your organisation"),
            )
        )


def _both_ways(session: Session, canonical: str) -> tuple[Chain, Chain]:
    back, forward = trace_back(session, canonical), trace_forward(session, canonical)
    if back is None or forward is None:
        raise NotFound()
    return back, forward


def _found(session: Session, item_ids: Iterable[Select[int]]) -> list[FoundLot]:
    rows = session.execute(
        _NAMED.where(Item.id.in_(union(*item_ids)), Item.kind != STEP)
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


def canonical_of(path: str) -> str:
    """Return the canonical identifier that stands in the path of a page or API address.

    Raises NotFound where it names nothing: an address is no form field.
    """
    identifier = _read(read_code, in_address(path))
    if identifier is None:
        raise NotFound()
    return identifier.canonical


def names_of(session: Session, canonicals: Collection[str]) -> dict[str, LotName]:
    """Return product and lot number of these lots, in one query."""
    wanted = text_rows("lots")
    rows = session.execute(
        _NAMED.join(wanted, wanted.c.id == Item.canonical), {"lots": sorted(canonicals)}
    )
    return {row[0]: LotName(row[4] or row[2] or row[0], row[5], row[2]) for row in rows}


def label_number(session: Session, canonical: str) -> str:
    """Return the number that stands on a lot's label. Raises NotFound."""
    row = session.execute(
        select(Item.serial, Lot.lot_number, Item.lot)
        .outerjoin(Lot, Lot.item_id == Item.id)
        .where(Item.canonical == canonical)
    ).first()
    if row is None:
        raise NotFound()
    return row[0] or row[1] or row[2] or canonical.rpartition("/")[2]
