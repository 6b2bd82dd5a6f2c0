"""Rows of walk.HOPS, turned into hops. Pure: it reads rows and knows no database."""

from collections.abc import Iterable, Sequence
from typing import Any

from foodtrace.trace.chain.model import Carried, Hop, Part, PartyFacts, PlaceFacts

# A row is the blocks below: a part that an item had in an event, then the event, its
# place, its captor, its source and its destination. EVENT, PLACE and the parties follow
# the fields of Hop, PlaceFacts and PartyFacts; walk.py selects in this order.
PART = slice(0, 8)
EVENT = slice(8, 22)
PLACE = slice(22, 28)
CAPTOR = slice(28, 33)
SOURCE = slice(33, 38)
DESTINATION = slice(38, 43)

Row = Sequence[Any]


def hops_of(rows: Iterable[Row]) -> tuple[Hop, ...]:
    """Return the hops that these rows tell of, in time order."""
    by_event: dict[int, list[Row]] = {}
    for row in rows:
        by_event.setdefault(row[0], []).append(row)
    parties: dict[str, PartyFacts] = {}
    hops = [_hop(event_rows, parties) for event_rows in by_event.values()]
    return tuple(sorted(hops, key=lambda hop: (hop.event_time, hop.id)))


def _hop(rows: Sequence[Row], parties: dict[str, PartyFacts]) -> Hop:
    first = rows[0]
    parts, carried = _parts(rows)
    named_itself = any(row[5] == 0 for row in rows)
    facts = (
        *first[EVENT],
        PlaceFacts(*first[PLACE]) if first[PLACE][0] else None,
        _party(first[CAPTOR], parties),
        _party(first[SOURCE], parties),
        _party(first[DESTINATION], parties),
        parts,
        carried,
        None if named_itself else carried[0].container_id,
    )
    return Hop(*facts)


def _parts(rows: Sequence[Row]) -> tuple[tuple[Part, ...], tuple[Carried, ...]]:
    """Return who took part by themselves, and who inside a container.

    An item that is named itself is not counted a second time inside its container (the
    event that packs it names both), nor one packing twice when an event names the crate
    and the truck.
    """
    parts: dict[tuple[str, int], Part] = {}
    carried: dict[tuple[Any, ...], Carried] = {}
    named = {row[1] for row in rows if row[5] == 0}
    for _, item_id, role, amount, uom, container_id, inner_id, packed_at in (
        row[PART] for row in rows
    ):
        if container_id == 0:
            parts[role, item_id] = Part(role, item_id, amount, uom)
            continue
        parts.setdefault((role, container_id), Part(role, container_id, None, None))
        if item_id not in named:
            carried[item_id, inner_id, packed_at] = Carried(item_id, container_id, amount, uom)
    return tuple(parts.values()), tuple(carried.values())


def _party(facts: Row, parties: dict[str, PartyFacts]) -> PartyFacts | None:
    identifier = facts[1]
    if identifier is None:
        return None
    found = parties.get(identifier)
    if found is None:
        found = parties[identifier] = PartyFacts(*facts)
    return found
