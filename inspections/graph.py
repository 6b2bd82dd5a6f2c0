"""Lay a chain out as a layered drawing, from left (earlier) to right (later). Pure.

Longest-path ranks give the columns, barycentre sweeps the order within a column, and an
isotonic regression the heights. A link that returns (a cycle, or a lot made into
itself) does not count for the ranks, and is drawn all the same.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

NODE_WIDTH = 200
NODE_HEIGHT = 66
COLUMN_GAP = 56
ROW_GAP = 18
BEND_HEIGHT = 6  # the room a passing line takes in a column
MARGIN = 14
PADDING = 10
SWEEPS = 6

Key = Hashable


@dataclass(frozen=True, slots=True)
class Node:
    """What to draw: at most three lines of text, and where a click leads."""

    key: Key
    lines: tuple[str, ...]
    title: str = ""
    href: str | None = None
    mark: str = ""  # a word shown in the drawing, so that colour never speaks alone
    style: str = ""  # CSS class and shape: recalled, root, holder


@dataclass(frozen=True, slots=True)
class Edge:
    """A link from an earlier node to a later one."""

    start: Key
    end: Key
    title: str = ""
    style: str = ""  # CSS class: claimed


@dataclass(frozen=True, slots=True)
class Box:
    """A node with its top left corner, in pixels."""

    node: Node
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """An edge as the `d` of an SVG path."""

    edge: Edge
    path: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Where everything stands, in pixels."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class _Bend:
    """Where the edge number `edge` passes through a column between its ends."""

    edge: int
    rank: int


def draw(nodes: Sequence[Node], edges: Iterable[Edge]) -> Drawing:
    """Place the nodes and route the edges; edges of unknown nodes are left out."""
    known = {node.key for node in nodes}
    kept = [edge for edge in edges if edge.start in known and edge.end in known]
    ranks = _ranks([node.key for node in nodes], kept)
    columns, routes = _columns(nodes, kept, ranks)
    neighbours = _neighbours(routes)
    _order(columns, neighbours)
    heights = _heights(columns, neighbours)
    column_of = {key: number for number, column in enumerate(columns) for key in column}
    boxes = tuple(
        Box(node, _x(column_of[node.key]), heights[node.key] - NODE_HEIGHT / 2) for node in nodes
    )
    lines = tuple(
        Line(edge, _path(route, column_of, heights))
        for edge, route in zip(kept, routes, strict=True)
    )
    bottom = max((heights[node.key] for node in nodes), default=0) + NODE_HEIGHT / 2
    return Drawing(_x(len(columns)) - COLUMN_GAP + MARGIN, bottom + MARGIN, boxes, lines)


def fit(text: str, width: float = NODE_WIDTH - 2 * PADDING) -> str:
    """Shorten a text to `width` pixels of the drawing's 13-pixel type, as near as can be told.

    >>> fit("新疆维吾尔自治区阿克苏地区红富士苹果", 90), fit("L1", 90)
    ('新疆维吾尔自…', 'L1')
    """
    if sum(_pixels(character) for character in text) <= width:
        return text
    used, kept = _pixels("…"), ""
    for character in text:
        used += _pixels(character)
        if used > width:
            break
        kept += character
    return kept.rstrip() + "…"


def _pixels(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return 13
    return 9.0 if character.isupper() or character in "…MW@%" else 7.2


def _ranks(keys: Sequence[Key], edges: Iterable[Edge]) -> dict[Key, int]:
    """Return each node's column: one more than the furthest node that leads to it."""
    followers: dict[Key, list[Key]] = {key: [] for key in keys}
    for edge in edges:
        if edge.end not in followers[edge.start]:
            followers[edge.start].append(edge.end)
    order, forward = _depth_first(followers)
    ranks = dict.fromkeys(keys, 0)
    for key in order:
        for follower in forward[key]:
            ranks[follower] = max(ranks[follower], ranks[key] + 1)
    # Pull what nothing leads to next to what it leads to: a late ingredient stands late.
    fed = {follower for key in keys for follower in forward[key]}
    for key in keys:
        if key not in fed and forward[key]:
            ranks[key] = min(ranks[follower] for follower in forward[key]) - 1
    return ranks


def _depth_first(
    followers: Mapping[Key, Sequence[Key]],
) -> tuple[list[Key], dict[Key, list[Key]]]:
    """Return a topological order, and the links that do not close a cycle."""
    done: dict[Key, bool] = {}  # absent: not met; False: on the way; True: finished
    forward: dict[Key, list[Key]] = {key: [] for key in followers}
    finished: list[Key] = []
    for start in followers:
        if start in done:
            continue
        done[start] = False
        stack = [(start, iter(followers[start]))]
        while stack:
            key, rest = stack[-1]
            for follower in rest:
                if done.get(follower, True):
                    forward[key].append(follower)
                if follower not in done:
                    done[follower] = False
                    stack.append((follower, iter(followers[follower])))
                    break
            else:
                done[key] = True
                finished.append(key)
                stack.pop()
    return finished[::-1], forward


