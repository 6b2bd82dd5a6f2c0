"""What became what: `edge` rows of kind *made*, from the events that transform."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import and_, delete, insert, select
from sqlalchemy.orm import Session, aliased

from foodtrace.trace.capture.containment import contents_at, holding
from foodtrace.trace.capture.derivation import Interval, made_edges
from foodtrace.trace.capture.items import items_of, node_of
from foodtrace.trace.capture.live import is_live
from foodtrace.trace.epcis.model import Role
from foodtrace.trace.gs1.model import ItemKind
from foodtrace.trace.store.models import Edge, Event, EventItem, Item
from foodtrace.trace.store.sets import id_rows

MADE = "made"
_TYPE = "TransformationEvent"


@dataclass(slots=True)
class Transformation:
    """One transformation, told by one event or by several with the same transformationID.

    `inputs` and `outputs` map an item to the event that names it, the latest if several.
    """

    times: dict[int, datetime] = field(default_factory=dict)
    inputs: dict[int, int] = field(default_factory=dict)
    outputs: dict[int, int] = field(default_factory=dict)


def link(
    session: Session, *, new: Sequence[int], retracted: Sequence[int], containers: set[int]
) -> None:
    """Bring the edges up to date after events are recorded or retracted.

    `containers` are those whose contents have changed: what was made of them, or of what
    holds them, has other parents now.
    """
    changed = _users_of(session, containers) | _partners_of(session, [*new, *retracted])
    stale = changed - set(new) | set(retracted)
    if stale:
        session.execute(
            delete(Edge).where(Edge.event_id.in_(select(id_rows("ids").c.id)), Edge.kind == MADE),
            {"ids": sorted(stale)},
        )
    if retracted:
        # An event that is declared wrong says nothing of lots and serials either.
        session.execute(
            delete(Edge).where(Edge.event_id.in_(select(id_rows("ids").c.id))),
            {"ids": sorted(retracted)},
        )
    wanted = sorted({*new, *changed} - set(retracted))
    if wanted:
        _write(session, _transformations(session, wanted))


def _users_of(session: Session, containers: set[int]) -> set[int]:
    """Return the transformations that used one of these containers, or what held it."""
    if not containers:
        return set()
    users = session.scalars(
        select(EventItem.event_id)
        .where(
            EventItem.item_id.in_(select(id_rows("ids").c.id)),
            EventItem.role == Role.INPUT.value,
        )
        .distinct(),
        {"ids": sorted(holding(session, containers))},
    ).all()
    return set(users) | _partners_of(session, users)


def _partners_of(session: Session, event_ids: Sequence[int]) -> set[int]:
    """Return the events that tell of the same transformations as these, by transformationID.

    Only those of the same party: nobody can add inputs to what another has made.
    """
    if not event_ids:
        return set()
    partner = aliased(Event, name="partner")
    return set(
        session.scalars(
            select(partner.id)
            .join(
                Event,
                and_(
                    Event.transformation_id == partner.transformation_id,
                    Event.party_id == partner.party_id,
                ),
            )
            .where(Event.id.in_(select(id_rows("ids").c.id)), Event.transformation_id.is_not(None))
            .distinct(),
            {"ids": event_ids},
        )
    )


def _transformations(session: Session, event_ids: Sequence[int]) -> list[Transformation]:
    """Return the live transformations that these events tell of, in the order of their ids."""
    rows = session.execute(
        select(
            Event.id,
            Event.event_time,
            Event.party_id,
            Event.transformation_id,
            EventItem.role,
            EventItem.item_id,
        )
        .join(EventItem, EventItem.event_id == Event.id)
        .where(Event.id.in_(select(id_rows("ids").c.id)), Event.type == _TYPE, is_live())
        .order_by(Event.id, EventItem.role, EventItem.item_id),
        {"ids": event_ids},
    )
    found: dict[object, Transformation] = defaultdict(Transformation)
    for event_id, time, party_id, transformation_id, role, item_id in rows:
        name = (party_id, transformation_id) if transformation_id else event_id
        each = found[name]
        each.times[event_id] = time
        if role == Role.INPUT.value:
            each.inputs[item_id] = event_id
        elif role == Role.OUTPUT.value:
            each.outputs[item_id] = event_id
    return list(found.values())


def _write(session: Session, transformations: Sequence[Transformation]) -> None:
    _unpack(session, transformations)
    edges: set[tuple[int, int, int]] = set()
    crowded = []
    for each in transformations:
        pairs = made_edges(each.inputs, each.outputs)
        if pairs is None:
            crowded.append(each)
        else:
            edges.update(pairs)
    edges.update(_through_nodes(session, crowded))
    if edges:
        session.execute(
            insert(Edge),
            [
                {"parent_id": parent, "child_id": child, "event_id": event_id, "kind": MADE}
                for parent, child, event_id in sorted(edges)
            ],
        )


def _through_nodes(
    session: Session, crowded: Iterable[Transformation]
) -> Iterable[tuple[int, int, int]]:
    """Yield the edges of transformations that are nodes of the chain themselves."""
    named = {node_of(min(each.times)): each for each in crowded}
    known = items_of(session, {}, named).ids if named else {}
    for name, each in named.items():
        node = known[name]
        yield from ((parent, node, event_id) for parent, event_id in each.inputs.items())
        yield from ((node, child, event_id) for child, event_id in each.outputs.items())


def _unpack(session: Session, transformations: Iterable[Transformation]) -> None:
    """Put what lay in them, at the time, in the place of inputs that are containers."""
    contents = contents_at(
        session, {item_id for each in transformations for item_id in each.inputs}
    )
    if not contents:
        return
    units = set(
        session.scalars(
            select(Item.id).where(
                Item.id.in_(select(id_rows("ids").c.id)), Item.kind == ItemKind.LOGISTIC.value
            ),
            {"ids": sorted(contents)},
        )
    )
    for each in transformations:
        unpacked: dict[int, int] = {}
        for item_id, event_id in each.inputs.items():
            for inner in _inside(item_id, each.times[event_id], contents, units):
                unpacked[inner] = max(event_id, unpacked.get(inner, 0))
        each.inputs = unpacked


def _inside(
    item_id: int, time: datetime, contents: dict[int, list[Interval]], units: set[int]
) -> set[int]:
    """Return what the item stands for: itself, or all that lay in it at any depth.

    A pallet whose contents are known is only a wrapping; one of which nothing is known
    stays, so that the chain does not break. An instance that holds others is food too.
    """
    found: set[int] = set()
    seen: set[int] = set()
    stack = [item_id]
    while stack:
        current = stack.pop()
        if current in seen:
            continue
        seen.add(current)
        inner = [
            each.content_id
            for each in contents.get(current, ())
            if each.since <= time and (each.until is None or each.until >= time)
        ]
        if not inner or current not in units:
            found.add(current)
        stack += inner
    return found
