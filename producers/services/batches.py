"""New lots: made from nothing recorded, from other lots, or by splitting one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from foodtrace.producers.events import (
    LotFacts,
    Moved,
    Occasion,
    Reading,
    commissioned,
    transformed,
)
from foodtrace.producers.services.acts import (
    begin,
    check_amount,
    check_moment,
    occasion_of,
    record,
    take,
)
from foodtrace.producers.services.barriers import against_use
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.capture.derivation import NOBODY
from foodtrace.trace.errors import Conflict, Invalid, Problem, mark
from foodtrace.trace.gs1.charset import checked_value
from foodtrace.trace.gs1.identifiers import lot_path
from foodtrace.trace.gs1.public_code import new_code
from foodtrace.trace.masterdata.models import Lot, Party, Place, Product
from foodtrace.trace.masterdata.rules import check_text
from foodtrace.trace.store.models import Event, Item

LONGEST_LOT_NUMBER = 20
# GB/T 33993-2017: these are not allowed in the lot number of a product's QR code.
FORBIDDEN_IN_LOTS = frozenset("%&/<>?")
LONGEST_ORIGIN = 200
LONGEST_CERTIFICATE_NUMBER = 100


@dataclass(frozen=True, slots=True)
class Batch:
    """A lot that was just made: its canonical identifier, its number, and its event."""

    identifier: str
    lot_number: str
    id: int
    event_id: str


@dataclass(frozen=True, slots=True)
class LastBatch:
    """What a new lot may have in common with the last one."""

    product_id: int
    place_id: int | None
    amount: Decimal | None
    uom: str | None
    origin: str | None


@dataclass(frozen=True, slots=True)
class Share:
    """One lot that comes out of a split. Without a product it stays what it was."""

    amount: Decimal
    uom: str | None = None
    lot_number: str | None = None
    product_id: int | None = None
    code: str | None = None


def register_batch(
    session: Session,
    actor: Actor,
    *,
    product_id: int,
    place_id: int,
    amount: Decimal,
    uom: str | None,
    made_at: datetime,
    production_date: date,
    lot_number: str | None = None,
    expiry_date: date | None = None,
    origin: str | None = None,
    certificate_number: str | None = None,
    inputs: Sequence[Moved] = (),
    readings: Sequence[Reading] = (),
    note: str | None = None,
    hidden: bool = False,
    key: str | None = None,
    code: str | None = None,
) -> Batch:
    """Register a new lot and what it was made of.

    Without a lot number the next free one of the day is taken, without an expiry date it
    follows from the product's shelf life. `code` is our own code for a lot of a product
    without GTIN; without one a new one is made. Raises Conflict if the lot exists, or if
    the party does not hold so much of an input, or if an input is recalled or younger than
    the lot.
    """
    party, place = begin(session, actor, "lot.register", place_id)
    product = _own_product(session, party, product_id, "product_id")
    check_moment(made_at, "made_at")
    check_amount("", amount, uom)
    _check_dates(production_date, expiry_date, made_at)
    facts = LotFacts(
        lot_number=_lot_number(session, product, lot_number, production_date),
        product=product.identifier,
        production_date=production_date,
        expiry_date=expiry_date or _expiry(product, production_date),
        origin=_text("origin", origin, LONGEST_ORIGIN),
        certificate_number=_text(
            "certificate_number", certificate_number, LONGEST_CERTIFICATE_NUMBER
        ),
    )
    identifier = _new_identifier(session, product, facts.lot_number, code)
    occasion = occasion_of(party, place, made_at, note, readings, hidden=hidden)
    made = Moved(identifier, amount, uom)
    if inputs:
        used = take(session, party, inputs, "inputs", against_use)
        _check_order(session, used, made_at, "made_at")
        event = transformed(occasion, used, [made], facts)
    else:
        event = commissioned(occasion, made, facts)
    recorded = record(session, actor, event, key)
    return Batch(identifier, facts.lot_number, recorded.id, recorded.event_id)


def split(
    session: Session,
    actor: Actor,
    *,
    identifier: str,
    shares: Sequence[Share],
    place_id: int,
    at: datetime,
    hidden: bool = False,
    key: str | None = None,
) -> list[Batch]:
    """Split a lot that the party holds into new lots, each with its own number.

    Dates and origin go over to the new lots. One event a new lot: an event has one ILMD,
    and so could not state several lot numbers.
    """
    party, place = begin(session, actor, "lot.register", place_id)
    check_moment(at)
    total = _total(shares)
    (used,) = take(session, party, [Moved(identifier, total, shares[0].uom)], "shares", against_use)
    _check_order(session, [used], at, "at")
    lot = _lot_of(session, used.identifier)
    batches: list[Batch] = []
    for i, share in enumerate(shares):
        product = _product_of_share(session, party, lot, share, f"shares/{i}/product_id")
        produced = lot.production_date or at.date()
        facts = LotFacts(
            lot_number=_lot_number(session, product, share.lot_number, produced),
            product=product.identifier,
            production_date=produced,
            expiry_date=lot.expiry_date,
            origin=lot.origin,
            certificate_number=lot.certificate_number,
        )
        new = _new_identifier(session, product, facts.lot_number, share.code)
        event = transformed(
            Occasion(at, place.identifier, hidden=hidden),
            [Moved(used.identifier, share.amount, used.uom)],
            [Moved(new, share.amount, used.uom)],
            facts,
            biz_step="repackaging",
        )
        recorded = record(session, actor, event, key, part=i)
        batches.append(Batch(new, facts.lot_number, recorded.id, recorded.event_id))
    return batches


def last_batch(session: Session, actor: Actor) -> LastBatch | None:
    """Return what the newest lot of the actor's party was like, to be copied."""
    found = session.execute(
        select(Product.id, Place.id, Lot.amount, Lot.uom, Lot.origin)
        .select_from(Lot)
        .join(Product, Product.identifier == Lot.product_identifier)
        .join(Event, Event.id == Lot.event_id)
        .outerjoin(Place, Place.identifier == Event.read_point)
        .where(Lot.party_id == actor.party_id, Product.party_id == actor.party_id)
        .order_by(Lot.made_at.desc(), Lot.item_id.desc())
        .limit(1)
    ).first()
    return None if found is None else LastBatch(*found)


