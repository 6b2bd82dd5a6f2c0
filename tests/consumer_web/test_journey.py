"""The journey: what is shown of a chain, what is a blank, a claim or a gap. Pure."""

from dataclasses import replace
from datetime import timedelta

from foodtrace.consumer_web.journey import LONGEST_JOURNEY, abridged, journey_of, step_word
from foodtrace.trace.chain.model import Carried, ChainItem, Link, Part, PartyFacts

from .parts import (
    CHILI,
    COOKED,
    FARM,
    MADE_CHILI,
    NOON,
    PLANT,
    SAUCE,
    SENT,
    SHOP,
    TAKEN,
    chain,
    hop,
)

RIVAL = PartyFacts(9, "/417/9", "别的客户")


def shown(journey):
    return [[step.hop.id for step in leg.steps] for leg in journey.legs]


def test_each_lot_has_its_leg_and_the_scanned_one_comes_last():
    journey = journey_of(chain())
    assert [leg.item.id for leg in journey.legs] == [CHILI.id, SAUCE.id]
    assert shown(journey) == [[1], [2, 3, 4]]
    assert [leg.start for leg in journey.legs] == [1, 2]


def test_times_are_those_of_the_place():
    step = journey_of(chain(replace(SENT, time_zone_offset="+05:30"))).steps[0]
    assert step.at.isoformat() == "2026-11-11T09:30:00+05:30"


def test_a_shipment_is_a_claim_until_its_recipient_is_seen_with_the_goods():
    def claims(*hops):
        return [step.hop.id for step in journey_of(chain(*hops)).steps if step.claimed]

    assert claims(COOKED, SENT) == [3]
    assert claims(COOKED, SENT, TAKEN) == []
    assert claims(COOKED, SENT, replace(TAKEN, party=RIVAL)) == [3]
    assert claims(COOKED, SENT, replace(TAKEN, biz_step="retail_selling")) == []
    assert claims(COOKED, SENT, replace(TAKEN, declared=True)) == [3]
    assert claims(COOKED, SENT, replace(TAKEN, event_time=NOON)) == [3]


def test_a_shipment_to_nobody_named_is_confirmed_by_anybody_else():
    nowhere = replace(SENT, destination=None)
    confirmed, claimed = chain(nowhere, TAKEN), chain(nowhere, replace(TAKEN, party=PLANT))
    assert not any(step.claimed for step in journey_of(confirmed).steps)
    assert any(step.claimed for step in journey_of(claimed).steps)


def test_what_lies_behind_a_hidden_step_stays_hidden():
    journey = journey_of(chain(MADE_CHILI, replace(COOKED, hidden=True), SENT))
    assert [leg.item.id for leg in journey.legs] == [SAUCE.id]
    assert shown(journey) == [[2, 3]]
    assert step_word(journey.steps[0].hop) == "hidden"


def test_a_hidden_shipment_does_not_tell_what_it_is():
    journey = journey_of(chain(COOKED, replace(SENT, hidden=True)))
    assert not any(step.claimed for step in journey.steps)


def test_other_customers_of_an_ingredient_are_left_out():
    """The farm sold the same chili to the plant and to a rival: the rival is not shown."""
    to_plant = hop(11, FARM, "shipping", CHILI, day=-8, destination=PLANT)
    at_plant = hop(12, PLANT, "receiving", CHILI, day=-7, source=FARM)
    to_rival = hop(13, FARM, "shipping", CHILI, day=-8, destination=RIVAL)
    at_rival = hop(14, RIVAL, "receiving", CHILI, day=-7, source=FARM)
    sold_on = hop(15, RIVAL, "shipping", CHILI, day=-6, destination=SHOP)
    rivals_use = hop(
        16,
        RIVAL,
        "commissioning",
        day=-6,
        type="TransformationEvent",
        parts=(Part("input", CHILI.id, None, None),),
    )
    later = hop(17, FARM, "storing", CHILI, day=5)
    found = chain(
        MADE_CHILI, to_plant, to_rival, at_plant, at_rival, sold_on, rivals_use, COOKED, later
    )
    assert shown(journey_of(found)) == [[1, 11, 12], [2]]


def test_those_on_the_way_to_the_plant_are_kept():
    """Farm → wholesaler → plant: the wholesaler is on the way, and so is a carrier."""
    trader, carrier = PartyFacts(5, "/417/5", "批发"), PartyFacts(6, "/417/6", "运输")
    steps = (
        hop(11, FARM, "shipping", CHILI, day=-8, destination=trader),
        hop(12, carrier, "transporting", CHILI, day=-7.5),
        hop(13, trader, "receiving", CHILI, day=-7, source=FARM),
        hop(14, trader, "shipping", CHILI, day=-6, destination=PLANT),
        hop(15, PLANT, "receiving", CHILI, day=-5, source=trader),
    )
    assert shown(journey_of(chain(MADE_CHILI, *steps, COOKED)))[0] == [1, 11, 12, 13, 14, 15]


