"""The layered drawing: nothing overlaps, time runs to the right, and nothing loops for ever."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.inspections.graph import COLUMN_GAP, NODE_HEIGHT, NODE_WIDTH, Edge, Node, draw, fit


def nodes(*keys):
    return [Node(key, (str(key),)) for key in keys]


def edges(*pairs):
    return [Edge(start, end) for start, end in pairs]


def places(drawing):
    return {box.node.key: (box.x, box.y) for box in drawing.boxes}


def assert_nothing_overlaps(drawing):
    columns = {}
    for box in drawing.boxes:
        columns.setdefault(box.x, []).append(box.y)
    for ys in columns.values():
        for above, below in pairwise(sorted(ys)):
            assert below - above >= NODE_HEIGHT


def assert_within(drawing):
    for box in drawing.boxes:
        assert 0 <= box.x <= drawing.width - NODE_WIDTH
        assert 0 <= box.y <= drawing.height - NODE_HEIGHT + 0.01


def test_one_node_is_drawn():
    drawing = draw(nodes("a"), [])
    assert len(drawing.boxes) == 1
    assert_within(drawing)


def test_nothing_is_drawn_of_nothing():
    assert draw([], []).boxes == ()


def test_what_is_made_stands_to_the_right_of_what_it_is_made_of():
    at = places(draw(nodes("c", "b", "a"), edges(("a", "b"), ("b", "c"), ("a", "c"))))
    assert at["a"][0] < at["b"][0] < at["c"][0]


def test_a_late_ingredient_stands_next_to_what_it_goes_into():
    at = places(draw(nodes("a", "b", "c", "salt"), edges(("a", "b"), ("b", "c"), ("salt", "c"))))
    assert at["salt"][0] == at["b"][0]


def test_parallel_lines_do_not_cross():
    pairs = [(f"a{n}", f"b{n}") for n in range(6)]
    shuffled = nodes(*(a for a, _ in pairs), *(b for _, b in reversed(pairs)))
    at = places(draw(shuffled, edges(*pairs)))
    order = sorted((at[a][1], at[b][1]) for a, b in pairs)
    assert [b for _, b in order] == sorted(b for _, b in order)


@pytest.mark.parametrize(
    "pairs",
    [
        [("a", "a")],
        [("a", "b"), ("b", "a")],
        [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")],
    ],
    ids=["a lot into itself", "two lots into each other", "a ring with a way out"],
)
def test_cycles_are_drawn(pairs):
    keys = sorted({key for pair in pairs for key in pair})
    drawing = draw(nodes(*keys), edges(*pairs))
    assert len(drawing.boxes) == len(keys)
    assert len(drawing.lines) == len(pairs)
    assert_nothing_overlaps(drawing)
    assert_within(drawing)


def test_a_line_to_an_unknown_node_is_left_out():
    assert draw(nodes("a"), edges(("a", "gone"), ("gone", "a"))).lines == ()


def test_three_hundred_nodes_are_drawn_apart():
    keys = list(range(300))
    pairs = [(max(0, n - 1 - n % 7), n) for n in keys[1:]] + [(n // 3, n) for n in keys[1:]]
    drawing = draw(nodes(*keys), edges(*pairs))
    assert len(drawing.boxes) == 300
    assert_nothing_overlaps(drawing)
    assert_within(drawing)


def test_a_long_chain_needs_no_deep_recursion():
    keys = list(range(3000))
    drawing = draw(nodes(*keys), edges(*pairwise(keys)))
    assert drawing.boxes[-1].x == (NODE_WIDTH + COLUMN_GAP) * 2999 + drawing.boxes[0].x


@settings(max_examples=60)
@given(
    st.integers(1, 14).flatmap(
        lambda count: st.tuples(
            st.just(count),
            st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=40),
        )
    )
)
def test_any_graph_is_drawn_without_overlap(graph):
    count, pairs = graph
    drawing = draw(nodes(*range(count)), edges(*pairs))
    assert_nothing_overlaps(drawing)
    assert_within(drawing)
    assert len(drawing.lines) == len(pairs)
    for line in drawing.lines:
        assert re.fullmatch(r"[MHC0-9 .-]+", line.path)


@pytest.mark.parametrize("text", ["L1", "新疆阿克苏红富士苹果新疆阿克苏红富士苹果", "W" * 60, ""])
def test_a_text_that_does_not_fit_is_shortened(text):
    short = fit(text, 100)
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))
    assert len(short) <= 14
