"""Capture jobs: answered at once, recorded later, once, whatever happens in between."""

import json
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from foodtrace.trace.capture import recording, waiting
from foodtrace.trace.capture.jobs import get_capture, is_large
from foodtrace.trace.capture.rebuild import rebuild
from foodtrace.trace.capture.services import capture_document
from foodtrace.trace.capture.waiting import MOST_ATTEMPTS, MOST_ATTEMPTS_WHEN_BUSY, record_waiting
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.errors import Invalid, Problem, Unavailable, Unprocessable
from foodtrace.trace.store.models import Capture, Document
from foodtrace.trace.store.session import Store
from foodtrace.trace.worker import work_once

from ..web import settings_of
from .acts import (
    ALBA,
    capture,
    count,
    document,
    lot,
    make,
    pack,
    rows,
    rows_by_name,
    see,
    shown,
    transform,
    unpack,
    wrong,
)


def queue(store, *events, actor=ALBA, key=None, body=None, behaviour="rollback"):
    """Capture a document of these events later."""
    read = read_document(
        body or document(*events), now=datetime.now(UTC), proceed=behaviour == "proceed"
    )
    with store.transaction() as session:
        return capture_document(
            session,
            actor,
            read,
            content_type="application/ld+json",
            key=key,
            behaviour=behaviour,
            asynchronous=True,
        )


def job_of(store, captured, actor=ALBA):
    with store.reading() as session:
        return get_capture(session, actor, captured.id)


def work(store):
    return work_once(store, settings_of(store))


def test_a_waiting_document_is_recorded_by_the_worker(store):
    event = make(1, {"A": 1})
    queued = queue(store, event)
    assert (queued.running, queued.success, queued.finished_at) == (True, True, None)
    assert count(store, "document", "statement", "event") == {
        "document": 1,
        "statement": 0,
        "event": 0,
    }
    assert work(store)
    job = job_of(store, queued)
    assert (job.running, job.success) == (False, True)
    assert job.event_ids == [event["eventID"]]
    assert job.created_at == queued.created_at < job.finished_at
    assert count(store, "event") == {"event": 1}
    assert not work(store)


def test_documents_are_recorded_in_the_order_in_which_they_came(store):
    events = [make(1, {"A": 1}), make(2, {"B": 1}), make(3, {"C": 1})]
    queued = [queue(store, event) for event in events]
    done = []
    while work(store):
        done.append([job_of(store, each).running for each in queued])
    assert done == [[False, True, True], [False, False, True], [False, False, False]]


def test_what_waits_is_recorded_after_a_restart_once(store):
    queued = queue(store, make(1, {"A": 1}))
    store.close()
    restarted = Store(store.url)
    try:
        assert work(restarted)
        assert not work(restarted)
        assert job_of(restarted, queued).state == "done"
        assert count(restarted, "event", "document") == {"event": 1, "document": 1}
    finally:
        restarted.close()


def test_the_same_body_again_is_the_same_job(store):
    body = document(make(1, {"A": 1}))
    first, second = queue(store, body=body), queue(store, body=body)
    assert (second.id, second.running, second.replayed) == (first.id, True, True)
    work(store)
    third = queue(store, body=body)
    assert (third.id, third.running, third.replayed) == (first.id, False, True)
    assert not work(store)


def test_a_key_that_waits_takes_no_other_body(store):
    queue(store, make(1, {"A": 1}), key="k")
    with pytest.raises(Unprocessable):
        queue(store, make(1, {"B": 1}), key="k")
    with pytest.raises(Unprocessable):
        capture(store, make(1, {"B": 1}), key="k")


def test_an_event_that_came_meanwhile_is_a_duplicate(store):
    event, other = make(1, {"A": 1}), make(1, {"B": 1})
    queued = queue(store, event, other)
    capture(store, event)
    work(store)
    job = job_of(store, queued)
    assert (job.event_ids, job.duplicates) == ([other["eventID"]], [event["eventID"]])
    assert job.success


def test_nothing_is_derived_of_what_waits_and_a_rebuild_is_the_same(store):
    capture(store, make(1, {"A": 1}))
    queued = queue(store, make(2, {"B": 1}), see(3, {"A": 1}))
    before = rows(store)
    with store.transaction() as session:
        rebuild(session)
    assert rows(store) == before
    work(store)
    after = rows(store)
    with store.transaction() as session:
        rebuild(session)
    assert rows(store) == after != before
    assert job_of(store, queued).state == "done"