def test_a_recipient_whom_the_register_does_not_know_is_kept():
    """Nobody can say that an unknown recipient is another customer."""
    unknown = PartyFacts(0, "/417/8")
    out = hop(11, FARM, "shipping", CHILI, day=-8, destination=unknown)
    assert 11 in shown(journey_of(chain(MADE_CHILI, out, replace(COOKED, party=FARM))))[0]


def test_the_way_of_the_box_that_was_used_is_kept():
    """One party records all: it packs the chili, ships the box, and the box is used."""
    sent = replace(
        hop(11, FARM, "shipping", day=-8, destination=RIVAL),
        carried=(Carried(CHILI.id, 7, None, None),),
        via=7,
    )
    used = replace(COOKED, party=FARM, parts=(*COOKED.parts, Part("input", 7, None, None)))
    assert 11 in shown(journey_of(chain(MADE_CHILI, sent, used)))[0]


def test_without_a_recorded_way_nothing_is_left_out():
    trader = PartyFacts(5, "/417/5", "批发")
    steps = (
        hop(11, FARM, "shipping", CHILI, day=-8, destination=trader),
        hop(12, trader, "receiving", CHILI, day=-7),
    )
    assert shown(journey_of(chain(MADE_CHILI, *steps, COOKED)))[0] == [1, 11, 12]


def test_what_happens_to_the_box_happens_to_what_is_in_it():
    box = ChainItem(50, "/00/1", "logistic")
    moved = hop(
        20,
        SHOP,
        "storing",
        box,
        day=3,
        carried=(Carried(SAUCE.id, box.id, None, None),),
        via=box.id,
    )
    assert shown(journey_of(chain(COOKED, moved, items=(CHILI, SAUCE, box))))[-1] == [2, 20]


def test_a_lot_that_nobody_made_is_a_gap():
    journey = journey_of(chain(COOKED, items=(replace(CHILI, made_at=None), SAUCE)))
    assert [leg.unmade for leg in journey.legs] == [True, False]


def test_an_event_node_is_no_leg_but_joins_what_it_joins():
    node = ChainItem(60, "event:2", "event")
    links = (Link(1, 60, 2, "made"), Link(60, 2, 2, "made"))
    journey = journey_of(chain(items=(CHILI, SAUCE, node), links=links))
    assert [leg.item.id for leg in journey.legs] == [CHILI.id, SAUCE.id]


def test_entries_declared_wrong_are_shown_as_such_and_the_declaration_is_not():
    wrong = replace(SENT, declared=True)
    declaration = replace(SENT, id=9, declared=True, declared_at=NOON)
    steps = journey_of(chain(COOKED, wrong, declaration)).steps
    assert [(step.hop.id, step.hop.declared) for step in steps] == [(2, False), (3, True)]


def test_a_long_journey_is_shortened_and_counts_what_it_leaves_out():
    lots = [
        replace(CHILI, id=100 + n, canonical=f"/01/C/10/{n}", made_at=NOON - timedelta(days=9))
        for n in range(300)
    ]
    made = [hop(1000 + n, FARM, "commissioning", lot, day=-9) for n, lot in enumerate(lots)]
    moves = [hop(2000 + n, PLANT, "storing", SAUCE, day=n / 100) for n in range(100)]
    found = chain(
        *made,
        COOKED,
        *moves,
        items=(*lots, SAUCE),
        links=tuple(Link(lot.id, SAUCE.id, 2, "made") for lot in lots),
    )
    whole = journey_of(found)
    short = abridged(whole, [SAUCE.canonical])
    assert len(whole.steps) == 401
    assert len(short.steps) <= LONGEST_JOURNEY
    assert len(short.steps) + sum(short.left_out.values()) == 401
    assert set(short.left_out) == {"commissioning", "storing"}
    last = short.legs[-1]
    assert last.item is SAUCE
    assert last.omitted == 61
    assert last.steps[0].hop is COOKED
    assert last.steps[-1].hop is moves[-1]


def test_a_short_journey_is_left_as_it_is():
    journey = journey_of(chain())
    assert abridged(journey, []) is journey


def test_a_chain_that_bites_its_tail_has_an_end():
    found = chain(links=(Link(1, 2, 2, "made"), Link(2, 1, 1, "made"), Link(1, 1, 1, "made")))
    assert len(journey_of(found).legs) == 2
