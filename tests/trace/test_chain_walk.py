"""The walk: which items belong to a chain, and what is known of each."""

from datetime import date
from decimal import Decimal

import pytest

from foodtrace.trace.chain.services import trace_back, trace_forward

from .graph import Graph, hour


@pytest.fixture
def session(store):
    with store.transaction() as session:
        yield session


@pytest.fixture
def graph(session):
    return Graph(session)


def names(graph, ids):
    by_id = {number: name for name, number in graph.items.items()}
    return {by_id[number] for number in ids}


def back(graph, name):
    chain = trace_back(graph.session, graph.canonical(name))
    return chain and names(graph, chain.nodes)


def forward(graph, name):
    chain = trace_forward(graph.session, graph.canonical(name))
    return chain and names(graph, chain.nodes)


def test_a_lot_comes_from_what_went_into_it(graph):
    graph.made(["milk", "sugar"], ["yoghurt"])
    graph.made(["beet"], ["sugar"])
    graph.made(["yoghurt"], ["cake"])
    assert back(graph, "yoghurt") == {"yoghurt", "milk", "sugar", "beet"}
    assert forward(graph, "beet") == {"beet", "sugar", "yoghurt", "cake"}


def test_an_unknown_item_has_no_chain(graph):
    assert back(graph, "nothing") is None
    assert forward(graph, "nothing") is None


def test_a_lot_without_events_is_a_chain_of_one(graph):
    graph.item("A")
    chain = trace_back(graph.session, graph.canonical("A"))
    assert (chain.root.canonical, chain.links, chain.hops) == (graph.canonical("A"), (), ())
    assert set(chain.items) == {chain.root.id}


def test_an_instance_comes_from_its_lot(graph):
    made = graph.made(["milk"], ["yoghurt"])
    serial = "/01/09506000134352/21/7"
    graph.edge("yoghurt", serial, made, "member")
    assert back(graph, serial) == {serial, "yoghurt", "milk"}
    assert forward(graph, "milk") == {"milk", "yoghurt", serial}
    kinds = {link.kind for link in trace_back(graph.session, serial).links}
    assert kinds == {"made", "member"}


def test_a_logistic_unit_is_traced_through_what_lay_in_it(graph):
    graph.made(["milk"], ["yoghurt"])
    graph.made(["yoghurt"], ["cake"])
    graph.packed("/00/carton", ["yoghurt"], 5)
    graph.packed("/00/pallet", ["/00/carton", "juice"], 6)
    inside = {"/00/pallet", "/00/carton", "yoghurt", "juice"}
    assert back(graph, "/00/pallet") == inside | {"milk"}
    assert forward(graph, "/00/pallet") == inside | {"cake"}
    chain = trace_back(graph.session, "/00/pallet")
    assert names(graph, chain.contents) == inside - {"/00/pallet"}


def test_containers_are_items_of_a_chain_but_no_ancestors(graph):
    graph.made(["milk"], ["yoghurt"])
    graph.packed("/00/pallet", ["yoghurt"], 5)
    chain = trace_back(graph.session, graph.canonical("yoghurt"))
    assert names(graph, chain.nodes) == {"milk", "yoghurt"}
    assert names(graph, chain.items) == {"milk", "yoghurt", "/00/pallet"}


def test_a_ladder_of_twenty_diamonds_is_walked_once_a_node(graph):
    for step in range(20):
        graph.made([f"N{step}"], [f"L{step}", f"R{step}"])
        graph.made([f"L{step}", f"R{step}"], [f"N{step + 1}"])
    assert len(back(graph, "N20")) == 61
    assert len(forward(graph, "N0")) == 61
    assert len(trace_back(graph.session, graph.canonical("N20")).links) == 80


def test_two_lots_and_forty_edges_between_neighbours_give_each_lot_once(graph):
    """The ladder as FLOORS counts it: 41 lots, two edges (events) between neighbours."""
    for step in range(40):
        graph.made([f"N{step}"], [f"N{step + 1}"])
        graph.made([f"N{step}"], [f"N{step + 1}"])
    assert len(back(graph, "N40")) == 41
    assert len(trace_back(graph.session, graph.canonical("N40")).links) == 80


def test_cycles_and_self_loops_end(graph):
    graph.made(["A"], ["B"])
    graph.made(["B"], ["C"])
    graph.made(["C"], ["A"])
    graph.made(["C"], ["C"])
    assert back(graph, "A") == forward(graph, "A") == {"A", "B", "C"}


def test_containers_that_contain_each_other_end(graph):
    graph.packed("/00/one", ["A", "/00/two"], 1)
    graph.packed("/00/two", ["/00/one"], 2)
    assert back(graph, "A") == {"A"}
    assert back(graph, "/00/one") == {"/00/one", "/00/two", "A"}