def test_what_is_recorded_later_is_recorded_alike(store, sqlite_template, tmp_path):
    """The worker does what a capture does at once: with the same rows in the end."""
    path = tmp_path / "at_once.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    at_once = Store(f"sqlite:///{path}")
    days = [
        [make(0, {"A": 10, "A#1": 1}, {"foodtrace:origin": "寿光"}), pack(1, "=1", {"A": 4})],
        [pack(2, "=1", ["A#1"]), see(3, ["=1"]), transform(4, ["=1"], {"B": 5})],
        [unpack(5, "=1"), mistake := make(6, {"C": 1})],
        [wrong(mistake), make(6, {"C": 2})],
    ]
    for events in days:
        capture(at_once, *events)
        queue(store, *events)
    while work(store):
        pass
    try:
        assert rows_by_name(store) == rows_by_name(at_once)
    finally:
        at_once.close()


def test_events_have_the_time_at_which_their_document_arrived(store):
    queued = queue(store, make(1, {"A": 1}))
    work(store)
    with store.reading() as session:
        assert session.scalars(select(Document.received_at)).all() == [queued.created_at]


# --- what goes wrong


def breaking(monkeypatch, error, times=1_000_000):
    """Have recording raise so many times."""
    real = recording.project_events
    left = iter(range(times))

    def project(*arguments):
        if next(left, None) is not None:
            raise error
        return real(*arguments)

    monkeypatch.setattr(recording, "project_events", project)


def test_what_waits_goes_on_waiting_while_the_record_is_read_only(store):
    queued = queue(store, make(1, {"A": 1}))
    store.standing.stop(Problem("", "the log is not what was signed"))
    assert not work(store)
    assert job_of(store, queued).running
    assert count(store, "statement") == {"statement": 0}
    store.standing.resume()
    assert work(store)
    assert job_of(store, queued).state == "done"


def test_a_document_that_cannot_be_recorded_fails_and_the_next_is_recorded(
    store, monkeypatch, caplog
):
    queued, second = queue(store, make(1, {"A": 1})), queue(store, make(1, {"B": 1}))
    breaking(monkeypatch, ValueError("a fault of ours"), times=MOST_ATTEMPTS)
    for _ in range(MOST_ATTEMPTS - 1):
        with pytest.raises(ValueError, match="a fault of ours"):
            record_waiting(store, settings_of(store))
    assert job_of(store, queued).running
    assert record_waiting(store, settings_of(store))
    job = job_of(store, queued)
    assert (job.running, job.success) == (False, False)
    (error,) = job.errors
    assert (error.status, error.index) == (500, None)
    number = error.problems[0].rule.removeprefix("The number of this failure is ")
    assert f"capture {queued.id} cannot be recorded, id {number}" in caplog.text
    assert "a fault of ours" in caplog.text
    assert count(store, "statement") == {"statement": 0}
    assert work(store)
    assert job_of(store, second).state == "done"
    assert count(store, "document", "event") == {"document": 2, "event": 1}


def test_what_failed_may_be_sent_again(store, monkeypatch):
    body = document(make(1, {"A": 1}))
    failed = queue(store, body=body, key="k")
    with monkeypatch.context() as patched:
        breaking(patched, ValueError("a fault of ours"))
        for _ in range(MOST_ATTEMPTS):
            work(store)
    assert not job_of(store, failed).running
    again = queue(store, body=body, key="k")
    assert again.id != failed.id
    assert work(store)
    assert job_of(store, again).state == "done"
    assert job_of(store, failed).state == "failed"


def test_no_key_of_a_sender_keeps_a_job_from_ending(store, monkeypatch):
    failing = queue(store, make(1, {"A": 1}))
    guessed = [
        queue(store, make(n, {"A": 1}), key=f"failed{c}{failing.id}") for n, c in enumerate(":_-")
    ]
    with monkeypatch.context() as patched:
        breaking(patched, ValueError("a fault of ours"), times=MOST_ATTEMPTS)
        for _ in range(MOST_ATTEMPTS):
            work(store)
    assert job_of(store, failing).state == "failed"
    while work(store):
        pass
    assert {job_of(store, each).state for each in guessed} == {"done"}


def test_a_document_that_breaks_a_rule_by_now_fails_with_its_problems(store, monkeypatch):
    queued = queue(store, make(1, {"A": 1}))
    monkeypatch.setattr(waiting, "read_document", refuse)
    assert work(store)
    (error,) = job_of(store, queued).errors
    assert (error.status, error.title) == (400, "The input breaks a rule")
    assert [(each.place, each.text) for each in error.problems] == [
        ("/epcisBody", "100% wrong. Read 5% less.")
    ]


def refuse(*_arguments, **_options):
    from foodtrace.trace.errors import Problem

    raise Invalid(Problem("/epcisBody", "%(n)s%% wrong", "Read 5%% less", {"n": 100}))


