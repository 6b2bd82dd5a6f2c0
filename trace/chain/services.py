"""Reading chains: back to the farms, forward to the shops, three queries each."""

from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from foodtrace.trace.chain import walk
from foodtrace.trace.chain.hops import hops_of
from foodtrace.trace.chain.model import Chain, ChainItem, Link, PartyFacts


def trace_back(session: Session, canonical: str) -> Chain | None:
    """Return all that an item came from, and every hop of it; None for an unknown item.

    A logistic unit is traced through what lay in it, an instance through its lot.
    """
    return _chain(session, canonical, walk.BACK)


def trace_forward(session: Session, canonical: str) -> Chain | None:
    """Return all that an item went into, and every hop of it; None for an unknown item."""
    return _chain(session, canonical, walk.FORWARD)


def _chain(session: Session, canonical: str, direction: walk.Walk) -> Chain | None:
    rows = session.execute(direction, {"canonical": canonical}).all()
    if not rows:
        return None
    links = tuple(Link(*row) for row in rows if row[2])
    nodes = {row[1] for row in rows}
    nodes.update(row[0] for row in rows)
    root_id = next(row[1] for row in rows if row[3] == "root")
    hops = hops_of(session.execute(walk.HOPS, {"ids": nodes}))
    containers = {part.item_id for hop in hops for part in hop.parts}
    items = _items(session, nodes | containers)
    return Chain(
        root=items[root_id],
        items=items,
        nodes=frozenset(nodes),
        links=links,
        hops=hops,
        contents=frozenset(row[1] for row in rows if row[3] == "inside") - {root_id},
    )


def _items(session: Session, ids: Iterable[int]) -> Mapping[int, ChainItem]:
    items = {}
    makers: dict[int, PartyFacts] = {}
    for row in session.execute(walk.ITEMS, {"ids": ids}):
        facts = row[walk.MAKER]
        party = makers.setdefault(facts[0], PartyFacts(*facts)) if facts[0] else None
        items[row[0]] = ChainItem(*(*row[walk.ITEM], party))
    return items
