"""The rules of EPCIS and CBV that no schema can say: each with an event that breaks it."""

import json
from datetime import UTC, datetime

import pytest

from foodtrace.trace.epcis.reader import read_event
from foodtrace.trace.errors import Invalid

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SSCC = "https://id.gs1.org/00/106141412345678908"
SERIAL = "urn:epc:id:sgtin:4012345.011111.987"
LOT = "urn:epc:class:lgtin:9506000.013435.L1"
QUANTITY = [{"epcClass": LOT, "quantity": 5}]
READINGS = [{"sensorReport": [{"type": "Temperature", "value": 3, "uom": "CEL"}]}]
ORDER = [{"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:0614141073467:1152"}]

SHAPES = {
    "ObjectEvent": {"action": "OBSERVE", "epcList": [SERIAL]},
    "AggregationEvent": {"action": "ADD", "parentID": SSCC, "childQuantityList": QUANTITY},
    "AssociationEvent": {"action": "ADD", "parentID": SSCC, "childEPCs": [SERIAL]},
    "TransactionEvent": {
        "action": "ADD",
        "bizTransactionList": ORDER,
        "quantityList": QUANTITY,
    },
    "TransformationEvent": {
        "inputQuantityList": QUANTITY,
        "outputEPCList": [SERIAL],
    },
}


def problems_of(kind, **changes):
    event = {
        "@context": [
            "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            {"example": "https://example.com/ns/"},
        ],
        "type": kind,
        "eventTime": "2026-11-22T20:00:00+08:00",
        "eventTimeZoneOffset": "+08:00",
    }
    event |= SHAPES[kind] | changes
    body = json.dumps({name: value for name, value in event.items() if value is not None})
    try:
        read_event(body.encode(), now=NOW)
    except Invalid as error:
        return [(each.place, each.rule % each.values) for each in error.problems]
    return []


@pytest.mark.parametrize("kind", SHAPES)
def test_a_complete_event_breaks_no_rule(kind):
    assert problems_of(kind) == []


