"""Every published capture document: accepted or refused as its folder says, and why."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from foodtrace.trace.epcis.reader import read_document, read_event
from foodtrace.trace.errors import Invalid

CAPTURE = Path(__file__).parents[1] / "data/epcis/Capture"
NOW = datetime(2026, 11, 22, tzinfo=UTC)

DOCUMENTS = sorted((CAPTURE / "Documents").iterdir())
EVENTS = sorted((CAPTURE / "Events").iterdir())
INVALID = sorted((CAPTURE / "Invalid").iterdir())
ANSWERS = sorted((CAPTURE.parent / "Query").glob("*.json"))
INVALID_ANSWERS = sorted((CAPTURE.parent / "Query/Invalid").iterdir())

EVENT = "/epcisBody/eventList/"
NO_STEP = "transforming is no standard bizStep of the CBV"
NO_DISPOSITION = "in_transport is no standard disposition of the CBV"
NO_TIME = "This is no time with a time zone"
NO_ACTION = "The value is not one of ADD, OBSERVE, DELETE"
NO_NAMESPACE = "The field materialType of the ilmd has no namespace"

REFUSALS = {
    "Combination_of_events_with_missing_mandatory_fields": [
        (EVENT + "0/action", "action is missing"),
        (EVENT + "1/eventTimeZoneOffset", "eventTimeZoneOffset is missing"),
        (EVENT + "1/action", "action is missing"),
    ],
    "Combination_of_multiple_invalid_fields": [
        (EVENT + "0/bizStep", NO_STEP),
        (EVENT + "1/disposition", NO_DISPOSITION),
        (EVENT + "2/sourceList/0/type", "place is no standard source or destination type"),
        (EVENT + "3/ilmd/materialType", NO_NAMESPACE),
        (EVENT + "4/eventTime", NO_TIME),
        (EVENT + "4/action", NO_ACTION),
    ],
    "Combination_of_non_standard_bizStep_and_disposition": [
        (EVENT + "0/bizStep", NO_STEP),
        (EVENT + "1/disposition", NO_DISPOSITION),
    ],
    "EPCISDocument_without_context": [("/@context", "@context is missing")],
    "ObjectEvent_with_ilmd_field_without_namespace": [
        (EVENT + "0/ilmd/materialType", NO_NAMESPACE)
    ],
    "ObjectEvent_with_invalid_action": [(EVENT + "0/action", NO_ACTION)],
    "ObjectEvent_with_invalid_certificationInfo": [
        (EVENT + "0/certificationInfo/0", "The value is not of type string"),
        (EVENT + "0/certificationInfo/1", "The value is not of type string"),
    ],
    "ObjectEvent_with_invalid_eventTime_format": [(EVENT + "0/eventTime", NO_TIME)],
    "ObjectEvent_with_non_standard_bizStep": [(EVENT + "0/bizStep", NO_STEP)],
    "ObjectEvent_with_non_standard_bizStep_in_second_event": [(EVENT + "1/bizStep", NO_STEP)],
    "ObjectEvent_with_non_standard_disposition": [(EVENT + "0/disposition", NO_DISPOSITION)],
    "ObjectEvent_with_quantity_as_text": [
        (EVENT + "0/quantityList/0/quantity", "The value is not of type number")
    ],
    "ObjectEvent_with_unknown_field_in_quantityList": [
        (EVENT + "0/quantityList/0/weight", "EPCIS has no field weight here")
    ],
    "ObjectEvent_without_action_and_eventTime": [
        (EVENT + "0/eventTime", "eventTime is missing"),
        (EVENT + "0/eventTimeZoneOffset", "eventTimeZoneOffset is missing"),
        (EVENT + "0/action", "action is missing"),
    ],
    "ObjectEvent_without_identifier_list": [
        (EVENT + "0", "The event names no object: epcList and quantityList are empty")
    ],
}

RESULT = "/epcisBody/queryResults/resultsBody/eventList/"
REFUSED_ANSWERS = {
    "QueryDocument_with_invalid_action": (RESULT + "0/action", NO_ACTION),
    "QueryDocument_with_invalid_eventType": (RESULT + "0/type", "is no EPCIS event type"),
}


def name_of(path):
    return path.stem


def test_the_corpus_is_complete():
    assert (len(DOCUMENTS), len(EVENTS), len(INVALID)) == (38, 5, 15)
    assert {path.stem for path in INVALID} == set(REFUSALS)
    assert (len(ANSWERS), len(INVALID_ANSWERS)) == (9, 2)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_a_published_document_is_accepted_with_all_its_events(path):
    body = path.read_bytes()
    document = read_document(body, now=NOW)
    expected = json.loads(body)["epcisBody"]["eventList"]
    assert [event.type for event in document.events] == [event["type"] for event in expected]
    for event, original in zip(document.events, expected, strict=True):
        assert json.loads(body[event.start : event.start + event.length]) == original


@pytest.mark.parametrize("path", EVENTS, ids=name_of)
def test_a_published_bare_event_is_accepted(path):
    body = path.read_bytes()
    (event,) = read_event(body, now=NOW).events
    assert json.loads(body[event.start : event.start + event.length]) == json.loads(body)


@pytest.mark.parametrize("path", INVALID, ids=name_of)
def test_an_invalid_document_is_refused_with_place_rule_and_fix(path):
    with pytest.raises(Invalid) as refused:
        read_document(path.read_bytes(), now=NOW)
    problems = refused.value.problems
    named = [(each.place, each.rule % each.values) for each in problems]
    assert len(named) == len(REFUSALS[path.stem])
    for (place, rule), (expected_place, expected_rule) in zip(
        sorted(named), sorted(REFUSALS[path.stem]), strict=True
    ):
        assert place == expected_place
        assert rule.startswith(expected_rule)
    assert all(each.fix % each.values for each in problems)


@pytest.mark.parametrize("path", ANSWERS, ids=name_of)
def test_a_published_answer_to_a_query_is_accepted_with_all_its_events(path):
    body = path.read_bytes()
    document = read_document(body, now=NOW)
    expected = json.loads(body)["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert [json.loads(body[e.start : e.start + e.length]) for e in document.events] == expected


@pytest.mark.parametrize("path", INVALID_ANSWERS, ids=name_of)
def test_an_invalid_answer_to_a_query_is_refused_at_its_place(path):
    with pytest.raises(Invalid) as refused:
        read_document(path.read_bytes(), now=NOW)
    (problem,) = refused.value.problems
    assert problem.place == REFUSED_ANSWERS[path.stem][0]
    assert (problem.rule % problem.values).endswith(REFUSED_ANSWERS[path.stem][1])


def test_all_five_event_types_are_in_the_corpus():
    counts = Counter(
        event.type
        for path in DOCUMENTS
        for event in read_document(path.read_bytes(), now=NOW).events
    )
    assert set(counts) == {
        "ObjectEvent",
        "AggregationEvent",
        "TransactionEvent",
        "TransformationEvent",
        "AssociationEvent",
    }
    assert sum(counts.values()) == 68
