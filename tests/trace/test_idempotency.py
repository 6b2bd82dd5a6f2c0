"""Sent twice, stored once: also at the same moment, and on both databases."""

import random
import threading

import pytest
from sqlalchemy import func, select, text

from foodtrace.trace.capture.jobs import get_capture
from foodtrace.trace.capture.services import record_event
from foodtrace.trace.errors import NotFound, Unprocessable
from foodtrace.trace.store.models import Event, Statement
from foodtrace.trace.store.session import Store

from .acts import ALBA, BRUNO, INES, capture, count, make, see


def at_once(number, work):
    """Run the work in so many threads that start together; return results and errors."""
    barrier = threading.Barrier(number)
    results, errors = [], []

    def run(index):
        barrier.wait()
        try:
            results.append(work(index))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results, errors


def test_the_same_key_and_body_get_the_same_answer(store):
    event = make(1, {"A": 1})
    first = capture(store, event, key="k")
    second = capture(store, event, key="k")
    assert (first.replayed, second.replayed) == (False, True)
    assert (second.id, second.event_ids, second.created_at) == (
        first.id,
        first.event_ids,
        first.created_at,
    )
    assert count(store, "event", "document", "capture") == {"event": 1, "document": 1, "capture": 1}


def test_the_same_key_with_another_body_is_refused(store):
    capture(store, make(1, {"A": 1}), key="k")
    with pytest.raises(Unprocessable, match="another body"):
        capture(store, make(1, {"B": 1}), key="k")
    assert count(store, "event") == {"event": 1}


def test_without_a_key_the_body_is_its_own(store):
    event = make(1, {"A": 1})
    assert not capture(store, event).replayed
    assert capture(store, event).replayed
    assert count(store, "event") == {"event": 1}


def test_keys_belong_to_a_party(store):
    capture(store, make(1, {"A": 1}), key="k")
    assert not capture(store, make(1, {"B": 1}), key="k", actor=BRUNO).replayed


def test_an_event_that_was_captured_before_is_a_duplicate(store):
    old, new = make(1, {"A": 1}), make(1, {"B": 1})
    capture(store, old)
    captured = capture(store, old, new)
    assert captured.event_ids == [new["eventID"]]
    assert captured.duplicates == [old["eventID"]]
    assert count(store, "event", "statement") == {"event": 2, "statement": 2}


def test_an_event_that_stands_twice_in_a_document_is_recorded_once(store):
    event = make(1, {"A": 1})
    captured = capture(store, event, event)
    assert (captured.event_ids, captured.duplicates) == ([event["eventID"]], [event["eventID"]])


def test_a_document_of_duplicates_only_is_answered_like_any_other(store):
    event = make(1, {"A": 1})
    capture(store, event, key="1")
    captured = capture(store, event, key="2")
    assert (captured.event_ids, captured.duplicates) == ([], [event["eventID"]])
    assert capture(store, event, key="2").replayed


def test_two_requests_at_once_with_one_key_record_one_event(store):
    event = make(1, {"A": 1})
    results, errors = at_once(8, lambda _: capture(store, event, key="k"))
    assert errors == []
    assert len({(each.id, *each.event_ids) for each in results}) == 1
    assert sorted(each.replayed for each in results) == [False] + [True] * 7
    assert count(store, "event", "statement", "document") == {
        "event": 1,
        "statement": 1,
        "document": 1,
    }


def test_one_event_at_once_under_many_keys_is_recorded_once(store):
    event = make(1, {"A": 1})
    results, errors = at_once(8, lambda index: capture(store, event, key=f"k{index}"))
    assert errors == []
    assert sum(len(each.event_ids) for each in results) == 1
    assert sum(len(each.duplicates) for each in results) == 7
    assert count(store, "event", "statement") == {"event": 1, "statement": 1}


def test_the_same_new_items_at_once_become_one_item_each(store):
    names = {f"L{number}": 1 for number in range(30)}

    def work(index):
        order = sorted(names, reverse=bool(index % 2))
        return capture(store, see(index, {name: 1 for name in order}))

    results, errors = at_once(8, work)
    assert errors == []
    assert len(results) == 8
    assert count(store, "item", "event") == {"item": 30, "event": 8}


def test_a_refused_document_leaves_nothing_behind(store):
    before = count(store)

    def fail_later_on():
        with store.transaction() as session:
            record_event(session, ALBA, make(1, {"A": 1}))
            raise RuntimeError("no power")

    with pytest.raises(RuntimeError, match="no power"):
        fail_later_on()
    assert count(store) == before


def test_an_event_without_id_gets_one_that_follows_from_what_it_says(store):
    event = make(1, {"A": 1})
    del event["eventID"]
    with store.transaction() as session:
        first = record_event(session, ALBA, event)
        again = record_event(session, ALBA, event)
        other = record_event(session, ALBA, event, key="another act")
        retried = record_event(session, ALBA, event, key="another act")
        of_another = record_event(session, BRUNO, event)
    assert first == again
    assert other == retried
    assert len({first.id, other.id, of_another.id}) == 3
    assert len({first.event_id, other.event_id, of_another.event_id}) == 3


def test_a_capture_can_be_read_again_by_its_sender_and_the_authorities(store):
    captured = capture(store, make(1, {"A": 1}))
    with store.reading() as session:
        for actor in (ALBA, INES):
            assert get_capture(session, actor, captured.id).event_ids == captured.event_ids
        for actor, capture_id in ((BRUNO, captured.id), (ALBA, "none")):
            with pytest.raises(NotFound):
                get_capture(session, actor, capture_id)


def test_every_event_has_the_id_of_its_statement(store):
    capture(store, make(1, {"A": 1}), make(2, {"B": 1}))
    with store.reading() as session:
        assert (
            session.scalars(select(Event.id)).all() == session.scalars(select(Statement.id)).all()
        )
        assert session.scalar(select(func.count()).select_from(Event)) == 2


def test_the_same_events_at_once_in_any_order_are_recorded_once(store):
    names = [f"#{number}" for number in range(100)]
    capture(store, see(0, names))  # known items: nobody waits for a new one
    events = [see(1, [name]) for name in names]

    def send(index):
        return capture(store, *random.Random(index).sample(events, len(events)))

    results, errors = at_once(8, send)
    assert errors == []
    assert sorted(len(result.event_ids) for result in results) == [0] * 7 + [100]
    assert count(store, "event") == {"event": 101}


def test_events_are_written_in_one_order_so_that_two_captures_never_wait_for_each_other(
    postgresql_url_of_test,
):
    store = Store(postgresql_url_of_test)
    events = [see(1, [f"#{number}"]) for number in range(9)]
    capture(store, *reversed(events))
    with store.reading() as session:
        written = session.scalars(text("SELECT event_id FROM event ORDER BY ctid")).all()
        recorded = session.scalars(select(Event.event_id).order_by(Event.id)).all()
    store.close()
    assert written == sorted(written)
    assert recorded == written[::-1]  # the ids follow the document
