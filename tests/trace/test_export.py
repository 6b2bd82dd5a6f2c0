"""Events taken out of the record, in every format and in constant memory."""

import gc
import io
import json
import tracemalloc
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from foodtrace.trace.access.actor import ANONYMOUS, SYSTEM
from foodtrace.trace.capture import export
from foodtrace.trace.capture.export import each_event, holds_events, of_party
from foodtrace.trace.capture.export_formats import BLOCK, FORMATS, format_of, stream, written
from foodtrace.trace.capture.reading import read_file
from foodtrace.trace.capture.services import capture_document
from foodtrace.trace.epcis.event_hash import event_hash
from foodtrace.trace.epcis.lines import parts_of, read_part
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.errors import Unauthenticated
from tests.trace.acts import ALBA, BRUNO, INES, capture, document, see, wrong

DATA = Path(__file__).parents[1] / "data/epcis/Capture"


def exported(store, actor=SYSTEM, **how):
    return [json.loads(each) for each in each_event(store.reading, actor, **how)]


def ids_of(events):
    return [event["eventID"] for event in events]


def test_an_event_comes_out_as_it_went_in(store):
    sent = see(1, ["#1"])
    capture(store, sent)
    (found,) = exported(store)
    assert found.pop("@context")[0].endswith("epcis-context.jsonld")
    assert found == sent


def test_an_empty_database_has_nothing_to_export(store):
    assert exported(store) == []
    with store.reading() as session:
        assert not holds_events(session)
    capture(store, see(1, ["#1"]))
    with store.reading() as session:
        assert holds_events(session)


@pytest.mark.parametrize("most", [1, 2, 3, 7, 8])
def test_no_event_is_missed_or_repeated_between_portions(store, monkeypatch, most):
    monkeypatch.setattr(export, "MOST_EVENTS", most)
    monkeypatch.setattr(export, "MOST_IDS", 4)
    sent = [see(number, ["#1"]) for number in range(7)]
    capture(store, *sent[:3])
    capture(store, *sent[3:])
    assert ids_of(exported(store)) == ids_of(sent)


def test_a_portion_ends_when_it_is_large(store, monkeypatch):
    monkeypatch.setattr(export, "MOST_BYTES", 500)
    sent = [see(number, ["#1"]) for number in range(7)]
    capture(store, *sent)
    assert ids_of(exported(store)) == ids_of(sent)


def test_only_the_events_of_a_party(store):
    mine, other = see(1, ["#1"]), see(2, ["#1"])
    capture(store, mine, actor=ALBA)
    capture(store, other, actor=BRUNO)
    assert ids_of(exported(store, matching=of_party(ALBA.party_id))) == ids_of([mine])


def test_only_the_events_that_the_actor_may_see(store):
    mine, other = see(1, ["#1"]), see(2, ["#1"])
    capture(store, mine, actor=ALBA)
    capture(store, other, actor=BRUNO)
    assert ids_of(exported(store, ALBA)) == ids_of([mine])
    assert ids_of(exported(store, INES)) == ids_of([mine, other])
    assert exported(store, ALBA, matching=of_party(BRUNO.party_id)) == []


def test_who_may_see_nothing_is_refused_before_anything_is_sent(store):
    with pytest.raises(Unauthenticated):
        stream(store.reading, ANONYMOUS, file_format=FORMATS["json"])


def test_what_the_first_portion_refuses_is_refused_before_anything_is_sent(store):
    def matching(session, after, up_to):
        raise Unauthenticated()

    capture(store, see(1, ["#1"]))
    with pytest.raises(Unauthenticated):
        stream(store.reading, SYSTEM, file_format=FORMATS["json"], matching=matching)


def test_a_wrong_event_and_its_declaration_are_both_exported(store):
    sent = see(1, ["#1"])
    capture(store, sent)
    capture(store, wrong(sent))
    first, second = exported(store)
    assert "errorDeclaration" not in first
    assert second["errorDeclaration"]["reason"] == "incorrect_data"


def test_for_partners_each_event_says_when_it_was_recorded(store):
    before = datetime.now(UTC)
    capture(store, {**see(1, ["#1"]), "recordTime": "2020-01-01T00:00:00Z"})
    (found,) = exported(store, with_record_time=True)
    recorded = datetime.fromisoformat(found["recordTime"])
    assert 0 <= (recorded - before).total_seconds() + 0.001 < 60
    (as_received,) = exported(store)
    assert as_received["recordTime"] == "2020-01-01T00:00:00Z"


