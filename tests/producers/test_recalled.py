"""Recalled and expired goods: seen by who holds them, neither sold nor used."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event

from foodtrace.inspections import services as inspections
from foodtrace.producers import services
from foodtrace.producers.services import Moved, Share
from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.access.keys import create_key
from foodtrace.trace.capture.services import record_event
from foodtrace.trace.errors import Conflict
from foodtrace.trace.masterdata.services import register_party

from ..web import PASSWORD, Browser, add_person, bearer, staff_app
from .conftest import DAY, GTIN, NOON, Member, kilograms, make, on_sqlite

SSCC = "/00/106901234500000010"
LATER = NOON + timedelta(hours=2)
SAID = {
    "recall_class": 1,
    "reason": "氧乐果残留超标",
    "hazard": "可能引起急性中毒",
    "advice": "停止食用，退回购买处",
    "compensation": "生产者全额退款",
    "contact": "028-88123456",
}


@pytest.fixture
def regulator(store):
    with store.transaction() as session:
        office = register_party(session, SYSTEM, name="市场监督管理局", kind="authority")
        return Actor("user:regulator", office.id, frozenset({Role.REGULATOR}))


def recall(store, regulator, lot):
    with store.transaction() as session:
        return inspections.open_recall(session, regulator, lot=lot, **SAID)


def end(store, regulator, recall_id):
    with store.transaction() as session:
        inspections.end_recall(session, regulator, recall_id=recall_id, conclusion="全部销毁")


def sell(session, member, *items, at=LATER):
    return services.sell(session, member.actor, items=items, place_id=member.place_id, at=at)


def hand_over(session, giver, taker, *items):
    services.ship(
        session,
        giver.actor,
        items=items,
        place_id=giver.place_id,
        recipient_id=taker.party_id,
        at=NOON,
    )


def receive(session, taker, giver, *items):
    services.receive(
        session,
        taker.actor,
        items=items,
        place_id=taker.place_id,
        sender_id=giver.party_id,
        at=LATER,
    )


def recalled_stock(store, member):
    with store.reading() as session:
        return [
            goods.canonical
            for goods in services.stock_of(session, member.party_id)
            if goods.is_recalled
        ]


@pytest.fixture
def jars(store, alba, carla, lot, sauce):
    """10 kg of sauce that Carla made of Alba's chilies; she has 20 kg of these left."""
    with store.transaction() as session:
        hand_over(session, alba, carla, kilograms(lot, 30))
        receive(session, carla, alba, Moved(lot))
        return make(
            session, carla, sauce, 10, made_at=LATER, inputs=[kilograms(lot, 10)]
        ).identifier


def test_what_is_recalled_is_marked_in_the_stock_until_the_recall_ends(store, alba, lot, regulator):
    assert recalled_stock(store, alba) == []
    opened = recall(store, regulator, lot)
    assert recalled_stock(store, alba) == [lot]
    end(store, regulator, opened)
    assert recalled_stock(store, alba) == []


def test_a_recall_reaches_what_was_made_of_the_lot_and_not_its_ancestors(
    store, alba, carla, lot, jars, regulator
):
    opened = recall(store, regulator, jars)
    assert recalled_stock(store, alba) == []
    assert recalled_stock(store, carla) == [jars]
    end(store, regulator, opened)
    recall(store, regulator, lot)
    assert recalled_stock(store, alba) == [lot]
    assert set(recalled_stock(store, carla)) == {lot, jars}


def test_what_is_recalled_cannot_be_sold(store, alba, carla, chili, lot, jars, regulator):
    recall(store, regulator, lot)
    with store.transaction() as session:
        other = make(session, alba, chili, lot_number="GOOD").identifier
        with pytest.raises(Conflict) as refusal:
            sell(session, alba, Moved(other), kilograms(lot, 1))
        (problem,) = refusal.value.problems
        assert problem.place == "items/1/identifier"
        assert problem.rule % problem.values == (
            "辣椒 20261001-01 is under an open recall: it is not sold and not used"
        )
        assert "destroy" in problem.fix
        with pytest.raises(Conflict):
            sell(session, carla, Moved(jars))
        sell(session, alba, Moved(other))


