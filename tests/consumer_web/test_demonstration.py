"""The demonstration: a chain that is whole, invented, and the same for the same day."""

import shutil
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from foodtrace.consumer_web.demonstration import acts, cast, making
from foodtrace.inspections.rules import Verdict
from foodtrace.inspections.services import findings_of
from foodtrace.producers.services import shipments_to
from foodtrace.trace.access.actor import SYSTEM, Role
from foodtrace.trace.capture.export import each_event
from foodtrace.trace.chain.services import trace_back, trace_forward
from foodtrace.trace.errors import FoodtraceError
from foodtrace.trace.masterdata.services import find_party
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store

DAY = date(2026, 11, 20)


def settings_for(store, folder):
    return Settings(folder, store.url, "http://127.0.0.1:8000", "s" * 32, secure_cookies=False)


@pytest.fixture(scope="module")
def made(sqlite_template, tmp_path_factory):
    """A store with the demonstration of one day, for all tests that only read."""
    folder = tmp_path_factory.mktemp("demonstration")
    store = Store(f"sqlite:///{shutil.copy(sqlite_template, folder / 'made.sqlite')}")
    making.make(store, settings_for(store, folder), DAY)
    yield store
    store.close()


@pytest.fixture
def session(made):
    with made.reading() as session:
        yield session


def items_of(chain):
    return [chain.items[item_id].canonical for item_id in chain.nodes]


def test_the_good_jar_has_a_whole_tested_chain(session):
    chain = trace_back(session, acts.GOOD_JAR)
    assert {hop.party.name for hop in chain.hops} == {
        org.name for org in cast.ORGS if org.kind not in ("laboratory", "authority")
    }
    findings = findings_of(session, items_of(chain))
    assert findings.recalls == ()
    assert {certificate.verdict for certificate in findings.certificates} == {Verdict.PASS}
    assert {certificate.kind for certificate in findings.certificates} == {
        "self_test",
        "commissioned",
        "supervision",
    }


def test_the_good_jar_stays_in_date_for_a_year(session):
    jar = trace_back(session, acts.GOOD_JAR).root
    assert jar.expiry_date > DAY + timedelta(days=365)


def test_the_cold_store_kept_the_chilies_cold(session):
    hops = trace_back(session, acts.GOOD_JAR).hops
    cold = [hop for hop in hops if hop.party.name == cast.COLD_STORE.name and hop.temperature_low]
    assert [hop.temperature_high for hop in cold] == [Decimal("3.2"), Decimal("3.1")]


def test_a_lot_travels_in_cartons_on_a_pallet(session):
    chain = trace_back(session, acts.GOOD_JAR)
    pallet = next(item for item in chain.items.values() if item.canonical == f"/00/{acts.PALLET}")
    received = [
        hop
        for hop in chain.hops
        if hop.biz_step == "receiving" and pallet.id in {part.item_id for part in hop.parts}
    ]
    assert [hop.party.name for hop in received] == [cast.DISTRIBUTOR.name, cast.SUPERMARKET.name]


def test_one_step_is_hidden_from_the_public(session):
    hidden = [hop for hop in trace_back(session, acts.GOOD_JAR).hops if hop.hidden]
    assert [hop.party.name for hop in hidden] == [cast.DISTRIBUTOR.name]


def test_a_recall_of_the_chilies_reaches_the_jars_made_of_them(session):
    findings = findings_of(session, items_of(trace_back(session, acts.RECALLED_JAR)))
    (recall,) = findings.open_recalls
    (failed,) = [each for each in findings.certificates if each.verdict is Verdict.FAIL]
    assert failed.lot == recall.lot
    assert acts.RECALLED_JAR in items_of(trace_forward(session, recall.lot))
    assert acts.GOOD_JAR not in items_of(trace_forward(session, recall.lot))


def test_one_lot_is_past_its_date(session):
    assert trace_back(session, acts.EXPIRED_JAR).root.expiry_date < DAY


def test_a_family_farm_without_bar_codes_has_a_code_of_ours(session):
    lot = trace_back(session, acts.FAMILY_LOT).root
    assert (lot.gtin, lot.party.name) == (None, cast.CHILI_FAMILY.name)
    assert acts.GOOD_JAR in items_of(trace_forward(session, acts.FAMILY_LOT))


def test_one_shipment_has_not_arrived(session):
    shop = find_party(session, name=cast.SUPERMARKET.name)
    (shipment,) = shipments_to(session, shop.id)
    assert shipment.sender_name == cast.DISTRIBUTOR.name


def test_everything_says_that_it_is_a_demonstration():
    assert all("示范" in each.name for each in (*cast.ORGS, *cast.SITES, *cast.FOODS))
    gtins = [food.gtin[1:] for food in cast.FOODS if food.gtin]
    keys = [*(org.gln for org in cast.ORGS), *(site.gln for site in cast.SITES), *gtins]
    assert all(key.startswith("952") for key in keys)
    assert len(set(keys)) == len(keys)


def test_no_code_of_the_demonstration_is_used_twice():
    assert len({food.name for food in cast.FOODS}) == len(cast.FOODS)
    assert len({org.uscc for org in cast.ORGS}) == len(cast.ORGS)


def test_the_same_day_gives_the_same_events_on_every_database(made, store, tmp_path):
    making.make(store, settings_for(store, tmp_path), DAY)
    assert list(each_event(made.reading, SYSTEM)) == list(each_event(store.reading, SYSTEM))


def test_another_day_gives_the_same_lots(sqlite_store, tmp_path):
    making.make(sqlite_store, settings_for(sqlite_store, tmp_path), DAY - timedelta(days=200))
    with sqlite_store.reading() as session:
        jar = trace_back(session, acts.GOOD_JAR).root
    assert jar.production_date == DAY - timedelta(days=235)


def test_a_day_to_come_is_refused_and_leaves_nothing(sqlite_store, tmp_path):
    with pytest.raises(FoodtraceError):
        making.make(sqlite_store, settings_for(sqlite_store, tmp_path), date(2999, 1, 1))
    with sqlite_store.reading() as session:
        assert making.is_empty(session)


def test_each_role_has_an_account_whose_password_only_its_owner_can_read(made):
    folder = Path(made.readers.url.database).parent
    accounts = making.accounts_of(settings_for(made, folder))
    assert {account.role for account in accounts} == set(Role)
    assert len({account.password for account in accounts}) == len(accounts)
    assert (folder / "demonstration.json").stat().st_mode & 0o777 == 0o600
