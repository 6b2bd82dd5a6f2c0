"""Who holds how much: amounts follow what the parties record, and never vanish silently."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.chain.holders import State, holdings
from foodtrace.trace.chain.model import (
    Carried,
    Chain,
    ChainItem,
    Hop,
    Part,
    PartyFacts,
    PlaceFacts,
)

START = datetime(2026, 5, 1, tzinfo=UTC)
PARTIES = {
    name: PartyFacts(number, f"urn:{name}", name)
    for number, name in enumerate(("farm", "packer", "shop", "carrier"), 1)
}
LOT, OTHER, PALLET = 1, 2, 9


def place(name, owner=None):
    return PlaceFacts(f"urn:place:{name}", name, party=PARTIES.get(owner))


def hop(number, step=None, parts=(), *, by=None, to=None, source=None, **facts):
    """An event at hour `number`; parts are (role, item, amount[, uom])."""
    facts = {"type": "ObjectEvent", "action": "OBSERVE", **facts}
    moment = facts.pop("at", START + timedelta(hours=number))
    return Hop(
        id=number,
        event_id=f"urn:{number}",
        event_time=moment,
        time_zone_offset="+08:00",
        record_time=moment,
        biz_step=step,
        disposition=None,
        party=PARTIES.get(by),
        source=PARTIES.get(source),
        destination=PARTIES.get(to),
        parts=tuple(
            Part(role, item, None if amount is None else Decimal(amount), *(uom or ("KGM",)))
            for role, item, amount, *uom in parts
        ),
        **facts,
    )


def chain(*hops, kinds=None):
    kinds = {LOT: "lot", OTHER: "lot", PALLET: "logistic", **(kinds or {})}
    items = {number: ChainItem(number, f"urn:{number}", kind) for number, kind in kinds.items()}
    return Chain(items[LOT], items, frozenset(items) - {PALLET}, (), tuple(hops))


def made(number, amount, by="farm", item=LOT, **facts):
    return hop(number, "commissioning", [("epc", item, amount)], by=by, action="ADD", **facts)


def sent(number, amount, by, to, item=LOT, **facts):
    return hop(number, "shipping", [("epc", item, amount)], by=by, source=by, to=to, **facts)


def received(number, amount, by, source=None, item=LOT, **facts):
    return hop(number, "receiving", [("epc", item, amount)], by=by, source=source, to=by, **facts)


def sold(number, amount, by, item=LOT, **facts):
    return hop(number, "retail_selling", [("epc", item, amount)], by=by, **facts)


def lines(*hops, **facts):
    """The holdings as (state, party, amount), with the other side where there is one."""
    found = []
    for one in holdings(chain(*hops, **facts)):
        line = (one.state.value, one.party.name if one.party else None, one.amount)
        found.append((*line, one.other.name) if one.other else line)
    return found


def test_what_is_made_is_held_by_who_made_it():
    assert lines(made(1, 100)) == [("held", "farm", 100)]


def test_what_is_sent_is_on_the_way_until_it_is_received():
    ship = sent(2, 40, "farm", "packer")
    assert lines(made(1, 100), ship) == [
        ("held", "farm", 60),
        ("in_transit", "farm", 40, "packer"),
    ]
    assert lines(made(1, 100), ship, received(3, 40, "packer", "farm")) == [
        ("held", "farm", 60),
        ("held", "packer", 40),
    ]


def test_what_leaves_a_place_is_what_lay_there_whatever_the_holder_is_called():
    # One firm's key made it; the shipment names a GLN that nobody registered.
    yard = place("yard")
    ship = sent(2, 40, "carrier", "packer", place=yard)
    assert lines(made(1, 100, place=yard), ship) == [
        ("held", "farm", 60),
        ("in_transit", "carrier", 40, "packer"),
    ]
    everything = hop(3, "shipping", [("epc", LOT, None)], by="shop", place=yard)
    assert ("held", "farm", 60) not in lines(made(1, 100, place=yard), ship, everything)


def test_what_leaves_another_place_is_a_discrepancy():
    ship = sent(2, 40, "carrier", "packer", place=place("elsewhere"))
    found = lines(made(1, 100, place=place("yard")), ship)
    assert ("held", "farm", 100) in found
    assert ("discrepancy", "carrier", 40) in found


def test_what_arrives_short_stays_on_the_way():
    found = lines(made(1, 100), sent(2, 40, "farm", "packer"), received(3, 38, "packer", "farm"))
    assert ("in_transit", "farm", 2, "packer") in found
    assert ("held", "packer", 38) in found


def test_a_receipt_that_nobody_sent_is_a_claim_and_leaves_the_sender():
    assert lines(made(1, 100), received(2, 40, "packer", "farm")) == [
        ("held", "farm", 60),
        ("claimed", "packer", 40, "farm"),
    ]


def test_a_receipt_without_sender_comes_from_the_only_holder():
    assert lines(made(1, 100), received(2, 40, "packer")) == [
        ("held", "farm", 60),
        ("claimed", "packer", 40, "farm"),
    ]


def test_a_receipt_without_sender_takes_what_was_sent_there():
    assert lines(made(1, 100), sent(2, 40, "farm", "packer"), received(3, 40, "packer")) == [
        ("held", "farm", 60),
        ("held", "packer", 40),
    ]


def test_a_shipment_to_nobody_named_is_received_by_who_says_so():
    ship = hop(2, "shipping", [("epc", LOT, 40)], by="farm")
    assert ("held", "packer", 40) in lines(made(1, 100), ship, received(3, 40, "packer", "farm"))


def test_a_receipt_that_is_older_than_its_shipment_is_confirmed_by_it():
    early = received(2, 40, "packer", "farm")
    assert lines(made(1, 100), early, sent(3, 40, "farm", "packer")) == [
        ("held", "farm", 60),
        ("held", "packer", 40),
    ]


def test_a_transformation_uses_its_inputs_and_makes_its_outputs():
    step = hop(
        2,
        None,
        [("input", LOT, 30), ("output", OTHER, 28)],
        by="farm",
        type="TransformationEvent",
        action=None,
    )
    assert lines(made(1, 100), step) == [
        ("held", "farm", 70),
        ("used", "farm", 30),
        ("held", "farm", 28),
    ]


@pytest.mark.parametrize(
    ("step", "action", "state"),
    [
        ("retail_selling", "OBSERVE", "sold"),
        ("retail_selling", "DELETE", "sold"),
        ("consuming", "DELETE", "consumed"),
        ("destroying", "DELETE", "destroyed"),
        ("decommissioning", "DELETE", "gone"),
        (None, "DELETE", "gone"),
    ],
)
def test_what_leaves_the_chain_says_how(step, action, state):
    last = hop(2, step, [("epc", LOT, 30)], by="farm", action=action)
    assert lines(made(1, 100), last) == [("held", "farm", 70), (state, "farm", 30)]


@pytest.mark.parametrize("step", ["storing", "inspecting", "packing", "loading", None])
def test_other_steps_only_observe(step):
    assert lines(made(1, 100), hop(2, step, [("epc", LOT, 30)], by="carrier")) == [
        ("held", "farm", 100)
    ]


def test_an_aggregation_neither_makes_nor_ends_anything():
    packing = {"type": "AggregationEvent", "by": "farm"}
    add = hop(2, "packing", [("child", LOT, 30)], action="ADD", **packing)
    delete = hop(3, "unpacking", [("child", LOT, 30)], action="DELETE", **packing)
    assert lines(made(1, 100), add, delete) == [("held", "farm", 100)]


def test_more_out_than_in_is_a_discrepancy():
    found = lines(made(1, 100), sent(2, 120, "farm", "packer"))
    assert found == [("in_transit", "farm", 120, "packer"), ("discrepancy", "farm", 20)]


def test_more_received_than_sent_or_held_is_a_discrepancy_of_the_sender():
    found = lines(made(1, 100), sent(2, 100, "farm", "packer"), received(3, 110, "packer", "farm"))
    assert found == [
        ("held", "packer", 100),
        ("claimed", "packer", 10, "farm"),
        ("discrepancy", "farm", 10),
    ]


def test_a_pallet_moves_its_contents():
    inside = (Carried(LOT, PALLET, Decimal(50), "KGM"),)
    pallet = [("epc", PALLET, 1)]
    ship = replace(hop(2, "shipping", pallet, by="farm", source="farm", to="shop"), carried=inside)
    arrive = replace(hop(3, "receiving", pallet, by="shop", source="farm"), carried=inside)
    assert lines(made(1, 100), ship) == [
        ("held", "farm", 50),
        ("in_transit", "farm", 50, "shop"),
    ]
    assert lines(made(1, 100), ship, arrive) == [("held", "farm", 50), ("held", "shop", 50)]


def test_a_pallet_that_goes_into_a_transformation_uses_its_contents():
    inside = (Carried(LOT, PALLET, Decimal(50), "KGM"),)
    step = hop(2, None, [("input", PALLET, 1)], by="farm", type="TransformationEvent")
    assert ("used", "farm", 50) in lines(made(1, 100), replace(step, carried=inside))


def test_an_instance_counts_one():
    kinds = {LOT: "instance"}
    found = lines(
        made(1, None), sent(2, None, "farm", "shop"), received(3, None, "shop"), kinds=kinds
    )
    assert found == [("held", "shop", 1)]


def test_no_amount_means_all_that_was_there():
    found = lines(
        made(1, 100),
        sent(2, 30, "farm", "shop"),
        sent(3, None, "farm", "packer"),
        received(4, None, "packer", "farm"),
        received(5, None, "shop", "farm"),
        sold(6, None, "shop"),
    )
    assert found == [("held", "packer", 70), ("sold", "shop", 30)]


def test_an_amount_that_nobody_ever_said_stays_unknown():
    found = lines(made(1, None), sent(2, 30, "farm", "shop"), received(3, None, "shop"))
    assert found == [("held", "farm", None), ("held", "shop", 30)]


def test_a_shipment_without_amount_is_what_the_receiver_counts():
    found = lines(made(1, None), sent(2, None, "farm", "shop"), received(3, 30, "shop", "farm"))
    assert found == [("held", "shop", 30)]


def test_a_lot_that_nobody_recorded_making_was_with_who_first_parts_with_it():
    found = lines(sent(1, 30, "farm", "shop"), received(2, 30, "shop", "farm"))
    assert found == [("held", "farm", None), ("held", "shop", 30)]


def test_units_are_kept_apart_and_multiples_of_a_unit_together():
    in_grams = hop(2, "shipping", [("epc", LOT, 2500, "GRM")], by="farm", source="farm", to="shop")
    assert lines(made(1, 100), in_grams) == [
        ("held", "farm", Decimal("97.5")),
        ("in_transit", "farm", Decimal("2.5"), "shop"),
    ]
    in_cartons = hop(2, "shipping", [("epc", LOT, 10, "CT")], by="farm", source="farm", to="shop")
    found = holdings(chain(made(1, 100), in_cartons))
    assert {(one.state.value, one.amount, one.uom) for one in found} == {
        ("held", 100, "KGM"),
        ("in_transit", 10, "CT"),
        ("discrepancy", 10, "CT"),
    }


def test_the_departure_of_what_was_shipped_moves_nothing_more():
    leave = hop(3, "departing", [("epc", LOT, 40)], by="farm", source="farm", to="shop")
    arrive = hop(4, "arriving", [("epc", LOT, 40)], by="shop", source="farm")
    found = lines(
        made(1, 100), sent(2, 40, "farm", "shop"), leave, arrive, received(5, 40, "shop", "farm")
    )
    assert found == [("held", "farm", 60), ("held", "shop", 40)]
    assert lines(made(1, 100), leave, arrive) == [("held", "farm", 60), ("held", "shop", 40)]


def test_a_shipment_called_back_is_held_again():
    back = hop(3, "void_shipping", [("epc", LOT, 40)], by="farm", source="farm", to="shop")
    assert lines(made(1, 100), sent(2, 40, "farm", "shop"), back) == [("held", "farm", 100)]


def test_what_was_declared_wrong_did_not_happen():
    wrong = replace(sent(2, 40, "farm", "shop"), declared=True)
    assert lines(made(1, 100), wrong) == [("held", "farm", 100)]


def test_what_is_made_on_a_day_is_there_on_that_day():
    day = START
    assert lines(sent(1, 40, "farm", "shop", at=day), made(2, 100, at=day)) == [
        ("held", "farm", 60),
        ("in_transit", "farm", 40, "shop"),
    ]


def test_the_owner_of_the_place_holds_what_another_records_there():
    stall = place("stall", owner="shop")
    found = lines(
        made(1, 100),
        sent(2, 40, "farm", "shop"),
        hop(3, "receiving", [("epc", LOT, 40)], by="carrier", source="farm", place=stall),
    )
    assert found == [("held", "farm", 60), ("held", "shop", 40)]


def test_a_party_takes_from_the_place_where_it_acts_and_then_from_its_others():
    north, south = place("north", "farm"), place("south", "farm")
    found = holdings(
        chain(
            made(1, 60, place=north),
            made(2, 40, place=south),
            sent(3, 70, "farm", "shop", place=north),
        )
    )
    assert [(one.state.value, one.place and one.place.name, one.amount) for one in found] == [
        ("held", "south", 30),
        ("in_transit", None, 70),
    ]


@pytest.mark.parametrize("source", [None, "farm"])
def test_who_receives_its_own_goods_moves_them_to_another_of_its_places(source):
    field, shed = place("field", "farm"), place("shed", "farm")
    arrive = hop(2, "receiving", [("epc", LOT, 60)], by="farm", source=source, place=shed)
    found = holdings(chain(made(1, 100, place=field), arrive))
    assert [(one.state, one.place.name, one.amount) for one in found] == [
        (State.HELD, "field", 40),
        (State.HELD, "shed", 60),
    ]


def test_who_receives_more_than_anybody_had_is_the_one_to_ask():
    assert lines(made(1, 100), received(2, 130, "farm")) == [
        ("held", "farm", 100),
        ("claimed", "farm", 130),
        ("discrepancy", "farm", 130),
    ]


def test_an_unknown_party_is_known_by_its_place():
    dock = place("dock")
    (one,) = holdings(chain(made(1, 5, by=None, place=dock)))
    assert (one.state, one.party, one.place) == (State.HELD, None, dock)


NAMES = st.sampled_from(sorted(PARTIES))
AMOUNTS = st.integers(1, 60)
ACTS = st.one_of(
    st.builds(lambda who, n: lambda i: made(i, n, by=who), NAMES, AMOUNTS),
    st.builds(lambda a, b, n: lambda i: sent(i, n, a, b), NAMES, NAMES, AMOUNTS),
    st.builds(lambda a, b, n: lambda i: received(i, n, a, b), NAMES, NAMES, AMOUNTS),
    st.builds(lambda a, n: lambda i: received(i, n, a), NAMES, AMOUNTS),
    st.builds(lambda a, n: lambda i: sold(i, n, a), NAMES, AMOUNTS),
    st.builds(
        lambda a, n: (
            lambda i: hop(
                i, None, [("input", LOT, n), ("output", OTHER, n)], by=a, type="TransformationEvent"
            )
        ),
        NAMES,
        AMOUNTS,
    ),
)


@given(st.lists(ACTS, max_size=25))
def test_whatever_happens_the_amounts_add_up_to_what_was_made(acts):
    hops = [made(1, 100), *(act(number) for number, act in enumerate(acts, 2))]
    for item in (LOT, OTHER):
        begun = sum(
            part.amount
            for one in hops
            for part in one.parts
            if part.item_id == item and (one.action == "ADD" or part.role == "output")
        )
        found = [one for one in holdings(chain(*hops)) if one.item_id == item]
        assert all(one.amount > 0 for one in found)
        missing = sum(one.amount for one in found if one.state == State.DISCREPANCY)
        assert sum(one.amount for one in found) - 2 * missing == begun


@given(st.lists(st.tuples(NAMES, NAMES, AMOUNTS), max_size=12), st.randoms())
def test_honest_trade_never_shows_a_discrepancy(trades, random):
    """Nobody sends more than they have, and what is sent is received in full."""
    stock = {"farm": 100}
    hops = [made(1, 100)]
    for giver, taker, wanted in trades:
        amount = min(wanted, stock.get(giver, 0))
        if not amount:
            continue
        stock[giver] -= amount
        stock[taker] = stock.get(taker, 0) + amount
        hops.append(sent(len(hops) + 1, amount, giver, taker))
        hops.append(received(len(hops) + 1, amount, taker, giver))
    random.shuffle(hops)  # the order of capture does not matter
    found = holdings(chain(*hops))
    assert {one.state for one in found} == {State.HELD}
    assert {one.party.name: one.amount for one in found} == {k: v for k, v in stock.items() if v}