def _columns(
    nodes: Sequence[Node], edges: Sequence[Edge], ranks: Mapping[Key, int]
) -> tuple[list[list[Key]], list[list[Key]]]:
    """Fill the columns, with a bend wherever an edge passes one, and list each edge's way."""
    columns: list[list[Key]] = [[] for _ in range(max(ranks.values(), default=0) + 1)]
    for node in nodes:
        columns[ranks[node.key]].append(node.key)
    routes = []
    for number, edge in enumerate(edges):
        bends: list[Key] = []
        # A link that returns is drawn above its nodes and needs no room in between.
        for rank in range(ranks[edge.start] + 1, ranks[edge.end]):
            bend = _Bend(number, rank)
            bends.append(bend)
            columns[rank].append(bend)
        routes.append([edge.start, *bends, edge.end])
    return columns, routes


def _neighbours(routes: Iterable[Sequence[Key]]) -> dict[Key, list[Key]]:
    found: dict[Key, list[Key]] = defaultdict(list)
    for route in routes:
        for left, right in pairwise(route):
            if left != right:
                found[left].append(right)
                found[right].append(left)
    return found


def _order(columns: list[list[Key]], neighbours: Mapping[Key, Sequence[Key]]) -> None:
    """Sort each column by the mean place of its neighbours, to and fro."""
    place = {key: float(index) for column in columns for index, key in enumerate(column)}

    def mean(key: Key) -> float:
        near = neighbours.get(key)
        return sum(place[other] for other in near) / len(near) if near else place[key]

    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            column.sort(key=mean)
            place.update((key, float(index)) for index, key in enumerate(column))


def _heights(
    columns: Sequence[Sequence[Key]], neighbours: Mapping[Key, Sequence[Key]]
) -> dict[Key, float]:
    """Return the middle of each node: near its neighbours, in order, without overlap."""
    y: dict[Key, float] = {}
    offsets = []
    for column in columns:
        offset, within = 0.0, []
        for key in column:
            size = BEND_HEIGHT if isinstance(key, _Bend) else NODE_HEIGHT
            within.append(offset + size / 2)
            offset += size + ROW_GAP
        offsets.append(within)
        y.update(zip(column, within, strict=True))
    for sweep in range(SWEEPS):
        both = list(zip(columns, offsets, strict=True))
        for column, within in both if sweep % 2 == 0 else reversed(both):
            wanted = []
            for key, place in zip(column, within, strict=True):
                near = neighbours.get(key)
                mean = sum(y[other] for other in near) / len(near) if near else y[key]
                wanted.append(mean - place)
            for key, shift, place in zip(column, _isotonic(wanted), within, strict=True):
                y[key] = shift + place
    top = min((value - NODE_HEIGHT / 2 for value in y.values()), default=0.0)
    return {key: value - top + MARGIN for key, value in y.items()}


def _isotonic(values: Sequence[float]) -> list[float]:
    """Return the nearest sequence (least squares) that never decreases."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        mean, count = value, 1
        while blocks and blocks[-1][0] > mean:
            before, size = blocks.pop()
            mean = (mean * count + before * size) / (count + size)
            count += size
        blocks.append((mean, count))
    return [mean for mean, count in blocks for _ in range(count)]


def _x(column: int) -> float:
    return MARGIN + column * (NODE_WIDTH + COLUMN_GAP)


def _path(route: Sequence[Key], columns: Mapping[Key, int], y: Mapping[Key, float]) -> str:
    """Return a smooth line through the way of one edge."""
    first, last = route[0], route[-1]
    if columns[last] <= columns[first]:
        return _returning_path(columns[first], y[first], columns[last], y[last])
    x = _x(columns[first]) + NODE_WIDTH
    parts = [f"M{x:.0f} {y[first]:.0f}"]
    for key in route[1:]:
        left = _x(columns[key])
        half = COLUMN_GAP / 2
        parts.append(
            f"C{x + half:.0f} {y[route[0]]:.0f} {left - half:.0f} {y[key]:.0f}"
            f" {left:.0f} {y[key]:.0f}"
        )
        x = left
        if isinstance(key, _Bend):
            x += NODE_WIDTH
            parts.append(f"H{x:.0f}")
        route = route[1:]
    return "".join(parts)


def _returning_path(column: int, start: float, end_column: int, end: float) -> str:
    """Return a line that leaves a node at its right and comes back from above."""
    x, end_x = _x(column) + NODE_WIDTH, _x(end_column)
    lift = min(start, end) - NODE_HEIGHT / 2 - MARGIN / 2
    bow = COLUMN_GAP / 2
    return (
        f"M{x:.0f} {start:.0f}C{x + bow:.0f} {start:.0f} {x + bow:.0f} {lift:.0f} {x:.0f}"
        f" {lift:.0f}H{end_x:.0f}C{end_x - bow:.0f} {lift:.0f} {end_x - bow:.0f} {end:.0f}"
        f" {end_x:.0f} {end:.0f}"
    )
