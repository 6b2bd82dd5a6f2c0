"""Rows of walk.HOPS, turned into hops. Pure: it reads rows and knows no database."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from foodtrace.trace.chain.facts import Facts
from foodtrace.trace.chain.model import Carried, Hop, Part

# A row is the blocks below: a part that an item had in an event, the event in the order
# of Hop's fields, and who and where it names. walk.py selects in this order.
PART = slice(0, 8)
EVENT = slice(8, 21)
PLACE, CAPTOR, SOURCE, DESTINATION = range(21, 25)

Row = Sequence[Any]


def rows_by_event(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """Return the rows of each event."""
    by_event: dict[int, list[Row]] = {}
    for row in rows:
        by_event.setdefault(row[0], []).append(row)
    return by_event


def named_in(by_event: Mapping[int, Sequence[Row]]) -> tuple[set[int], set[int], set[str]]:
    """Return the containers, captors and identifiers of places and parties in these rows."""
    containers = {row[5] for rows in by_event.values() for row in rows if row[5]}
    firsts = [rows[0] for rows in by_event.values()]
    captors = {row[CAPTOR] for row in firsts}
    names = {row[column] for row in firsts for column in (PLACE, SOURCE, DESTINATION)}
    return containers, captors, names - {None}


def hops_of(by_event: Mapping[int, Sequence[Row]], facts: Facts) -> Iterator[Hop]:
    """Yield the hop of each event, in time order."""
    hops = [_hop(number, rows, facts) for number, rows in by_event.items()]
    yield from sorted(hops, key=attrgetter("event_time", "id"))


def _hop(number: int, rows: Sequence[Row], facts: Facts) -> Hop:
    first = rows[0]
    parts, carried, via = _parts(rows)
    values = (
        number,
        *first[EVENT],
        facts.place(first[PLACE]),
        facts.parties.get(first[CAPTOR]),
        facts.side(first[SOURCE]),
        facts.side(first[DESTINATION]),
        parts,
        carried,
        via,
    )
    return Hop(*values)


def _parts(rows: Sequence[Row]) -> tuple[tuple[Part, ...], tuple[Carried, ...], int | None]:
    """Return who took part by themselves, who inside a container, and in which if only so.

    An item that is named itself is not counted a second time inside its container (the
    event that packs it names both), nor one packing twice when an event names the crate
    and the truck.
    """
    parts: dict[tuple[str, int], Part] = {}
    carried: dict[tuple[Any, ...], Carried] = {}
    inside = []
    for row in rows:
        _, item_id, role, amount, uom, container_id, _, _ = row[PART]
        if container_id == 0:
            parts[role, item_id] = Part(role, item_id, amount, uom)
        else:
            inside.append(row)
    if not inside:
        return tuple(parts.values()), (), None
    named = {item_id for _, item_id in parts}
    for row in inside:
        _, item_id, role, amount, uom, container_id, inner_id, packed_at = row[PART]
        parts.setdefault((role, container_id), Part(role, container_id, None, None))
        if item_id not in named:
            carried[item_id, inner_id, packed_at] = Carried(item_id, container_id, amount, uom)
    via = None if named else inside[0][5]
    return tuple(parts.values()), tuple(carried.values()), via
