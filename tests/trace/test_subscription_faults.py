"""Whatever happens in whatever order: each event is written once, and arrives, in order."""

import random
import shutil
import threading
from pathlib import Path

import pytest

from foodtrace.trace.store.session import Store
from foodtrace.trace.subscriptions import looking, messages, sending
from foodtrace.trace.subscriptions.models import Subscription

from .receiver import receiving
from .subscribing import Partner, ids_in, now, soon, told


@pytest.fixture
def receiver(tmp_path):
    with receiving(tmp_path) as receiver:
        yield receiver


def written(partner):
    """Return the eventIDs of all messages, in the order in which they are to be sent."""
    return [event_id for each in partner.deliveries() for event_id in ids_in(each.body)]


def without_repeats(event_ids):
    return list(dict.fromkeys(event_ids))


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_captures_looks_failures_and_crashes(
    sqlite_template, tmp_path, receiver, monkeypatch, seed
):
    chance = random.Random(seed)
    path = Path(shutil.copy(sqlite_template, tmp_path / "any.sqlite"))
    store = Store(f"sqlite:///{path}")
    monkeypatch.setattr(messages, "MOST_EVENTS", 2)
    alba = Partner(store, receiver)
    alba.ask()
    alba.subscribe()
    expected, at = [], now()

    def capture():
        names = [f"L{len(expected) + n}" for n in range(chance.randint(1, 4))]
        expected.extend(alba.capture(*names))

    def look():
        alba.look(at)

    def send():
        receiver.answers[:] = chance.choices([200, 500, 413, 503], k=4)
        alba.send(at)

    def crash():
        # Claimed, perhaps sent, and nobody there to write down what came of it.
        for claim in sending.claim_due(store, at, 8):
            if chance.random() < 0.5:
                receiver.answers[:] = [200]
                receiver.destinations().post(claim.dest, claim.body, {})

    for _ in range(40):
        chance.choice([capture, look, send, crash])()
        at += chance.choice([1, 60, 3600]) * (soon(seconds=1) - soon(seconds=0))
    receiver.answers.clear()
    for _ in range(20):
        at += sending.LEASE * 60
        look()
        alba.send(at)
    assert {each.state for each in alba.deliveries()} <= {"done"}
    assert written(alba) == expected
    assert without_repeats(told(receiver)) == expected
    store.close()


def test_captures_side_by_side_are_told_once_each_while_they_happen(store, receiver):
    alba = Partner(store, receiver)
    alba.ask()
    alba.subscribe(initialRecordTime="2020-01-01T00:00:00Z")
    captured, busy = [], threading.Semaphore(0)

    def capture(number):
        for count in range(8):
            captured.extend(alba.capture(f"T{number}L{count}"))
        busy.release()

    threads = [threading.Thread(target=capture, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    finished = 0
    while finished < len(threads):
        alba.look()
        finished += busy.acquire(timeout=0.01)
    for thread in threads:
        thread.join()
    alba.look()
    assert sorted(written(alba)) == sorted(captured)
    assert len(captured) == 32


def test_a_look_passes_so_many_events_and_goes_on_where_it_stopped(store, receiver, monkeypatch):
    monkeypatch.setattr(looking, "MOST_PASSED", 2)
    alba = Partner(store, receiver)
    alba.ask()
    alba.ask("rare", EQ_bizStep=["shipping"])
    alba.subscribe()
    empty = alba.subscribe("rare", schedule={"second": "0"}, reportIfEmpty=True)
    expected = alba.capture("A", "B", "C", "D", "E", "F", "G")
    at = soon(minutes=2)
    looks = 0
    while alba.look(at):
        looks += 1
    assert looks >= len(expected) / 2
    alba.send(at)
    assert told(receiver) == expected
    # Nothing was found only when all of them were passed: that is said once.
    of_rare = [each for each in alba.deliveries() if each.subscription_id == empty.id]
    assert [each.events for each in of_rare] == [0]


def test_a_subscription_that_fails_keeps_no_other_waiting(store, receiver):
    alba = Partner(store, receiver)
    alba.ask()
    broken = alba.subscribe()
    alba.subscribe()
    with store.transaction() as session:
        session.get(Subscription, broken.id).formats = {"GS1-EPC-Format": "of a later version"}
    expected = alba.capture("A")
    with pytest.raises(ValueError, match="of a later version"):
        alba.look()
    alba.send()
    assert told(receiver) == expected
