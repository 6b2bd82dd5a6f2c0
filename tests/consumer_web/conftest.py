"""A small chain of real records: Alba grows, Bruno cooks, Carla sells, Ines tests."""

from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from foodtrace.consumer_web.app import create_public_app
from foodtrace.inspections.rules import CertificateKind, Comparator, Limit, Outcome, Result
from foodtrace.inspections.services import issue_certificate, open_recall, withdraw_certificate
from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.capture.services import record_event
from foodtrace.trace.masterdata.services import register_party, register_place, register_product
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store

CHILI, SAUCE = "/01/06901234567892", "/01/06907654321090"
CHILI_LOT, SAUCE_LOT = f"{CHILI}/10/C1", f"{SAUCE}/10/S1"
GS1 = "https://id.gs1.org"
NOW = datetime.now(UTC)
TODAY = (NOW + timedelta(hours=8)).date()
CADMIUM = Result(
    "镉",
    Outcome.MEASURED,
    Decimal("0.050"),
    "mg/kg",
    analyte_en="Cadmium",
    method="GB 5009.15-2023",
    limit=Limit(Comparator.AT_MOST, Decimal("0.2"), "GB 2762-2022"),
)
OMETHOATE = Result(
    "氧乐果",
    Outcome.MEASURED,
    Decimal("0.31"),
    "mg/kg",
    analyte_en="Omethoate",
    limit=Limit(Comparator.AT_MOST, Decimal("0.02"), "GB 2763-2021"),
)
RECALL = {
    "recall_class": 1,
    "reason": "氧乐果残留超标",
    "reason_en": "Omethoate above the limit",
    "hazard": "可能引起急性中毒",
    "hazard_en": "May cause acute poisoning",
    "advice": "停止食用，退回购买处",
    "advice_en": "Stop eating it and take it back to the shop",
    "compensation": "生产者全额退款",
    "compensation_en": "The producer pays it back in full",
    "contact": "0571-88123456",
}


