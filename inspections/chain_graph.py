"""A traced chain as a graph: each node is a lot in the hands of one organisation. Pure.

A lot that passes from the packer to the shop is two nodes with a link between them; a
lot made of another is a link from the maker's input to the maker's output. Beyond
MOST_NODES the organisations alone are drawn: nobody reads a thousand boxes.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from foodtrace.inspections.graph import Drawing, Edge, Node, draw, fit
from foodtrace.inspections.tracing import STEP, Standing, moves_of
from foodtrace.trace.chain.acts import Deed, Holder, acts_of
from foodtrace.trace.chain.model import Chain, ChainItem

MOST_NODES = 300
BOLD_WIDTH = 166  # bold type is wider

# Styles of nodes and edges: the page gives each a word, a shape or dashes, and a colour.
ROOT, RECALLED, PROCESS, PARTY = "root", "recalled", "step", "party"
MADE, MOVED, CLAIMED, GAP = "made", "moved", "claimed", "gap"

Key = tuple[int, str]


@dataclass(frozen=True, slots=True)
class ChainDrawing:
    """The drawing, and whether it shows organisations instead of lots."""

    drawing: Drawing
    is_summary: bool
    nodes: int  # how many lots in how many hands there are


@dataclass
class _Parts:
    """What is to be drawn, while it is collected. An edge's value is its style."""

    english: bool
    holders: dict[str, Holder] = field(default_factory=dict)
    nodes: dict[Key, ChainItem] = field(default_factory=dict)
    edges: dict[tuple[Key, Key], str] = field(default_factory=dict)

    def node(self, item: ChainItem, holder: Holder | None) -> Key:
        key = holder.key if holder else ""
        if holder is not None:
            self.holders.setdefault(key, holder)
        self.nodes.setdefault((item.id, key), item)
        return item.id, key

    def holder_name(self, key: str) -> str:
        holder = self.holders.get(key)
        return holder_name(holder, self.english) if holder else "?"


def draw_chain(
    chain: Chain,
    affected: Collection[int],
    *,
    href: Callable[[ChainItem], str],
    english: bool = False,
) -> ChainDrawing:
    """Return the drawing of a chain; `affected` are the items that a recall reaches."""
    parts = _collected(chain, english)
    if len(parts.nodes) > MOST_NODES:
        return ChainDrawing(_summary(parts, affected), True, len(parts.nodes))
    nodes = [_node(parts, key, chain.root.id, affected, href) for key in parts.nodes]
    edges = [Edge(start, end, style=style) for (start, end), style in parts.edges.items()]
    return ChainDrawing(draw(nodes, edges), False, len(nodes))


def item_name(item: ChainItem, english: bool) -> str:
    """Return what a reader calls the item: its product, else its lot number or code."""
    name = (english and item.product_name_en) or item.product_name
    return name or item.lot_number or item.canonical


def item_number(item: ChainItem) -> str:
    """Return the number on the item's label."""
    return item.serial or item.lot_number or item.lot or item.canonical.rpartition("/")[2]


def holder_name(holder: Holder, english: bool) -> str:
    """Return what a reader calls a holder: its registered name, else its identifier."""
    facts = holder.party or holder.place
    if facts is None:
        return "?"
    return (english and facts.name_en) or facts.name or facts.identifier


def _collected(chain: Chain, english: bool) -> _Parts:
    parts = _Parts(english)
    makers = _makers(chain)
    for item_id in sorted(chain.nodes):
        item = chain.items[item_id]
        if item.kind != STEP:
            parts.node(item, makers.get(item_id))
    arrived = set()
    for move in moves_of(chain):
        item = chain.items[move.item_id]
        start, end = parts.node(item, move.sender), parts.node(item, move.recipient)
        parts.edges[start, end] = MOVED if move.standing is Standing.CONFIRMED else CLAIMED
        arrived.add(end)
    where = {
        act.event_id: act.taker or act.giver
        for act in acts_of(chain)
        if act.deed in (Deed.MADE, Deed.USED)
    }
    for link in chain.links:
        parent, child = chain.items[link.parent_id], chain.items[link.child_id]
        here = where.get(link.event_id) or makers.get(child.id)
        start = parts.node(parent, here)
        end = parts.node(child, here if child.kind == STEP else makers.get(child.id, here))
        parts.edges[start, end] = MADE
        made_at = parts.node(parent, makers.get(parent.id, here))
        if start not in arrived and start != made_at:
            # It was used where nobody says that it arrived: show the gap, do not hide it.
            parts.edges.setdefault((made_at, start), GAP)
    return parts


def _makers(chain: Chain) -> dict[int, Holder]:
    """Return who made each item; where that is not said, who had it first."""
    makers: dict[int, Holder] = {}
    first: dict[int, Holder] = {}
    for act in acts_of(chain):
        if act.deed is Deed.MADE and act.taker is not None:
            makers.setdefault(act.item_id, act.taker)
        holder = act.giver or act.taker
        if holder is not None:
            first.setdefault(act.item_id, holder)
    stated = {key: Holder(item.party) for key, item in chain.items.items() if item.party}
    return first | stated | makers


def _node(
    parts: _Parts,
    key: Key,
    root_id: int,
    affected: Collection[int],
    href: Callable[[ChainItem], str],
) -> Node:
    item = parts.nodes[key]
    party = parts.holder_name(key[1])
    if item.kind == STEP:
        return Node(key, (fit(party),), party, style=PROCESS)
    name, number = item_name(item, parts.english), item_number(item)
    styles = [ROOT] * (item.id == root_id) + [RECALLED] * (item.id in affected)
    return Node(
        key,
        (fit(name, BOLD_WIDTH), fit(number), fit(party)),
        f"{name} · {number} · {party}",
        href(item),
        RECALLED if item.id in affected else "",
        " ".join(styles),
    )


def _summary(parts: _Parts, affected: Collection[int]) -> Drawing:
    """Draw the organisations, each with the number of its lots."""
    lots: Counter[str] = Counter()
    recalled = set()
    for item_id, party in parts.nodes:
        lots[party] += 1
        if item_id in affected:
            recalled.add(party)
    nodes = [
        Node(
            party,
            (fit(parts.holder_name(party), BOLD_WIDTH), str(count)),
            f"{parts.holder_name(party)} · {count}",
            mark=RECALLED if party in recalled else "",
            style=f"{PARTY} {RECALLED}" if party in recalled else PARTY,
        )
        for party, count in lots.most_common(MOST_NODES)
    ]
    links: dict[tuple[str, str], str] = {}
    for ((_, start), (_, end)), style in parts.edges.items():
        if start != end and style != MADE:
            # The best that is known of any lot between the two.
            links[start, end] = MOVED if links.get((start, end)) == MOVED else style
    return draw(nodes, [Edge(start, end, style=style) for (start, end), style in links.items()])
