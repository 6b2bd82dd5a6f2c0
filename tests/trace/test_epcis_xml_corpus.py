"""Every published EPCIS document in XML: accepted or refused as its folder says, and kept whole."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from foodtrace.trace.epcis.event_hash import event_hash, ignored_names
from foodtrace.trace.epcis.reader import read_document, read_document_or_event
from foodtrace.trace.epcis.xml.event_writing import event_xml
from foodtrace.trace.epcis.xml.polls import read_poll
from foodtrace.trace.epcis.xml.reading import read_xml
from foodtrace.trace.epcis.xml.writing import xml_document
from foodtrace.trace.errors import Invalid
from tests.trace.epcis_values import events_of, parsed, said

DATA = Path(__file__).parents[1] / "data"
EPCIS = DATA / "epcis"
NOW = datetime(2026, 11, 22, tzinfo=UTC)

DOCUMENTS = sorted((EPCIS / "XML-2.0/Capture/Documents").iterdir())
EVENTS = sorted((EPCIS / "XML-2.0/Capture/Events").iterdir())
INVALID = sorted((EPCIS / "XML-2.0/Capture/Invalid").iterdir())
OLD_DOCUMENTS = sorted((EPCIS / "XML-1.2/Capture/Documents").iterdir())
RESULTS = sorted(
    [*(EPCIS / "XML-2.0/Query").glob("*.xml"), *(EPCIS / "XML-2.0/Query/Documents").iterdir()]
)
HASHED = sorted((DATA / "event_hash").glob("*/*.xml"))
IN_JSON = sorted([*EPCIS.glob("Capture/Documents/*.json"), *EPCIS.glob("Capture/Events/*.json")])

REFUSALS = {
    "ObjectEvent_bare_event_without_action": ("line 1, ObjectEvent/action", "action is missing"),
    "ObjectEvent_with_invalid_action": (
        "line 12, ObjectEvent/action",
        "The value is not one of ADD, OBSERVE, DELETE",
    ),
    "ObjectEvent_with_invalid_eventTime_format": (
        "line 7, ObjectEvent/eventTime",
        "This is no time with a time zone",
    ),
    "ObjectEvent_with_near_miss_action": (
        "line 13, ObjectEvent/action",
        "The value is not one of ADD, OBSERVE, DELETE",
    ),
    "ObjectEvent_with_unknown_element": (
        "line 13, ObjectEvent/madeUpField",
        "EPCIS has no field madeUpField here",
    ),
    "ObjectEvent_with_wrong_element_order": (
        "line 8, ObjectEvent/eventTime",
        "eventTime stands after action",
    ),
    "ObjectEvent_without_eventTime": (
        "line 6, ObjectEvent/eventTime",
        "eventTime is missing",
    ),
}


def name_of(path):
    return path.stem


def problems_of(body):
    """Return place and rule of every problem, as the sender of the XML gets them."""
    try:
        converted = read_xml(body)
    except Invalid as refused:
        return [(each.place, each.rule % each.values) for each in refused.problems]
    try:
        read_document_or_event(converted.body, now=NOW)
    except Invalid as refused:
        return [
            (converted.place_of(each.place), each.rule % each.values) for each in refused.problems
        ]
    return []


def test_the_corpus_is_complete():
    counts = [len(part) for part in (DOCUMENTS, EVENTS, INVALID, OLD_DOCUMENTS, RESULTS)]
    assert counts == [37, 6, 7, 19, 11]
    assert (len(HASHED), len(IN_JSON)) == (22, 43)
    assert {path.stem for path in INVALID} == set(REFUSALS)


@pytest.mark.parametrize("path", DOCUMENTS + EVENTS + OLD_DOCUMENTS, ids=name_of)
def test_a_published_document_is_accepted_with_all_its_events(path):
    body = path.read_bytes()
    converted = read_xml(body)
    document = read_document_or_event(converted.body, now=NOW)
    text = body.decode()
    count = sum(
        text.count(f"</{prefix}{kind}Event>")
        for kind in ("Object", "Aggregation", "Transaction", "Transformation", "Association")
        for prefix in ("", "epcis:")
    )
    assert len(document.events) == count > 0


@pytest.mark.parametrize("path", INVALID, ids=name_of)
def test_an_invalid_document_is_refused_with_its_line_and_element(path):
    assert problems_of(path.read_bytes()) == [REFUSALS[path.stem]]


@pytest.mark.parametrize("path", OLD_DOCUMENTS, ids=name_of)
def test_a_document_of_epcis_1_comes_out_as_2_0(path):
    document = parsed(read_xml(path.read_bytes()).body)
    if "epcisBody" in document:
        assert document["schemaVersion"] == "2.0"
    for event, _ in events_of(document):
        assert not {"extension", "baseExtension"} & event.keys()


def test_the_quantities_and_sensors_of_epcis_1_leave_their_wrappers():
    path = EPCIS / "XML-1.2/Capture/Documents/ObjectEvent_all_possible_fields.xml"
    ((event, prefixes),) = events_of(parsed(read_xml(path.read_bytes()).body))
    assert event["quantityList"][0]["uom"] == "KGM"
    assert event["sourceList"][0]["type"] == "urn:epcglobal:cbv:sdt:location"
    assert event["errorDeclaration"]["reason"] == "urn:epcglobal:cbv:er:incorrect_data"
    assert len(event["sensorElementList"]) == 1
    # It says OBSERVE: EPCIS has no place for master data of the lot there.
    assert "ilmd" not in event
    assert "epcis1:ilmd" in event
    assert prefixes["epcis1"] == "urn:epcglobal:epcis:xsd:1:"
    assert event["epcis1:certificationInfo"] == "test certification"


def test_attributes_of_extensions_are_kept():
    path = EPCIS / "XML-1.2/Capture/Documents/ObjectEvent_all_possible_fields.xml"
    ((event, _),) = events_of(parsed(read_xml(path.read_bytes()).body))
    weight = event["epcis1:ilmd"]["cbvmda:netWeight"]
    assert weight == {"@measurementUnitCode": "KGM", "#text": "3.5"}


def test_master_data_of_a_header_becomes_that_of_json():
    path = EPCIS / "XML-1.2/Capture/Documents/GS1_US_Pharma_Example_2_2_1_1.xml"
    document = parsed(read_xml(path.read_bytes()).body)
    products, places = document["epcisHeader"]["epcisMasterData"]["vocabularyList"]
    assert products["type"] == "urn:epcglobal:epcis:vtype:EPCClass"
    assert [element["id"] for element in products["vocabularyElementList"]] == [
        "urn:epc:idpat:sgtin:030001.0012345.*",
        "urn:epc:idpat:sgtin:030001.1012345.*",
    ]
    assert places["vocabularyElementList"][0]["attributes"][0] == {
        "id": "urn:epcglobal:cbv:mda#name",
        "attribute": "GS1 Pharma",
    }
    assert document["sender"] == "urn:epc:id:sgln:030001.111111.0"
    assert document["instanceIdentifier"] == "1100220001"
    assert document["epcisHeader"]["gs1ushc:guidelineVersion"] == "GS1 US DSCSA R1.3"


@pytest.mark.parametrize("path", RESULTS, ids=name_of)
def test_a_published_answer_to_a_query_is_read(path):
    document = parsed(read_xml(path.read_bytes()).body)
    assert document["type"] == "EPCISQueryDocument"
    assert events_of(document)


def test_answers_with_a_wrong_action_or_event_type_are_refused():
    folder = EPCIS / "XML-2.0/Query/Invalid"
    assert problems_of((folder / "QueryDocument_with_invalid_action.xml").read_bytes()) == [
        ("line 14, ObjectEvent/action", "The value is not one of ADD, OBSERVE, DELETE")
    ]
    ((place, rule),) = problems_of(
        (folder / "QueryDocument_with_invalid_eventType.xml").read_bytes()
    )
    assert place.startswith("line 8, EPCISQueryDocument/EPCISBody/QueryResults/")
    assert rule == "ObjectEventInvalid is no EPCIS event type"


def test_a_published_poll_is_read():
    path = EPCIS / "XML-2.0/Query/Queries/SimpleEventQuery.xml"
    poll = read_poll(path.read_bytes())
    assert poll["name"] == "SimpleEventQuery"
    assert poll["query"]["eventType"] == ["ObjectEvent", "AggregationEvent"]
    assert poll["query"]["GE_eventTime"] == "2026-01-01T00:00:00+01:00"
    assert poll["query"]["EQ_bizStep"] == ["https://ref.gs1.org/cbv/BizStep-shipping"]


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("Invalid/QueryDocument_with_missing_value.xml", "value"),
        ("Queries/Invalid/Query_without_queryName.xml", "queryName"),
    ],
)
def test_an_incomplete_poll_is_refused(name, missing):
    with pytest.raises(Invalid) as refused:
        read_poll((EPCIS / "XML-2.0/Query" / name).read_bytes())
    (problem,) = refused.value.problems
    assert problem.rule % problem.values == f"{missing} is missing"
    assert problem.place.endswith(f"/{missing}")


@pytest.mark.parametrize("path", HASHED, ids=name_of)
def test_an_event_in_xml_has_its_published_hash(path):
    document = parsed(read_xml(path.read_bytes()).body)
    events = events_of(document)
    ignored = ignored_names(document, events[0][1])
    made = [event_hash(event, prefixes, ignored) for event, prefixes in events]
    hashes = path.with_suffix(".hashes")
    if hashes.exists():
        assert made == hashes.read_text().split()
    else:  # different representations of one event
        assert len(set(made)) == 1


@pytest.mark.parametrize("path", IN_JSON, ids=name_of)
def test_json_comes_back_from_xml_with_the_same_values_and_hashes(path):
    events = events_of(parsed(path.read_bytes()))
    written = b"".join(xml_document(events, created=NOW))
    converted = read_xml(written)
    read_document(converted.body, now=NOW)
    check_same(events, events_of(parsed(converted.body)))


@pytest.mark.parametrize("path", DOCUMENTS + EVENTS + OLD_DOCUMENTS + RESULTS + HASHED, ids=name_of)
def test_xml_comes_back_from_json_with_the_same_values_and_hashes(path):
    events = events_of(parsed(read_xml(path.read_bytes()).body))
    again = b"".join(xml_document(events, created=NOW))
    check_same(events, events_of(parsed(read_xml(again).body)))


@pytest.mark.parametrize("path", IN_JSON, ids=name_of)
def test_an_event_written_alone_is_a_document_of_its_own(path):
    event, prefixes = events_of(parsed(path.read_bytes()))[0]
    converted = read_xml(event_xml(event, prefixes))
    check_same([(event, prefixes)], events_of(parsed(converted.body)))


def check_same(events, others):
    assert [said(*each) for each in events] == [said(*each) for each in others]
    assert [event_hash(*each) for each in events] == [event_hash(*each) for each in others]
