"""New lots. Every rule runs on SQLite and PostgreSQL."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from foodtrace.producers import services
from foodtrace.producers.services import Moved, Share
from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.errors import Conflict, Forbidden, Invalid
from foodtrace.trace.masterdata.models import Lot
from foodtrace.trace.store.models import Event, Item

from .conftest import CHINA, DAY, GTIN, NOON, kilograms, make, on_sqlite


def places_of(refusal):
    return [problem.place for problem in refusal.value.problems]


def test_a_harvested_lot_is_registered_with_its_event(store, alba, chili):
    with store.transaction() as session:
        batch = make(session, alba, chili, origin="四川省成都市", certificate_number="HGZ-1")
        assert batch.identifier == f"/01/{GTIN}/10/20261001-01"
        lot = session.scalars(select(Lot)).one()
        assert lot.lot_number == "20261001-01"
        assert lot.production_date == DAY
        assert lot.origin == "四川省成都市"
        assert lot.certificate_number == "HGZ-1"
        assert (lot.amount, lot.uom, lot.party_id) == (Decimal(100), "KGM", alba.party_id)
        event = session.get(Event, batch.id)
        assert (event.type, event.action, event.biz_step) == ("ObjectEvent", "ADD", "commissioning")
        assert event.event_id == batch.event_id
    with store.reading() as session:
        assert alba.hold(session) == {batch.identifier: Decimal(100)}


def test_the_expiry_date_follows_from_the_shelf_life(store, alba, chili):
    with store.transaction() as session:
        make(session, alba, chili)
        assert session.scalars(select(Lot.expiry_date)).one() == date(2026, 10, 31)


def test_an_expiry_date_that_is_given_is_kept(store, alba, chili):
    with store.transaction() as session:
        make(session, alba, chili, expiry_date=date(2026, 10, 5))
        assert session.scalars(select(Lot.expiry_date)).one() == date(2026, 10, 5)


def test_the_next_lot_of_a_day_gets_the_next_number(store, alba, chili):
    with store.transaction() as session:
        numbers = [make(session, alba, chili, amount=i + 1).lot_number for i in range(3)]
        make(session, alba, chili, lot_number="20261001-04")
        numbers.append(make(session, alba, chili, amount=9).lot_number)
    assert numbers == ["20261001-01", "20261001-02", "20261001-03", "20261001-05"]


def test_a_lot_cannot_be_registered_twice(store, alba, chili):
    with store.transaction() as session:
        make(session, alba, chili, lot_number="L1")
        with pytest.raises(Conflict) as refusal:
            make(session, alba, chili, lot_number="L1", amount=7)
    assert places_of(refusal) == ["lot_number"]


def test_a_lot_of_a_product_without_gtin_gets_a_code_that_nobody_can_guess(store, carla, sauce):
    with store.transaction() as session:
        first = make(session, carla, sauce, lot_number="A")
        second = make(session, carla, sauce, lot_number="B")
        assert first.identifier.startswith("/q/")
        assert first.identifier != second.identifier
        assert session.scalars(select(Lot.lot_number).order_by(Lot.lot_number)).all() == ["A", "B"]
        with pytest.raises(Conflict):
            make(session, carla, sauce, lot_number="A", amount=3)


@on_sqlite
@pytest.mark.parametrize("number", ["A/1", "A&B", "50%", "<b>", "A?", "批次1", "A B", "A" * 21])
def test_a_lot_number_that_no_code_can_carry_is_refused(store, alba, chili, number):
    with store.transaction() as session, pytest.raises(Invalid) as refusal:
        make(session, alba, chili, lot_number=number)
    assert places_of(refusal) == ["lot_number"]


@on_sqlite
@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("amount", {"amount": 0}),
        ("amount", {"amount": "1e12"}),
        ("amount", {"amount": "0.0000001"}),
        ("amount", {"amount": "1.5", "uom": None}),
        ("uom", {"uom": "kilo"}),
        ("made_at", {"made_at": datetime(2026, 10, 1)}),  # noqa: DTZ001  that is the point
        ("made_at", {"made_at": datetime.now(CHINA) + timedelta(days=1)}),
        ("made_at", {"made_at": datetime(1999, 1, 1, tzinfo=CHINA)}),
        ("production_date", {"production_date": date(2026, 10, 3)}),
        ("expiry_date", {"expiry_date": date(2026, 9, 30)}),
        ("origin", {"origin": "x" * 201}),
        ("certificate_number", {"certificate_number": "a\u200bb"}),
        ("product_id", {"product_id": 999}),
        ("place_id", {"place_id": 999}),
    ],
)
def test_what_breaks_a_rule_is_refused_at_its_field(store, alba, chili, field, change):
    with store.transaction() as session, pytest.raises(Invalid) as refusal:
        make(session, alba, chili, **change)
    assert places_of(refusal) == [field]


def test_nobody_registers_lots_of_another_party_s_product_or_place(store, alba, bruno, chili):
    with store.transaction() as session:
        with pytest.raises(Invalid) as refusal:
            make(session, bruno, chili)
        assert places_of(refusal) == ["product_id"]
        with pytest.raises(Invalid) as refusal:
            make(session, bruno, chili, place_id=alba.place_id)
        assert places_of(refusal) == ["place_id"]


@on_sqlite
@pytest.mark.parametrize("role", [Role.OPERATOR, Role.LABORATORY, Role.REGULATOR])
def test_only_producers_register_lots(store, alba, chili, role):
    actor = Actor("user:x", alba.party_id, frozenset({role}))
    with store.transaction() as session, pytest.raises(Forbidden):
        services.register_batch(
            session,
            actor,
            product_id=chili,
            place_id=alba.place_id,
            amount=Decimal(1),
            uom="KGM",
            made_at=NOON,
            production_date=DAY,
        )


def test_a_lot_made_of_lots_uses_them_up(store, carla, alba, sauce, lot):
    with store.transaction() as session:
        services.ship(
            session,
            alba.actor,
            items=[kilograms(lot, 60)],
            place_id=alba.place_id,
            recipient_id=carla.party_id,
            at=NOON,
        )
        services.receive(
            session,
            carla.actor,
            items=[Moved(lot)],
            place_id=carla.place_id,
            sender_id=alba.party_id,
            at=NOON,
        )
        batch = make(session, carla, sauce, amount=50, inputs=[kilograms(lot, 45)])
        event = session.get(Event, batch.id)
        assert event.type == "TransformationEvent"
    with store.reading() as session:
        assert carla.hold(session) == {lot: Decimal(15), batch.identifier: Decimal(50)}
        assert alba.hold(session) == {lot: Decimal(40)}


def test_an_input_that_was_never_received_is_refused(store, carla, sauce, lot):
    with store.transaction() as session, pytest.raises(Conflict) as refusal:
        make(session, carla, sauce, inputs=[kilograms(lot, 1)])
    (problem,) = refusal.value.problems
    assert problem.place == "inputs/0/identifier"
    assert "You hold nothing of" in problem.text


def test_more_of_an_input_than_is_held_is_refused_with_what_is_there(store, alba, chili, lot):
    with store.transaction() as session, pytest.raises(Conflict) as refusal:
        make(session, alba, chili, inputs=[kilograms(lot, 101)])
    (problem,) = refusal.value.problems
    assert problem.place == "inputs/0/amount"
    assert "You hold 100 of it, not 101" in problem.text


def test_an_input_in_another_unit_is_refused(store, alba, chili, lot):
    with store.transaction() as session, pytest.raises(Conflict) as refusal:
        make(session, alba, chili, inputs=[Moved(lot, Decimal(1), "TNE")])
    assert places_of(refusal) == ["inputs/0/uom"]


def test_an_input_that_is_named_twice_is_refused(store, alba, chili, lot):
    with store.transaction() as session, pytest.raises(Invalid) as refusal:
        make(session, alba, chili, inputs=[kilograms(lot, 1), kilograms(lot, 1)])
    assert places_of(refusal) == ["inputs/1/identifier"]


def test_every_bad_input_is_named(store, alba, chili):
    with store.transaction() as session, pytest.raises(Invalid) as refusal:
        make(session, alba, chili, inputs=[Moved("nonsense"), kilograms("/q/short", -1)])
    assert places_of(refusal) == ["inputs/0/identifier", "inputs/1/identifier"]


def test_a_lot_is_split_into_lots_that_keep_its_dates(store, alba, lot):
    with store.transaction() as session:
        batches = services.split(
            session,
            alba.actor,
            identifier=lot,
            shares=[Share(Decimal(30), "KGM"), Share(Decimal(20), "KGM", lot_number="B")],
            place_id=alba.place_id,
            at=NOON,
        )
        assert [batch.lot_number for batch in batches] == ["20261001-02", "B"]
        dates = session.scalars(
            select(Lot.expiry_date)
            .join(Item, Item.id == Lot.item_id)
            .where(Item.canonical.in_([batch.identifier for batch in batches]))
        ).all()
        assert dates == [date(2026, 10, 31)] * 2
    with store.reading() as session:
        first, second = (batch.identifier for batch in batches)
        assert alba.hold(session) == {lot: Decimal(50), first: Decimal(30), second: Decimal(20)}


def test_a_lot_is_not_split_into_more_than_there_is(store, alba, lot):
    with store.transaction() as session, pytest.raises(Conflict) as refusal:
        services.split(
            session,
            alba.actor,
            identifier=lot,
            shares=[Share(Decimal(60), "KGM"), Share(Decimal(41), "KGM")],
            place_id=alba.place_id,
            at=NOON,
        )
    assert "You hold 100 of it, not 101" in refusal.value.problems[0].text


def test_a_code_that_the_caller_names_is_taken(store, carla, sauce):
    code = "XZ0SHJFANXJ0N0MA2H0NGCH0AN1"
    with store.transaction() as session:
        assert make(session, carla, sauce, code=code).identifier == f"/q/{code}"


def test_the_last_batch_can_be_copied(store, alba, bruno, chili, lot):
    with store.reading() as session:
        found = services.last_batch(session, alba.actor)
        assert found is not None
        assert (found.product_id, found.place_id) == (chili, alba.place_id)
        assert (found.amount, found.uom) == (Decimal(100), "KGM")
        assert services.last_batch(session, bruno.actor) is None


def test_a_lot_is_not_older_than_what_it_was_made_of(store, alba, chili, lot):
    with store.transaction() as session:
        early = NOON - timedelta(hours=1)
        with pytest.raises(Conflict) as refusal:
            make(session, alba, chili, made_at=early, inputs=[kilograms(lot, 1)])
        assert places_of(refusal) == ["made_at"]
        with pytest.raises(Conflict) as refusal:
            services.split(
                session,
                alba.actor,
                identifier=lot,
                shares=[Share(Decimal(5), "KGM")],
                place_id=alba.place_id,
                at=early,
            )
        assert places_of(refusal) == ["at"]
        make(session, alba, chili, made_at=NOON, inputs=[kilograms(lot, 1)])
