"""What lies in what, and from when to when."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.capture.derivation import Packing, packed_intervals

from .acts import capture, containments, event, pack, unpack, uri, wrong


def test_it_works(store):
    capture(store, pack(1, "=1", {"A": 5}), unpack(4, "=1", {"A": 5}))
    assert containments(store) == [("A", "=1", 1, 4, 5)]


def test_what_is_not_taken_out_still_lies_there(store):
    capture(store, pack(1, "=1", ["#1", "#2"]))
    capture(store, unpack(3, "=1", ["#1"]))
    assert containments(store) == [("#1", "=1", 1, 3, 1), ("#2", "=1", 1, None, 1)]


def test_emptying_a_container_takes_everything_out(store):
    capture(store, pack(1, "=1", {"A": 5}), pack(2, "=1", ["#1", "=2"]))
    capture(store, unpack(3, "=1"))
    assert containments(store) == [
        ("#1", "=1", 2, 3, 1),
        ("=2", "=1", 2, 3, 1),
        ("A", "=1", 1, 3, 5),
    ]


def test_more_of_a_lot_adds_up_and_less_takes_away(store):
    capture(
        store,
        pack(1, "=1", {"A": 5}),
        pack(2, "=1", {"A": 3}),
        unpack(3, "=1", {"A": 6}),
        unpack(4, "=1", {"A": 2}),
    )
    assert containments(store) == [
        ("A", "=1", 1, 2, 5),
        ("A", "=1", 2, 3, 8),
        ("A", "=1", 3, 4, 2),
    ]


def test_taking_out_an_unknown_amount_takes_out_all(store):
    capture(store, pack(1, "=1", {"A": 5}), unpack(2, "=1", {"A": None}))
    assert containments(store) == [("A", "=1", 1, 2, 5)]


def test_taking_some_of_an_unknown_amount_leaves_an_unknown_amount(store):
    capture(store, pack(1, "=1", {"A": None}), unpack(2, "=1", {"A": 2}))
    assert containments(store) == [("A", "=1", 1, 2, None), ("A", "=1", 2, None, None)]


def test_a_serial_that_is_put_elsewhere_has_left_where_it_was(store):
    capture(store, pack(1, "=1", ["#1"]), pack(3, "=2", ["#1"]))
    assert containments(store) == [("#1", "=1", 1, 3, 1), ("#1", "=2", 3, None, 1)]


def test_a_lot_may_lie_in_many_containers_at_once(store):
    capture(store, pack(1, "=1", {"A": 5}), pack(3, "=2", {"A": 4}))
    assert containments(store) == [("A", "=1", 1, None, 5), ("A", "=2", 3, None, 4)]


def test_observing_changes_nothing(store):
    capture(store, pack(1, "=1", ["#1"]), pack(2, "=1", ["#2"], action="OBSERVE"))
    assert containments(store) == [("#1", "=1", 1, None, 1)]


def test_an_association_is_containment_too(store):
    crate = "https://id.gs1.org/8003/09506000134352123"
    capture(
        store,
        event(
            "AssociationEvent", 1, action="ADD", parentID=crate, childEPCs=[uri("#1")]
        ),
    )  # fmt: skip
    assert containments(store) == [("#1", "/8003/09506000134352123", 1, None, 1)]


def test_what_is_put_in_and_taken_out_at_one_instant_never_lay_there(store):
    capture(store, pack(1, "=1", ["#1"]), unpack(1, "=1", ["#1"]))
    assert containments(store) == []


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_the_order_of_arrival_does_not_matter(sqlite_store, order):
    acts = [
        pack(1, "=1", {"A": 5}),
        pack(2, "=2", ["=1"]),
        unpack(3, "=2"),
        pack(4, "=3", ["=1"]),
    ]
    for index in order:
        capture(sqlite_store, acts[index])
    assert containments(sqlite_store) == [
        ("=1", "=2", 2, 3, 1),
        ("=1", "=3", 4, None, 1),
        ("A", "=1", 1, None, 5),
    ]


def test_an_unpacking_that_is_declared_wrong_never_happened(store):
    mistake = unpack(2, "=1")
    capture(store, pack(1, "=1", {"A": 5}), mistake, pack(2, "=9", {"B": 1}))
    capture(store, wrong(mistake))
    assert containments(store) == [("A", "=1", 1, None, 5), ("B", "=9", 2, None, 1)]


def test_an_emptying_at_the_instant_of_packing_can_be_taken_back(store):
    mistake = unpack(1, "=1")
    capture(store, pack(1, "=1", ["#1"]), mistake)
    assert containments(store) == []
    capture(store, wrong(mistake))
    assert containments(store) == [("#1", "=1", 1, None, 1)]


def test_a_container_inside_itself_is_refused_silently(store):
    capture(store, pack(1, "=1", ["=1", "#1"]))
    assert containments(store) == [("#1", "=1", 1, None, 1)]


START = datetime(2026, 1, 1, tzinfo=UTC)
ACTS = st.builds(
    Packing,
    event_id=st.integers(1, 10**6),
    time=st.integers(0, 20).map(lambda n: START + timedelta(hours=n)),
    adds=st.booleans(),
    container_id=st.integers(1, 3),
    content_id=st.just(7) | st.none(),
    amount=st.none() | st.integers(1, 5).map(Decimal),
    uom=st.sampled_from([None, "KGM"]),
).filter(lambda act: act.content_id is not None or not act.adds)


@given(st.lists(ACTS, max_size=12, unique_by=lambda act: act.event_id), st.booleans())
def test_intervals_follow_one_another_and_never_overlap(acts, alone):
    intervals = packed_intervals(7, acts, alone=alone)
    assert len({(each.container_id, each.since) for each in intervals}) == len(intervals)
    assert all(each.until is None or each.since < each.until for each in intervals)
    for container in {None} if alone else {1, 2, 3}:
        own = [each for each in intervals if container in (None, each.container_id)]
        own.sort(key=lambda each: each.since)
        for before, after in pairwise(own):
            assert before.until is not None
            assert before.until <= after.since


@given(st.lists(ACTS, max_size=8, unique_by=lambda act: act.event_id), st.randoms())
def test_the_order_in_which_acts_are_given_does_not_matter(acts, random):
    shuffled = list(acts)
    random.shuffle(shuffled)
    given_order = packed_intervals(7, acts, alone=False)
    assert sorted(map(repr, given_order)) == sorted(
        map(repr, packed_intervals(7, shuffled, alone=False))
    )
