"""The cast: Alba the grower, two laboratories, an inspector's authority, and a lot."""

from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest

from foodtrace.inspections.rules import CertificateKind, Comparator, Limit, Outcome, Result
from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.capture.services import record_event
from foodtrace.trace.masterdata.services import register_party

LOT = "/01/06901234567892/10/L1"
OTHER_LOT = "/01/06901234567892/10/L2"
UNKNOWN_LOT = "/01/06901234567892/10/NEVER"

CADMIUM = Result(
    "镉",
    Outcome.MEASURED,
    Decimal("0.050"),
    "mg/kg",
    analyte_en="Cadmium",
    analyte_code="7440-43-9",
    method="GB 5009.15-2023",
    limit=Limit(Comparator.AT_MOST, Decimal("0.2"), "GB 2762-2025", date(2026, 9, 2)),
)
OMETHOATE = Result(
    "氧乐果",
    Outcome.MEASURED,
    Decimal("0.31"),
    "mg/kg",
    analyte_en="Omethoate",
    limit=Limit(Comparator.AT_MOST, Decimal("0.02"), "GB 2763-2026"),
)
RECALL = {
    "lot": LOT,
    "recall_class": 1,
    "reason": "氧乐果残留超标",
    "reason_en": "Omethoate above the limit",
    "hazard": "可能引起急性中毒",
    "advice": "停止食用，退回购买处",
    "compensation": "生产者全额退款",
    "contact": "0571-88123456",
}


def actor(role, party=None, name="user:someone"):
    return Actor(name, party and party.id, frozenset({role}))


def certificate(**changes):
    """The arguments of a certificate that is in order."""
    return {
        "number": "SDNT-2026-0117",
        "lot": LOT,
        "kind": CertificateKind.COMMISSIONED,
        "sampled_on": date(2026, 11, 2),
        "issued_on": date(2026, 11, 5),
        "results": [CADMIUM],
    } | changes


def add_parties(session):
    """Register the cast and return its actors."""

    def party(name, kind, name_en):
        return register_party(session, SYSTEM, name=name, kind=kind, name_en=name_en)

    alba = party("阿尔巴果园", "farm", "Alba Orchard")
    lab_a = party("山东农检中心", "laboratory", "Shandong Agri-Food Testing")
    lab_b = party("华东检测", "laboratory", "East China Testing")
    authority = party("杭州市市场监督管理局", "authority", "Hangzhou Market Regulation")
    return SimpleNamespace(
        alba=actor(Role.PRODUCER, alba),
        lab_a=actor(Role.LABORATORY, lab_a),
        lab_b=actor(Role.LABORATORY, lab_b),
        inspector=actor(Role.INSPECTOR, authority),
        regulator=actor(Role.REGULATOR, authority),
        administrator=actor(Role.ADMINISTRATOR),
    )


def add_laboratory(session):
    """Register one more laboratory and return its actor."""
    party = register_party(session, SYSTEM, name="检测中心", kind="laboratory")
    return actor(Role.LABORATORY, party)


def add_cast(store):
    with store.transaction() as session:
        people = add_parties(session)
        for canonical in (LOT, OTHER_LOT):
            add_lot(session, canonical, people.alba)
    return people


@pytest.fixture
def cast(store):
    """The cast, and two lots of Alba's: LOT and OTHER_LOT."""
    return add_cast(store)


@pytest.fixture
def sqlite_cast(sqlite_store):
    """The same on SQLite alone, for rules that no database has a part in."""
    return add_cast(sqlite_store)


def add_lot(session, canonical, maker):
    """Have a lot made by a real event of its maker."""
    record_event(
        session,
        maker,
        {
            "type": "ObjectEvent",
            "eventTime": "2026-11-01T08:00:00+08:00",
            "eventTimeZoneOffset": "+08:00",
            "action": "ADD",
            "bizStep": "commissioning",
            "quantityList": [
                {
                    "epcClass": f"https://id.gs1.org{canonical}",
                    "quantity": 100,
                    "uom": "KGM",
                }
            ],
        },
    )
