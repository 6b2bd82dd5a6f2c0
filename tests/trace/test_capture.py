"""The record: bytes as received, statements of every kind, and who is shown which events."""

import json
from datetime import date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import select

from foodtrace.trace.access.actor import ANONYMOUS, SYSTEM
from foodtrace.trace.capture import projections
from foodtrace.trace.capture.projections import projection, projection_of
from foodtrace.trace.capture.services import (
    EPCIS_CONTEXT,
    capture_document,
    record_event,
    record_statement,
)
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.errors import Forbidden, Invalid, Unauthenticated
from foodtrace.trace.masterdata.projections import project_party
from foodtrace.trace.store.models import Document, Event, Statement

from .acts import (
    ALBA,
    BRUNO,
    CONTEXT,
    INES,
    ROSA,
    capture,
    count,
    document,
    hour,
    make,
    see,
    shown,
    statement_bytes,
    wrong,
)


def test_it_works(store):
    events = [make(1, {"A": 1}, {"foodtrace:origin": "山东"}), see(2, {"A": 1})]
    capture(store, *events)
    with store.reading() as session:
        assert session.scalars(select(Document.body)).all() == [document(*events)]
        ids = session.scalars(select(Statement.id).order_by(Statement.id)).all()
        assert [json.loads(statement_bytes(session, each)) for each in ids] == events


def test_a_statement_is_the_slice_of_the_document_as_it_was_received(store):
    event = make(1, {"A": 1}, {"foodtrace:origin": "山东"})
    capture(store, see(0, {"A": 1}), event)
    with store.reading() as session:
        last = session.scalars(select(Statement.id).order_by(Statement.id.desc())).first()
        assert statement_bytes(session, last) == json.dumps(event, ensure_ascii=False).encode()


def test_a_statement_of_another_kind_is_kept_with_its_values(store):
    seen = []
    body = {"amount": Decimal("1.50"), "on": date(2026, 5, 1), "at": hour(0), "name": "番茄"}
    projections._PROJECTIONS.pop("test", None)
    projection("test")(
        lambda session, statement_id, body, received: seen.append((statement_id, body, received))
    )
    with store.transaction() as session:
        statement_id = record_statement(session, ALBA, "test", body)
    del projections._PROJECTIONS["test"]
    ((seen_id, seen_body, received),) = seen
    assert seen_id == statement_id
    assert seen_body == {
        "amount": "1.50",
        "on": "2026-05-01",
        "at": "2026-05-01T08:00:00Z",
        "name": "番茄",
    }
    assert (received.party_id, received.actor) == (ALBA.party_id, "key:alba")
    with store.reading() as session:
        assert json.loads(statement_bytes(session, statement_id)) == seen_body


def test_a_kind_that_nothing_projects_is_never_recorded(store):
    with pytest.raises(LookupError, match="'nonsense'"), store.transaction() as session:
        record_statement(session, ALBA, "nonsense", {})
    assert count(store, "statement", "document") == {"statement": 0, "document": 0}


def test_a_kind_has_one_projection():
    assert projection_of("party").apply is project_party
    with pytest.raises(ValueError, match="party"):
        projection("party")(lambda *_: None)


def test_an_event_made_here_passes_the_same_rules(store):
    with store.transaction() as session:
        recorded = record_event(session, ALBA, make(1, {"A": 1}))
    with store.reading() as session:
        body = json.loads(statement_bytes(session, recorded.id))
    assert body["eventID"] == recorded.event_id
    assert body["@context"][0] == EPCIS_CONTEXT
    with pytest.raises(Invalid, match="bizStep"), store.transaction() as session:
        record_event(session, ALBA, make(1, {"A": 1}) | {"bizStep": "cooking"})


def test_amounts_are_numbers_in_events_and_keep_their_digits(store):
    event = make(1, {"A": 1})
    event["quantityList"][0]["quantity"] = Decimal("12.345678")
    with store.transaction() as session:
        recorded = record_event(session, ALBA, event)
    with store.reading() as session:
        assert b'"quantity":12.345678' in statement_bytes(session, recorded.id)


