"""Pallets and crates: what is put on them, and what is taken off."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from foodtrace.producers import events
from foodtrace.producers.events import Moved
from foodtrace.producers.services.acts import begin, identified, occasion_of, record, take
from foodtrace.producers.services.goods import contents_of
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.capture.services import RecordedEvent
from foodtrace.trace.errors import Conflict, Invalid, Problem, mark
from foodtrace.trace.gs1.check_digits import gs1_check_digit
from foodtrace.trace.gs1.scanning import read_code
from foodtrace.trace.masterdata.models import Party
from foodtrace.trace.store.models import Containment, Item


def pack(
    session: Session,
    actor: Actor,
    *,
    sscc: str,
    contents: Sequence[Moved],
    place_id: int,
    at: datetime,
    note: str | None = None,
    hidden: bool = False,
    key: str | None = None,
) -> RecordedEvent:
    """Put goods on a pallet or into a crate that has an SSCC.

    Raises Conflict if the party does not hold the goods, or if something that the party
    does not hold lies on that pallet already.
    """
    party, place = begin(session, actor, "lot.move", place_id)
    container = _sscc(sscc)
    occasion = occasion_of(party, place, at, note, hidden=hidden)
    taken = take(session, party, contents, "contents")
    if container in {item.identifier for item in taken}:
        raise Invalid(
            Problem("sscc", mark("A pallet cannot lie on itself"), mark("Choose another SSCC"))
        )
    if _is_in_use(session, container):
        # Somebody else's pallet, or one that is on its way: nothing can be put on it.
        take(session, party, [Moved(container)], "sscc")
    return record(session, actor, events.packed(occasion, container, taken), key)


def unpack(
    session: Session,
    actor: Actor,
    *,
    sscc: str,
    place_id: int,
    at: datetime,
    contents: Sequence[Moved] = (),
    note: str | None = None,
    hidden: bool = False,
    key: str | None = None,
) -> RecordedEvent:
    """Take goods off a pallet that the party holds; all of them when none are named."""
    party, place = begin(session, actor, "lot.move", place_id)
    container = _sscc(sscc)
    occasion = occasion_of(party, place, at, note, hidden=hidden)
    take(session, party, [Moved(container)], "sscc")
    inside = _inside(session, container)
    if not inside:
        raise Conflict(
            Problem("sscc", mark("Nothing lies on this pallet"), mark("Scan another SSCC"))
        )
    taken = _of_inside(inside, contents) if contents else inside
    return record(session, actor, events.unpacked(occasion, container, taken), key)


def proposed_sscc(session: Session, party: Party) -> str | None:
    """Return a free SSCC for a party with a GLN, None for one without.

    GS1 General Specifications 2.2.1: an extension digit, the company prefix, a serial
    reference and a check digit, 18 digits in all. The GLN without its check digit stands
    for the prefix: it begins with it, so that whatever its length the number is the party's.
    """
    gln = party.identifier.removeprefix("/417/")
    if gln == party.identifier:
        return None
    for extension in "1234567890":
        stem = extension + gln[:12]
        last = session.scalar(
            select(func.max(Item.canonical)).where(
                Item.canonical.between(f"/00/{stem}", f"/00/{stem}99999")
            )
        )
        serial = int(last[17:21]) + 1 if last else 1
        if serial < 10_000:
            digits = f"{stem}{serial:04}"
            return digits + gs1_check_digit(digits)
    return None


def _sscc(text: str) -> str:
    """Return the canonical form of an SSCC. Raises Invalid."""
    try:
        canonical = read_code(text).canonical
    except Invalid as refusal:
        raise Invalid(
            *(Problem("sscc", p.rule, p.fix, p.values) for p in refusal.problems)
        ) from None
    if not canonical.startswith("/00/"):
        raise Invalid(
            Problem(
                "sscc",
                mark("This is no SSCC"),
                mark("Write the 18 digits of the pallet's label"),
            )
        )
    return canonical


def _is_in_use(session: Session, container: str) -> bool:
    """Answer whether anybody has something on this pallet now."""
    held = (
        select(Containment.container_id)
        .join(Item, Item.id == Containment.container_id)
        .where(Item.canonical == container, Containment.until.is_(None))
        .limit(1)
    )
    return session.execute(held).first() is not None


def _inside(session: Session, container: str) -> list[Moved]:
    """Return what lies directly on a pallet."""
    item_id = session.scalar(select(Item.id).where(Item.canonical == container))
    if item_id is None:
        return []
    return [
        Moved(goods.canonical, goods.amount, goods.uom)
        for goods in contents_of(session, {item_id}).get(item_id, [])
    ]


def _of_inside(inside: Sequence[Moved], contents: Sequence[Moved]) -> list[Moved]:
    """Return what is taken off, after checking that it lies there. Raises Conflict."""
    by_name = {item.identifier: item for item in inside}
    taken: list[Moved] = []
    problems: list[Problem] = []
    for i, item in enumerate(identified(contents, "contents")):
        there = by_name.get(item.identifier)
        if there is None:
            problems.append(
                Problem(
                    f"contents/{i}/identifier",
                    mark("%(identifier)s does not lie on this pallet"),
                    mark("Look at what it holds"),
                    {"identifier": item.identifier},
                )
            )
        elif item.amount is None:
            taken.append(there)
        elif there.amount is not None and item.amount > there.amount:
            problems.append(
                Problem(
                    f"contents/{i}/amount",
                    mark("%(available)s of it lies on this pallet, not %(amount)s"),
                    mark("Write at most what lies there"),
                    {"available": there.amount, "amount": item.amount},
                )
            )
        else:
            taken.append(Moved(item.identifier, item.amount, there.uom))
    if problems:
        raise Conflict(*problems)
    return taken
