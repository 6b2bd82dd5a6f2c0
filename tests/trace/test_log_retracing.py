"""The tree once more, and the numbers: what the full check compares everything with."""

import pytest

from foodtrace.trace.log.growing import grown
from foodtrace.trace.log.leaves import Header, Number
from foodtrace.trace.log.merkle import extended, leaf_hash, root_of, tree_root
from foodtrace.trace.log.retracing import Retraced
from foodtrace.trace.log.tallying import Tally

from .logs import entries_of


def retraced(count):
    tree = Retraced()
    hashes = [leaf_hash(entry) for entry in entries_of(count)]
    for each in hashes:
        tree.add(each)
    return tree, hashes


def test_it_works():
    tree, hashes = retraced(3)
    assert tree.size == 3
    assert tree.root(3) == tree_root(hashes)


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 511, 513, 70_000])
def test_it_gives_the_roots_and_tiles_that_growing_gives(count):
    tree, hashes = retraced(count)
    for size in {1, count // 3 + 1, count - 1 or 1, count}:
        assert tree.root(size) == root_of(extended(0, (), hashes[:size]))
    tiles = {(each.level, each.number): each.hashes for each in grown(0, hashes, lambda *_: b"")}
    assert {place: tree.tile(*place) for place in tree.tiles()} == tiles


def test_there_is_no_head_of_more_leaves_or_none():
    tree, _ = retraced(5)
    for size in (0, 6):
        with pytest.raises(ValueError, match="there is no head"):
            tree.root(size)
    assert tree.tile(3, 0) == b""


def header(n, *numbers):
    series = tuple(Number(name, number, f"/01/1/10/{name}") for name, number in numbers)
    return Header("event", "", "", n, series)


def test_numbers_without_gaps_are_right():
    tally = Tally()
    for n in (1, 2, 3):
        assert list(tally.count(101, header(n, ("A", n)))) == []
    assert list(tally.count(102, header(1, ("B", 1)))) == []
    assert list(tally.compare([("101", "x", 3), ("101 /01/1/10/A", "A", 3), ("102", "y", 1)])) == [
        "The counter '102 /01/1/10/B' is missing."
    ]


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (header(4), "the numbers of '101' go from 2 to 4."),
        (header(2), "the number 2 of '101' was given before."),
        (header(3, ("A", 5)), "the numbers of '101 /01/1/10/A' go from 2 to 5."),
    ],
)
def test_a_gap_and_a_number_twice_are_told(last, expected):
    tally = Tally()
    for n in (1, 2):
        assert list(tally.count(101, header(n, ("A", n)))) == []
    assert list(tally.count(101, last)) == [expected]


def test_a_second_series_of_one_thing_is_told():
    tally = Tally()
    list(tally.count(101, Header("event", "", "", 1, (Number("A", 1, "/x"),))))
    (text,) = tally.count(101, Header("event", "", "", 2, (Number("B", 2, "/x"),)))
    assert "second series" in text


def test_gaps_are_explained_by_as_many_lost_leaves_and_no_more():
    tally = Tally()
    list(tally.count(101, header(1)))
    tally.lose()
    tally.lose()
    assert list(tally.count(101, header(4))) == []
    assert list(tally.count(102, header(3))) == []
    assert list(tally.count(102, header(5))) == ["the numbers of '102' go from 3 to 5."]
    assert list(tally.count(103, header(4))) == ["the numbers of '103' go from 0 to 4."]


@pytest.mark.parametrize(("last", "is_right"), [(0, False), (1, True), (2, True), (3, False)])
def test_a_counter_may_have_skipped_what_was_lost(last, is_right):
    tally = Tally()
    list(tally.count(101, header(1)))
    tally.lose()
    assert (list(tally.compare([("101", "x", last)])) == []) is is_right
