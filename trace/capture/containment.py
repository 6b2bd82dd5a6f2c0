"""What lies in what: `containment` rows from the events that pack and unpack.

Rows are worked out again for each content that an event touches, from all events that
ever packed it, so that an event that arrives late or is declared wrong changes what it
should and nothing else.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import cast

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, exists, insert, or_, select
from sqlalchemy.orm import Session, aliased

from foodtrace.trace.capture.derivation import (
    PACKING_TYPES,
    Interval,
    Packing,
    packed_intervals,
)
from foodtrace.trace.capture.live import is_live
from foodtrace.trace.epcis.model import Role
from foodtrace.trace.gs1.model import ItemKind
from foodtrace.trace.store.models import Containment, Event, EventItem, Item
from foodtrace.trace.store.sets import id_rows

# What may lie in many containers at once, each with its amount.
_DIVISIBLE = (ItemKind.CLASS.value, ItemKind.LOT.value)

_PARENT = aliased(EventItem, name="parent")
_CHILD = aliased(EventItem, name="child")


def repack(session: Session, packed: Sequence[int], retracted: Sequence[int]) -> set[int]:
    """Bring `containment` up to date after these packing events are recorded or retracted.

    Returns the containers whose contents, at any time, are not what they were.
    """
    if not packed and not retracted:
        return set()
    containers, contents = _touched(session, [*packed, *retracted])
    if not contents:
        return set()
    divisible = set(
        session.scalars(
            select(Item.id).where(
                Item.id.in_(select(id_rows("ids").c.id)), Item.kind.in_(_DIVISIBLE)
            ),
            {"ids": sorted(contents)},
        )
    )
    alone = contents - divisible
    before = set(_stored(session, alone, divisible, containers))
    after = set(_worked_out(session, alone, divisible, containers))
    _delete(session, before - after)
    _insert(session, after - before)
    return {each.container_id for each in before ^ after}


def contents_at(session: Session, containers: Iterable[int]) -> dict[int, list[Interval]]:
    """Return all that ever lay in these containers, at any depth, by container."""
    found: dict[int, list[Interval]] = {}
    frontier = set(containers)
    while frontier:
        rows = session.execute(
            _INTERVALS.where(Containment.container_id.in_(select(id_rows("ids").c.id))).order_by(
                Containment.container_id, Containment.content_id, Containment.since
            ),
            {"ids": sorted(frontier)},
        )
        level = defaultdict(list)
        for row in rows:
            interval = Interval(*row)
            level[interval.container_id].append(interval)
        found |= level
        inside = {each.content_id for intervals in level.values() for each in intervals}
        frontier = inside - found.keys()
        if not level:
            break
    return found


def holding(session: Session, contents: Iterable[int]) -> set[int]:
    """Return these items and everything that they ever lay in, at any depth."""
    found = set(contents)
    frontier = set(found)
    while frontier:
        above = set(
            session.scalars(
                select(Containment.container_id)
                .where(Containment.content_id.in_(select(id_rows("ids").c.id)))
                .distinct(),
                {"ids": sorted(frontier)},
            )
        )
        frontier = above - found
        found |= frontier
    return found


_INTERVALS = select(
    Containment.content_id,
    Containment.container_id,
    Containment.since,
    Containment.until,
    Containment.amount,
    Containment.uom,
)
_TABLE = cast(Table, Containment.__table__)
_DELETE = delete(_TABLE).where(
    _TABLE.c.content_id == bindparam("gone_content"),
    _TABLE.c.container_id == bindparam("gone_container"),
    _TABLE.c.since == bindparam("gone_since"),
)


def _is_packing() -> ColumnElement[bool]:
    return and_(Event.type.in_(PACKING_TYPES), Event.action.in_(("ADD", "DELETE")))


def _touched(session: Session, event_ids: Sequence[int]) -> tuple[set[int], set[int]]:
    """Return the containers and contents that these packing events speak of.

    An event that empties a container names no content: it speaks of all that was ever put in.
    """
    rows = session.execute(
        select(Event.id, EventItem.role, EventItem.item_id)
        .join(EventItem, EventItem.event_id == Event.id)
        .where(
            Event.id.in_(select(id_rows("ids").c.id)),
            _is_packing(),
            EventItem.role.in_((Role.PARENT.value, Role.CHILD.value)),
        ),
        {"ids": event_ids},
    ).all()
    with_children = {event_id for event_id, role, _ in rows if role == Role.CHILD.value}
    containers = {item_id for _, role, item_id in rows if role == Role.PARENT.value}
    contents = {item_id for _, role, item_id in rows if role == Role.CHILD.value}
    emptied = {item_id for event_id, _, item_id in rows if event_id not in with_children}
    if emptied:
        contents |= set(
            session.scalars(
                select(_CHILD.item_id)
                .join(_PARENT, _PARENT.event_id == _CHILD.event_id)
                .where(
                    _PARENT.item_id.in_(select(id_rows("ids").c.id)),
                    _PARENT.role == Role.PARENT.value,
                    _CHILD.role == Role.CHILD.value,
                )
                .distinct(),
                {"ids": sorted(emptied)},
            )
        )
    return containers, contents


def _stored(
    session: Session, alone: set[int], divisible: set[int], containers: set[int]
) -> Iterable[Interval]:
    rows = session.execute(
        _INTERVALS.where(
            or_(
                Containment.content_id.in_(select(id_rows("alone").c.id)),
                and_(
                    Containment.content_id.in_(select(id_rows("divisible").c.id)),
                    Containment.container_id.in_(select(id_rows("containers").c.id)),
                ),
            )
        ),
        {
            "alone": sorted(alone),
            "divisible": sorted(divisible),
            "containers": sorted(containers),
        },
    )
    return (Interval(*row) for row in rows)


def _worked_out(
    session: Session, alone: set[int], divisible: set[int], containers: set[int]
) -> Iterable[Interval]:
    acts = _acts(session, alone, None) + _acts(session, divisible, containers)
    emptied = _emptied(session, {act.container_id for act in acts})
    of_content = defaultdict(list)
    for act in acts:
        of_content[act.content_id].append(act)
    for content_id, own in of_content.items():
        if content_id is None:
            continue
        inside = {act.container_id for act in own}
        emptying = [act for container_id in inside for act in emptied.get(container_id, ())]
        yield from packed_intervals(content_id, [*own, *emptying], alone=content_id in alone)


def _acts(session: Session, contents: set[int], containers: set[int] | None) -> list[Packing]:
    """Return every live act that names one of the contents (in one of the containers)."""
    if not contents:
        return []
    query = (
        select(
            Event.id,
            Event.event_time,
            Event.action == "ADD",
            _PARENT.item_id,
            _CHILD.item_id,
            _CHILD.amount,
            _CHILD.uom,
        )
        .join(_CHILD, _CHILD.event_id == Event.id)
        .join(_PARENT, _PARENT.event_id == Event.id)
        .where(
            _CHILD.item_id.in_(select(id_rows("contents").c.id)),
            _CHILD.role == Role.CHILD.value,
            _PARENT.role == Role.PARENT.value,
            _PARENT.item_id != _CHILD.item_id,
            _is_packing(),
            is_live(),
        )
        .order_by(Event.id)
    )
    values = {"contents": sorted(contents)}
    if containers is not None:
        query = query.where(_PARENT.item_id.in_(select(id_rows("containers").c.id)))
        values["containers"] = sorted(containers)
    return [Packing(*row) for row in session.execute(query, values)]


def _emptied(session: Session, containers: set[int]) -> dict[int, list[Packing]]:
    """Return the live acts that took everything out of one of the containers."""
    has_children = exists(
        select(1).where(_CHILD.event_id == Event.id, _CHILD.role == Role.CHILD.value)
    ).correlate(Event)
    rows = session.execute(
        select(Event.id, Event.event_time, _PARENT.item_id)
        .join(_PARENT, _PARENT.event_id == Event.id)
        .where(
            _PARENT.item_id.in_(select(id_rows("ids").c.id)),
            _PARENT.role == Role.PARENT.value,
            Event.type.in_(PACKING_TYPES),
            Event.action == "DELETE",
            ~has_children,
            is_live(),
        ),
        {"ids": sorted(containers)},
    )
    found = defaultdict(list)
    for event_id, time, container_id in rows:
        found[container_id].append(Packing(event_id, time, False, container_id, None, None, None))
    return found


def _delete(session: Session, gone: set[Interval]) -> None:
    if gone:
        session.execute(
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
    if fresh:
        session.execute(
            insert(Containment),
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
