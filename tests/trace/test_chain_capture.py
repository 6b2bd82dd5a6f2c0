"""Chains of events as partners send them: what is captured is what is traced."""

from dataclasses import replace
from random import Random

import pytest

from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.chain.holders import holdings
from foodtrace.trace.chain.services import fingerprint, trace_back, trace_forward
from foodtrace.trace.masterdata.services import (
    register_party,
    register_place,
    register_product,
    revise_party,
)

from .acts import ALBA, BRUNO, capture, make, name_of, pack, see, transform, unpack, uri, wrong

REGISTRAR = Actor("user:rosa", None, frozenset({Role.REGULATOR, Role.ADMINISTRATOR}))


def canonical(name):
    return uri(name).removeprefix("https://id.gs1.org")


def back(store, name):
    with store.reading() as session:
        return trace_back(session, canonical(name))


def forward(store, name):
    with store.reading() as session:
        return trace_forward(session, canonical(name))


def mark(store, name):
    with store.reading() as session:
        return fingerprint(session, canonical(name)).text


def names(chain):
    return {name_of(chain.items[number].canonical) for number in chain.nodes}


def held(chain):
    return {
        (name_of(chain.items[one.item_id].canonical), one.state.value, one.amount)
        for one in holdings(chain)
    }


def test_a_lot_is_followed_from_the_farm_to_the_serial(store):
    capture(
        store,
        make(1, {"milk": 100}),
        see(2, {"milk": 100}, "shipping"),
        see(3, {"milk": 100}, "receiving"),
        transform(4, {"milk": 80}, {"yoghurt": 70}),
        make(5, ["yoghurt#1"]),
    )
    chain = back(store, "#1")
    assert names(chain) == {"#1", "yoghurt", "milk"}
    assert [hop.biz_step for hop in chain.hops] == [
        "commissioning", "shipping", "receiving", None, "commissioning",
    ]  # fmt: skip
    assert names(forward(store, "milk")) == {"#1", "yoghurt", "milk"}


def test_a_lot_travels_in_a_pallet_and_its_holder_changes(store):
    with store.transaction() as session:
        farm = register_party(session, REGISTRAR, name="绿野农场", kind="farm")
        shop = register_party(session, REGISTRAR, name="社区商店", kind="shop")
        who = [{"type": "possessing_party", "party": party.identifier} for party in (farm, shop)]
    sides = {
        "sourceList": [{"type": "possessing_party", "source": who[0]["party"]}],
        "destinationList": [{"type": "possessing_party", "destination": who[1]["party"]}],
    }
    at_farm, at_shop = (replace(ALBA, party_id=party.id) for party in (farm, shop))
    capture(store, make(1, {"A": 100}), actor=at_farm)
    capture(store, pack(2, "=1", {"A": 30}), actor=at_farm)
    capture(store, see(3, ["=1"], "shipping", **sides), actor=at_farm)
    assert held(forward(store, "A")) == {("A", "held", 70), ("A", "in_transit", 30)}
    capture(store, see(4, ["=1"], "receiving", **sides), actor=at_shop)
    capture(store, unpack(5, "=1"), actor=at_shop)
    chain = forward(store, "A")
    assert {(one.party.name, one.amount) for one in holdings(chain)} == {
        ("绿野农场", 70),
        ("社区商店", 30),
    }
    pallet = next(number for number in chain.items if number not in chain.nodes)
    assert [hop.via for hop in chain.hops] == [None, None, pallet, pallet, pallet]


def test_a_pallet_that_is_used_up_uses_up_what_lies_in_it(store):
    capture(
        store,
        make(1, {"milk": 100}),
        pack(2, "=1", {"milk": 40}),
        transform(3, ["=1"], {"yoghurt": 35}),
    )
    assert names(back(store, "yoghurt")) == {"yoghurt", "milk"}
    assert held(forward(store, "milk")) == {
        ("milk", "held", 60),
        ("milk", "used", 40),
        ("yoghurt", "held", 35),
    }


def test_a_large_transformation_is_a_step_of_its_own(store):
    inputs = {f"I{number}": 1 for number in range(15)}
    outputs = {f"O{number}": 1 for number in range(15)}
    capture(store, transform(1, inputs, outputs))
    chain = back(store, "O3")
    step = [item for item in chain.items.values() if item.kind == "event"]
    assert len(step) == 1
    assert len(chain.nodes) == 15 + 1 + 1
    assert len(chain.links) == 15 + 1
    assert {one.state.value for one in holdings(forward(store, "I3"))} == {"used", "held"}


def test_what_a_lot_went_into_besides_is_no_part_of_the_chain_back(store):
    capture(
        store,
        make(1, {"salt": 100}),
        transform(2, {"salt": 1}, {"bread": 10}),
        *[transform(3, {"salt": 1}, {f"other{number}": 10}) for number in range(5)],
    )
    assert len(back(store, "bread").hops) == 2
    assert len(forward(store, "salt").hops) == 7