class Stage:
    """Acts of the cast, days before now, each through the services that everybody uses."""

    def __init__(self, store):
        self.store = store
        self.session = None
        with store.transaction() as session:
            self._register(session)

    def _register(self, session):
        def party(name, name_en, kind, role, **more):
            found = register_party(session, SYSTEM, name=name, name_en=name_en, kind=kind, **more)
            place = register_place(
                session,
                SYSTEM,
                party_id=found.id,
                name=f"{name}一号",
                region=more.get("region"),
            )
            actor = Actor(f"user:{kind}", found.id, frozenset({role}))
            return SimpleNamespace(
                actor=actor, id=found.id, party=uri(found.identifier), place=uri(place.identifier)
            )

        self.alba = party("阿尔巴农场", "Alba Farm", "farm", Role.PRODUCER, region="四川省广元市")
        self.bruno = party(
            "布鲁诺食品厂",
            "Bruno Foods",
            "processor",
            Role.PRODUCER,
            region="浙江省杭州市",
            address="杭州市余杭区良渚路1号",
            food_licence="SC10341147101351",
            phone="0571-88000000",
        )
        self.carla = party("卡拉超市", "Carla Market", "shop", Role.OPERATOR, region="上海市")
        self.diego = party("迭戈批发", "Diego Wholesale", "distributor", Role.OPERATOR)
        self.ines = party("华东检测", "East China Testing", "laboratory", Role.LABORATORY)
        self.rosa = party("杭州市场监管局", "Hangzhou Authority", "authority", Role.REGULATOR)
        for owner, gtin, name, name_en in (
            (self.alba, CHILI[4:], "鲜辣椒", "Fresh chili"),
            (self.bruno, SAUCE[4:], "剁椒酱", "Chili sauce"),
        ):
            register_product(
                session,
                SYSTEM,
                party_id=owner.id,
                name=name,
                name_en=name_en,
                gtin=gtin,
                net_content="200 g",
                storage="冷藏",
                shelf_life_days=300,
                ingredients="辣椒、食用盐",
                allergens="无",
            )

    def record(self, who, event, days, **more):
        """Record an event of this party; `event` is what the kind of event needs."""
        at = datetime.fromtimestamp((NOW - timedelta(days=days)).timestamp(), tz=UTC)
        body = {
            "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventTimeZoneOffset": "+08:00",
            "readPoint": {"id": who.place},
        }
        with self._transaction() as session:
            return record_event(session, who.actor, body | event | more)

    @contextmanager
    def together(self):
        """Record all that follows in one transaction."""
        with self.store.transaction() as self.session:
            yield
        self.session = None

    def _transaction(self):
        return nullcontext(self.session) if self.session else self.store.transaction()

    def made(self, who, lot, days, *, inputs=(), made_on=None, amount=100, **more):
        facts = {
            "cbvmda:lotNumber": lot.rpartition("/")[2],
            "foodtrace:productionDate": (made_on or TODAY - timedelta(days=days)).isoformat(),
        }
        if not inputs:
            event = {"type": "ObjectEvent", "action": "ADD", "quantityList": [part(lot, amount)]}
        else:
            event = {
                "type": "TransformationEvent",
                "inputQuantityList": [part(one, 10) for one in inputs],
                "outputQuantityList": [part(lot, amount)],
            }
        event |= {"bizStep": "commissioning", "ilmd": facts | more.pop("ilmd", {})}
        return self.record(who, event, days, **more)

    def shipped(self, who, lot, to, days, **more):
        event = self._observed("shipping", lot) | {
            "sourceList": [{"type": "possessing_party", "source": who.party}],
            "destinationList": [{"type": "possessing_party", "destination": to.party}],
        }
        return self.record(who, event, days, **more)

    def received(self, who, lot, sender, days, **more):
        event = self._observed("receiving", lot) | {
            "sourceList": [{"type": "possessing_party", "source": sender.party}],
        }
        return self.record(who, event, days, **more)

    def observed(self, who, lot, step, days, **more):
        return self.record(who, self._observed(step, lot), days, **more)

    def _observed(self, step, lot):
        thing = {"epcList": [uri(lot)]} if "/21/" in lot else {"quantityList": [part(lot, 10)]}
        return {"type": "ObjectEvent", "action": "OBSERVE", "bizStep": step} | thing

    def certify(self, lot, *results, number="HD-0001", days=9, **more):
        with self.store.transaction() as session:
            return issue_certificate(
                session,
                self.ines.actor,
                number=number,
                lot=lot,
                kind=CertificateKind.COMMISSIONED,
                sampled_on=TODAY - timedelta(days=days),
                issued_on=TODAY - timedelta(days=days - 1),
                results=results or (CADMIUM,),
                **more,
            )

    def withdraw(self, certificate_id):
        with self.store.transaction() as session:
            withdraw_certificate(
                session, self.ines.actor, certificate_id=certificate_id, reason="样品混淆"
            )

    def recall(self, lot, **more):
        with self.store.transaction() as session:
            return open_recall(session, self.rosa.actor, lot=lot, **RECALL | more)

    def whole_chain(self):
        """Chili from the farm, cooked into sauce, tested, shipped to the shop and sold."""
        with self.together():
            self._moves()
        self.certify(SAUCE_LOT)

    def _moves(self):
        self.made(self.alba, CHILI_LOT, 20, ilmd={"foodtrace:origin": "四川省广元市剑阁县"})
        self.shipped(self.alba, CHILI_LOT, self.bruno, 19)
        self.received(self.bruno, CHILI_LOT, self.alba, 18)
        self.made(self.bruno, SAUCE_LOT, 10, inputs=[CHILI_LOT])
        self.shipped(self.bruno, SAUCE_LOT, self.carla, 5)
        self.received(self.carla, SAUCE_LOT, self.bruno, 4)
        self.observed(self.carla, SAUCE_LOT, "retail_selling", 1)


def uri(canonical):
    return GS1 + canonical if canonical.startswith("/") else canonical


def part(lot, amount):
    return {"epcClass": uri(lot), "quantity": amount, "uom": "KGM"}


# The words of a page do not depend on the database: tests ask for both where its state does.
BOTH_DATABASES = pytest.mark.parametrize("stage", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def stage(request):
    """The cast, registered, with nothing done yet; on SQLite unless a test asks for both."""
    name = getattr(request, "param", "sqlite")
    url = request.getfixturevalue("sqlite_url" if name == "sqlite" else "postgresql_url_of_test")
    store = Store(url)
    yield Stage(store)
    store.close()


@pytest.fixture
def settings(tmp_path):
    return Settings(
        data=tmp_path,
        database_url="",
        base_url="https://trace.example",
        secret_key="for tests only",
        secure_cookies=True,
    )


def browser_of(store, settings):
    """Return a client that says, as browsers do, that it wants pages."""
    client = create_public_app(store, settings).test_client()
    client.environ_base["HTTP_ACCEPT"] = "text/html,application/xhtml+xml,*/*;q=0.8"
    return client


@pytest.fixture
def client(stage, settings):
    """A reader of the public site, with a browser."""
    return browser_of(stage.store, settings)


@pytest.fixture
def read(client):
    """Return the status and the text of a page."""

    def read(path, lang="en", **headers):
        answer = client.get(path, headers={"Accept-Language": lang} | headers)
        return answer.status_code, answer.get_data(as_text=True)

    return read
