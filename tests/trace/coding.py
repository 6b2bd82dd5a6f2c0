"""A farm with a product, a lot and codes for its single things."""

from datetime import date
from types import SimpleNamespace

from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.capture.services import record_event
from foodtrace.trace.codes import services
from foodtrace.trace.masterdata.services import register_party, register_product

GS1 = "https://id.gs1.org"


def farm(store, name="Alba Farm", gtin="06901234567892", lots=("L1",)):
    """Register a producer with a product and these lots of it, 100 pieces each."""
    with store.transaction() as session:
        party = register_party(session, SYSTEM, name=name, kind="farm")
        actor = Actor(f"user:{name}", party.id, frozenset({Role.PRODUCER}))
        product = register_product(
            session, actor, party_id=party.id, name="辣椒", gtin=gtin, shelf_life_days=30
        )
        for lot in lots:
            record_event(session, actor, made(f"{product.identifier}/10/{lot}"))
    return SimpleNamespace(
        actor=actor,
        party_id=party.id,
        product=product.identifier,
        lots=[f"{product.identifier}/10/{lot}" for lot in lots],
    )


def made(lot, day=date(2026, 10, 1), amount=100):
    return {
        "type": "ObjectEvent",
        "action": "ADD",
        "bizStep": "commissioning",
        "eventTime": f"{day}T08:00:00Z",
        "eventTimeZoneOffset": "+08:00",
        "quantityList": [{"epcClass": GS1 + lot, "quantity": amount}],
        "ilmd": {
            "cbvmda:lotNumber": lot.rpartition("/")[2],
            "foodtrace:productionDate": day.isoformat(),
        },
    }


def sold(lot, day, amount=100):
    return {
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "bizStep": "retail_selling",
        "eventTime": f"{day}T08:00:00Z",
        "eventTimeZoneOffset": "+08:00",
        "quantityList": [{"epcClass": GS1 + lot, "quantity": amount}],
    }


def run_of(store, farm, count=10, lot=None):
    """Make a run; return its id and its codes."""
    with store.transaction() as session:
        run = services.make_run(session, farm.actor, product=farm.product, lot=lot, count=count)
        return run.id, services.codes_of_run(session, farm.actor, run.id)
