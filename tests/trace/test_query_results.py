"""Results: the events as they were received, in a document that says all that it means."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.capture.services import capture_document
from foodtrace.trace.epcis.event_hash import event_hash
from foodtrace.trace.epcis.reader import read_document, read_event
from foodtrace.trace.epcis.validation import shape_problems
from foodtrace.trace.query import results
from foodtrace.trace.query.model import Query
from foodtrace.trace.query.results import ENCODER, as_result, query_document, read_found
from foodtrace.trace.query.services import each_match, find_events

from .acts import ALBA, CONTEXT, capture, make, see, wrong

SECRET = "a secret for tests"
CAPTURE = Path(__file__).parents[1] / "data/epcis/Capture"


def answer(store, actor=ALBA, **options):
    """Return the document of all events, as bytes."""
    with store.reading() as session:
        page = find_events(session, actor, Query(**options), per_page=1000, secret=SECRET)
    return ENCODER.encode(query_document([as_result(each) for each in page.events]))


def events_of(document):
    return json.loads(document)["epcisBody"]["queryResults"]["resultsBody"]["eventList"]


def record(store, body, read=read_document):
    document = read(body.encode(), now=datetime.now(UTC))
    with store.transaction() as session:
        capture_document(session, ALBA, document, content_type="application/ld+json", key=None)


def document_of(context, *events):
    return json.dumps(
        {
            "@context": context,
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-05-01T00:00:00Z",
            "epcisBody": {"eventList": events},
        }
    )


def test_it_works(store):
    event = make(1, {"A": 1})
    capture(store, event)
    (result,) = events_of(answer(store))
    record_time = result.pop("recordTime")
    context = result.pop("@context")
    assert result == event
    assert context == CONTEXT[1:]
    assert datetime.fromisoformat(record_time).tzinfo is not None


def test_the_document_is_a_query_document_with_the_context_of_epcis_first(store):
    capture(store, make(1, {"A": 1}))
    document = json.loads(answer(store))
    assert document["@context"][0].endswith("epcis-context.jsonld")
    assert document["type"] == "EPCISQueryDocument"
    assert document["epcisBody"]["queryResults"]["queryName"] == "SimpleEventQuery"
    assert "subscriptionID" not in document["epcisBody"]["queryResults"]
    told = query_document([], query_name="mine", subscription_id="s1")["epcisBody"]["queryResults"]
    assert told == {"queryName": "mine", "subscriptionID": "s1", "resultsBody": {"eventList": []}}


def test_numbers_are_as_exact_as_they_were_received(sqlite_store):
    event = make(1, {"A": 1})
    body = document_of(
        [CONTEXT[0], {"ex": "https://example.com/ns/"}],
        {**event, "ex:a": 0, "ex:b": 0, "ex:c": 0, "ex:d": 0},
    )
    for name, number in (
        ("a", "1.50"), ("b", "0.1000000000000000055511151231257827"), ("c", "12345678901234567890"),
        ("d", "2E+3"),
    ):  # fmt: skip
        body = body.replace(f'"ex:{name}": 0', f'"ex:{name}": {number}')
    record(sqlite_store, body)
    answered = answer(sqlite_store).decode()
    (result,) = json.loads(answered, parse_float=str, parse_int=str)["epcisBody"]["queryResults"][
        "resultsBody"
    ]["eventList"]
    assert [result[f"ex:{name}"] for name in "abcd"] == [
        "1.50", "0.1000000000000000055511151231257827", "12345678901234567890", "2E+3",
    ]  # fmt: skip
    with sqlite_store.reading() as session:
        page = find_events(session, ALBA, Query(), per_page=1, secret=SECRET)
    assert as_result(page.events[0])["ex:a"] == Decimal("1.50")


def test_an_event_keeps_what_its_document_declared_and_its_own_comes_last(store):
    outer = [CONTEXT[0], {"ex": "https://example.com/outer/"}, {"two": "https://example.com/two/"}]
    own = {"ex": "https://example.com/own/"}
    record(
        store,
        document_of(outer, {**see(1, ["A"]), "@context": own}, see(2, ["A"])),
    )
    second, first = events_of(answer(store, order_by="eventTime"))
    assert first["@context"] == [*outer[1:], own]
    assert second["@context"] == outer[1:]


def test_an_event_without_prefixes_needs_no_context_of_its_own(store):
    record(store, document_of(CONTEXT[0], see(1, ["A"])))
    record(store, json.dumps({"@context": CONTEXT[0], **see(2, ["A"])}), read_event)
    assert all("@context" not in each for each in events_of(answer(store)))


def test_a_bare_event_keeps_its_own_context(store):
    record(store, json.dumps({"@context": CONTEXT, **see(2, ["A"])}), read_event)
    (result,) = events_of(answer(store))
    assert result["@context"] == CONTEXT[1:]


def test_events_get_the_ids_that_they_came_without_and_the_time_of_this_record(store):
    event = see(1, ["A"])
    del event["eventID"]
    record(store, document_of(CONTEXT, {**event, "recordTime": "2001-01-01T00:00:00Z"}))
    (result,) = events_of(answer(store))
    assert result["eventID"]
    assert result["recordTime"] > "2025"


def test_a_declaration_and_what_it_declares_wrong_are_both_there(store):
    mistake = make(1, {"A": 1})
    capture(store, mistake)
    capture(store, wrong(mistake))
    declaration, declared = events_of(answer(store))
    assert "errorDeclaration" in declaration
    assert "errorDeclaration" not in declared
    assert declaration["eventID"] == declared["eventID"] == mistake["eventID"]


@pytest.mark.parametrize("limit", [1, 10_000_000])
def test_however_many_documents_events_are_of_they_come_in_the_order_asked_for(
    store, monkeypatch, limit
):
    monkeypatch.setattr(results, "_MOST_BYTES", limit)
    for _ in range(3):
        capture(store, see(1, ["A"]), see(2, ["A"]), see(3, ["A"]))
    with store.reading() as session:
        ids = list(each_match(session, ALBA, Query()))
        for order in (ids, ids[::-1], ids[::2], [ids[4], ids[0], ids[8]], []):
            assert [each.id for each in read_found(session, order)] == order


def test_the_published_events_come_back_and_mean_the_same(store):
    """As valid query documents, which can be read again, with the hashes they had."""
    hashes = {}
    for path in sorted((CAPTURE / "Documents").iterdir()) + sorted((CAPTURE / "Events").iterdir()):
        read = read_document if path.parent.name == "Documents" else read_event
        document = read(path.read_bytes(), now=datetime.now(UTC))
        with store.transaction() as session:
            captured = capture_document(
                session, SYSTEM, document, content_type="application/json", key=None
            )
        new = set(captured.event_ids)
        hashes |= {
            (each.event_id, each.declared_at): event_hash(each.body, each.prefixes)
            for each in document.events
            if each.event_id in new
        }
    answered = answer(store, SYSTEM)
    assert shape_problems("EPCISQueryDocument", json.loads(answered), "", 10) == []
    again = read_document(answered, now=datetime.now(UTC))
    assert len(again.events) > 50
    assert {
        (each.event_id, each.declared_at): event_hash(each.body, each.prefixes)
        for each in again.events
    } == hashes