def test_what_is_recalled_cannot_be_used_or_split(store, alba, carla, sauce, jars, regulator):
    recall(store, regulator, jars)
    with store.transaction() as session:
        with pytest.raises(Conflict) as refusal:
            make(session, carla, sauce, 1, made_at=LATER, inputs=[Moved(jars)])
        assert refusal.value.problems[0].place == "inputs/0/identifier"
        with pytest.raises(Conflict, match="recall"):
            services.split(
                session,
                carla.actor,
                identifier=jars,
                shares=[Share(Decimal(5), "KGM")],
                place_id=carla.place_id,
                at=LATER,
            )


def test_what_is_recalled_can_be_sent_back_received_and_destroyed(
    store, alba, carla, lot, jars, regulator
):
    recall(store, regulator, lot)
    with store.transaction() as session:
        hand_over(session, carla, alba, Moved(jars), kilograms(lot, 5))
        (shipment,) = services.shipments_to(session, alba.party_id)
        assert shipment.is_recalled
        receive(session, alba, carla, Moved(jars), Moved(lot))
        services.destroy(
            session, alba.actor, items=[Moved(jars)], place_id=alba.place_id, at=LATER, note="召回"
        )
        assert alba.hold(session) == {lot: Decimal(75)}


def test_a_pallet_is_recalled_while_something_recalled_lies_on_it(
    store, alba, chili, lot, regulator
):
    with store.transaction() as session:
        good = make(session, alba, chili, lot_number="GOOD").identifier
        services.pack(
            session,
            alba.actor,
            sscc=SSCC,
            contents=[kilograms(lot, 40), kilograms(good, 10)],
            place_id=alba.place_id,
            at=NOON,
        )
    recall(store, regulator, lot)
    assert set(recalled_stock(store, alba)) == {lot, SSCC}
    with store.transaction() as session:
        for act in (
            lambda: sell(session, alba, Moved(SSCC)),
            lambda: make(session, alba, chili, made_at=LATER, inputs=[Moved(SSCC)]),
        ):
            with pytest.raises(Conflict) as refusal:
                act()
            assert refusal.value.problems[0].values["lot"] == "辣椒 20261001-01"
        services.unpack(session, alba.actor, sscc=SSCC, place_id=alba.place_id, at=LATER)
        sell(session, alba, Moved(good), at=LATER + timedelta(hours=1))


def test_one_jar_of_a_recalled_lot_cannot_be_sold(store, alba, chili, lot, regulator):
    one = f"/01/{GTIN}/21/7"
    with store.transaction() as session:
        record_event(
            session,
            alba.actor,
            {
                "type": "ObjectEvent",
                "eventTime": NOON.isoformat(),
                "eventTimeZoneOffset": "+08:00",
                "action": "ADD",
                "bizStep": "commissioning",
                "epcList": [f"https://id.gs1.org{one}"],
                "ilmd": {"cbvmda:lotNumber": "20261001-01"},
            },
        )
    recall(store, regulator, lot)
    assert set(recalled_stock(store, alba)) == {lot, one}
    with store.transaction() as session, pytest.raises(Conflict):
        sell(session, alba, Moved(one))


def test_goods_are_sold_on_their_last_day_and_not_after_it(store, alba, lot):
    last = NOON + timedelta(days=30)
    with store.transaction() as session:
        with pytest.raises(Conflict) as refusal:
            sell(session, alba, kilograms(lot, 1), at=last + timedelta(hours=12))
        assert "past its date" in refusal.value.problems[0].rule
        sell(session, alba, kilograms(lot, 1), at=last)
        services.destroy(
            session,
            alba.actor,
            items=[Moved(lot)],
            place_id=alba.place_id,
            at=last + timedelta(days=1),
        )


