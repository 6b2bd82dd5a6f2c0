"""From events to rows: `event`, `event_item`, and all that is derived of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from foodtrace.trace.capture import containment, lots, transformations
from foodtrace.trace.capture.derivation import (
    PACKING_TYPES,
    Made,
    added,
    made_lots,
    memberships,
)
from foodtrace.trace.capture.items import Known, items_of
from foodtrace.trace.capture.projections import Received
from foodtrace.trace.capture.transformations import TRANSFORMATION, Transformation
from foodtrace.trace.epcis.model import Event as EpcisEvent
from foodtrace.trace.epcis.model import Role
from foodtrace.trace.gs1.identifiers import parse_identifier
from foodtrace.trace.gs1.model import Identifier, ItemKind
from foodtrace.trace.query.index import index_events
from foodtrace.trace.store.bulk import insert_rows, table_of
from foodtrace.trace.store.models import Edge, Event, EventItem
from foodtrace.trace.store.sets import text_rows

_EVENT = table_of(Event).c

# What cannot hold anything: a class or lot is no container.
_UNCONTAINING = frozenset({ItemKind.CLASS, ItemKind.LOT})

# Advisory locks on PostgreSQL, where captures run side by side. SQLite has one writer.
_DECLARING = 0x666F6F01
_PACKING = 0x666F6F02


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event and the id of its statement."""

    id: int
    event: EpcisEvent


@dataclass(frozen=True, slots=True)
class Namesake:
    """An event row that has the same eventID as one that arrives."""

    id: int
    event_id: str
    party_id: int
    is_declaration: bool


def lock_for(session: Session, events: Iterable[EpcisEvent]) -> None:
    """Make this capture wait for those whose outcome its derived rows depend on.

    An error declaration looks at everything, so it waits for all captures and they for
    it. Captures that fill or empty containers, or use what may be one, go one by one: each
    must see the contents that the others committed.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    events = tuple(events)
    if any(event.declared_at is not None for event in events):
        lock_all(session)
    else:
        session.execute(select(func.pg_advisory_xact_lock_shared(_DECLARING)))
    if any(_looks_into_containers(event) for event in events):
        session.execute(select(func.pg_advisory_xact_lock(_PACKING)))


def lock_all(session: Session) -> None:
    """Wait for all captures that run, and keep others waiting until this one ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_DECLARING)))


def captures_under_way(session: Session) -> frozenset[str]:
    """Return the transactions on PostgreSQL that are capturing now; SQLite has one writer.

    They hold the lock of lock_for(), and took it before they took the ids of their events.
    """
    if session.get_bind().dialect.name != "postgresql":
        return frozenset()
    return frozenset(session.scalars(_CAPTURES_UNDER_WAY))


# A lock of 64 bits shows as two halves of 32; ours has an upper half of zeros.
_CAPTURES_UNDER_WAY = text(
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND classid = 0 AND objid = :key AND objsubid = 1"
).bindparams(key=_DECLARING)


def _looks_into_containers(event: EpcisEvent) -> bool:
    if event.type in PACKING_TYPES:
        return event.action != "OBSERVE"
    return any(
        part.role is Role.INPUT and part.identifier.kind not in _UNCONTAINING
        for part in event.participations
    )


_SELECT_NAMESAKES = (
    select(_EVENT.id, _EVENT.event_id, _EVENT.party_id, _EVENT.declared_at.is_not(None))
    .where(_EVENT.event_id.in_(select(text_rows("event_ids").c.id)))
    .order_by(_EVENT.id)
)


def namesakes_of(session: Session, event_ids: Sequence[str]) -> list[Namesake]:
    """Return the recorded events that have one of these eventIDs, in the order of their ids."""
    rows = session.connection().execute(_SELECT_NAMESAKES, {"event_ids": event_ids})
    return [Namesake(*row) for row in rows]


def project_events(
    session: Session,
    recorded: Sequence[Recorded],
    received: Received,
    namesakes: Sequence[Namesake],
) -> None:
    """Write the rows of these events, all received at once, and what follows from them.

    `namesakes` are earlier events with the same eventIDs. An event that its party has
    declared wrong, before or after, keeps its rows but nothing follows from it.
    """
    if not recorded:
        return
    known = _write_rows(session, recorded, received)
    own = [each for each in namesakes if each.party_id == received.party_id]
    declared = {each.event.event_id for each in recorded if each.event.declared_at is not None}
    wrong = declared | {each.event_id for each in own if each.is_declaration}
    live = [
        each
        for each in recorded
        if each.event.declared_at is None and each.event.event_id not in wrong
    ]
    retracted = [each.id for each in own if not each.is_declaration and each.event_id in declared]
    _derive(session, live, received, known, retracted)


