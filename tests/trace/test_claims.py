"""Nobody speaks for another's lot: strangers' claims are kept, and nothing follows from them."""

from dataclasses import replace

from sqlalchemy import select

from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.capture.rebuild import rebuild
from foodtrace.trace.masterdata.models import Lot
from foodtrace.trace.masterdata.services import register_party, register_product
from foodtrace.trace.store.models import Event

from .acts import ALBA, BRUNO, GTIN, capture, edges, make, rows, transform


def test_a_stranger_cannot_put_an_ingredient_into_anothers_lot(store):
    capture(store, make(0, {"A": 100}), actor=ALBA)
    poison = transform(1, {"P": 1}, {"A": 1})
    capture(store, make(0, {"P": 5}), poison, actor=BRUNO)
    assert edges(store) == []
    with store.reading() as session:
        assert session.scalar(select(Event.id).where(Event.event_id == poison["eventID"]))


def test_its_maker_can_say_later_what_a_lot_was_made_of(store):
    capture(store, make(0, {"A": 100}), transform(1, {"P": 1}, {"A": 1}), actor=ALBA)
    assert edges(store) == ["P>A"]


def registered(store):
    """Register a party and its product with our GTIN; return an actor of that party."""
    with store.transaction() as session:
        party = register_party(session, SYSTEM, name="示范工厂", kind="processor")
        register_product(session, SYSTEM, party_id=party.id, name="辣椒酱", gtin=GTIN)
        return replace(ALBA, party_id=party.id)


def maker_of(store, lot):
    with store.reading() as session:
        return session.scalar(select(Lot.party_id).where(Lot.lot_number == lot))


def test_a_lot_number_of_anothers_product_cannot_be_taken_first(store):
    owner = registered(store)
    capture(store, make(0, {"S": 5}), transform(1, {"P": 1}, {"S": 1}), actor=BRUNO)
    assert maker_of(store, "S") == 0
    assert edges(store) == []
    capture(store, make(2, {"S": 100}), actor=owner)
    assert maker_of(store, "S") == owner.party_id


def test_a_rebuild_finds_the_same(store):
    owner = registered(store)
    capture(store, make(0, {"S": 5}), transform(1, {"P": 1}, {"S": 1}), actor=BRUNO)
    capture(store, make(2, {"S": 100}), transform(3, {"Q": 1}, {"S": 1}), actor=owner)
    before = rows(store)
    with store.transaction() as session:
        rebuild(session)
    assert rows(store) == before