@pytest.mark.parametrize("error", [Unavailable(), OperationalError("", {}, Exception("away"))])
def test_a_database_that_is_away_for_a_while_is_no_fault_of_the_document(store, monkeypatch, error):
    queued = queue(store, make(1, {"A": 1}))
    with monkeypatch.context() as patched:
        patched.setattr(Store, "transaction", raising(error))
        for _ in range(MOST_ATTEMPTS + 1):
            with pytest.raises(type(error)):
                record_waiting(store, settings_of(store))
    assert work(store)
    assert job_of(store, queued).state == "done"


def test_a_busy_database_is_waited_for_but_not_for_ever(store, monkeypatch):
    queued = queue(store, make(1, {"A": 1}))
    breaking(monkeypatch, OperationalError("", {}, Exception("canceled: lock timeout")))
    for _ in range(MOST_ATTEMPTS_WHEN_BUSY - 1):
        with pytest.raises(OperationalError):
            record_waiting(store, settings_of(store))
    assert job_of(store, queued).running
    assert record_waiting(store, settings_of(store))
    assert [error.status for error in job_of(store, queued).errors] == [500]


def raising(error):
    def transaction(_store):
        raise error

    return transaction


def test_half_a_recording_is_undone(store, monkeypatch):
    queue(store, make(1, {"A": 1}), make(2, {"B": 1}))

    def fail(*_arguments, **_options):
        raise ValueError("cut off")

    monkeypatch.setattr(waiting, "finish_job", fail)
    with pytest.raises(ValueError, match="cut off"):
        record_waiting(store, settings_of(store))
    assert count(store, "statement", "event") == {"statement": 0, "event": 0}
    monkeypatch.undo()
    assert work(store)
    assert count(store, "statement", "event") == {"statement": 2, "event": 2}


def test_several_processes_share_what_waits_and_do_each_once(postgresql_url_of_test):
    stores = [Store(postgresql_url_of_test) for _ in range(3)]
    try:
        queued = [queue(stores[0], make(n, {f"L{n}": 1})) for n in range(12)]
        threads = [threading.Thread(target=work_off, args=(each,)) for each in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert all(job_of(stores[0], each).state == "done" for each in queued)
        assert count(stores[0], "event", "statement") == {"event": 12, "statement": 12}
    finally:
        for store in stores:
            store.close()


def work_off(store):
    while record_waiting(store, settings_of(store)):
        pass


def test_a_job_that_another_process_has_in_hand_is_left_to_it(postgresql_url_of_test):
    store = Store(postgresql_url_of_test)
    try:
        first, second = queue(store, make(1, {"A": 1})), queue(store, make(2, {"B": 1}))
        with store.transaction() as other:
            other.execute(select(Capture).where(Capture.id == first.id).with_for_update())
            assert record_waiting(store, settings_of(store))
            assert not record_waiting(store, settings_of(store))
        assert [job_of(store, each).running for each in (first, second)] == [True, False]
        assert record_waiting(store, settings_of(store))
    finally:
        store.close()


# --- what is large


def test_a_large_document_is_one_with_many_events_or_bytes():
    now = datetime.now(UTC)
    small = read_document(document(make(1, {"A": 1})), now=now)
    many = [make(1, {f"A{n}": 1}) for n in range(501)]
    assert not is_large(small)
    assert not is_large(read_document(document(*many[:500]), now=now))
    assert is_large(read_document(document(*many), now=now))
    long = json.dumps({"foodtrace:note": "x" * 9_000})
    long_events = [make(1, {f"A{n}": 1}) | json.loads(long) for n in range(60)]
    assert is_large(read_document(document(*long_events), now=now))


# --- errors are declared, never removed


def test_what_was_declared_wrong_and_what_corrects_it_are_all_on_record(store):
    mistake = make(1, {"A": 1})
    better, best = make(1, {"A": 2}), make(1, {"A": 3})
    capture(store, mistake)
    capture(store, better, corrected(mistake, better))
    capture(store, best, corrected(better, best))
    with store.reading() as session:
        found = {
            each["eventID"]: shown(session, ALBA, each["eventID"])
            for each in (mistake, better, best)
        }
    assert [len(each) for each in found.values()] == [2, 2, 1]
    chain = [mistake["eventID"]]
    while len(found[chain[-1]]) == 2:
        chain += found[chain[-1]][1]["errorDeclaration"]["correctiveEventIDs"]
    assert chain == [mistake["eventID"], better["eventID"], best["eventID"]]
    # The first statement stays as it was received, and only what holds is derived.
    for received, (first, *_) in zip((mistake, better, best), found.values(), strict=True):
        assert first["quantityList"] == received["quantityList"]
        assert "errorDeclaration" not in first
    assert lot(store, "A").amount == 3
    before = rows(store)
    with store.transaction() as session:
        rebuild(session)
    assert rows(store) == before


def corrected(mistake, correction):
    """Declare an event wrong, and say which one is right."""
    declared = wrong(mistake)
    declared["errorDeclaration"]["correctiveEventIDs"] = [correction["eventID"]]
    return declared
