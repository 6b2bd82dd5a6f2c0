"""Events without eventID: the same content is one event, however it is sent."""

import json
from datetime import UTC, datetime

from sqlalchemy import select

from foodtrace.trace.capture.reading import read_capture
from foodtrace.trace.capture.rebuild import rebuild
from foodtrace.trace.capture.services import capture_document, record_event
from foodtrace.trace.epcis.reader import read_document, read_event
from foodtrace.trace.epcis.xml.writing import xml_document
from foodtrace.trace.store.models import Event

from .acts import ALBA, BRUNO, CONTEXT, capture, count, document, make, see, wrong


def nameless(event):
    return {name: value for name, value in event.items() if name != "eventID"}


FIRST = {
    **nameless(make(1, {"A": 1, "B": 2}, {"foodtrace:origin": "山东", "foodtrace:grade": "1"})),
    "readPoint": {"id": "https://id.gs1.org/414/4012345000054"},
    "bizStep": "commissioning",
    "foodtrace:note": ["x", "y"],
}
# The same in other words, and in another order.
SAME = {
    **dict(reversed(FIRST.items())),
    "eventTime": "2026-05-01T17:00:00.000+08:00",
    "quantityList": [
        {"uom": "KGM", "quantity": 2.0, "epcClass": "urn:epc:class:lgtin:9506000.013435.B"},
        {"epcClass": "https://lab.example/01/9506000134352/10/A", "quantity": 1.00, "uom": "KGM"},
    ],
    "readPoint": {"id": "urn:epc:id:sgln:4012345.00005.0"},
    "bizStep": "https://ref.gs1.org/cbv/BizStep-commissioning",
    "foodtrace:note": ["y", " x "],
}


def event_ids(store):
    with store.reading() as session:
        return list(session.scalars(select(Event.event_id).order_by(Event.id)))


def capture_body(store, body, actor=ALBA):
    with store.transaction() as session:
        read = read_document(body, now=datetime.now(UTC))
        return capture_document(session, actor, read, content_type="application/json", key=None)


def test_it_works(store):
    (event_id,) = capture(store, FIRST).event_ids
    assert event_id.startswith("ni:///sha-256;")
    assert event_id.endswith("?ver=CBV2.0")
    assert event_ids(store) == [event_id]


def test_the_same_content_in_other_words_is_a_duplicate(store):
    (event_id,) = capture(store, FIRST).event_ids
    again = capture_body(store, json.dumps(json.loads(document(SAME)), indent=2).encode())
    assert (again.event_ids, again.duplicates) == ([], [event_id])
    assert count(store, "event") == {"event": 1}


def test_other_prefixes_for_the_same_namespace_make_no_other_event(store):
    (event_id,) = capture(store, FIRST).event_ids
    body = document(FIRST).replace(b'"foodtrace', b'"ft')
    assert capture_body(store, body).duplicates == [event_id]


def test_the_same_event_twice_in_one_document_is_recorded_once(store):
    captured = capture(store, FIRST, SAME)
    assert captured.event_ids == captured.duplicates
    assert count(store, "event") == {"event": 1}


def test_a_bare_event_and_a_document_say_the_same(store):
    (event_id,) = capture(store, FIRST).event_ids
    bare = read_event(json.dumps({"@context": CONTEXT, **SAME}).encode(), now=datetime.now(UTC))
    with store.transaction() as session:
        again = capture_document(session, ALBA, bare, content_type="application/json", key=None)
    assert again.duplicates == [event_id]


def test_the_same_event_in_xml_is_a_duplicate(store):
    (event_id,) = capture(store, FIRST).event_ids
    now = datetime.now(UTC)
    (told,) = read_document(document(SAME), now=now).events
    xml = b"".join(xml_document([(told.body, told.prefixes)], created=now))
    read = read_capture(xml, "application/xml", now=now)
    with store.transaction() as session:
        again = capture_document(session, ALBA, read, content_type="application/xml", key=None)
    assert (again.event_ids, again.duplicates) == ([], [event_id])


def test_another_value_is_another_event(store):
    captured = capture(store, FIRST, FIRST | {"foodtrace:note": ["x", "z"]})
    assert len(set(captured.event_ids)) == 2


def test_two_parties_may_tell_the_same(store):
    alba = capture(store, FIRST)
    bruno = capture(store, SAME, actor=BRUNO)
    assert alba.event_ids == bruno.event_ids
    assert count(store, "event") == {"event": 2}


def test_a_declaration_without_an_id_declares_the_event_that_it_repeats(store):
    (event_id,) = capture(store, FIRST).event_ids
    assert capture(store, wrong(SAME)).event_ids == [event_id]
    with store.reading() as session:
        rows = session.scalars(select(Event).order_by(Event.id)).all()
        assert [row.event_id for row in rows] == [event_id, event_id]


def test_a_rebuild_gives_the_same_ids(store):
    capture(store, FIRST, see(2, {"A": 1}))
    before = event_ids(store)
    with store.transaction() as session:
        rebuild(session)
    assert event_ids(store) == before


def test_two_acts_of_a_console_may_look_alike(store):
    acts = []
    for key in ("first", "second"):
        with store.transaction() as session:
            acts.append(record_event(session, ALBA, FIRST, key).event_id)
    assert len(set(acts)) == 2
    assert all(each.startswith("urn:uuid:") for each in acts)
