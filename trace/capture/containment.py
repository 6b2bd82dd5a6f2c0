"""What lies in what: `containment` rows from the events that pack and unpack.

Rows are worked out again for each content that an event touches, from all events that
ever packed it, so that an event that arrives late or is declared wrong changes what it
should and nothing else.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, delete, exists, select
from sqlalchemy.orm import Session

from foodtrace.trace.capture.derivation import (
    PACKING_TYPES,
    Interval,
    Packing,
    packed_intervals,
)
from foodtrace.trace.capture.live import is_live
from foodtrace.trace.epcis.model import Role
from foodtrace.trace.gs1.model import ItemKind
from foodtrace.trace.store.bulk import insert_rows, table_of
from foodtrace.trace.store.models import Containment, Event, EventItem, Item
from foodtrace.trace.store.sets import id_rows

# What may lie in many containers at once, each with its amount.
_DIVISIBLE = (ItemKind.CLASS.value, ItemKind.LOT.value)

_EVENT, _PART, _ITEM = table_of(Event).c, table_of(EventItem).c, table_of(Item).c
_TABLE = table_of(Containment)
_INTERVAL = _TABLE.c
_PARENT = table_of(EventItem).alias("parent")
_CHILD = table_of(EventItem).alias("child")

# Statements are made once: putting one together costs more than running it.
_IDS = select(id_rows("ids").c.id)
_INTERVALS = select(
    _INTERVAL.content_id,
    _INTERVAL.container_id,
    _INTERVAL.since,
    _INTERVAL.until,
    _INTERVAL.amount,
    _INTERVAL.uom,
)
_INSIDE = _INTERVALS.where(_INTERVAL.container_id.in_(_IDS))
_STORED_ALONE = _INTERVALS.where(_INTERVAL.content_id.in_(_IDS))
_STORED_DIVISIBLE = _STORED_ALONE.where(
    _INTERVAL.container_id.in_(select(id_rows("containers").c.id))
)
_AROUND = select(_INTERVAL.container_id).where(_INTERVAL.content_id.in_(_IDS)).distinct()
_DELETE = delete(_TABLE).where(
    _INTERVAL.content_id == bindparam("gone_content"),
    _INTERVAL.container_id == bindparam("gone_container"),
    _INTERVAL.since == bindparam("gone_since"),
)
_DIVISIBLE_ITEMS = select(_ITEM.id).where(_ITEM.id.in_(_IDS), _ITEM.kind.in_(_DIVISIBLE))
_IS_PACKING = and_(_EVENT.type.in_(PACKING_TYPES), _EVENT.action.in_(("ADD", "DELETE")))
_NAMED = (
    select(_PART.event_id, _PART.role, _PART.item_id)
    .join(table_of(Event), _EVENT.id == _PART.event_id)
    .where(
        _PART.event_id.in_(_IDS),
        _PART.role.in_((Role.PARENT.value, Role.CHILD.value)),
        _IS_PACKING,
    )
)
_EVER_PUT_IN = (
    select(_CHILD.c.item_id)
    .join(_PARENT, _PARENT.c.event_id == _CHILD.c.event_id)
    .where(
        _PARENT.c.item_id.in_(_IDS),
        _PARENT.c.role == Role.PARENT.value,
        _CHILD.c.role == Role.CHILD.value,
    )
    .distinct()
)
# One step after another, and not in one query: PostgreSQL reads whole tables for that one
# until it has statistics, which a database that is just being filled has not.
_WITH_CHILD = select(_PART.event_id).where(_PART.item_id.in_(_IDS), _PART.role == Role.CHILD.value)
_WITH_PARENT = select(_PART.event_id).where(
    _PART.item_id.in_(_IDS), _PART.role == Role.PARENT.value
)
_PACKED = select(_EVENT.id, _EVENT.event_time, _EVENT.action == "ADD").where(
    _EVENT.id.in_(_IDS), _IS_PACKING, is_live()
)
_PACKED_PARTS = (
    select(_PART.event_id, _PART.role, _PART.item_id, _PART.amount, _PART.uom)
    .where(_PART.event_id.in_(_IDS), _PART.role.in_((Role.PARENT.value, Role.CHILD.value)))
    # "parent" before "child": each event's container is known before its contents.
    .order_by(_PART.event_id, _PART.role.desc())
)
_EMPTYING = select(_EVENT.id, _EVENT.event_time, _PARENT.c.item_id).where(
    _EVENT.id == _PARENT.c.event_id,
    _PARENT.c.item_id.in_(_IDS),
    _PARENT.c.role == Role.PARENT.value,
    _EVENT.type.in_(PACKING_TYPES),
    _EVENT.action == "DELETE",
    ~exists(
        select(1).where(_CHILD.c.event_id == _EVENT.id, _CHILD.c.role == Role.CHILD.value)
    ).correlate(table_of(Event)),
    is_live(),
)


def repack(session: Session, packed: Sequence[int], retracted: Sequence[int]) -> set[int]:
    """Bring `containment` up to date after these packing events are recorded or retracted.

    Returns the containers whose contents, at any time, are not what they were.
    """
    if not packed and not retracted:
        return set()
    containers, contents = _touched(session, [*packed, *retracted])
    if not contents:
        return set()
    divisible = set(_scalars(session, _DIVISIBLE_ITEMS, ids=contents))
    alone = contents - divisible
    before = set(_stored(session, alone, divisible, containers))
    after = set(_worked_out(session, alone, divisible, containers))
    _delete(session, before - after)
    _insert(session, after - before)
    return {each.container_id for each in before ^ after}


def contents_of(session: Session, containers: Iterable[int]) -> dict[int, list[Interval]]:
    """Return all that ever lay in these containers, at any depth, by container."""
    found: dict[int, list[Interval]] = {}
    frontier = set(containers)
    while frontier:
        level = defaultdict(list)
        for interval in _intervals(session, _INSIDE, ids=frontier):
            level[interval.container_id].append(interval)
        found |= level
        inside = {each.content_id for intervals in level.values() for each in intervals}
        frontier = inside - found.keys()
    return found


def holding(session: Session, contents: Iterable[int]) -> set[int]:
    """Return these items and everything that they ever lay in, at any depth."""
    found = set(contents)
    frontier = set(found)
    while frontier:
        frontier = set(_scalars(session, _AROUND, ids=frontier)) - found
        found |= frontier
    return found


def _touched(session: Session, event_ids: Sequence[int]) -> tuple[set[int], set[int]]:
    """Return the containers and contents that these packing events speak of.

    An event that empties a container names no content: it speaks of all that was ever put in.
    """
    rows = session.connection().execute(_NAMED, {"ids": event_ids}).all()
    with_children = {event_id for event_id, role, _ in rows if role == Role.CHILD}
    containers = {item_id for _, role, item_id in rows if role == Role.PARENT}
    contents = {item_id for _, role, item_id in rows if role == Role.CHILD}
    emptied = {item_id for event_id, _, item_id in rows if event_id not in with_children}
    if emptied:
        contents |= set(_scalars(session, _EVER_PUT_IN, ids=emptied))
    return containers, contents


def _stored(
    session: Session, alone: set[int], divisible: set[int], containers: set[int]
) -> Iterable[Interval]:
    if alone:
        yield from _intervals(session, _STORED_ALONE, ids=alone)
    if divisible:
        yield from _intervals(session, _STORED_DIVISIBLE, ids=divisible, containers=containers)


def _worked_out(
    session: Session, alone: set[int], divisible: set[int], containers: set[int]
) -> Iterable[Interval]:
    of_content: dict[int, list[Packing]] = defaultdict(list)
    for act in _acts(session, alone, containers if divisible else set()):
        content_id = act.content_id
        if content_id in alone or (content_id in divisible and act.container_id in containers):
            of_content[content_id].append(act)
    emptied = _emptied(session, {act.container_id for own in of_content.values() for act in own})
    for content_id, own in of_content.items():
        inside = {act.container_id for act in own}
        emptying = [act for container_id in inside for act in emptied.get(container_id, ())]
        yield from packed_intervals(content_id, [*own, *emptying], alone=content_id in alone)


def _acts(session: Session, alone: set[int], containers: set[int]) -> Iterable[Packing]:
    """Yield the live acts that name one of these serials, or one of these containers."""
    event_ids: set[int] = set()
    if alone:
        event_ids |= set(_scalars(session, _WITH_CHILD, ids=alone))
    if containers:
        event_ids |= set(_scalars(session, _WITH_PARENT, ids=containers))
    ids = {"ids": sorted(event_ids)}
    live = {row[0]: row for row in session.connection().execute(_PACKED, ids)}
    container: dict[int, int] = {}
    for event_id, role, item_id, amount, uom in session.connection().execute(_PACKED_PARTS, ids):
        if role == Role.PARENT:
            container[event_id] = item_id
        elif event_id in live and container.get(event_id, item_id) != item_id:
            _, time, adds = live[event_id]
            yield Packing(event_id, time, adds, container[event_id], item_id, amount, uom)


def _emptied(session: Session, containers: set[int]) -> dict[int, list[Packing]]:
    """Return the live acts that took everything out of one of the containers."""
    found = defaultdict(list)
    rows = session.connection().execute(_EMPTYING, {"ids": sorted(containers)})
    for event_id, time, container_id in rows:
        found[container_id].append(Packing(event_id, time, False, container_id, None, None, None))
    return found


def _delete(session: Session, gone: set[Interval]) -> None:
    if gone:
        session.connection().execute(
            _DELETE,
            [
                {
                    "gone_content": each.content_id,
                    "gone_container": each.container_id,
                    "gone_since": each.since,
                }
                for each in sorted(gone, key=_key)
            ],
        )


def _insert(session: Session, fresh: set[Interval]) -> None:
    insert_rows(
        session,
        Containment,
        [
            {
                "content_id": each.content_id,
                "container_id": each.container_id,
                "since": each.since,
                "until": each.until,
                "amount": each.amount,
                "uom": each.uom,
            }
            for each in sorted(fresh, key=_key)
        ],
    )


def _key(each: Interval) -> tuple[int, int, object]:
    return each.content_id, each.container_id, each.since


def _intervals(session: Session, query: Any, **sets: set[int]) -> Iterable[Interval]:
    values = {name: sorted(ids) for name, ids in sets.items()}
    return (Interval(*row) for row in session.connection().execute(query, values))


def _scalars(session: Session, query: Any, **sets: set[int]) -> Iterable[int]:
    values = {name: sorted(ids) for name, ids in sets.items()}
    return session.connection().execute(query, values).scalars()