def proposed_lot_number(session: Session, product: Product, production_date: date) -> str:
    """Return the next free lot number of a day: ``20261122-01``."""
    day = f"{production_date:%Y%m%d}"
    taken = set(
        session.scalars(
            select(Lot.lot_number).where(
                Lot.product_identifier == product.identifier,
                Lot.lot_number.startswith(day, autoescape=True),
            )
        )
    )
    count = len(taken) + 1
    while (number := f"{day}-{count:02}") in taken:
        count += 1
    return number


def _own_product(session: Session, party: Party, product_id: int, field: str) -> Product:
    product = session.get(Product, product_id)
    if product is None or product.party_id != party.id:
        raise Invalid(
            Problem(
                field,
                mark("You have no product with the number %(id)s"),
                mark("Choose one of your products, or register it first"),
                {"id": product_id},
            )
        )
    return product


def _lot_number(
    session: Session, product: Product, given: str | None, production_date: date
) -> str:
    """Return the given lot number, checked, or the next free one of the day."""
    if given is None or not given.strip():
        return proposed_lot_number(session, product, production_date)
    number = given.strip()
    try:
        checked_value("lot", number, LONGEST_LOT_NUMBER)
    except Invalid as refusal:
        raise Invalid(
            *(Problem("lot_number", p.rule, p.fix, p.values) for p in refusal.problems)
        ) from None
    if FORBIDDEN_IN_LOTS & set(number):
        raise Invalid(
            Problem(
                "lot_number",
                mark("A lot number does not hold any of the signs %(signs)s"),
                mark("Use letters, digits and dashes"),
                {"signs": " ".join(sorted(FORBIDDEN_IN_LOTS))},
            )
        )
    return number


