"""What every act of a party begins with: its place, the moment, and what it may move."""

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from foodtrace.producers.events import DocumentType, Moved, Occasion, Paper, Reading
from foodtrace.producers.services.barriers import Barrier
from foodtrace.producers.services.goods import Goods
from foodtrace.producers.services.stock import stock_of
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import Action, require
from foodtrace.trace.capture.services import RecordedEvent, record_event
from foodtrace.trace.errors import Conflict, Invalid, Problem, mark
from foodtrace.trace.gs1.scanning import read_code
from foodtrace.trace.masterdata.models import Party, Place
from foodtrace.trace.masterdata.rules import check_text

MOST_ITEMS = 200
LARGEST_AMOUNT = Decimal(10) ** 9
SMALLEST_STEP = Decimal("0.000001")
CLOCK_SKEW = timedelta(minutes=5)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LONGEST_NOTE = 500
LONGEST_DOCUMENT = 60
COLDEST, HOTTEST = Decimal(-100), Decimal(300)
MOST_READINGS = 1000
_UOM = re.compile(r"[A-Z0-9]{2,3}\Z")


def begin(session: Session, actor: Actor, action: Action, place_id: int) -> tuple[Party, Place]:
    """Return the actor's party and the place of the act, and let no other act of it in between.

    Two acts that take from the same stock at once must not both find it full: the party's
    row is locked until the transaction ends.
    """
    require(actor, action)
    place = session.get(Place, place_id)
    if place is None or place.party_id != actor.party_id:
        raise Invalid(
            Problem(
                "place_id",
                mark("You have no place with the number %(id)s"),
                mark("Choose one of your places"),
                {"id": place_id},
            )
        )
    require(actor, action, owner=place.party_id)
    party = session.get(Party, place.party_id, with_for_update=True, populate_existing=True)
    assert party is not None  # noqa: S101  place.party_id is a foreign key
    return party, place


def check_moment(at: datetime, field: str = "at") -> datetime:
    """Return the moment of an act, unless it lies in the future or far in the past."""
    if at.tzinfo is None:
        raise Invalid(
            Problem(
                field,
                mark("The time has no time zone"),
                mark("Write it like 2026-11-22T08:30:00+08:00"),
            )
        )
    if at > datetime.now(UTC) + CLOCK_SKEW:
        raise Invalid(
            Problem(
                field,
                mark("This time lies in the future"),
                mark("Write when it happened, not when it is planned"),
            )
        )
    if at < EARLIEST:
        raise Invalid(Problem(field, mark("This time lies before the year 2000")))
    return at


def check_amount(field: str, amount: Decimal, uom: str | None) -> None:
    """Raise Invalid unless this is an amount that somebody could weigh or count."""
    if not amount.is_finite() or not 0 < amount <= LARGEST_AMOUNT:
        raise Invalid(
            Problem(
                f"{field}amount",
                mark("An amount is more than 0 and at most %(largest)s"),
                mark("Write it as a number such as 12.5"),
                {"largest": LARGEST_AMOUNT},
            )
        )
    if amount != amount.quantize(SMALLEST_STEP):
        raise Invalid(Problem(f"{field}amount", mark("An amount has at most 6 decimal places")))
    if uom is not None and not _UOM.match(uom):
        raise Invalid(
            Problem(
                f"{field}uom",
                mark("%(uom)s is no unit code"),
                mark("Use a code of UN/CEFACT Recommendation 20 such as KGM, or none for pieces"),
                {"uom": uom},
            )
        )
    if uom is None and amount != amount.to_integral_value():
        raise Invalid(
            Problem(
                f"{field}amount",
                mark("Pieces are counted in whole numbers"),
                mark("Choose a unit of weight or volume, or write a whole number"),
            )
        )


def identified(items: Sequence[Moved], field: str) -> list[Moved]:
    """Return items by their canonical identifiers. Raises Invalid.

    `field` is the name of the list, for the place of a problem (``items/0/amount``).
    """
    if not items:
        raise Invalid(
            Problem(field, mark("Nothing is chosen"), mark("Choose at least one lot or pallet"))
        )
    if len(items) > MOST_ITEMS:
        raise Invalid(
            Problem(
                field,
                mark("An act moves at most %(most)s lots or pallets"),
                mark("Pack them on a pallet, or write several acts"),
                {"most": MOST_ITEMS},
            )
        )
    found: list[Moved] = []
    problems: list[Problem] = []
    for i, item in enumerate(items):
        try:
            canonical = read_code(item.identifier).canonical
            if canonical in {other.identifier for other in found}:
                raise Invalid(Problem("", mark("This is named twice"), mark("Name it once")))
            if item.amount is not None:
                check_amount(f"{field}/{i}/", item.amount, item.uom)
            found.append(Moved(canonical, item.amount, item.uom))
        except Invalid as refusal:
            problems += [_at(f"{field}/{i}", problem) for problem in refusal.problems]
    if problems:
        raise Invalid(*problems)
    return found


