"""The events are plain values: no database here."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from foodtrace.producers import events
from foodtrace.producers.events import Handover, LotFacts, Moved, Occasion, Paper, Reading

CHINA = timezone(timedelta(hours=8))
NOON = datetime(2026, 10, 1, 12, 0, tzinfo=CHINA)
FARM, SHOP = "/417/6901234500004", "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e"
FIELD = "/414/6901234500011"
LOT = "/01/06901234567892/10/20261001-01"
SSCC = "/00/106901234500000010"
FACTS = LotFacts("20261001-01", "/01/06901234567892", date(2026, 10, 1), date(2026, 10, 31))


def test_a_harvest_is_a_commissioning_event_with_the_lot_s_facts():
    event = events.commissioned(Occasion(NOON, FIELD), Moved(LOT, Decimal("820.5"), "KGM"), FACTS)
    assert event["type"] == "ObjectEvent"
    assert event["action"] == "ADD"
    assert event["bizStep"] == "commissioning"
    assert event["eventTime"] == "2026-10-01T12:00:00.000+08:00"
    assert event["eventTimeZoneOffset"] == "+08:00"
    assert event["quantityList"] == [
        {"epcClass": "https://id.gs1.org" + LOT, "quantity": 820.5, "uom": "KGM"}
    ]
    assert event["ilmd"] == {
        "cbvmda:lotNumber": "20261001-01",
        "cbvmda:itemExpirationDate": "2026-10-31",
        "foodtrace:product": "https://id.gs1.org/01/06901234567892",
        "foodtrace:productionDate": "2026-10-01",
    }


def test_a_lot_made_of_lots_is_a_transformation_without_an_action():
    event = events.transformed(
        Occasion(NOON, FIELD), [Moved("/q/ABC", Decimal(2), "KGM")], [Moved(LOT)], FACTS
    )
    assert event["type"] == "TransformationEvent"
    assert "action" not in event
    assert event["inputQuantityList"] == [
        {"epcClass": "https://foodtrace.example/q/ABC", "quantity": 2, "uom": "KGM"}
    ]
    assert event["outputQuantityList"] == [{"epcClass": "https://id.gs1.org" + LOT}]
    assert "inputEPCList" not in event


def test_a_shipment_names_both_parties_and_has_no_location_of_the_goods():
    event = events.shipped(
        Occasion(NOON, FIELD, paper=Paper("po", "订单/7", FARM)),
        [Moved(SSCC), Moved(LOT, Decimal(5))],
        Handover(FARM, SHOP, FIELD),
    )
    assert event["epcList"] == ["https://id.gs1.org" + SSCC]
    assert event["quantityList"] == [{"epcClass": "https://id.gs1.org" + LOT, "quantity": 5}]
    assert event["sourceList"] == [
        {"type": "possessing_party", "source": "https://id.gs1.org" + FARM},
        {"type": "location", "source": "https://id.gs1.org" + FIELD},
    ]
    assert event["destinationList"] == [{"type": "possessing_party", "destination": SHOP}]
    assert "bizLocation" not in event
    assert event["bizTransactionList"] == [
        {
            "type": "po",
            "bizTransaction": "urn:epcglobal:cbv:bt:6901234500004:%E8%AE%A2%E5%8D%95%2F7",
        }
    ]


def test_a_party_without_gln_numbers_its_documents_below_its_own_name():
    event = events.shipped(
        Occasion(NOON, FIELD, paper=Paper("bol", "7", SHOP)), [Moved(LOT)], Handover(SHOP, FARM)
    )
    (transaction,) = event["bizTransactionList"]
    assert transaction["bizTransaction"] == (
        "https://foodtrace.example/document/urn%3Auuid%3A0f8fad5b-d9cb-469f-a165-70867728950e/7"
    )


def test_a_receipt_says_in_which_condition_goods_came():
    event = events.received(
        Occasion(NOON, FIELD, note="two crates wet"), [Moved(LOT)], Handover(FARM, SHOP), "damaged"
    )
    assert (event["bizStep"], event["disposition"]) == ("receiving", "damaged")
    assert event["foodtrace:note"] == "two crates wet"


def test_temperatures_keep_their_own_moments():
    reading = Reading(NOON - timedelta(hours=1), Decimal("-18.5"))
    event = events.stored(Occasion(NOON, FIELD, readings=[reading]), [Moved(LOT)])
    assert event["sensorElementList"] == [
        {
            "sensorMetadata": {"time": "2026-10-01T11:00:00.000+08:00"},
            "sensorReport": [{"type": "Temperature", "value": -18.5, "uom": "CEL"}],
        }
    ]


def test_what_is_packed_lies_below_its_container():
    event = events.packed(Occasion(NOON, FIELD), SSCC, [Moved(LOT, Decimal(3))])
    assert event["parentID"] == "https://id.gs1.org" + SSCC
    assert event["action"] == "ADD"
    assert event["childQuantityList"][0]["quantity"] == 3
    assert "childEPCs" not in event
    assert events.unpacked(Occasion(NOON, FIELD), SSCC, [])["action"] == "DELETE"


def test_a_hidden_step_says_so():
    event = events.sold(Occasion(NOON, FIELD, hidden=True), [Moved(LOT)])
    assert event["foodtrace:visibility"] == "hidden"
    assert "foodtrace:visibility" not in events.sold(Occasion(NOON, FIELD), [Moved(LOT)])


def test_destroyed_goods_are_deleted():
    assert events.destroyed(Occasion(NOON, FIELD), [Moved(LOT)])["action"] == "DELETE"


@given(
    st.decimals(min_value="0.000001", max_value=10**9, places=6, allow_nan=False),
)
def test_an_amount_survives_its_way_through_json(amount):
    event = events.sold(Occasion(datetime.now(UTC), FIELD), [Moved(LOT, amount, "KGM")])
    assert Decimal(repr(event["quantityList"][0]["quantity"])) == amount