def _new_identifier(session: Session, product: Product, lot_number: str, code: str | None) -> str:
    """Return the canonical identifier of a new lot. Raises Conflict if the lot exists."""
    gtin = product.identifier.removeprefix("/01/")
    identifier = (
        lot_path(gtin, lot_number) if gtin != product.identifier else f"/q/{code or new_code()}"
    )
    same_number = (Lot.product_identifier == product.identifier) & (Lot.lot_number == lot_number)
    if session.scalar(
        select(func.count())
        .select_from(Lot)
        .join(Item, Item.id == Lot.item_id)
        .where((Item.canonical == identifier) | same_number, Lot.party_id != NOBODY)
    ):
        raise Conflict(
            Problem(
                "lot_number",
                mark("Lot %(lot)s of this product exists already"),
                mark("Leave the lot number empty to get the next free one"),
                {"lot": lot_number},
            )
        )
    return identifier


def _expiry(product: Product, production_date: date) -> date | None:
    if product.shelf_life_days is None:
        return None
    return production_date + timedelta(days=product.shelf_life_days)


def _check_dates(production_date: date, expiry_date: date | None, made_at: datetime) -> None:
    # A day of slack: the maker's day may already be tomorrow's elsewhere.
    if production_date > made_at.date() + timedelta(days=1):
        raise Invalid(
            Problem(
                "production_date",
                mark("The production date lies after the moment of making"),
                mark("Compare both dates"),
            )
        )
    if expiry_date is not None and expiry_date < production_date:
        raise Invalid(
            Problem(
                "expiry_date",
                mark("The expiry date lies before the production date"),
                mark("Compare both dates"),
            )
        )


def _check_order(session: Session, used: Sequence[Moved], made_at: datetime, field: str) -> None:
    """Raise Conflict when a lot would be older than something it was made of."""
    younger = session.scalar(
        select(func.coalesce(Lot.lot_number, Item.canonical))
        .join(Item, Item.id == Lot.item_id)
        .where(Item.canonical.in_([item.identifier for item in used]), Lot.made_at > made_at)
        .limit(1)
    )
    if younger is not None:
        raise Conflict(
            Problem(
                field,
                mark("Lot %(lot)s was made later than this and cannot have been used"),
                mark("Write when the new lot was finished"),
                {"lot": younger},
            )
        )


def _total(shares: Sequence[Share]) -> Decimal:
    """Return the sum of all shares, which have one unit. Raises Invalid."""
    if not shares:
        raise Invalid(
            Problem("shares", mark("Nothing is chosen"), mark("Write at least one new lot"))
        )
    for i, share in enumerate(shares):
        check_amount(f"shares/{i}/", share.amount, share.uom)
        if share.uom != shares[0].uom:
            raise Invalid(
                Problem(
                    f"shares/{i}/uom",
                    mark("The new lots have different units"),
                    mark("Write all amounts in one unit"),
                )
            )
    return sum((share.amount for share in shares), Decimal(0))


def _lot_of(session: Session, identifier: str) -> Lot:
    lot = session.scalar(
        select(Lot).join(Item, Item.id == Lot.item_id).where(Item.canonical == identifier)
    )
    if lot is None:
        raise Invalid(
            Problem(
                "identifier",
                mark("Nobody recorded how %(identifier)s was made"),
                mark("Register a batch with it as input instead"),
                {"identifier": identifier},
            )
        )
    return lot


def _product_of_share(
    session: Session, party: Party, lot: Lot, share: Share, field: str
) -> Product:
    """Return the product of a new lot: only its owner gives out lot numbers of a product."""
    if share.product_id is not None:
        return _own_product(session, party, share.product_id, field)
    product = session.scalar(
        select(Product).where(
            Product.identifier == lot.product_identifier, Product.party_id == party.id
        )
    )
    if product is None:
        raise Invalid(
            Problem(
                field,
                mark("The lot is of another party's product"),
                mark("Choose which of your products the new lot is"),
            )
        )
    return product


def _text(field: str, text: str | None, longest: int) -> str | None:
    """Return a free text, trimmed; an empty one is None. Raises Invalid."""
    kept = (text or "").strip()
    check_text(field, kept, longest)
    return kept or None
