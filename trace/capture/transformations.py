"""What became what: `edge` rows of kind *made*, from the events that transform."""

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from foodtrace.trace.capture.containment import contents_of, holding
from foodtrace.trace.capture.derivation import NOBODY, Interval, made_edges
from foodtrace.trace.capture.items import items_of, node_of
from foodtrace.trace.capture.live import is_live
from foodtrace.trace.capture.lots import owners_of
from foodtrace.trace.epcis.model import Role
from foodtrace.trace.gs1.model import ItemKind
from foodtrace.trace.masterdata.models import Lot
from foodtrace.trace.store.bulk import insert_rows, table_of
from foodtrace.trace.store.models import Edge, Event, EventItem, Item
from foodtrace.trace.store.sets import id_rows

MADE = "made"
TRANSFORMATION = "TransformationEvent"

_EVENT, _PART, _EDGE = table_of(Event).c, table_of(EventItem).c, table_of(Edge).c
_ITEM, _LOT = table_of(Item).c, table_of(Lot).c
_PARTNER = table_of(Event).alias("partner")

# Statements are made once: putting one together costs more than running it.
_IDS = select(id_rows("ids").c.id)
_FORGET = delete(table_of(Edge)).where(_EDGE.event_id.in_(_IDS))
_FORGET_MADE = _FORGET.where(_EDGE.kind == MADE)
_USERS = (
    select(_PART.event_id).where(_PART.item_id.in_(_IDS), _PART.role == Role.INPUT.value).distinct()
)
_PARTNERS = (
    select(_PARTNER.c.id)
    .where(
        _EVENT.transformation_id == _PARTNER.c.transformation_id,
        _EVENT.party_id == _PARTNER.c.party_id,
        _EVENT.id.in_(_IDS),
    )
    .distinct()
)
_PARTS = (
    select(
        _EVENT.id,
        _EVENT.event_time,
        _EVENT.party_id,
        _EVENT.transformation_id,
        _PART.role,
        _PART.item_id,
    )
    .join(table_of(EventItem), _PART.event_id == _EVENT.id)
    .where(_EVENT.id.in_(_IDS), _EVENT.type == TRANSFORMATION, is_live())
    .order_by(_EVENT.id, _PART.role, _PART.item_id)
)
_MAKERS = select(_LOT.item_id, _LOT.party_id).where(_LOT.item_id.in_(_IDS), _LOT.party_id != NOBODY)
_PARTIES = select(_EVENT.id, _EVENT.party_id).where(_EVENT.id.in_(_IDS))
_UNITS = select(_ITEM.id).where(_ITEM.id.in_(_IDS), _ITEM.kind == ItemKind.LOGISTIC.value)


@dataclass(slots=True)
class Transformation:
    """One transformation, told by one event or by several with the same transformationID.

    `inputs` and `outputs` map an item to the event that names it, the latest if several.
    """

    times: dict[int, datetime] = field(default_factory=dict)
    inputs: dict[int, int] = field(default_factory=dict)
    outputs: dict[int, int] = field(default_factory=dict)

    def add(self, event_id: int, time: datetime, role: str, item_id: int) -> None:
        """Take in one item that one event names."""
        self.times[event_id] = time
        if role == Role.INPUT:
            self.inputs[item_id] = event_id
        elif role == Role.OUTPUT:
            self.outputs[item_id] = event_id


def link(
    session: Session,
    *,
    told: Sequence[Transformation],
    partial: Sequence[int],
    retracted: Sequence[int],
    containers: Set[int],
) -> None:
    """Bring the edges up to date after events are recorded or retracted.

    `told` are new transformations that one event tells of; `partial` are new events that
    share a transformationID with others. `containers` are those whose contents have
    changed: what was made of them, or of what holds them, has other parents now.
    """
    new = {event_id for each in told for event_id in each.times}
    changed = _users_of(session, containers) - new
    changed |= _partners_of(session, changed | set(partial) | set(retracted))
    _run(session, _FORGET_MADE, changed)
    # An event that is declared wrong says nothing of lots and serials either.
    _run(session, _FORGET, set(retracted))
    again = _transformations(session, changed - set(retracted))
    if told or again:
        _write(session, [*told, *again])


def _run(session: Session, statement: object, ids: Set[int]) -> None:
    if ids:
        session.connection().execute(statement, {"ids": sorted(ids)})  # type: ignore[call-overload]  # a delete


def _users_of(session: Session, containers: Set[int]) -> set[int]:
    """Return the transformations that used one of these containers, or what held it."""
    if not containers:
        return set()
    around = sorted(holding(session, containers))
    return set(session.connection().execute(_USERS, {"ids": around}).scalars())


def _partners_of(session: Session, event_ids: Set[int]) -> set[int]:
    """Return the events that tell of the same transformations as these, by transformationID.

    Only those of the same party: nobody can add inputs to what another has made.
    """
    if not event_ids:
        return set()
    return set(session.connection().execute(_PARTNERS, {"ids": sorted(event_ids)}).scalars())


def _transformations(session: Session, event_ids: Set[int]) -> list[Transformation]:
    """Return the live transformations that these events tell of, in the order of their ids."""
    if not event_ids:
        return []
    rows = session.connection().execute(_PARTS, {"ids": sorted(event_ids)})
    found: dict[object, Transformation] = defaultdict(Transformation)
    for event_id, time, party_id, transformation_id, role, item_id in rows:
        name = (party_id, transformation_id) if transformation_id else event_id
        found[name].add(event_id, time, role, item_id)
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
    edges = _entitled(session, edges)
    insert_rows(
        session,
        Edge,
        [
            {"parent_id": parent, "child_id": child, "event_id": event_id, "kind": MADE}
            for parent, child, event_id in sorted(edges)
        ],
    )


def _entitled(session: Session, edges: set[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
    """Return the edges without those that a stranger states of another party's lot.

    What a lot was made of is said by its maker, and by whoever registered its product: else
    anybody could put a bad ingredient into a rival's food, and recall it. The event stays.
    """
    children = {child for _, child, _ in edges}
    if not children:
        return edges
    connection = session.connection()
    owners = {lot: party for lot, party in connection.execute(_MAKERS, {"ids": sorted(children)})}
    owners.update(owners_of(session, children))
    if not owners:
        return edges
    told_by = sorted({event_id for _, _, event_id in edges})
    parties = {event: party for event, party in connection.execute(_PARTIES, {"ids": told_by})}
    return {edge for edge in edges if owners.get(edge[1], parties[edge[2]]) == parties[edge[2]]}


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
    contents = contents_of(
        session, {item_id for each in transformations for item_id in each.inputs}
    )
    if not contents:
        return
    units = set(session.connection().execute(_UNITS, {"ids": sorted(contents)}).scalars())
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