def test_events_recorded_meanwhile_are_not_in_it(store, monkeypatch):
    monkeypatch.setattr(export, "MOST_EVENTS", 1)
    sent = [see(1, ["#1"]), see(2, ["#1"])]
    capture(store, *sent)
    events = each_event(store.reading, SYSTEM)
    first = next(events)
    capture(store, see(3, ["#1"]))
    assert ids_of(map(json.loads, [first, *events])) == ids_of(sent)


def test_no_session_is_open_while_a_block_is_sent(store, monkeypatch):
    monkeypatch.setattr(export, "MOST_EVENTS", 2)
    monkeypatch.setattr("foodtrace.trace.capture.export_formats.BLOCK", 1)
    capture(store, *(see(number, ["#1"]) for number in range(5)))
    opened, open_now = [], []

    @contextmanager
    def reading():
        with store.reading() as session:
            opened.append(session)
            open_now.append(session)
            yield session
            open_now.remove(session)

    for name, file_format in FORMATS.items():
        for block in stream(reading, SYSTEM, file_format=file_format):
            assert not open_now, name
            assert block
    assert len(opened) >= 3 * len(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_memory_does_not_grow_with_the_events(store, monkeypatch, name):
    monkeypatch.setattr(export, "MOST_EVENTS", 60)

    def most_memory():
        gc.collect()
        tracemalloc.start()
        size = sum(map(len, stream(store.reading, SYSTEM, file_format=FORMATS[name])))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return size, peak

    def add(documents):
        for _ in range(documents):
            note = {"foodtrace:note": "x" * 2000}
            capture(store, *(see(number, ["#1"], **note) for number in range(50)))

    add(2)  # more than a portion
    most_memory()  # what is loaded once is loaded now
    small, peak = most_memory()
    add(10)
    large, later_peak = most_memory()
    assert large > 5.9 * small
    assert later_peak < 1.3 * peak


def test_blocks_are_neither_small_nor_large(store):
    note = {"foodtrace:note": "x" * 2000}
    capture(store, *(see(number, ["#1"], **note) for number in range(100)))
    *full, _ = stream(store.reading, SYSTEM, file_format=FORMATS["ndjson"])
    assert full
    assert all(BLOCK <= len(block) < BLOCK + 4000 for block in full)


def test_lines_are_lines_however_the_event_was_written(store):
    sent = see(1, ["#1"])
    pretty = json.dumps(json.loads(document(sent)), indent=2, ensure_ascii=False)
    read = read_document(pretty.replace("\n", "\r\n").encode(), now=datetime.now(UTC))
    with store.transaction() as session:
        capture_document(session, ALBA, read, content_type="application/ld+json", key=None)
    (event,) = each_event(store.reading, SYSTEM)
    assert len(event.splitlines()) == 1
    assert ids_of([json.loads(event)]) == ids_of([sent])


def read_again(name, body):
    """The events of an exported file, as they are read when it is imported."""
    now = datetime.now(UTC)
    if name != "ndjson":
        return read_file(body, now=now).events
    parts = parts_of(io.BytesIO(body), now)
    return [
        event for part in parts for event in read_part(part, partial(read_document, now=now)).events
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_outside_events_mean_the_same_in_every_format(sqlite_store, name):
    sent = {}
    for path in sorted(DATA.glob("Documents/*.json")):
        read = read_document(path.read_bytes(), now=datetime.now(UTC))
        with sqlite_store.transaction() as session:
            capture_document(session, ALBA, read, content_type="application/json", key=None)
        for event in read.events:
            sent.setdefault(event.event_id, event_hash(event.body, event.prefixes))
    body = b"".join(stream(sqlite_store.reading, SYSTEM, file_format=FORMATS[name]))
    found = read_again(name, body)
    assert len(sent) > 50
    assert {each.event_id: event_hash(each.body, each.prefixes) for each in found} == sent


def test_a_file_without_events_is_whole_too():
    made_at = datetime(2026, 11, 22, tzinfo=UTC)
    body = b"".join(written([], FORMATS["json"], made_at))
    assert json.loads(body)["epcisBody"]["eventList"] == []
    assert b"".join(written([], FORMATS["ndjson"], made_at)) == b""


def test_a_format_is_found_by_its_media_type():
    assert format_of("application/x-ndjson") is FORMATS["ndjson"]
    assert format_of("application/json") is FORMATS["json"]
    assert format_of("text/html") is None
