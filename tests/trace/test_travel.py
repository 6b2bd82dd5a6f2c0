"""What lies in a container travels with it, at any depth, while it lies there."""

import pytest

from foodtrace.trace.chain.services import trace_back

from .graph import Graph

PALLET, CARTON, TRUCK = "/00/pallet", "/00/carton", "/00/truck"


@pytest.fixture
def session(store):
    with store.transaction() as session:
        yield session


@pytest.fixture
def graph(session):
    return Graph(session)


def hops(graph, name):
    return {hop.id: hop for hop in trace_back(graph.session, graph.canonical(name)).hops}


def test_a_lot_travels_with_its_pallet(graph):
    graph.packed(PALLET, [("A", 50, "KGM")], 1)
    shipped = graph.event([("epc", PALLET)], 2, biz_step="shipping")
    hop = hops(graph, "A")[shipped]
    pallet = graph.items[PALLET]
    assert hop.via == pallet
    assert [(part.role, part.item_id) for part in hop.parts] == [("epc", pallet)]
    (inside,) = hop.carried
    assert (inside.item_id, inside.container_id) == (graph.items["A"], pallet)
    assert (inside.amount, inside.uom) == (50, "KGM")


def test_before_packing_and_after_unpacking_the_pallet_goes_alone(graph):
    before = graph.event([("epc", PALLET)], 1)
    graph.packed(PALLET, ["A"], 2, 4)
    during = graph.event([("epc", PALLET)], 3)
    after = graph.event([("epc", PALLET)], 5)
    assert during in hops(graph, "A")
    assert {before, after}.isdisjoint(hops(graph, "A"))


def test_the_event_that_packs_names_the_lot_itself(graph):
    graph.packed(PALLET, [("A", 50, "KGM")], 1, 2)
    packed, unpacked = hops(graph, "A").values()
    assert packed.via is unpacked.via is None
    assert packed.carried == unpacked.carried == ()
    assert {part.role for part in packed.parts} == {"parent", "child"}


def test_emptying_a_pallet_without_naming_its_contents_is_a_hop_of_each(graph):
    graph.packed(PALLET, ["A"], 1, 4)
    # The event at hour 4 that the builder wrote names A; this one does not.
    emptied = graph.event([("parent", PALLET)], 4, type="AggregationEvent", action="DELETE")
    other = graph.event([("epc", PALLET)], 4, biz_step="shipping")
    assert hops(graph, "A")[emptied].via == graph.items[PALLET]
    assert other not in hops(graph, "A")


def test_a_lot_in_a_carton_on_a_pallet_in_a_truck_travels_with_the_truck(graph):
    graph.packed(CARTON, [("A", 10, "KGM")], 1)
    graph.packed(PALLET, [CARTON], 2, 6)
    graph.packed(TRUCK, [PALLET], 3, 5)
    arrived = graph.event([("epc", TRUCK)], 4, biz_step="arriving")
    left_empty = graph.event([("epc", TRUCK)], 7)
    pallet_alone = graph.event([("epc", PALLET)], 5.5)
    carton_alone = graph.event([("epc", CARTON)], 8)
    found = hops(graph, "A")
    assert [found[number].via for number in (arrived, pallet_alone, carton_alone)] == [
        graph.items[name] for name in (TRUCK, PALLET, CARTON)
    ]
    assert left_empty not in found
    # However deep it lies, what was packed into the innermost container moves.
    assert {one.amount for hop in found.values() for one in hop.carried} == {10}


def test_a_lot_packed_into_a_carton_that_is_already_on_its_way_joins_it_then(graph):
    graph.packed(PALLET, [CARTON], 1)
    early = graph.event([("epc", PALLET)], 2)
    graph.packed(CARTON, ["A"], 3)
    late = graph.event([("epc", PALLET)], 4)
    assert early not in hops(graph, "A")
    assert hops(graph, "A")[late].via == graph.items[PALLET]


def test_an_event_that_names_the_pallet_and_the_truck_moves_the_lot_once(graph):
    graph.packed(PALLET, [("A", 50, "KGM")], 1)
    graph.packed(TRUCK, [PALLET], 2)
    shipped = graph.event([("epc", PALLET), ("epc", TRUCK)], 3)
    hop = hops(graph, "A")[shipped]
    assert [one.amount for one in hop.carried] == [50]
    assert {part.item_id for part in hop.parts} == {graph.items[PALLET], graph.items[TRUCK]}


def test_two_packings_of_one_lot_into_one_pallet_both_count(graph):
    graph.packed(PALLET, [("A", 20, "KGM")], 1)
    graph.packed(PALLET, [("A", 20, "KGM")], 2)
    shipped = graph.event([("epc", PALLET)], 3)
    assert [one.amount for one in hops(graph, "A")[shipped].carried] == [20, 20]


def test_an_event_that_names_a_lot_and_its_pallet_counts_the_lot_once(graph):
    graph.packed(PALLET, [("A", 50, "KGM")], 1)
    shipped = graph.event([("epc", PALLET), ("epc", "A", 50, "KGM")], 2)
    hop = hops(graph, "A")[shipped]
    assert (hop.via, hop.carried) == (None, ())


def test_a_crate_used_again_carries_only_what_lies_in_it_then(graph):
    crate = "/8003/crate"
    graph.packed(crate, ["A"], 1, 3)
    graph.packed(crate, ["B"], 3, 5)
    first = graph.event([("epc", crate)], 2)
    second = graph.event([("epc", crate)], 4)
    assert first in hops(graph, "A")
    assert second not in hops(graph, "A")
    assert second in hops(graph, "B")
    assert first not in hops(graph, "B")


def test_the_pallets_of_an_ancestor_are_hops_of_the_chain(graph):
    graph.packed(PALLET, ["milk"], 1, 3)
    shipped = graph.event([("epc", PALLET)], 2)
    graph.made(["milk"], ["yoghurt"], at=4)
    assert hops(graph, "yoghurt")[shipped].via == graph.items[PALLET]
