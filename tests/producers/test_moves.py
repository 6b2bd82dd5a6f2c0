"""Ship, receive, pack, cool, sell: every rule on SQLite and PostgreSQL."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from foodtrace.producers import services
from foodtrace.producers.services import Moved, Reading
from foodtrace.trace.chain.services import trace_back
from foodtrace.trace.errors import Conflict, Invalid, NotFound
from foodtrace.trace.store.models import Event

from .conftest import NOON, kilograms, on_sqlite

SSCC = "/00/106901234500000010"


def ship(session, giver, taker, *items, at=NOON, **more):
    return services.ship(
        session,
        giver.actor,
        items=items,
        place_id=giver.place_id,
        recipient_id=taker.party_id,
        at=at,
        **more,
    )


def receive(session, taker, giver, *items, at=NOON + timedelta(hours=2), **more):
    return services.receive(
        session,
        taker.actor,
        items=items,
        place_id=taker.place_id,
        sender_id=giver.party_id,
        at=at,
        **more,
    )


def pack(session, member, *contents, sscc=SSCC, at=NOON):
    return services.pack(
        session, member.actor, sscc=sscc, contents=contents, place_id=member.place_id, at=at
    )


def texts(refusal):
    return [f"{problem.place}: {problem.text}" for problem in refusal.value.problems]


def test_what_is_shipped_leaves_the_stock_and_is_announced(store, alba, carla, lot):
    with store.transaction() as session:
        recorded = ship(session, alba, carla, kilograms(lot, 30), document="FH-7")
        event = session.get(Event, recorded.id)
        assert (event.source, event.destination) == (alba.identifier, carla.identifier)
    with store.reading() as session:
        assert alba.hold(session) == {lot: Decimal(70)}
        (shipment,) = services.shipments_to(session, carla.party_id)
        assert (shipment.sender_id, shipment.sender_name) == (alba.party_id, "Alba Farm")
        assert shipment.sent_at == NOON
        (line,) = shipment.lines
        assert (line.goods.canonical, line.goods.amount, line.to_come) == (lot, 30, 30)
        assert line.goods.product_name == "辣椒"
        assert carla.hold(session) == {}


def test_all_of_it_is_shipped_when_no_amount_is_given(store, alba, carla, lot):
    with store.transaction() as session:
        ship(session, alba, carla, Moved(lot))
    with store.reading() as session:
        assert alba.hold(session) == {}
        assert services.shipments_to(session, carla.party_id)[0].lines[0].to_come == 100


def test_what_is_not_held_cannot_be_shipped(store, alba, bruno, carla, lot):
    with store.transaction() as session:
        with pytest.raises(Conflict) as refusal:
            ship(session, bruno, carla, kilograms(lot, 1))
        assert texts(refusal)[0].startswith("items/0/identifier: You hold nothing of")
        with pytest.raises(Conflict) as refusal:
            ship(session, alba, carla, kilograms(lot, "100.5"))
        assert texts(refusal)[0].startswith("items/0/amount: You hold 100 of it, not 100.5")


def test_nothing_is_shipped_to_nobody_or_to_oneself(store, alba, lot):
    with store.transaction() as session:
        with pytest.raises(Invalid) as refusal:
            ship(session, alba, alba, Moved(lot))
        assert refusal.value.problems[0].place == "recipient_id"
        with pytest.raises(Invalid) as refusal:
            services.ship(
                session,
                alba.actor,
                items=[Moved(lot)],
                place_id=alba.place_id,
                recipient_id=999,
                at=NOON,
            )
        assert refusal.value.problems[0].place == "recipient_id"


def test_two_shipments_at_once_never_take_the_same_goods(store, alba, carla, lot):
    outcomes = []

    def take(amount):
        try:
            with store.transaction() as session:
                ship(session, alba, carla, kilograms(lot, amount))
            outcomes.append("sent")
        except Conflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=take, args=(amount,)) for amount in (60, 61)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "sent"]


def test_a_shipment_is_received_in_full(store, alba, carla, lot):
    with store.transaction() as session:
        ship(session, alba, carla, kilograms(lot, 30))
        receive(session, carla, alba, Moved(lot))
    with store.reading() as session:
        assert carla.hold(session) == {lot: Decimal(30)}
        assert services.shipments_to(session, carla.party_id) == []


def test_a_part_that_is_received_leaves_the_rest_on_its_way(store, alba, carla, lot):
    with store.transaction() as session:
        ship(session, alba, carla, kilograms(lot, 30))
        receive(session, carla, alba, kilograms(lot, 12))
    with store.reading() as session:
        (shipment,) = services.shipments_to(session, carla.party_id)
        assert shipment.lines[0].to_come == 18


@pytest.mark.parametrize("condition", ["damaged", "mismatch_quantity"])
def test_a_shortage_closes_the_shipment(store, alba, carla, lot, condition):
    with store.transaction() as session:
        ship(session, alba, carla, kilograms(lot, 30))
        recorded = receive(
            session, carla, alba, kilograms(lot, 28), condition=condition, note="一箱破损"
        )
        assert session.get(Event, recorded.id).disposition == condition
    with store.reading() as session:
        assert services.shipments_to(session, carla.party_id) == []
        assert carla.hold(session) == {lot: Decimal(28)}


def test_more_than_was_sent_cannot_be_received(store, alba, carla, lot):
    with store.transaction() as session:
        ship(session, alba, carla, kilograms(lot, 30))
        with pytest.raises(Conflict) as refusal:
            receive(session, carla, alba, kilograms(lot, 31))
        assert "30 of it is on its way to you, not 31" in texts(refusal)[0]


def test_a_shipment_is_not_received_twice(store, alba, carla, lot):
    with store.transaction() as session:
        ship(session, alba, carla, kilograms(lot, 30))
        receive(session, carla, alba, Moved(lot))
        with pytest.raises(Conflict) as refusal:
            receive(session, carla, alba, kilograms(lot, 30))
        assert "received already" in texts(refusal)[0]


def test_what_nobody_announced_is_received_with_its_amount(store, alba, carla, lot):
    with store.transaction() as session:
        with pytest.raises(Conflict) as refusal:
            receive(session, carla, alba, Moved(lot))
        assert texts(refusal)[0].startswith("items/0/amount: Nobody announced this")
        receive(session, carla, alba, kilograms(lot, 5))
    with store.reading() as session:
        assert carla.hold(session) == {lot: Decimal(5)}


def test_a_rival_sees_nothing_of_a_shipment(store, alba, bruno, carla, lot):
    with store.transaction() as session:
        ship(session, alba, carla, Moved(lot))
    with store.reading() as session:
        assert services.shipments_to(session, bruno.party_id) == []
        assert services.stock_of(session, bruno.party_id) == []
        assert services.list_lots(session, bruno.actor).lots == ()
        with pytest.raises(NotFound):
            services.lot_page(session, bruno.actor, lot)


def test_packed_goods_travel_in_their_pallet(store, alba, carla, lot):
    with store.transaction() as session:
        pack(session, alba, kilograms(lot, 40))
        held = {goods.canonical: goods for goods in services.stock_of(session, alba.party_id)}
        assert held[lot].amount == 60
        assert [(c.canonical, c.amount) for c in held[SSCC].contents] == [(lot, 40)]
        ship(session, alba, carla, Moved(SSCC))
        (shipment,) = services.shipments_to(session, carla.party_id)
        assert shipment.lines[0].goods.contents[0].amount == 40
        receive(session, carla, alba, Moved("106901234500000010"))
        assert carla.hold(session) == {SSCC: None}
        services.unpack(
            session,
            carla.actor,
            sscc=SSCC,
            place_id=carla.place_id,
            at=NOON + timedelta(hours=3),
        )
    with store.reading() as session:
        assert carla.hold(session)[lot] == 40
        assert alba.hold(session) == {lot: Decimal(60)}
        chain = trace_back(session, lot)
        assert [hop.biz_step for hop in chain.hops] == [
            "commissioning",
            "packing",
            "shipping",
            "receiving",
            "unpacking",
        ]


def test_the_sender_sees_what_of_a_lot_was_confirmed(store, alba, bruno, carla, lot):
    with store.transaction() as session:
        pack(session, alba, kilograms(lot, 40))
        ship(session, alba, carla, Moved(SSCC), kilograms(lot, 10))
        ship(session, alba, bruno, kilograms(lot, 5))
        receive(session, carla, alba, Moved(SSCC), kilograms(lot, 4))
    with store.reading() as session:
        page = services.lot_page(session, alba.actor, lot)
        assert [(to.name, to.sent, to.confirmed) for to in page.sent] == [
            ("Bruno Farm", 5, 0),
            ("Carla Kitchen", 50, 44),
        ]
        # Nobody else learns who else was supplied.
        assert services.lot_page(session, carla.actor, lot).sent == ()


def test_a_part_of_a_pallet_is_taken_off(store, alba, lot):
    with store.transaction() as session:
        pack(session, alba, kilograms(lot, 40))
        later = {"place_id": alba.place_id, "at": NOON + timedelta(hours=1)}
        with pytest.raises(Conflict) as refusal:
            services.unpack(session, alba.actor, sscc=SSCC, contents=[kilograms(lot, 41)], **later)
        assert "40 of it lies on this pallet, not 41" in texts(refusal)[0]
        services.unpack(session, alba.actor, sscc=SSCC, contents=[kilograms(lot, 10)], **later)
    with store.reading() as session:
        held = {goods.canonical: goods for goods in services.stock_of(session, alba.party_id)}
        assert held[lot].amount == 70


def test_packed_goods_cannot_be_shipped_loose(store, alba, carla, lot):
    with store.transaction() as session:
        pack(session, alba, kilograms(lot, 100))
        with pytest.raises(Conflict):
            ship(session, alba, carla, kilograms(lot, 1))


def test_nothing_is_put_on_another_party_s_pallet(store, alba, bruno, carla, chili, lot):
    with store.transaction() as session:
        pack(session, alba, kilograms(lot, 40))
        ship(session, alba, bruno, kilograms(lot, 10))
        receive(session, bruno, alba, Moved(lot))
        with pytest.raises(Conflict) as refusal:
            pack(session, bruno, kilograms(lot, 1))
        assert refusal.value.problems[0].place == "sscc/0/identifier"


@on_sqlite
@pytest.mark.parametrize("sscc", ["106901234500000011", "12", "", "/01/06901234567892/10/A"])
def test_what_is_no_sscc_is_refused(store, alba, lot, sscc):
    with store.transaction() as session, pytest.raises(Invalid) as refusal:
        pack(session, alba, kilograms(lot, 1), sscc=sscc)
    assert [problem.place for problem in refusal.value.problems] == ["sscc"]


def test_an_sscc_is_proposed_from_the_party_s_gln(store, alba, bruno, lot):
    from foodtrace.trace.masterdata.models import Party

    with store.transaction() as session:
        party = session.get(Party, alba.party_id)
        first = services.proposed_sscc(session, party)
        assert first[:17] == "16901234500000001"
        pack(session, alba, kilograms(lot, 1), sscc=first)
        second = services.proposed_sscc(session, party)
        assert second[:17] == "16901234500000002"
        pack(session, alba, kilograms(lot, 1), sscc=second)
        assert services.proposed_sscc(session, session.get(Party, bruno.party_id)) is None


def test_temperatures_are_recorded_where_the_goods_are(store, alba, bruno, lot):
    readings = [Reading(NOON, Decimal("3.5")), Reading(NOON + timedelta(hours=1), Decimal("-1"))]
    with store.transaction() as session:
        recorded = services.record_temperatures(
            session,
            alba.actor,
            items=[Moved(lot)],
            place_id=alba.place_id,
            readings=readings,
            at=NOON + timedelta(hours=1),
        )
        event = session.get(Event, recorded.id)
        assert event.biz_step == "storing"
        assert (event.temperature_low, event.temperature_high) == (Decimal(-1), Decimal("3.5"))
        with pytest.raises(Conflict):
            services.record_temperatures(
                session,
                bruno.actor,
                items=[Moved(lot)],
                place_id=bruno.place_id,
                readings=readings,
                at=NOON,
            )
    with store.reading() as session:
        assert alba.hold(session) == {lot: Decimal(100)}


@on_sqlite
@pytest.mark.parametrize(
    ("place", "readings"),
    [
        ("readings", []),
        ("readings/0/celsius", [Reading(NOON, Decimal(301))]),
        ("readings/1/celsius", [Reading(NOON, Decimal(1)), Reading(NOON, Decimal("NaN"))]),
        ("readings/0/at", [Reading(NOON + timedelta(days=4000), Decimal(1))]),
    ],
)
def test_a_temperature_that_nobody_measures_is_refused(store, alba, lot, place, readings):
    with store.transaction() as session, pytest.raises(Invalid) as refusal:
        services.record_temperatures(
            session,
            alba.actor,
            items=[Moved(lot)],
            place_id=alba.place_id,
            readings=readings,
            at=NOON,
        )
    assert [problem.place for problem in refusal.value.problems] == [place]


def test_what_is_sold_or_destroyed_is_gone(store, alba, lot):
    at = {"place_id": alba.place_id, "at": NOON}
    with store.transaction() as session:
        services.sell(session, alba.actor, items=[kilograms(lot, 30)], **at)
        services.destroy(session, alba.actor, items=[kilograms(lot, 20)], note="发霉", **at)
        assert alba.hold(session) == {lot: Decimal(50)}
        with pytest.raises(Conflict):
            services.sell(session, alba.actor, items=[kilograms(lot, 51)], **at)


def test_two_sales_that_look_the_same_count_twice_when_their_keys_differ(store, alba, lot):
    at = {"place_id": alba.place_id, "at": NOON}
    with store.transaction() as session:
        for key in ("a", "b"):
            services.sell(session, alba.actor, items=[kilograms(lot, 5)], key=key, **at)
        assert alba.hold(session) == {lot: Decimal(90)}


def test_a_step_can_be_kept_from_the_public(store, alba, carla, lot):
    with store.transaction() as session:
        recorded = ship(session, alba, carla, Moved(lot), hidden=True)
        assert session.scalars(select(Event.hidden).where(Event.id == recorded.id)).one()


def test_the_lot_page_shows_one_step_up_and_one_down(store, alba, carla, sauce, lot):
    with store.transaction() as session:
        ship(session, alba, carla, kilograms(lot, 60))
        receive(session, carla, alba, Moved(lot))
        made = services.register_batch(
            session,
            carla.actor,
            product_id=sauce,
            place_id=carla.place_id,
            amount=Decimal(50),
            uom="KGM",
            made_at=NOON + timedelta(hours=3),
            production_date=NOON.date(),
            inputs=[kilograms(lot, 20)],
        )
    with store.reading() as session:
        page = services.lot_page(session, carla.actor, made.identifier)
        assert [(goods.canonical, goods.amount) for goods in page.inputs] == [(lot, 20)]
        assert page.goods.amount == 50
        bought = services.lot_page(session, carla.actor, lot)
        assert bought.maker.name == "Alba Farm"
        assert [goods.canonical for goods in bought.outputs] == [made.identifier]
        assert [goods.amount for goods in bought.held] == [40]
        steps = [movement.biz_step for movement in bought.movements]
        assert steps == ["commissioning", "receiving"]
        # Alba sees what she sent to whom, and nothing of what Carla made of it.
        own = services.lot_page(session, alba.actor, lot)
        assert own.outputs == ()
        assert next((m.biz_step, m.destination, m.amount) for m in own.movements) == (
            "shipping",
            "Carla Kitchen",
            60,
        )
        with pytest.raises(NotFound):
            services.lot_page(session, alba.actor, made.identifier)


def test_lots_are_listed_page_by_page(store, alba, chili):
    from .conftest import make

    with store.transaction() as session:
        for i in range(5):
            make(session, alba, chili, lot_number=f"L{i}", made_at=NOON + timedelta(minutes=i))
    with store.reading() as session:
        first = services.list_lots(session, alba.actor, limit=2)
        second = services.list_lots(session, alba.actor, limit=2, after=first.next)
        third = services.list_lots(session, alba.actor, limit=2, after=second.next)
        pages = [[goods.lot_number for goods in page.lots] for page in (first, second, third)]
        assert pages == [["L4", "L3"], ["L2", "L1"], ["L0"]]
        assert third.next is None
        assert [
            g.lot_number for g in services.list_lots(session, alba.actor, search="l3").lots
        ] == ["L3"]
        assert len(services.list_lots(session, alba.actor, search="辣").lots) == 5
        with pytest.raises(Invalid):
            services.list_lots(session, alba.actor, after="nonsense")
