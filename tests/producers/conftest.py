"""The cast: Alba grows chilies, Bruno is her rival, Carla buys from her."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from foodtrace.producers import services
from foodtrace.producers.services import Moved
from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.masterdata.services import register_party, register_place, register_product

from ..web import PASSWORD, Browser, add_person, staff_app

CHINA = timezone(timedelta(hours=8))
DAY = date(2026, 10, 1)
NOON = datetime(2026, 10, 1, 12, 0, tzinfo=CHINA)
GTIN = "06901234567892"


def kilograms(identifier, amount):
    return Moved(identifier, Decimal(str(amount)), "KGM")


@dataclass
class Member:
    """One of the cast: a party with one place, and who acts for it."""

    party_id: int
    identifier: str
    place_id: int
    actor: Actor

    def hold(self, session):
        """What is loose in this party's hands, by identifier."""
        return {
            goods.canonical: goods.amount for goods in services.stock_of(session, self.party_id)
        }


def enrol(store, name, kind, role, **more):
    with store.transaction() as session:
        party = register_party(session, SYSTEM, name=name, kind=kind, **more)
        place = register_place(session, SYSTEM, party_id=party.id, name=f"{name} place")
        actor = Actor(f"user:{name}", party.id, frozenset({role}))
        return Member(party.id, party.identifier, place.id, actor)


@pytest.fixture
def alba(store):
    return enrol(
        store,
        "Alba Farm",
        "farm",
        Role.PRODUCER,
        gln="6901234500004",
        region="四川省成都市",
        phone="028-88123456",
    )


@pytest.fixture
def bruno(store):
    return enrol(store, "Bruno Farm", "farm", Role.PRODUCER, region="四川省眉山市")


@pytest.fixture
def carla(store):
    return enrol(store, "Carla Kitchen", "processor", Role.PRODUCER, region="四川省德阳市")


@pytest.fixture
def chili(store, alba):
    """Alba's product with a GTIN, which keeps for 30 days."""
    with store.transaction() as session:
        return register_product(
            session, alba.actor, party_id=alba.party_id, name="辣椒", gtin=GTIN, shelf_life_days=30
        ).id


@pytest.fixture
def sauce(store, carla):
    """Carla's product without a GTIN."""
    with store.transaction() as session:
        return register_product(session, carla.actor, party_id=carla.party_id, name="辣椒酱").id


def make(session, member, product, amount=100, **more):
    """Register a lot of that many kilograms."""
    given = {
        "product_id": product,
        "place_id": member.place_id,
        "amount": Decimal(str(amount)),
        "uom": "KGM",
        "made_at": NOON,
        "production_date": DAY,
    } | more
    return services.register_batch(session, member.actor, **given)


@pytest.fixture
def lot(store, alba, chili):
    """100 kg of Alba's chilies."""
    with store.transaction() as session:
        return make(session, alba, chili).identifier


# For rules of one field, which no database can change.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def app(store):
    return staff_app(store)


@pytest.fixture
def browser_of(store, app):
    """Sign a member of the cast in; the pages are read in English."""

    def browser_of(member, role="producer"):
        name = f"{role}{member.party_id}"
        add_person(store, name, role, party_id=member.party_id)
        browser = Browser(app)
        assert browser.sign_in(name, PASSWORD).status_code == 302
        browser.get("/account?lang=en")
        return browser

    return browser_of


@pytest.fixture
def alba_at_home(browser_of, alba):
    return browser_of(alba)
