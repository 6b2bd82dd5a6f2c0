"""Reading chains: back to the farms, forward to the shops, three queries each."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy.orm import Session

from foodtrace.trace.chain import walk
from foodtrace.trace.chain.facts import Facts
from foodtrace.trace.chain.hops import hops_of, named_in, rows_by_event
from foodtrace.trace.chain.model import Chain, ChainItem, Link


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What stands for a chain: while `text` is the same, so is all that trace_back tells.

    `canonicals` names the items of the walk, for what else is said of them.
    """

    text: str
    canonicals: tuple[str, ...]


def trace_back(session: Session, canonical: str) -> Chain | None:
    """Return all that an item came from, and every hop of it; None for an unknown item.

    A logistic unit is traced through what lay in it, an instance through its lot. What an
    ancestor, or the item itself, went into besides is not part of it.
    """
    return _chain(session, canonical, walk.BACK)


def trace_forward(session: Session, canonical: str) -> Chain | None:
    """Return all that an item went into, and every hop of it; None for an unknown item.

    A lot that went into a hundred thousand others takes seconds: `descendant_ids` and
    `items_of` read those level by level, without their hops.
    """
    return _chain(session, canonical, walk.FORWARD)


def _chain(session: Session, canonical: str, direction: walk.Union) -> Chain | None:
    connection = session.connection()
    rows = connection.execute(direction, {"canonical": canonical}).all()
    links = tuple(Link(*row) for row in rows if row[2])
    nodes, steps = _nodes_and_steps(rows)
    by_event = rows_by_event(connection.execute(walk.HOPS, {"ids": nodes, "steps": steps}).all())
    containers, captors, names = named_in(by_event)
    facts = Facts(
        connection.execute(
            walk.FACTS, {"ids": nodes | containers, "captors": captors, "names": names}
        ).all()
    )
    if not rows:
        # Only now: who guesses at codes learns nothing from how much was looked up.
        return None
    root_id = rows[0][0]
    return Chain(
        root=facts.items[root_id],
        items=facts.items,
        nodes=frozenset(nodes),
        links=links,
        hops=tuple(hops_of(by_event, facts)),
        contents=frozenset(row[0] for row in rows if row[3] == "inside") - {root_id},
    )


def _nodes_and_steps(rows: Iterable[Sequence[Any]]) -> tuple[set[int], set[int]]:
    """Return the items and the events that the rows of a walk name."""
    nodes = {number for row in rows for number in row[:2]}
    return nodes, {row[2] for row in rows if row[2]}


def fingerprint(session: Session, canonical: str) -> Fingerprint | None:
    """Return the fingerprint of the chain back from an item; None for an unknown item.

    It costs a fraction of the chain. It may change although the chain does not (a party
    or product of another chain is revised), and never the other way round.
    """
    connection = session.connection()
    links = connection.execute(walk.BACK, {"canonical": canonical}).all()
    nodes, steps = _nodes_and_steps(links)
    marks = connection.execute(walk.MARKS, {"ids": nodes, "steps": steps}).all()
    names = connection.execute(walk.NAMES, {"ids": nodes}).scalars().all()
    if not links:
        return None
    seen = repr((sorted(map(tuple, links)), sorted(map(tuple, marks))))
    return Fingerprint(sha256(seen.encode()).hexdigest(), tuple(sorted(names)))


def descendant_ids(session: Session, start: Iterable[int]) -> set[int]:
    """Return the ids of these items and of all that was made of them.

    A query a level: for 100,000 descendants that takes less than half the time of one
    recursive query, which keeps its set in a B-tree.
    """
    connection = session.connection()
    found = set(start)
    level = found
    while level:
        level = set(connection.execute(walk.CHILDREN, {"ids": level}).scalars()) - found
        found |= level
    return found


def item_ids(session: Session, canonicals: Collection[str]) -> set[int]:
    """Return the ids of the items of these names, leaving out those that are unknown."""
    return set(session.connection().execute(walk.NAMED, {"names": canonicals}).scalars())


def items_of(session: Session, ids: Collection[int]) -> Mapping[int, ChainItem]:
    """Return what is known of these items, by id, in one query."""
    sets = {"ids": ids, "captors": (), "names": ()}
    return Facts(session.connection().execute(walk.FACTS, sets).all()).items


def items_named(session: Session, canonicals: Collection[str]) -> dict[str, ChainItem]:
    """Return what is known of the items of these names, by name, in two queries."""
    found = items_of(session, item_ids(session, canonicals))
    return {item.canonical: item for item in found.values()}