def test_a_transformation_told_by_two_events_shows_both(store):
    told = {"transformationID": "urn:uuid:00000000-0000-4000-8000-00000000abcd"}
    capture(store, transform(1, {"milk": 10}, {}, **told), transform(2, {}, {"yoghurt": 9}, **told))
    chain = back(store, "yoghurt")
    assert names(chain) == {"yoghurt", "milk"}
    assert len(chain.hops) == 2


def test_a_transformation_declared_wrong_links_nothing_and_both_are_shown(store):
    mistake = transform(2, {"milk": 10}, {"yoghurt": 9})
    capture(store, make(1, {"milk": 100}), mistake)
    capture(store, wrong(mistake))
    chain = back(store, "yoghurt")
    assert names(chain) == {"yoghurt"}
    assert [(hop.declared, hop.declared_at is not None) for hop in chain.hops] == [
        (True, False),
        (True, True),
    ]
    assert held(forward(store, "milk")) == {("milk", "held", 100)}


CHANGES = {
    "an event of an ancestor": lambda: see(9, {"milk": 5}, "storing"),
    "an event of the lot": lambda: see(9, {"yoghurt": 5}, "storing"),
    "an event of its pallet": lambda: see(9, ["=1"], "shipping"),
    "a late event of its pallet": lambda: see(3.5, ["=1"], "shipping"),
    "another ancestor": lambda: transform(2, {"sugar": 1}, {"yoghurt": 1}),
    "the pallet is emptied": lambda: unpack(3.2, "=1"),
    "the pallet goes onto a truck": lambda: pack(3.5, "=2", ["=1"]),
}


def story(store):
    """Milk becomes yoghurt, which is packed, shipped and sold; return the shipping."""
    shipped = see(4, ["=1"], "shipping")
    capture(
        store,
        make(1, {"milk": 100}),
        transform(2, {"milk": 80}, {"yoghurt": 70}),
        pack(3, "=1", {"yoghurt": 30}),
        shipped,
        see(4, ["=2"], "shipping"),
    )
    return shipped


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_fingerprint_changes_with_the_chain(store, change):
    story(store)
    before = mark(store, "yoghurt")
    assert before == mark(store, "yoghurt")
    capture(store, change())
    assert mark(store, "yoghurt") != before


def test_a_fingerprint_changes_when_an_event_is_declared_wrong(store):
    shipped = story(store)
    before = mark(store, "yoghurt")
    capture(store, wrong(shipped))
    assert mark(store, "yoghurt") != before


def test_a_fingerprint_changes_when_a_party_a_place_or_a_product_does(store):
    story(store)
    seen = [mark(store, "yoghurt")]
    with store.transaction() as session:
        farm = register_party(session, REGISTRAR, name="农场", kind="farm")
    owner = Actor("user:li", farm.id, frozenset({Role.PRODUCER}))
    steps = (
        lambda s: register_place(s, owner, party_id=farm.id, name="大棚"),
        lambda s: register_product(s, owner, party_id=farm.id, name="酸奶"),
        lambda s: revise_party(s, owner, party_id=farm.id, phone="0531-1234567"),
    )
    for step in steps:
        seen.append(mark(store, "yoghurt"))
        with store.transaction() as session:
            step(session)
    seen.append(mark(store, "yoghurt"))
    assert len(set(seen)) == len(seen)


def test_a_fingerprint_stays_when_something_else_happens(store):
    story(store)
    before = mark(store, "yoghurt")
    capture(store, make(5, {"other": 3}), see(6, {"other": 3}))
    capture(store, transform(6, {"milk": 10}, {"cheese": 1}))
    assert mark(store, "yoghurt") == before


LOTS, PALLETS = ["A", "B", "C"], ["=1", "=2"]


def some_event(random, recorded):
    """Return an event of any kind, or the declaration that one of `recorded` is wrong."""
    at = random.randint(1, 20)
    one, other = random.sample(LOTS, 2)
    acts = [
        lambda: transform(at, {one: 5}, {other: 5}),
        lambda: pack(at, random.choice(PALLETS), {one: random.randint(1, 9)}),
        lambda: unpack(at, random.choice(PALLETS)),
        lambda: pack(at, "=1", ["=2"]),
        lambda: see(at, [random.choice(PALLETS)], "shipping"),
    ]
    if recorded:
        acts.append(lambda: wrong(recorded.pop(random.randrange(len(recorded)))))
    return random.choice(acts)()


def test_equal_fingerprints_mean_equal_chains(sqlite_store):
    """Whatever is captured, in whatever order: a page is made anew when it would differ."""
    random, recorded, store = Random(7), [], sqlite_store
    capture(store, make(0, {name: 100 for name in LOTS}), see(0, PALLETS, "storing"))
    for _ in range(60):
        before = {name: (mark(store, name), back(store, name)) for name in LOTS + PALLETS}
        event = some_event(random, recorded)
        actor = ALBA if "errorDeclaration" in event else random.choice([ALBA, ALBA, BRUNO])
        capture(store, event, actor=actor)
        if actor is ALBA and "errorDeclaration" not in event:
            recorded.append(event)
        for name, (text, chain) in before.items():
            if mark(store, name) == text:
                assert back(store, name) == chain, (name, event)
