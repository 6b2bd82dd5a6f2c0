"""Chains, certificates and recalls made by hand, for what needs no database."""

from datetime import UTC, date, datetime, timedelta

from foodtrace.inspections.findings import Certificate, Recall
from foodtrace.inspections.rules import CertificateKind
from foodtrace.inspections.rules import Verdict as Result
from foodtrace.trace.chain.model import Chain, ChainItem, Hop, Link, Part, PartyFacts

TODAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 10, 4, tzinfo=UTC)
FARM = PartyFacts(1, "/417/1", "农场", kind="farm")
PLANT = PartyFacts(2, "/417/2", "工厂", kind="processor")
SHOP = PartyFacts(3, "/417/3", "商店", kind="shop")
CHILI = ChainItem(
    1,
    "/01/C/10/1",
    "lot",
    lot="1",
    product_name="辣椒",
    made_at=NOON - timedelta(days=9),
    party=FARM,
)
SAUCE = ChainItem(
    2,
    "/01/S/10/1",
    "lot",
    lot="1",
    product_name="辣椒酱",
    made_at=NOON,
    production_date=date(2026, 11, 10),
    shelf_life_days=30,
    party=PLANT,
)


def hop(number, party, step, *items, role="epc", day=0, **more):
    values = {
        "id": number,
        "event_id": f"urn:{number}",
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "event_time": NOON + timedelta(days=day),
        "time_zone_offset": "+08:00",
        "record_time": NOON + timedelta(days=day, minutes=1),
        "biz_step": step,
        "disposition": None,
        "place": None,
        "party": party,
        "source": None,
        "destination": None,
        "temperature_low": None,
        "temperature_high": None,
        "parts": tuple(Part(role, item.id, None, None) for item in items),
    }
    return Hop(**values | more)


MADE_CHILI = hop(1, FARM, "commissioning", CHILI, day=-9, action="ADD")
COOKED = hop(
    2,
    PLANT,
    "commissioning",
    type="TransformationEvent",
    action=None,
    parts=(Part("input", 1, None, None), Part("output", 2, None, None)),
)
SENT = hop(3, PLANT, "shipping", SAUCE, day=1, destination=SHOP)
TAKEN = hop(4, SHOP, "receiving", SAUCE, day=2, source=PLANT)


WAS_COOKED = Link(1, 2, 2, "made")


def chain(*hops, root=SAUCE, items=(CHILI, SAUCE), links=(WAS_COOKED,)):
    return Chain(
        root=root,
        items={item.id: item for item in items},
        nodes=frozenset(item.id for item in items),
        links=tuple(links),
        hops=hops or (MADE_CHILI, COOKED, SENT, TAKEN),
    )


def certificate(lot=SAUCE.canonical, **more):
    values = {name: None for name in Certificate.__dataclass_fields__} | {
        "id": 7,
        "lot": lot,
        "number": "N",
        "kind": CertificateKind.SELF_TEST,
        "verdict": Result.PASS,
        "results": (),
        "recorded_at": NOON,
    }
    return Certificate(**values | more)


def recall(lot, **more):
    values = {name: "" for name in Recall.__dataclass_fields__} | {
        "id": 8,
        "lot": lot,
        "recall_class": 1,
        "opened_at": NOON,
        "ended_at": None,
    }
    return Recall(**values | more)
