"""What is known of lots: `lot` rows from the events that make them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from foodtrace.trace.capture.derivation import Made, made_lots, merged
from foodtrace.trace.capture.live import is_live
from foodtrace.trace.capture.statements import read_events
from foodtrace.trace.epcis.model import Role
from foodtrace.trace.gs1.model import ItemKind
from foodtrace.trace.masterdata.models import Lot
from foodtrace.trace.store.models import Edge, Event, EventItem, Item
from foodtrace.trace.store.sets import id_rows

_MAKING_ROLES = (Role.EPC.value, Role.OUTPUT.value)
_COLUMNS = tuple(Made.__dataclass_fields__)


def describe(session: Session, made: Sequence[tuple[int, Made]], fresh: frozenset[int]) -> None:
    """Write what new events say of the lots (item id, facts) that they make.

    `fresh` are items that nobody has spoken of before: nothing can be known of them yet.
    """
    if not made:
        return
    item_ids = {item_id for item_id, _ in made}
    known, overtaken = _known(session, item_ids - fresh, newest=max(m.event_id for _, m in made))
    facts = dict(known)
    for item_id, each in made:
        if item_id not in overtaken:
            facts[item_id] = merged(facts[item_id], each) if item_id in facts else each
    changed = {key: value for key, value in facts.items() if known.get(key) != value}
    _write(session, changed, known.keys())
    if overtaken:
        describe_again(session, overtaken)


def describe_again(session: Session, item_ids: Iterable[int]) -> None:
    """Work out what is known of these lots from all the events that make them."""
    ids = sorted(item_ids)
    session.execute(delete(Lot).where(Lot.item_id.in_(select(id_rows("ids").c.id))), {"ids": ids})
    canonicals = {
        canonical: item_id
        for item_id, canonical in session.execute(
            select(Item.id, Item.canonical).where(Item.id.in_(select(id_rows("ids").c.id))),
            {"ids": ids},
        )
    }
    facts: dict[int, Made] = {}
    for statement_id, event, received in read_events(session, _makers(session, ids)):
        for lot, made in made_lots(statement_id, event, received.party_id).items():
            if lot in canonicals:
                item_id = canonicals[lot]
                facts[item_id] = merged(facts[item_id], made) if item_id in facts else made
    _write(session, facts, ())


def made_by(session: Session, event_ids: Sequence[int]) -> set[int]:
    """Return the lots that these events made, alone or with others."""
    named = session.scalars(
        select(EventItem.item_id)
        .join(Item, Item.id == EventItem.item_id)
        .where(
            EventItem.event_id.in_(select(id_rows("ids").c.id)),
            EventItem.role.in_(_MAKING_ROLES),
            Item.kind == ItemKind.LOT.value,
        ),
        {"ids": event_ids},
    )
    of_members = session.scalars(
        select(Edge.parent_id).where(
            Edge.event_id.in_(select(id_rows("ids").c.id)), Edge.kind == "member"
        ),
        {"ids": event_ids},
    )
    return {*named, *of_members}


def _known(session: Session, item_ids: set[int], newest: int) -> tuple[dict[int, Made], set[int]]:
    """Return what is known of these lots, and which of them a later event has made already.

    On PostgreSQL the items stay locked: two captures that add to one lot take turns, and
    the one with the lower statement id may come second.
    """
    if not item_ids:
        return {}, set()
    ids = sorted(item_ids)
    wanted = id_rows("ids")
    session.execute(
        select(Item.id)
        .where(Item.id.in_(select(wanted.c.id)))
        .order_by(Item.id)
        .with_for_update(key_share=True),
        {"ids": ids},
    ).all()
    lots = session.execute(
        select(Lot.item_id, *(getattr(Lot, name) for name in _COLUMNS)).where(
            Lot.item_id.in_(select(wanted.c.id))
        ),
        {"ids": ids},
    ).all()
    known = {item_id: Made(*rest) for item_id, *rest in lots}
    if not known:
        return {}, set()
    later = session.scalars(
        select(EventItem.item_id).where(
            EventItem.item_id.in_(select(wanted.c.id)),
            EventItem.role.in_(_MAKING_ROLES),
            EventItem.event_id > newest,
        ),
        {"ids": ids},
    )
    return known, set(later)


def _makers(session: Session, item_ids: Sequence[int]) -> list[int]:
    """Return the live events that may have made these lots or serials of them."""
    wanted = id_rows("ids")
    named = select(EventItem.event_id).where(
        EventItem.item_id.in_(select(wanted.c.id)), EventItem.role.in_(_MAKING_ROLES)
    )
    of_members = select(Edge.event_id).where(
        Edge.parent_id.in_(select(wanted.c.id)), Edge.kind == "member"
    )
    return list(
        session.scalars(
            select(Event.id)
            .where(or_(Event.id.in_(named), Event.id.in_(of_members)), is_live())
            .order_by(Event.id),
            {"ids": item_ids},
        )
    )


def _write(session: Session, facts: dict[int, Made], known: Iterable[int]) -> None:
    known = set(known)
    rows = [{"item_id": item_id, **asdict(facts[item_id])} for item_id in sorted(facts)]
    fresh = [row for row in rows if row["item_id"] not in known]
    if fresh:
        session.execute(insert(Lot), fresh)
    for row in rows:
        if row["item_id"] in known:
            item_id = row.pop("item_id")
            session.execute(update(Lot).where(Lot.item_id == item_id).values(**row))
