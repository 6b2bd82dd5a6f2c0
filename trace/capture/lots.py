"""What is known of lots: `lot` rows from the events that make them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from sqlalchemy import bindparam, delete, literal, or_, select, update
from sqlalchemy.orm import Session

from foodtrace.trace.capture.derivation import NOBODY, Made, made_lots, merged
from foodtrace.trace.capture.live import is_live
from foodtrace.trace.capture.statements import read_events
from foodtrace.trace.epcis.model import Role
from foodtrace.trace.gs1.model import ItemKind
from foodtrace.trace.masterdata.models import Lot, Product
from foodtrace.trace.store.bulk import insert_rows, table_of
from foodtrace.trace.store.models import Edge, Event, EventItem, Item
from foodtrace.trace.store.sets import id_rows

_MAKING_ROLES = (Role.EPC.value, Role.OUTPUT.value)
_COLUMNS = tuple(Made.__dataclass_fields__)
_values_of = attrgetter(*_COLUMNS)

_EVENT, _PART, _EDGE = table_of(Event).c, table_of(EventItem).c, table_of(Edge).c
_ITEM, _LOT, _PRODUCT = table_of(Item).c, table_of(Lot).c, table_of(Product).c

# Statements are made once: putting one together costs more than running it.
_IDS = select(id_rows("ids").c.id)
_FORGET = delete(table_of(Lot)).where(_LOT.item_id.in_(_IDS))
_OWNERS = (
    select(_ITEM.id, _PRODUCT.party_id)
    .join(table_of(Product), _PRODUCT.identifier == literal("/01/") + _ITEM.gtin)
    .where(_ITEM.id.in_(_IDS))
)
_NAMES = select(_ITEM.canonical, _ITEM.id).where(_ITEM.id.in_(_IDS))
_LOCKED = (
    select(_ITEM.id).where(_ITEM.id.in_(_IDS)).order_by(_ITEM.id).with_for_update(key_share=True)
)
_KNOWN = select(_LOT.item_id, *(_LOT[name] for name in _COLUMNS)).where(_LOT.item_id.in_(_IDS))
_LATER = select(_PART.item_id).where(
    _PART.item_id.in_(_IDS),
    _PART.role.in_(_MAKING_ROLES),
    _PART.event_id > bindparam("newest"),
)
_NAMED_BY = (
    select(_PART.item_id)
    .join(table_of(Item), _ITEM.id == _PART.item_id)
    .where(
        _PART.event_id.in_(_IDS),
        _PART.role.in_(_MAKING_ROLES),
        _ITEM.kind == ItemKind.LOT.value,
    )
)
_MEMBERS_OF = select(_EDGE.parent_id).where(_EDGE.event_id.in_(_IDS), _EDGE.kind == "member")
_MAKERS = (
    select(_EVENT.id)
    .where(
        or_(
            _EVENT.id.in_(
                select(_PART.event_id).where(_PART.item_id.in_(_IDS), _PART.role.in_(_MAKING_ROLES))
            ),
            _EVENT.id.in_(
                select(_EDGE.event_id).where(_EDGE.parent_id.in_(_IDS), _EDGE.kind == "member")
            ),
        ),
        is_live(),
    )
    .order_by(_EVENT.id)
)
_UPDATE = (
    update(table_of(Lot))
    .where(_LOT.item_id == bindparam("known_id"))
    .values({name: bindparam(name) for name in _COLUMNS})
)


def describe(session: Session, made: Sequence[tuple[int, Made]], fresh: frozenset[int]) -> None:
    """Write what new events say of the lots (item id, facts) that they make.

    `fresh` are items that nobody has spoken of before: nothing can be known of them yet.
    """
    if not made:
        return
    item_ids = {item_id for item_id, _ in made}
    owners = owners_of(session, item_ids)
    known, overtaken = _known(session, item_ids - fresh, newest=max(m.event_id for _, m in made))
    facts = dict(known)
    for item_id, said in made:
        if item_id not in overtaken:
            each = _entitled(said, owners.get(item_id))
            facts[item_id] = merged(facts[item_id], each) if item_id in facts else each
    _write(session, {key: each for key, each in facts.items() if key not in known})
    _overwrite(session, {key: each for key, each in facts.items() if known.get(key, each) != each})
    if overtaken:
        describe_again(session, overtaken)


def describe_again(session: Session, item_ids: Iterable[int]) -> None:
    """Work out what is known of these lots from all the events that make them."""
    ids = {"ids": sorted(item_ids)}
    connection = session.connection()
    connection.execute(_FORGET, ids)
    wanted = {name: item_id for name, item_id in connection.execute(_NAMES, ids)}
    makers = connection.execute(_MAKERS, ids).scalars().all()
    owners = owners_of(session, wanted.values())
    facts: dict[int, Made] = {}
    for statement_id, event, received in read_events(session, makers):
        for lot, said in made_lots(statement_id, event, received.party_id).items():
            if lot in wanted:
                item_id = wanted[lot]
                made = _entitled(said, owners.get(item_id))
                facts[item_id] = merged(facts[item_id], made) if item_id in facts else made
    _write(session, facts)


def owners_of(session: Session, item_ids: Iterable[int]) -> dict[int, int]:
    """Return the party that has registered the product of each lot, where there is one."""
    rows = session.connection().execute(_OWNERS, {"ids": sorted(item_ids)})
    return {item_id: party_id for item_id, party_id in rows}


def _entitled(made: Made, owner: int | None) -> Made:
    """Return the facts as nobody's if their party speaks of another party's product.

    Lot numbers of a registered product belong to whoever registered it: nobody else can
    take one first, or recall the lot as its maker.
    """
    return made if owner in (None, made.party_id) else replace(made, party_id=NOBODY)


def made_by(session: Session, event_ids: Sequence[int]) -> set[int]:
    """Return the lots that these events made, alone or with others."""
    ids = {"ids": event_ids}
    connection = session.connection()
    return {
        *connection.execute(_NAMED_BY, ids).scalars(),
        *connection.execute(_MEMBERS_OF, ids).scalars(),
    }


def _known(session: Session, item_ids: set[int], newest: int) -> tuple[dict[int, Made], set[int]]:
    """Return what is known of these lots, and which of them a later event has made already.

    On PostgreSQL the items stay locked: two captures that add to one lot take turns, and
    the one with the lower statement id may come second.
    """
    if not item_ids:
        return {}, set()
    ids = {"ids": sorted(item_ids)}
    connection = session.connection()
    connection.execute(_LOCKED, ids).all()
    known = {item_id: Made(*rest) for item_id, *rest in connection.execute(_KNOWN, ids)}
    if not known:
        return {}, set()
    return known, set(connection.execute(_LATER, {**ids, "newest": newest}).scalars())


def _write(session: Session, facts: dict[int, Made]) -> None:
    insert_rows(session, Lot, [{"item_id": key, **_row(facts[key])} for key in sorted(facts)])


def _overwrite(session: Session, facts: dict[int, Made]) -> None:
    if facts:
        rows = [{"known_id": key, **_row(facts[key])} for key in sorted(facts)]
        session.connection().execute(_UPDATE, rows)


def _row(made: Made) -> dict[str, Any]:
    return dict(zip(_COLUMNS, _values_of(made), strict=True))
