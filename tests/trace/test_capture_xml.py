"""EPCIS in XML, 2.0 and 1.2, captured: kept as it came, and recorded as what it says."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.capture.jobs import get_capture
from foodtrace.trace.capture.reading import (
    LD_JSON_TYPE,
    XML_TYPE,
    content_type_of,
    read_capture,
    read_file,
)
from foodtrace.trace.capture.rebuild import rebuild
from foodtrace.trace.capture.services import capture_document
from foodtrace.trace.epcis import strict_json
from foodtrace.trace.errors import Invalid, TooLarge, Unprocessable
from foodtrace.trace.store.models import Capture, Document
from foodtrace.trace.worker import work_once

from ..web import settings_of
from .acts import ALBA, count, document, lot, make, rows, shown

DATA = Path(__file__).parents[1] / "data/epcis"
NOW = datetime(2026, 11, 22, tzinfo=UTC)

CURRENT = sorted((DATA / "XML-2.0/Capture/Documents").iterdir())
EVENTS = sorted((DATA / "XML-2.0/Capture/Events").iterdir())
INVALID = sorted((DATA / "XML-2.0/Capture/Invalid").iterdir())
LEGACY = sorted((DATA / "XML-1.2/Capture/Documents").iterdir())

EVENT = """
  <ObjectEvent>
    <eventTime>2026-05-01T08:00:00Z</eventTime>
    <eventTimeZoneOffset>+08:00</eventTimeZoneOffset>
    <eventID>urn:uuid:00000000-0000-4000-8000-{number:012d}</eventID>
    <epcList/>
    <action>{action}</action>
    <bizStep>urn:epcglobal:cbv:bizstep:commissioning</bizStep>
    <quantityList>
      <quantityElement>
        <epcClass>urn:epc:class:lgtin:9506000.013435.{lot}</epcClass>
        <quantity>5</quantity>
      </quantityElement>
    </quantityList>
  </ObjectEvent>"""


def xml(*events):
    body = "".join(events)
    return (
        '<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:2" schemaVersion="2.0"'
        ' creationDate="2026-05-01T00:00:00Z">\n<EPCISBody><EventList>'
        f"{body}\n</EventList></EPCISBody></epcis:EPCISDocument>\n"
    ).encode()


def made(number, name, action="ADD"):
    return EVENT.format(number=number, lot=name, action=action)


def capture_xml(store, body, *, proceed=False, asynchronous=False, key=None):
    read = read_capture(body, XML_TYPE, now=datetime.now(UTC), proceed=proceed)
    return kept(store, read, proceed=proceed, asynchronous=asynchronous, key=key)


def kept(store, read, *, actor=ALBA, proceed=False, asynchronous=False, key=None):
    with store.transaction() as session:
        return capture_document(
            session,
            actor,
            read,
            content_type=XML_TYPE,
            key=key,
            behaviour="proceed" if proceed else "rollback",
            asynchronous=asynchronous,
        )


def name_of(path):
    return path.stem


def test_a_document_in_xml_is_recorded_and_kept_as_it_came(store):
    body = xml(made(1, "A"))
    captured = capture_xml(store, body)
    assert captured.success
    assert lot(store, "A").amount == 5
    with store.reading() as session:
        (stored,) = session.scalars(select(Document))
    assert (stored.original, stored.content_type) == (body, "application/xml")
    assert stored.body.startswith(b"{")


def test_an_event_of_xml_is_shown_as_json(store):
    captured = capture_xml(store, xml(made(1, "A")))
    with store.reading() as session:
        (event,) = shown(session, ALBA, captured.event_ids[0])
    assert event["type"] == "ObjectEvent"
    assert event["quantityList"][0]["quantity"] == 5


def test_the_same_xml_again_is_the_same_job_and_other_bytes_are_another_body(store):
    body = xml(made(1, "A"))
    first = capture_xml(store, body, key="k")
    assert capture_xml(store, body, key="k").id == first.id
    with pytest.raises(Unprocessable):
        capture_xml(store, body + b"\n", key="k")
    assert count(store, "capture") == {"capture": 1}


def test_json_and_xml_of_one_event_are_duplicates(store):
    captured = capture_xml(store, xml(made(1, "A")))
    event = make(0, {"A": 5}) | {"eventID": captured.event_ids[0]}
    again = kept(store, read_capture(document(event), LD_JSON_TYPE, now=datetime.now(UTC)))
    assert (list(again.event_ids), list(again.duplicates)) == ([], list(captured.event_ids))


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_bad_event_is_told_by_its_place_in_the_xml(store, asynchronous):
    body = xml(made(1, "A"), made(2, "B", action="EAT"), made(3, "C"))
    captured = capture_xml(store, body, proceed=True, asynchronous=asynchronous)
    work_once(store, settings_of(store))
    with store.reading() as session:
        captured = get_capture(session, ALBA, captured.id)
    assert len(captured.event_ids) == 2
    (error,) = captured.errors
    assert (error.index, error.event_id[-2:]) == (1, "02")
    line = 1 + body.decode()[: body.decode().index("EAT")].count("\n")
    assert [each.place for each in error.problems] == [f"line {line}, ObjectEvent/action"]


def test_an_event_that_is_too_large_is_named_by_its_line(monkeypatch):
    monkeypatch.setattr(strict_json, "MAX_EVENT_CHARS", 500)
    long = made(2, "B").replace("<epcList/>", f"<epcList><epc>urn:x:{'y' * 400}</epc></epcList>")
    with pytest.raises(TooLarge) as refused:
        read_capture(xml(made(1, "A"), long), XML_TYPE, now=NOW)
    (problem,) = refused.value.problems
    assert re.fullmatch(r"line \d+, ObjectEvent", problem.place)


@pytest.mark.parametrize(
    ("change", "place", "rule"),
    [
        # What only the JSON rules know, and what is no JSON at all.
        (("urn:epcglobal:cbv:bizstep:commissioning", "cooking"), "bizStep", "cooking is no"),
        (("<epcList/>", "<eaten/>"), "eaten", "EPCIS has no field eaten here"),
        (("<epcList/>", "<epcList>text</epcList>"), "epcList", "Text stands beside elements"),
    ],
)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_bad_event_in_xml_is_left_out_whatever_is_wrong(store, asynchronous, change, place, rule):
    body = xml(made(1, "A"), made(2, "B").replace(*change), made(3, "C"))
    captured = capture_xml(store, body, proceed=True, asynchronous=asynchronous)
    work_once(store, settings_of(store))
    with store.reading() as session:
        captured = get_capture(session, ALBA, captured.id)
    assert [each[-2:] for each in captured.event_ids] == ["01", "03"]
    (error,) = captured.errors
    (problem,) = error.problems
    assert (error.index, error.event_id[-2:]) == (1, "02")
    assert re.fullmatch(rf"line \d+, ObjectEvent/?{place}", problem.place)
    assert problem.text.startswith(rule)
    before = rows(store)
    with store.transaction() as session:
        rebuild(session)
    assert rows(store) == before


def test_what_is_no_event_is_left_out_of_a_document_that_proceeds():
    body = xml(made(1, "A"), "<Letter/>", "<EatingEvent xmlns=''/>")
    read = read_capture(body, XML_TYPE, now=NOW, proceed=True)
    assert [each.index for each in read.refused] == [1, 2]
    assert [each.problems[0].values["type"] for each in read.refused] == ["Letter", "EatingEvent"]
    assert len(read.events) == 1


def test_problems_of_a_refused_document_name_places_in_the_xml():
    body = xml(made(1, "A"), made(2, "B", action="EAT"))
    with pytest.raises(Invalid) as refused:
        read_capture(body, XML_TYPE, now=NOW)
    (problem,) = refused.value.problems
    assert re.fullmatch(r"line \d+, ObjectEvent/action", problem.place)


def test_the_published_xml_is_accepted_and_made_again_the_same(store):
    published = {path.read_bytes() for path in (*CURRENT, *LEGACY, *EVENTS)}
    recorded = 0
    for path in (*CURRENT, *LEGACY, *EVENTS):
        # Among the documents there is a bare event, as a file may hold one.
        read = read_file(path.read_bytes(), now=datetime.now(UTC))
        captured = kept(store, read, actor=SYSTEM)
        recorded += 0 if captured.replayed else len(captured.event_ids)
        assert captured.success
    found = count(store, "document", "event", "capture")
    assert found == {
        "document": len(published),
        "capture": len(published),
        "event": recorded,
    }
    before = rows(store)
    assert before["master_attribute"]
    with store.transaction() as session:
        rebuild(session)
    assert rows(store) == before
    with store.reading() as session:
        originals = set(session.scalars(select(Document.original)))
        states = set(session.scalars(select(Capture.state)))
    assert originals == published
    assert states == {"done"}


def test_the_corpus_is_complete():
    assert (len(CURRENT), len(EVENTS), len(INVALID), len(LEGACY)) == (37, 6, 7, 19)


@pytest.mark.parametrize("path", INVALID, ids=name_of)
def test_an_invalid_document_in_xml_is_refused_with_place_rule_and_fix(path):
    with pytest.raises(Invalid) as refused:
        read_capture(path.read_bytes(), XML_TYPE, now=NOW)
    for problem in refused.value.problems:
        assert problem.place.startswith("line ")
        assert problem.text


@pytest.mark.parametrize("path", EVENTS[:1] + CURRENT[:1] + LEGACY[:1], ids=name_of)
def test_a_file_is_read_by_how_it_begins(path):
    body = path.read_bytes()
    assert read_file(body, now=NOW).original == body
    assert read_file(b"\n " + document(make(1, {"A": 1})), now=NOW).original is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_xml_is_known_in_each_of_its_encodings(encoding):
    body = '<?xml version="1.0"?>\n' + xml(made(1, "A")).decode()
    assert content_type_of(body.encode(encoding)) == XML_TYPE
    assert len(read_file(body.encode(encoding), now=NOW).events) == 1


def test_json_that_is_called_xml_is_refused():
    with pytest.raises(Invalid):
        read_capture(document(make(1, {"A": 1})), XML_TYPE, now=NOW)