@on_sqlite
def test_the_questions_do_not_grow_with_the_stock(store, alba, chili, lot, regulator):
    recall(store, regulator, lot)
    asked = []

    def count(stock_size):
        del asked[:]
        with store.reading() as session:
            engine = session.get_bind()
            event.listen(engine, "before_cursor_execute", note)
            try:
                assert len(services.stock_of(session, alba.party_id)) == stock_size
            finally:
                event.remove(engine, "before_cursor_execute", note)
        return len(asked)

    def note(_connection, _cursor, statement, *_):
        asked.append(statement)

    with store.transaction() as session:
        make(session, alba, chili, lot_number="GOOD")
    few = count(2)
    with store.transaction() as session:
        for number in range(8):
            make(session, alba, chili, lot_number=f"N{number}")
    assert count(10) == few


@dataclass
class Console:
    """What a person and a program of one party see."""

    browser: Browser
    client: object
    headers: dict

    def post(self, path, **body):
        return self.client.post(f"/api/v1{path}", json=body, headers=self.headers)


@pytest.fixture
def console_of(store):
    app = staff_app(store)

    def console_of(member: Member):
        name = f"person{member.party_id}"
        add_person(store, name, "producer", party_id=member.party_id)
        browser = Browser(app)
        browser.sign_in(name, PASSWORD)
        browser.get("/account?lang=zh-CN")
        with store.transaction() as session:
            key = create_key(session, SYSTEM, role=Role.PRODUCER, party_id=member.party_id)
        return Console(browser, app.test_client(), bearer(key))

    return console_of


@on_sqlite
def test_every_page_with_recalled_goods_says_so_and_leads_to_the_recall(
    store, alba, carla, lot, jars, regulator, console_of
):
    with store.transaction() as session:
        hand_over(session, carla, alba, Moved(jars))
        (shipment,) = services.shipments_to(session, alba.party_id)
    console = console_of(alba)
    shown = {
        "/producers": lot,
        "/producers/stock": lot,
        "/producers/lots": lot,
        f"/producers/lots{lot}": lot,
        "/producers/ship": lot,
        "/producers/sell": lot,
        "/producers/lots/new": lot,
        "/producers/receive": jars,
        f"/producers/receive/{shipment.event_id}": jars,
    }
    for path in shown:
        assert "【召回】" not in console.browser.get(path).text, path
    recall(store, regulator, lot)
    for path, recalled in shown.items():
        page = console.browser.get(path).text
        assert "【召回】" in page, path
        assert f'href="{recalled}"' in page, path


@on_sqlite
def test_expired_goods_are_marked_in_the_stock(store, alba, chili, console_of):
    console = console_of(alba)
    with store.transaction() as session:
        make(session, alba, chili, expiry_date=date(2999, 1, 1))
    assert "已过期" not in console.browser.get("/producers/stock").text
    with store.transaction() as session:
        make(session, alba, chili, expiry_date=DAY)
    assert "已过期" in console.browser.get("/producers/stock").text
    assert "已过期" in console.browser.get("/producers/sell").text


@on_sqlite
def test_the_api_marks_and_refuses_what_is_recalled(store, alba, lot, regulator, console_of):
    console = console_of(alba)
    recall(store, regulator, lot)
    (goods,) = console.client.get("/api/v1/stock", headers=console.headers).json
    assert goods["is_recalled"] is True
    sale = {"place_id": alba.place_id, "items": [{"identifier": lot}]}
    refused = console.post("/sales", **sale)
    assert refused.status_code == 409
    assert refused.json["errors"][0]["place"] == "/items/0/identifier"
    assert "20261001-01" in refused.json["errors"][0]["rule"]
    assert console.post("/destructions", **sale).status_code == 201


@on_sqlite
def test_the_maker_and_nobody_else_is_led_to_the_recall_form(
    store, alba, carla, lot, jars, console_of
):
    form = f'href="/inspections/recalls/new{lot}"'
    alba_at_home, carla_at_home = console_of(alba), console_of(carla)
    assert form in alba_at_home.browser.get(f"/producers/lots{lot}").text
    assert alba_at_home.browser.get(f"/inspections/recalls/new{lot}").status_code == 200
    assert "/inspections/recalls/new" not in carla_at_home.browser.get(f"/producers/lots{lot}").text
