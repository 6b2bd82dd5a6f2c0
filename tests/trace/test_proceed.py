"""Documents that proceed: what is right is recorded, what is not is told event by event."""

import json
from datetime import UTC, datetime

import pytest

from foodtrace.trace.capture.jobs import get_capture
from foodtrace.trace.capture.rebuild import rebuild
from foodtrace.trace.capture.services import capture_document
from foodtrace.trace.epcis.problems import MAX_PROBLEMS
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.errors import Invalid
from foodtrace.trace.worker import work_once

from ..web import settings_of
from .acts import ALBA, count, document, make, pack, rows, see, shown, transform

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def proceed(store, *events, asynchronous=False, body=None):
    read = read_document(body or document(*events), now=datetime.now(UTC), proceed=True)
    with store.transaction() as session:
        captured = capture_document(
            session,
            ALBA,
            read,
            content_type="application/ld+json",
            key=None,
            behaviour="proceed",
            asynchronous=asynchronous,
        )
    if asynchronous:
        assert captured.running
        assert work_once(store, settings_of(store))
        with store.reading() as session:
            return get_capture(session, ALBA, captured.id)
    return captured


def bad(at, **changes):
    return make(at, {"X": 1}) | {"action": "EAT"} | changes


@pytest.mark.parametrize("asynchronous", [False, True])
def test_good_events_are_recorded_and_bad_ones_are_told(store, asynchronous):
    good, broken, other = make(1, {"A": 1}), bad(2), see(3, {"A": 1})
    job = proceed(store, good, broken, other, asynchronous=asynchronous)
    assert (job.state, job.success, job.behaviour) == ("done", False, "proceed")
    assert list(job.event_ids) == [good["eventID"], other["eventID"]]
    (error,) = job.errors
    assert (error.index, error.event_id, error.status) == (1, broken["eventID"], 400)
    (problem,) = error.problems
    assert problem.place == "/epcisBody/eventList/1/action"
    assert problem.text == ("The value is not one of ADD, OBSERVE, DELETE. Use one of these words.")
    assert count(store, "event", "statement") == {"event": 2, "statement": 2}


@pytest.mark.parametrize("asynchronous", [False, True])
def test_where_every_event_is_bad_the_job_has_no_success(store, asynchronous):
    job = proceed(store, bad(1), bad(2), asynchronous=asynchronous)
    assert (job.state, job.success) == ("failed", False)
    assert job.finished_at is not None
    assert [error.index for error in job.errors] == [0, 1]
    assert count(store, "document", "statement") == {"document": 1, "statement": 0}


def test_where_nothing_is_left_out_the_job_has_success(store):
    job = proceed(store, make(1, {"A": 1}), make(2, {"B": 1}))
    assert (job.state, job.success, job.errors) == ("done", True, ())


def test_an_event_that_is_known_is_done(store):
    event = make(1, {"A": 1})
    proceed(store, event)
    job = proceed(store, event, bad(2))
    assert (job.state, list(job.duplicates)) == ("done", [event["eventID"]])


def test_a_bad_event_of_any_kind_leaves_the_others_alone():
    wrong = {
        "no type": {"type": "EatingEvent"},
        "no action": {"action": None},
        "a bad time": {"eventTime": "yesterday"},
        "a bad step": {"bizStep": "cooking"},
        "a bad key": {"readPoint": {"id": "urn:epc:id:sgln:1.1.1"}},
        "a bad context": {"@context": ["https://evil.example/context"]},
        "a bad name": {"eventID": 7},
    }
    events = [make(1, {"A": 1}) | change for change in wrong.values()]
    events = [{k: v for k, v in each.items() if v is not None} for each in events]
    good = make(2, {"B": 1})
    read = read_document(document(*events, good), now=NOW, proceed=True)
    assert [event.event_id for event in read.events] == [good["eventID"]]
    assert [each.index for each in read.refused] == list(range(len(wrong)))
    assert all(each.problems for each in read.refused)
    assert read.refused[-1].event_id is None


def test_an_event_refused_by_itself_has_the_problems_that_it_has_in_a_document(store):
    events = [bad(1), make(2, {"B": 1}) | {"eventTimeZoneOffset": "+99:00", "bizStep": ""}]
    read = read_document(document(*events), now=NOW, proceed=True)
    alone = [problem for each in read.refused for problem in each.problems]
    with pytest.raises(Invalid) as together:
        read_document(document(*events), now=NOW)
    assert alone == list(together.value.problems)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"@context": "https://evil.example/"}, "/@context"),
        ({"schemaVersion": "1.2"}, "/schemaVersion"),
        ({"epcisBody": {"eventList": []}}, "/epcisBody/eventList"),
        ({"epcisBody": 1}, "/epcisBody"),
        ({"type": "Letter"}, "/type"),
    ],
)
def test_a_document_whose_head_is_broken_does_not_proceed(change, place):
    body = json.dumps(json.loads(document(make(1, {"A": 1}))) | change).encode()
    with pytest.raises(Invalid) as refused:
        read_document(body, now=NOW, proceed=True)
    assert place in [each.place for each in refused.value.problems]


def test_of_very_many_bad_events_each_is_told_but_not_in_full():
    worst = {f"field{n}": n for n in range(2 * MAX_PROBLEMS)}
    read = read_document(document(*(bad(1, **worst) for _ in range(150))), now=NOW, proceed=True)
    told = [len(each.problems) for each in read.refused]
    assert told == [MAX_PROBLEMS] * 100 + [1] * 50


@pytest.mark.parametrize("asynchronous", [False, True])
def test_what_proceeded_is_made_again_as_it_was(store, asynchronous):
    good = [
        make(1, {"A": 1, "A#1": 1}),
        transform(2, {"A": 1}, {"B": 1}),
        pack(3, "=1", ["A#1"]),
    ]
    mixed = [bad(0), good[0], bad(1), good[1], good[2], bad(4)]
    proceed(store, *mixed, asynchronous=asynchronous)
    before = rows(store)
    assert count(store, "event") == {"event": 3}
    with store.transaction() as session:
        rebuild(session)
    assert rows(store) == before
    with store.reading() as session:
        (event,) = shown(session, ALBA, good[1]["eventID"])
    assert event["inputQuantityList"] == good[1]["inputQuantityList"]


def test_the_same_body_again_is_the_same_job_with_its_errors(store):
    body = document(make(1, {"A": 1}), bad(2))
    first, second = proceed(store, body=body), proceed(store, body=body)
    assert (second.id, second.replayed) == (first.id, True)
    assert second.errors[0].problems[0].text == first.errors[0].problems[0].text
    assert second.errors[0].event_id == first.errors[0].event_id