def take(
    session: Session,
    party: Party,
    items: Sequence[Moved],
    field: str,
    barrier: Barrier | None = None,
) -> list[Moved]:
    """Return items with their amounts, after checking that the party holds so much of each.

    Raises Conflict, naming what is there, when it does not, or when the barrier says why
    this cannot be done with one of them.
    """
    wanted = identified(items, field)
    held: dict[str, list[Goods]] = {}
    for goods in stock_of(session, party.id, {item.identifier for item in wanted}):
        held.setdefault(goods.canonical, []).append(goods)
    taken: list[Moved] = []
    problems: list[Problem] = []
    for i, item in enumerate(wanted):
        there = held.get(item.identifier, [])
        barred = barrier(there[0]) if barrier and there else None
        fitting = barred or _fitting(item, there)
        if isinstance(fitting, Moved):
            taken.append(fitting)
        else:
            problems.append(_at(f"{field}/{i}", fitting))
    if problems:
        raise Conflict(*problems)
    return taken


def _fitting(item: Moved, held: Collection[Goods]) -> Moved | Problem:
    """Return the item as it can be taken from what is held of it, or why it cannot."""
    if not held:
        return Problem(
            "identifier",
            mark("You hold nothing of %(identifier)s"),
            mark("Confirm its receipt first, or unpack it"),
            {"identifier": item.identifier},
        )
    of_unit = [goods for goods in held if item.amount is None or goods.uom == item.uom]
    if len(held) > 1 and len(of_unit) != 1:
        of_unit = []
    if not of_unit:
        return Problem(
            "uom",
            mark("%(identifier)s is held in another unit: %(units)s"),
            mark("Write the amount in that unit"),
            {
                "identifier": item.identifier,
                "units": ", ".join(goods.uom or "pieces" for goods in held),
            },
        )
    (goods,) = of_unit
    if goods.is_single:
        return Moved(item.identifier)
    amount = item.amount if item.amount is not None else goods.amount
    if amount is not None and goods.amount is not None and amount > goods.amount:
        return Problem(
            "amount",
            mark("You hold %(available)s of it, not %(amount)s"),
            mark("Write at most what you hold"),
            {"available": goods.amount, "amount": amount},
        )
    return Moved(item.identifier, amount, goods.uom)


def _at(place: str, problem: Problem) -> Problem:
    """Return the problem of one item with its place in the list."""
    if problem.place.startswith(place):
        return problem
    within = problem.place if problem.place in ("amount", "uom") else "identifier"
    return Problem(f"{place}/{within}", problem.rule, problem.fix, problem.values)


def occasion_of(
    party: Party,
    place: Place,
    at: datetime,
    note: str | None,
    readings: Sequence[Reading] = (),
    paper: Paper | None = None,
    hidden: bool = False,
) -> Occasion:
    """Return the occasion of an act, after checking its moment, note and temperatures."""
    check_moment(at)
    check_text("note", note or "", LONGEST_NOTE)
    if len(readings) > MOST_READINGS:
        raise Invalid(
            Problem(
                "readings",
                mark("An event has at most %(most)s temperatures"),
                mark("Send them in several acts"),
                {"most": MOST_READINGS},
            )
        )
    for i, reading in enumerate(readings):
        check_moment(reading.at, f"readings/{i}/at")
        if not (reading.celsius.is_finite() and COLDEST <= reading.celsius <= HOTTEST):
            raise Invalid(
                Problem(
                    f"readings/{i}/celsius",
                    mark("A temperature lies between %(low)s and %(high)s °C"),
                    mark("Write it in degrees Celsius, such as -18.5"),
                    {"low": COLDEST, "high": HOTTEST},
                )
            )
    return Occasion(at, place.identifier, (note or "").strip() or None, paper, readings, hidden)


def paper_of(kind: DocumentType, number: str | None, issuer: Party) -> Paper | None:
    """Return the business document that an act refers to, if one is named."""
    text = (number or "").strip()
    if not text:
        return None
    check_text("document", text, LONGEST_DOCUMENT)
    return Paper(kind, text, issuer.identifier)


def record(
    session: Session, actor: Actor, event: dict[str, Any], key: str | None, part: int = 0
) -> RecordedEvent:
    """Record the event of an act; `part` counts the events of an act that has several.

    Acts that look the same (twice 5 kg sold within a minute) are told apart by their keys.
    """
    own_key = None if key is None else f"act:{key}:{part}"
    return record_event(session, actor, event, own_key)