@pytest.mark.parametrize(("actor", "refusal"), [(INES, Forbidden), (ANONYMOUS, Unauthenticated)])
def test_who_may_not_capture_captures_nothing(store, actor, refusal):
    with pytest.raises(refusal):
        capture(store, make(1, {"A": 1}), actor=actor)
    assert count(store, "document") == {"document": 0}


def test_what_no_party_captured_belongs_to_nobody(store):
    capture(store, make(1, {"A": 1}), actor=SYSTEM)
    with store.reading() as session:
        assert session.scalars(select(Document.party_id)).all() == [None]


def test_an_event_is_shown_to_its_sender_and_to_the_authorities(store):
    event = make(1, {"A": 1})
    capture(store, event)
    with store.reading() as session:
        for actor in (ALBA, INES, ROSA, SYSTEM):
            assert len(shown(session, actor, event["eventID"])) == 1
        assert shown(session, BRUNO, event["eventID"]) == []
        assert shown(session, ALBA, "urn:uuid:none") == []
        with pytest.raises(Unauthenticated):
            shown(session, ANONYMOUS, event["eventID"])


def test_a_shown_event_says_what_was_received(store):
    event = make(1, {"A": 1}, {"foodtrace:origin": "山东"})
    capture(store, see(0, {"A": 1}), event)
    with store.reading() as session:
        (again,) = shown(session, ALBA, event["eventID"])
    assert again.pop("@context") == [CONTEXT[1]]
    assert again.pop("recordTime")
    assert again == event


def test_the_record_time_of_somebody_elses_answer_is_not_ours(store):
    event = make(1, {"A": 1}) | {"recordTime": "2020-01-01T00:00:00Z"}
    answer = json.loads(document())
    answer |= {"type": "EPCISQueryDocument"}
    results = {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": [event]}}
    answer["epcisBody"] = {"queryResults": results}
    read = read_document(json.dumps(answer).encode(), now=hour(100))
    with store.transaction() as session:
        capture_document(session, ALBA, read, content_type="application/json", key=None)
    with store.reading() as session:
        (received_at,) = session.scalars(select(Document.received_at))
        (again,) = shown(session, ALBA, event["eventID"])
        assert session.scalars(select(Event.record_time)).all() == [received_at]
    assert datetime.fromisoformat(again["recordTime"]) == received_at.replace(
        microsecond=received_at.microsecond // 1000 * 1000
    )


def test_an_event_and_the_declaration_that_it_is_wrong_are_both_shown(store):
    mistake = make(1, {"A": 1})
    capture(store, mistake)
    capture(store, wrong(mistake))
    with store.reading() as session:
        first, second = shown(session, ALBA, mistake["eventID"])
    assert "errorDeclaration" not in first
    assert second["errorDeclaration"]["reason"] == "incorrect_data"


def test_nobody_hides_an_event_behind_one_of_the_same_id(store):
    event = make(1, {"A": 1})
    capture(store, event)
    capture(store, event | {"bizStep": "creating_class_instance"}, actor=BRUNO)
    with store.reading() as session:
        steps = {
            actor.name: [each["bizStep"] for each in shown(session, actor, event["eventID"])]
            for actor in (ALBA, BRUNO, INES)
        }
    assert steps == {
        "key:alba": ["commissioning"],
        "key:bruno": ["creating_class_instance"],
        "user:ines": ["commissioning", "creating_class_instance"],
    }


@pytest.mark.parametrize("size", [1, 60])
def test_the_number_of_statements_does_not_grow_with_the_document(sqlite_store, size):
    """Few queries a document, not a few for each item."""
    seen = []
    capture(sqlite_store, make(0, {"X": 1}))
    engine = sqlite_store.writers
    listener = lambda conn, cursor, statement, *rest: seen.append(statement)  # noqa: E731
    sqlalchemy_event.listen(engine, "before_cursor_execute", listener)
    events = [
        each
        for n in range(size)
        for each in (
            make(n, {f"A{size}-{n}": 1, "X": 1}),
            see(n, [f"B{n}#1{n}"]),
        )
    ]
    capture(sqlite_store, *events)
    sqlalchemy_event.remove(engine, "before_cursor_execute", listener)
    assert len(seen) < 30