def _derive(
    session: Session,
    live: Sequence[Recorded],
    received: Received,
    known: Known,
    retracted: Sequence[int],
) -> None:
    doubtful = lots.made_by(session, retracted) if retracted else set()
    packing = [each.id for each in live if _packs(each.event)]
    touched = containment.repack(session, packing, retracted)
    transforming = [each for each in live if each.event.type == TRANSFORMATION]
    transformations.link(
        session,
        told=[_told(e, known) for e in transforming if e.event.transformation_id is None],
        partial=[e.id for e in transforming if e.event.transformation_id is not None],
        retracted=retracted,
        containers=touched,
    )
    _write_members(session, live, known)
    lots.describe(session, _made(live, received, known), known.fresh)
    if doubtful:
        lots.describe_again(session, doubtful)


def _told(recorded: Recorded, known: Known) -> Transformation:
    told = Transformation()
    for part in recorded.event.participations:
        item_id = known.ids[part.identifier.canonical]
        told.add(recorded.id, recorded.event.event_time, part.role, item_id)
    return told


def _packs(event: EpcisEvent) -> bool:
    return event.type in PACKING_TYPES and event.action in ("ADD", "DELETE")


def _made(live: Sequence[Recorded], received: Received, known: Known) -> list[tuple[int, Made]]:
    return [
        (known.ids[lot], made)
        for each in live
        for lot, made in made_lots(each.id, each.event, received.party_id).items()
    ]


def _write_rows(session: Session, recorded: Sequence[Recorded], received: Received) -> Known:
    known = items_of(session, _identifiers(recorded))
    # Two captures of the same events wait for each other instead of for ever, as with items.
    by_name = sorted(recorded, key=lambda each: each.event.event_id)
    insert_rows(session, Event, [_event_row(each, received) for each in by_name])
    parts = [row for each in recorded for row in _part_rows(each, known)]
    insert_rows(session, EventItem, parts)
    index_events(session, [(each.id, each.event) for each in recorded], received.party_id)
    return known


def _identifiers(recorded: Sequence[Recorded]) -> dict[str, Identifier]:
    """Return what the events name, and the lots that their instances belong to."""
    found = {
        part.identifier.canonical: part.identifier
        for each in recorded
        for part in each.event.participations
    }
    for each in recorded:
        for lot, _ in memberships(each.event):
            found.setdefault(lot, parse_identifier(lot))
    return found


def _event_row(recorded: Recorded, received: Received) -> dict[str, Any]:
    event = recorded.event
    return {
        "id": recorded.id,
        "event_id": event.event_id,
        "type": event.type,
        "action": event.action,
        "event_time": event.event_time,
        "time_zone_offset": event.time_zone_offset,
        "record_time": received.at,
        "biz_step": event.biz_step,
        "disposition": event.disposition,
        "read_point": event.read_point,
        "biz_location": event.biz_location,
        "party_id": received.party_id,
        "source": event.source,
        "destination": event.destination,
        "transformation_id": event.transformation_id,
        "temperature_low": event.temperature_low,
        "temperature_high": event.temperature_high,
        "declared_at": event.declared_at,
        "hidden": event.hidden,
    }


def _part_rows(recorded: Recorded, known: Known) -> Iterable[dict[str, Any]]:
    """Return a row for each item and role; an item named twice in one role counts once."""
    parts: dict[tuple[str, int], tuple[Decimal | None, str | None]] = {}
    classes: set[tuple[str, int]] = set()
    for part in recorded.event.participations:
        key = (part.role.value, known.ids[part.identifier.canonical])
        if part.is_class:
            classes.add(key)
        if key not in parts:
            parts[key] = (part.amount, part.uom)
        elif part.identifier.kind is not ItemKind.INSTANCE:
            parts[key] = added(*parts[key], part.amount, part.uom)
    return (
        {
            "event_id": recorded.id,
            "role": role,
            "item_id": item_id,
            "amount": amount,
            "uom": uom,
            "is_class": (role, item_id) in classes,
        }
        for (role, item_id), (amount, uom) in parts.items()
    )


def _write_members(session: Session, live: Sequence[Recorded], known: Known) -> None:
    edges = {
        (known.ids[lot], known.ids[instance], each.id)
        for each in live
        for lot, instance in memberships(each.event)
    }
    insert_rows(
        session,
        Edge,
        [
            {"parent_id": parent, "child_id": child, "event_id": event_id, "kind": "member"}
            for parent, child, event_id in sorted(edges)
        ],
    )