@pytest.mark.parametrize(
    ("kind", "changes", "place", "rule"),
    [
        ("ObjectEvent", {"epcList": []}, "", "The event names no object"),
        ("ObjectEvent", {"epcList": None, "quantityList": []}, "", "The event names no object"),
        ("AggregationEvent", {"parentID": None}, "", "parentID is missing: ADD says nothing"),
        ("AssociationEvent", {"parentID": None}, "", "parentID is missing: ADD says nothing"),
        (
            "AssociationEvent",
            {"parentID": None, "action": "DELETE"},
            "",
            "parentID is missing: DELETE says nothing",
        ),
        ("AggregationEvent", {"childQuantityList": None}, "", "The event names no content"),
        ("AssociationEvent", {"childEPCs": []}, "", "The event names no content"),
        (
            "AssociationEvent",
            {"childEPCs": None, "action": "OBSERVE"},
            "",
            "The event names no content",
        ),
        (
            "TransactionEvent",
            {"bizTransactionList": []},
            "/bizTransactionList",
            "A TransactionEvent names at least one business transaction",
        ),
        (
            "TransactionEvent",
            {"bizTransactionList": None},
            "/bizTransactionList",
            "bizTransactionList is missing",
        ),
        ("TransactionEvent", {"quantityList": None}, "", "The event names no object"),
        (
            "TransformationEvent",
            {"inputQuantityList": None},
            "",
            "The transformation names no inputs",
        ),
        (
            "TransformationEvent",
            {"outputEPCList": []},
            "",
            "The transformation names no outputs",
        ),
        (
            "TransformationEvent",
            {
                "inputQuantityList": None,
                "outputEPCList": None,
                "transformationID": "urn:epc:id:gdti:0614141.12345.400",
            },
            "",
            "The event names neither inputs nor outputs",
        ),
        ("TransformationEvent", {"action": "ADD"}, "/action", "EPCIS has no field action here"),
        (
            "ObjectEvent",
            {"ilmd": {"cbvmda:lotNumber": "L1"}},
            "/ilmd",
            "Master data of a lot (ilmd) may only stand in an event that adds it",
        ),
        (
            "AggregationEvent",
            {"ilmd": {"cbvmda:lotNumber": "L1"}},
            "/ilmd",
            "EPCIS has no field ilmd here",
        ),
        (
            "TransformationEvent",
            {"ilmd": {"nobody:knows": "L1"}},
            "/ilmd/nobody:knows",
            "The field nobody:knows of the ilmd has no namespace",
        ),
        (
            "ObjectEvent",
            {"nobody:knows": 1},
            "/nobody:knows",
            "The prefix of nobody:knows is not declared",
        ),
        (
            "ObjectEvent",
            {"https://foodtrace.example/ns/visibility": "Hidden"},
            "/https:~1~1foodtrace.example~1ns~1visibility",
            "The visibility of a step is hidden or public",
        ),
        ("ObjectEvent", {"note": 1}, "/note", "EPCIS has no field note here"),
        (
            "ObjectEvent",
            {"readPoint": {"id": "urn:uuid:1", "nobody:knows": 1}},
            "/readPoint/nobody:knows",
            "The prefix of nobody:knows is not declared",
        ),
        (
            "ObjectEvent",
            {"sensorElementList": [{"sensorReport": [{"type": "Speed", "x:y": 1}]}]},
            "/sensorElementList/0/sensorReport/0/x:y",
            "The prefix of x:y is not declared",
        ),
        ("ObjectEvent", {"bizStep": "cbv:BizStep-selling"}, "/bizStep", "selling is no standard"),
        (
            "ObjectEvent",
            {"bizStep": "urn:epcglobal:cbv:bizstep:selling"},
            "/bizStep",
            "selling is no standard bizStep",
        ),
        (
            "ObjectEvent",
            {"persistentDisposition": {"set": ["recalled", "lost"]}},
            "/persistentDisposition/set/1",
            "lost is no standard disposition",
        ),
        (
            "TransactionEvent",
            {"bizTransactionList": [{"type": "bill", "bizTransaction": "urn:x:1"}]},
            "/bizTransactionList/0/type",
            "bill is no standard bizTransaction type",
        ),
        (
            "ObjectEvent",
            {"destinationList": [{"type": "shop", "destination": "urn:x:1"}]},
            "/destinationList/0/type",
            "shop is no standard source or destination type",
        ),
        (
            "ObjectEvent",
            {
                "errorDeclaration": {
                    "declarationTime": "2026-11-22T11:00:00Z",
                    "reason": "typing",
                }
            },
            "/errorDeclaration/reason",
            "typing is no standard error reason",
        ),
        (
            "ObjectEvent",
            {"errorDeclaration": {"declarationTime": "2026-11-23T11:00:00Z"}},
            "/errorDeclaration/declarationTime",
            "2026-11-23T11:00:00Z lies in the future",
        ),
        (
            "ObjectEvent",
            {"eventTime": "2026-11-22T12:05:01Z"},
            "/eventTime",
            "2026-11-22T12:05:01Z lies in the future",
        ),
        (
            "ObjectEvent",
            {"eventTime": "2026-02-30T12:00:00Z"},
            "/eventTime",
            "2026-02-30T12:00:00Z is no day of the calendar",
        ),
        ("ObjectEvent", {"eventTime": "2026-11-22"}, "/eventTime", "This is no time with a time"),
        (
            "ObjectEvent",
            {"eventTime": "2026-11-22T12:00:00"},
            "/eventTime",
            "This is no time with a time zone",
        ),
        (
            "ObjectEvent",
            {"eventTimeZoneOffset": "Z"},
            "/eventTimeZoneOffset",
            "This is no time zone offset",
        ),
        (
            "ObjectEvent",
            {"eventTimeZoneOffset": "+8:00"},
            "/eventTimeZoneOffset",
            "This is no time zone offset",
        ),
        (
            "ObjectEvent",
            {"quantityList": [{"epcClass": LOT, "quantity": -1}]},
            "/quantityList/0/quantity",
            "The number is below 0",
        ),
        (
            "ObjectEvent",
            {"quantityList": [{"epcClass": LOT, "quantity": 10**12}]},
            "/quantityList/0/quantity",
            "The number is not below 1000000000000",
        ),
        (
            "ObjectEvent",
            {"quantityList": [{"epcClass": LOT, "quantity": 1, "uom": "kg"}]},
            "/quantityList/0/uom",
            "This is no unit code",
        ),
        (
            "ObjectEvent",
            {"epcList": [LOT]},
            "/epcList/0",
            "A product or lot stands where single objects are listed",
        ),
        (
            "ObjectEvent",
            {"quantityList": [{"epcClass": SERIAL, "quantity": 1}]},
            "/quantityList/0/epcClass",
            "A single object stands where products and lots are listed",
        ),
        (
            "ObjectEvent",
            {"epcList": ["https://id.gs1.org/01/09506000134353/21/1"]},
            "/epcList/0",
            "The check digit of GTIN 09506000134353 is wrong",
        ),
        ("ObjectEvent", {"epcList": ["A1"]}, "/epcList/0", "This is no absolute URI"),
        (
            "AggregationEvent",
            {"parentID": "urn:epc:id:sscc:1.2"},
            "/parentID",
            "The URN does not have the parts of its EPC scheme",
        ),
        (
            "ObjectEvent",
            {"readPoint": {"id": "https://id.gs1.org/414/9520123456789"}},
            "/readPoint/id",
            "The check digit of GLN 9520123456789 is wrong",
        ),
        ("ObjectEvent", {"readPoint": "urn:uuid:1"}, "/readPoint", "The value is not of type obj"),
        (
            "ObjectEvent",
            {"sourceList": [{"type": "location", "source": "javascript:alert(1)"}]},
            "/sourceList/0/source",
            "An address that starts with javascript: names no thing",
        ),
        (
            "ObjectEvent",
            {"certificationInfo": "certificate 7"},
            "/certificationInfo",
            "This is no absolute URI",
        ),
        (
            "ObjectEvent",
            {"sensorElementList": [{"sensorReport": []}]},
            "/sensorElementList/0/sensorReport",
            "The list has fewer than 1 entries",
        ),
        (
            "ObjectEvent",
            {"sensorElementList": [{"sensorReport": [{"type": "Speed", "value": "fast"}]}]},
            "/sensorElementList/0/sensorReport/0/value",
            "The value is not of type number",
        ),
        (
            "ObjectEvent",
            {"sensorElementList": [{"sensorReport": [{"hexBinaryValue": "f0f"}]}]},
            "/sensorElementList/0/sensorReport/0/hexBinaryValue",
            "This is no hexadecimal value",
        ),
    ],
)
def test_a_broken_rule_is_named_with_its_place(kind, changes, place, rule):
    ((found_place, found_rule),) = problems_of(kind, **changes)
    assert found_place == place
    assert found_rule.startswith(rule)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("ObjectEvent", {"epcList": None, "sensorElementList": READINGS}),
        ("AggregationEvent", {"action": "DELETE", "childQuantityList": None}),
        ("AggregationEvent", {"action": "OBSERVE", "parentID": None}),
        (
            "TransformationEvent",
            {"outputEPCList": None, "transformationID": "urn:epc:id:gdti:0614141.12345.400"},
        ),
        ("ObjectEvent", {"action": "ADD", "ilmd": {"cbvmda:lotNumber": "L1"}}),
        ("TransformationEvent", {"ilmd": {"https://example.com/ns/grade": "A"}}),
        ("ObjectEvent", {"eventTime": "2026-11-22T12:05:00Z"}),
        ("ObjectEvent", {"bizStep": "https://example.com/bizStep/inspecting"}),
        ("ObjectEvent", {"quantityList": [{"epcClass": LOT}]}),
        ("ObjectEvent", {"quantityList": [{"epcClass": LOT, "quantity": 0}]}),
        ("ObjectEvent", {"certificationInfo": ["https://example.com/1", "urn:x:2"]}),
        ("TransactionEvent", {"bizTransactionList": [{"bizTransaction": "urn:x:1"}]}),
    ],
)
def test_what_the_standard_allows_is_accepted(kind, changes):
    assert problems_of(kind, **changes) == []


def test_several_broken_rules_of_one_event_are_named_together():
    found = problems_of("ObjectEvent", bizStep="a", disposition="b", epcList=[])
    assert [place for place, _ in found] == ["/bizStep", "/disposition", ""]