def test_an_item_carries_its_product_its_lot_and_its_maker(graph):
    farm = graph.party("绿野农场", name_en="Green Fields", kind="farm", region="山东省寿光市")
    graph.product("番茄", farm, name_en="Tomato", brand="绿野", shelf_life_days=7)
    event = graph.event([("epc", "A", 100, "KGM")], action="ADD")
    graph.lot(
        "A",
        event,
        farm,
        production_date=date(2026, 5, 1),
        expiry_date=date(2026, 5, 8),
        amount=Decimal(100),
        uom="KGM",
        lot_number="A",
        certificate_number="CN-1",
    )
    root = trace_back(graph.session, graph.canonical("A")).root
    assert (root.product_name, root.product_name_en, root.brand) == ("番茄", "Tomato", "绿野")
    assert (root.production_date, root.expiry_date) == (date(2026, 5, 1), date(2026, 5, 8))
    assert (root.amount, root.uom, root.certificate_number) == (100, "KGM", "CN-1")
    assert (root.party.name, root.party.kind, root.party.region) == (
        "绿野农场",
        "farm",
        "山东省寿光市",
    )


def test_a_lot_without_gtin_finds_its_product_by_its_facts(graph):
    farm = graph.party("农场")
    graph.product("土豆", farm, identifier="/q/PRODUCT")
    event = graph.event([("epc", "/q/LOT")], action="ADD")
    graph.lot("/q/LOT", event, farm, product_identifier="/q/PRODUCT")
    root = trace_back(graph.session, "/q/LOT").root
    assert (root.product_name, root.product_identifier) == ("土豆", "/q/PRODUCT")


def test_an_item_of_which_nothing_is_known_says_so(graph):
    graph.event([("epc", "A")])
    root = trace_back(graph.session, graph.canonical("A")).root
    assert (root.party, root.product_name, root.made_at) == (None, None, None)


def test_a_hop_names_its_place_its_captor_and_both_sides(graph):
    farm, shop = graph.party("农场"), graph.party("商店")
    gate = graph.place("农场大门", farm, region="山东省")
    counter = graph.place("柜台", shop)
    party = {number: f"urn:uuid:party-{number}" for number in (farm, shop)}
    graph.event(
        [("epc", "A", 5, "KGM")],
        biz_step="shipping",
        read_point=gate,
        party_id=farm,
        source=party[farm],
        destination=counter,
    )
    (hop,) = trace_back(graph.session, graph.canonical("A")).hops
    assert (hop.place.name, hop.place.region, hop.place.party_id) == ("农场大门", "山东省", farm)
    assert (hop.party.name, hop.source.name) == ("农场", "农场")
    # The event names a place; whose it is follows from the master data.
    assert (hop.destination.name, hop.destination.identifier) == ("商店", party[shop])
    (part,) = hop.parts
    assert (part.role, part.item_id, part.amount, part.uom) == ("epc", graph.items["A"], 5, "KGM")


def test_a_hop_at_an_unregistered_place_keeps_the_identifier(graph):
    graph.event([("epc", "A")], biz_location="/414/6901234000009", source="/417/6901234000016")
    (hop,) = trace_back(graph.session, graph.canonical("A")).hops
    assert (hop.place.identifier, hop.place.name) == ("/414/6901234000009", None)
    assert (hop.source.id, hop.source.identifier, hop.source.name) == (
        0,
        "/417/6901234000016",
        None,
    )
    assert (hop.party, hop.destination) == (None, None)


def test_hops_stand_in_time_order_whatever_the_order_of_capture(graph):
    late = graph.event([("epc", "A")], 9)
    early = graph.event([("epc", "A")], 1)
    also_early = graph.event([("epc", "A")], 1)
    hops = trace_back(graph.session, graph.canonical("A")).hops
    assert [hop.id for hop in hops] == [early, also_early, late]
    assert hops[0].event_time == hour(1)


def test_an_event_declared_wrong_is_marked_and_so_is_its_declaration(graph):
    wrong = graph.event([("epc", "A")], 1, event_id="urn:x", party_id=7)
    other = graph.event([("epc", "A")], 2, event_id="urn:x", party_id=8)
    declaration = graph.event([("epc", "A")], 1, event_id="urn:x", party_id=7, declared_at=hour(3))
    hops = trace_back(graph.session, graph.canonical("A")).hops
    assert {hop.id: hop.declared for hop in hops} == {
        wrong: True,
        declaration: True,
        other: False,  # another party's event of the same name
    }
    assert [hop.id for hop in hops if hop.declared_at] == [declaration]


def test_a_hidden_step_says_so(graph):
    graph.event([("epc", "A")], hidden=True)
    (hop,) = trace_back(graph.session, graph.canonical("A")).hops
    assert hop.hidden is True
