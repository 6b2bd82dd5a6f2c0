"""Subscriptions from end to end: events captured, messages written, sent and verified."""

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete
from standardwebhooks import Webhook

from foodtrace.trace.access.models import ApiKey
from foodtrace.trace.capture.events import lock_for
from foodtrace.trace.capture.reading import read_capture
from foodtrace.trace.capture.services import capture_document
from foodtrace.trace.capture.settled import settled_id
from foodtrace.trace.epcis.event_hash import event_hash
from foodtrace.trace.epcis.reader import read_document, read_event
from foodtrace.trace.query.models import NamedQuery
from foodtrace.trace.query.named import delete_query
from foodtrace.trace.subscriptions import looking, messages, sending, services
from foodtrace.trace.worker import JOBS, work_once

from ..web import add_person
from .acts import CONTEXT, document, make, see
from .receiver import HOST, receiving
from .subscribing import SECRET, Partner, ids_in, now, soon, told


@pytest.fixture
def receiver(tmp_path):
    with receiving(tmp_path) as receiver:
        yield receiver


@pytest.fixture
def alba(store, receiver):
    return Partner(store, receiver)


def test_it_works(alba, receiver):
    alba.ask()
    subscribed = alba.subscribe()
    expected = alba.capture("A", "B")
    assert alba.look()
    alba.send()
    (got,) = receiver.received
    message = Webhook(SECRET.encode()).verify(got.body, got.headers)
    assert message["type"] == "EPCISQueryDocument"
    results = message["epcisBody"]["queryResults"]
    assert (results["queryName"], results["subscriptionID"]) == ("all", subscribed.id)
    assert [each["eventID"] for each in results["resultsBody"]["eventList"]] == expected
    assert not alba.look()


def test_the_worker_does_it(alba, receiver, store, monkeypatch):
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *more, **options: real(
            "127.0.0.1" if host == HOST else host, *more, **options
        ),
    )
    alba.ask()
    alba.subscribe()
    expected = alba.capture("A")
    for _ in range(200):
        work_once(store, alba.settings)
        if alba.deliveries()[0].state == "done":
            break
        time.sleep(0.05)
    assert told(receiver) == expected
    assert alba.deliveries()[0].state == "done"
    assert sending.tidy in JOBS


# What is told


def test_events_that_do_not_fit_are_not_told(alba, receiver, store):
    alba.ask("shipped", EQ_bizStep=["shipping"])
    alba.subscribe("shipped")
    alba.capture("A")
    shipped = see(2, ["A"])
    read = read_document(document(shipped), now=now())
    with store.transaction() as session:
        capture_document(session, alba.actor, read, content_type="application/json", key=None)
    alba.look()
    alba.send()
    assert told(receiver) == [shipped["eventID"]]


def test_each_event_is_told_once(alba, receiver):
    alba.ask()
    alba.subscribe()
    expected = []
    for name in ("A", "B", "C"):
        expected += alba.capture(name)
        alba.look()
        alba.look()
        alba.send()
    assert told(receiver) == expected


def test_events_of_before_are_told_only_from_the_time_that_is_asked_for(alba, receiver):
    alba.ask()
    before = alba.capture("A")
    alba.subscribe()
    alba.subscribe(initialRecordTime="2020-01-01T00:00:00+08:00")
    after = alba.capture("B")
    alba.look()
    alba.send()
    assert sorted(told(receiver)) == sorted(before + after + after)


def test_a_producer_is_told_of_its_own_events_only(alba, receiver, store):
    bruno = Partner(store, receiver, "Bruno")
    alba.ask()
    alba.subscribe()
    bruno.capture("B")
    own = alba.capture("A")
    alba.look()
    alba.send()
    assert told(receiver) == own


def test_a_regulator_is_told_of_all_events(alba, receiver, store):
    rosa = Partner(store, receiver, "Rosa", "regulator")
    rosa.ask()
    rosa.subscribe()
    expected = alba.capture("A")
    rosa.look()
    rosa.send()
    assert told(receiver) == expected


def test_identifiers_are_written_as_was_asked_when_subscribing(alba, receiver):
    alba.ask()
    alba.subscribe(formats={"GS1-EPC-Format": "Always_EPC_URN"})
    alba.capture("A")
    alba.look()
    alba.send()
    (got,) = receiver.received
    assert got.headers["gs1-epc-format"] == "Always_EPC_URN"
    assert b"urn:epc:class:lgtin:" in got.body
    assert b"https://id.gs1.org" not in got.body


def test_what_is_told_can_be_captured_elsewhere(alba, receiver, store):
    alba.ask()
    alba.subscribe()
    event = make(1, {"A": 1}) | {"ex:weight": {"ex:net": 1.10}, "ex:note": "a < b"}
    event = {"@context": [*CONTEXT, {"ex": "https://ns.partner.example/"}], **event}
    with store.transaction() as session:
        read = read_event(json.dumps(event).encode(), now=now())
        capture_document(session, alba.actor, read, content_type="application/json", key=None)
    alba.look()
    alba.send()
    (got,) = receiver.received
    assert b'"ex:net":1.1' in got.body
    (again,) = read_capture(got.body, "application/json", now=now()).events
    assert again.event_id == event["eventID"]
    assert again.prefixes["ex"] == "https://ns.partner.example/"
    assert event_hash(
        json.loads(got.body)["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0],
        again.prefixes,
    ) == event_hash(event, again.prefixes)


def test_a_message_holds_no_more_events_than_it_may(alba, receiver, monkeypatch):
    monkeypatch.setattr(messages, "MOST_EVENTS", 2)
    alba.ask()
    alba.subscribe()
    expected = alba.capture("A", "B", "C", "D", "E")
    alba.look()
    alba.send()
    assert [len(ids_in(got.body)) for got in receiver.received] == [2, 2, 1]
    assert told(receiver) == expected


def test_a_message_is_no_larger_than_it_may_be(alba, receiver, monkeypatch):
    monkeypatch.setattr(messages, "MOST_BYTES", 1000)
    alba.ask()
    alba.subscribe()
    expected = alba.capture("A", "B", "C")
    alba.look()
    alba.send()
    assert told(receiver) == expected
    assert len(receiver.received) > 1
    assert all(len(got.body) < 1500 for got in receiver.received)


def test_a_look_that_finds_more_than_it_may_write_goes_on_later(alba, receiver, monkeypatch):
    monkeypatch.setattr(messages, "MOST_EVENTS", 1)
    monkeypatch.setattr(looking, "MOST_MESSAGES", 2)
    alba.ask()
    alba.subscribe()
    expected = alba.capture("A", "B", "C", "D", "E")
    assert [alba.look() for _ in range(4)] == [True, True, True, False]
    alba.send()
    assert told(receiver) == expected


def test_nothing_is_written_for_a_receiver_with_a_backlog(alba, receiver, monkeypatch):
    monkeypatch.setattr(looking, "MOST_WAITING", 1)
    alba.ask()
    alba.subscribe()
    first = alba.capture("A")
    alba.look()
    second = alba.capture("B")
    assert not alba.look()
    alba.send()
    assert alba.look()
    alba.send()
    assert told(receiver) == first + second


# Schedules


def test_a_schedule_waits_for_its_time(alba, receiver):
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)  # 20:00 in China
    alba.ask()
    alba.subscribe(schedule={"hour": "21"}, at=at, initialRecordTime="2020-01-01T00:00:00Z")
    expected = alba.capture("A")
    assert not alba.look(at + timedelta(minutes=59))
    assert alba.look(at + timedelta(minutes=60))
    assert alba.subscriptions()[0].due_at == at + timedelta(hours=25)
    alba.send(at + timedelta(hours=1))
    assert told(receiver) == expected


def test_an_empty_result_is_reported_only_when_that_is_asked_for(alba, receiver):
    alba.ask()
    silent = alba.subscribe(schedule={"second": "0"})
    talking = alba.subscribe(schedule={"second": "0"}, reportIfEmpty=True)
    alba.look(soon(minutes=2))
    alba.send(soon(minutes=2))
    (got,) = receiver.received
    results = json.loads(got.body)["epcisBody"]["queryResults"]
    assert results["subscriptionID"] == talking.id != silent.id
    assert results["resultsBody"] == {"eventList": []}


# Signatures


def test_the_signature_of_the_standard_is_the_hmac_of_the_body(alba, receiver):
    alba.ask()
    alba.subscribe()
    alba.capture("A")
    alba.look()
    alba.send()
    (got,) = receiver.received
    expected = hmac.new(SECRET.encode(), got.body, hashlib.sha256).digest()
    assert base64.b64decode(got.headers["gs1-signature"]) == expected
    assert got.headers["content-type"] == "application/json"


def test_a_secret_of_the_libraries_is_understood(alba, receiver):
    secret = "whsec_" + base64.b64encode(b"twenty-four random bytes").decode()
    alba.ask()
    alba.subscribe(secret=secret)
    alba.capture("A")
    alba.look()
    alba.send()
    (got,) = receiver.received
    assert Webhook(secret).verify(got.body, got.headers)["type"] == "EPCISQueryDocument"


# When things go wrong


def test_what_was_written_is_sent_after_a_restart_under_its_number(alba, receiver):
    alba.ask()
    alba.subscribe()
    expected = alba.capture("A")
    alba.look()
    (claimed,) = sending.claim_due(alba.store, now(), 8)  # and the process dies
    assert sending.claim_due(alba.store, now(), 8) == []
    alba.send(now() + sending.LEASE)
    (got,) = receiver.received
    assert got.headers["webhook-id"] == claimed.delivery_id
    assert told(receiver) == expected


def test_a_failure_is_tried_again_later_and_later_under_the_same_number(alba, receiver):
    receiver.answers[:] = [500] * 11
    alba.ask()
    alba.subscribe()
    alba.capture("A")
    alba.look()
    at, begun = now(), now()
    for number in range(1, 12):
        alba.send(at)
        (delivery,) = alba.deliveries()
        assert (delivery.state, delivery.attempts) == ("waiting", number)
        assert delivery.due_at - at == sending.pause_after(delivery.id, number)
        alba.send(delivery.due_at - timedelta(seconds=1))
        at = delivery.due_at
    alba.send(at)
    assert alba.deliveries()[0].state == "done"
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    assert len(receiver.received) == 12
    assert timedelta(days=2.5) < at - begun < timedelta(days=3.5)


def test_pauses_grow_and_differ_from_message_to_message():
    pauses = [sending.pause_after("msg_1", number) for number in range(1, 12)]
    assert pauses[:9] == sorted(pauses[:9])
    assert timedelta(hours=18) <= min(pauses[9:])
    assert max(pauses) <= timedelta(hours=22)
    assert sending.pause_after("msg_1", 5) != sending.pause_after("msg_2", 5)


def test_after_twelve_failures_a_message_is_dead_and_the_next_one_has_its_turn(alba, receiver):
    receiver.answers[:] = [(503, {}, b"closed")] * 12
    alba.ask()
    alba.subscribe()
    first = alba.capture("A")
    alba.look()
    second = alba.capture("B")
    alba.look()
    at = now()
    for _ in range(12):
        alba.send(at)
        at = alba.deliveries()[0].due_at
    dead, waiting = alba.deliveries()
    assert (dead.state, dead.answer, waiting.state) == ("dead", "503 closed", "waiting")
    alba.send(at)
    assert told(receiver) == first * 12 + second


def test_a_dead_message_can_be_sent_again(alba, receiver, monkeypatch):
    monkeypatch.setattr(sending, "MOST_ATTEMPTS", 1)
    receiver.answers[:] = [500]
    alba.ask()
    subscribed = alba.subscribe()
    expected = alba.capture("A")
    alba.look()
    alba.send()
    (dead,) = alba.deliveries()
    with alba.store.transaction() as session:
        services.redeliver(session, alba.actor, subscription_id=subscribed.id, delivery_id=dead.id)
    alba.send()
    assert told(receiver) == expected * 2
    assert {got.headers["webhook-id"] for got in receiver.received} == {dead.id}
    assert alba.deliveries()[0].state == "done"


def test_order_is_kept_when_the_first_message_fails(alba, receiver):
    receiver.answers[:] = [500]
    alba.ask()
    alba.subscribe()
    first = alba.capture("A")
    alba.look()
    second = alba.capture("B")
    alba.look()
    alba.send()
    assert told(receiver) == first
    alba.send(soon(minutes=1))
    assert told(receiver) == first + first + second


def test_a_receiver_that_is_gone_ends_the_subscription(alba, receiver):
    receiver.answers[:] = [410]
    alba.ask()
    alba.subscribe()
    alba.capture("A")
    alba.look()
    alba.send()
    (subscription,) = alba.subscriptions()
    assert subscription.ended_because == "gone"
    assert [each.state for each in alba.deliveries()] == ["dead"]
    alba.capture("B")
    assert not alba.look()


def test_a_receiver_that_took_nothing_for_ten_days_is_given_up(alba, receiver, monkeypatch):
    monkeypatch.setattr(sending, "MOST_ATTEMPTS", 1)
    receiver.answers[:] = [500, 500]
    alba.ask()
    alba.subscribe()
    alba.capture("A")
    alba.look()
    alba.send()
    assert alba.subscriptions()[0].ended_at is None
    alba.capture("B")
    alba.look()
    alba.send(soon(days=11))
    assert alba.subscriptions()[0].ended_because == "unreachable"


def test_a_receiver_that_wants_less_at_once_gets_halves_in_order(alba, receiver):
    receiver.answers[:] = [413, 413]
    alba.ask()
    alba.subscribe()
    names = alba.capture("A", "B", "C", "D", "E")
    alba.look()
    last = alba.capture("F")
    alba.look()
    alba.send()
    assert [ids_in(got.body) for got in receiver.received] == [
        names, names[:2], names[:1], names[1:2], names[2:], last,
    ]  # fmt: skip
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 6


def test_one_event_that_is_too_large_is_a_failure_like_any(alba, receiver):
    receiver.answers[:] = [413]
    alba.ask()
    alba.subscribe()
    alba.capture("A")
    alba.look()
    alba.send()
    assert [each.state for each in alba.deliveries()] == ["waiting"]


def test_a_slow_receiver_does_not_hold_up_others(store, tmp_path):
    folders = [tmp_path / name for name in ("slow", "quick")]
    for folder in folders:
        folder.mkdir()
    with receiving(folders[0]) as slow, receiving(folders[1]) as quick:
        slow.free.clear()
        both = tmp_path / "both.pem"
        both.write_bytes(slow.ca_file.read_bytes() + quick.ca_file.read_bytes())
        alba, bruno = Partner(store, slow), Partner(store, quick, "Bruno")
        for partner in (alba, bruno):
            partner.ask()
            partner.subscribe()
            partner.capture("A")
        alba.look()
        claims = sending.claim_due(store, now(), 8)
        assert len(claims) == 2
        (waiting,) = [claim for claim in claims if claim.dest == slow.url]
        thread = threading.Thread(
            target=sending.attempt, args=(store, slow.destinations(), waiting, now())
        )
        thread.start()
        (other,) = [claim for claim in claims if claim.dest == quick.url]
        sending.attempt(store, quick.destinations(), other, now())
        assert len(told(quick)) == 1
        assert thread.is_alive()
        slow.free.set()
        thread.join()
        assert {each.state for each in alba.deliveries()} == {"done"}


def test_no_transaction_is_open_while_a_message_is_sent(alba, receiver, store):
    seen = []

    def capturing(handler):
        # Would wait for ever, on SQLite, if the sender held the write lock.
        seen.append(alba.capture("B"))
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    receiver.answers.append(capturing)
    alba.ask()
    alba.subscribe()
    alba.capture("A")
    alba.look()
    alba.send()
    assert len(seen) == 1


def test_unsubscribing_while_a_message_is_sent_leaves_nothing(alba, receiver):
    alba.ask()
    subscribed = alba.subscribe()

    def unsubscribing(handler):
        with alba.store.transaction() as session:
            services.unsubscribe(
                session, alba.actor, query_name="all", subscription_id=subscribed.id
            )
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    receiver.answers.append(unsubscribing)
    alba.capture("A")
    alba.look()
    alba.send()
    assert len(receiver.received) == 1
    assert alba.subscriptions() == alba.deliveries() == []


def test_a_query_that_is_deleted_takes_its_subscriptions_along(alba, receiver):
    alba.ask()
    alba.subscribe()
    alba.capture("A")
    alba.look()
    with alba.store.transaction() as session:
        delete_query(session, alba.actor, "all")
    assert alba.subscriptions() == alba.deliveries() == []
    alba.send()
    assert receiver.received == []


def test_the_database_itself_lets_nothing_of_a_deleted_query_remain(alba, receiver):
    alba.ask()
    alba.subscribe()
    alba.capture("A")
    alba.look()
    with alba.store.transaction() as session:
        session.execute(delete(NamedQuery))
    assert alba.subscriptions() == alba.deliveries() == []


def test_a_subscription_outlives_the_key_that_made_it_but_not_the_last_one(alba, receiver, store):
    alba.ask()
    alba.subscribe()
    alba.capture("A")
    alba.look()
    with store.transaction() as session:
        session.execute(delete(ApiKey))
    alba.send()
    assert receiver.received == []
    (subscription,) = alba.subscriptions()
    assert subscription.ended_because == "nobody"


def test_a_party_without_access_is_not_looked_for(alba, receiver, store):
    alba.ask()
    alba.subscribe()
    alba.capture("A")
    with store.transaction() as session:
        session.query(ApiKey).update({"withdrawn_at": now()})
    assert alba.look()
    assert alba.subscriptions()[0].ended_because == "nobody"
    assert alba.deliveries() == []


def test_an_open_account_is_access_enough(alba, receiver, store):
    alba.ask()
    alba.subscribe()
    expected = alba.capture("A")
    add_person(store, "li.na", "producer", party_id=alba.party_id)
    with store.transaction() as session:
        session.execute(delete(ApiKey))
    alba.look()
    alba.send()
    assert told(receiver) == expected


def test_who_may_read_less_than_is_told_does_not_keep_a_subscription(alba, receiver, store):
    rosa = Partner(store, receiver, "Rosa", "regulator")
    rosa.ask()
    rosa.subscribe()
    alba.capture("A")
    with store.transaction() as session:
        session.query(ApiKey).filter_by(party_id=rosa.party_id).update({"role": "producer"})
    rosa.look()
    assert rosa.subscriptions()[0].ended_because == "nobody"


def test_a_query_that_is_refused_is_told_of_as_the_standard_says(alba, receiver, store):
    alba.ask()
    alba.subscribe()
    expected = alba.capture("A")
    with store.transaction() as session:
        session.query(NamedQuery).update({"query": {"EQ_nonsense": ["a"]}})
    alba.look()
    assert not alba.look()
    alba.send()
    (got,) = receiver.received
    problem = json.loads(got.body)
    assert problem["type"] == "epcisException:QueryParameterException"
    assert problem["status"] == 400
    with store.transaction() as session:
        session.query(NamedQuery).update({"query": {}})
    receiver.received.clear()
    alba.look(soon(hours=1, seconds=1))
    alba.send(soon(hours=2))
    assert told(receiver) == expected


# Old messages


def test_bodies_are_dropped_a_week_after_they_were_taken(alba, receiver, store):
    alba.ask()
    alba.subscribe()
    alba.capture("A")
    alba.look()
    alba.send()
    assert not sending.tidy_at(store, soon(days=6))
    assert sending.tidy_at(store, soon(days=8))
    (past,) = alba.deliveries()
    assert (past.state, past.body, past.events) == ("past", b"", 1)
    assert not sending.tidy_at(store, soon(days=8))


def test_a_subscription_that_ended_is_kept_for_a_month(alba, receiver, store):
    receiver.answers[:] = [410]
    alba.ask()
    alba.subscribe()
    alba.capture("A")
    alba.look()
    alba.send()
    assert not sending.tidy_at(store, soon(days=29))
    assert sending.tidy_at(store, soon(days=31))
    assert alba.subscriptions() == alba.deliveries() == []


# Captures side by side


@pytest.fixture
def postgresql_alba(postgresql_url_of_test, receiver):
    from foodtrace.trace.store.session import Store

    store = Store(postgresql_url_of_test)
    yield Partner(store, receiver)
    store.close()


def test_an_event_that_is_committed_after_a_later_one_is_not_missed(postgresql_alba, receiver):
    alba = postgresql_alba
    first = alba.capture("Z")
    alba.ask()
    alba.subscribe(initialRecordTime="2020-01-01T00:00:00Z")
    slow = make(1, {"A": 1})
    read = read_document(document(slow), now=now())
    with alba.store.transaction() as session:
        capture_document(session, alba.actor, read, content_type="application/json", key=None)
        later = alba.capture("B")
        # B is there, A has the smaller id and is not: nothing is told, not even B.
        assert settled_id(alba.store, patience=0.05) is None
        assert not alba.look(patience=0.05)
    assert alba.look()
    alba.send()
    assert told(receiver) == [*first, slow["eventID"], *later]


def test_captures_that_begin_later_are_not_waited_for(postgresql_alba, receiver):
    alba = postgresql_alba
    alba.capture("A")
    first, proceed = threading.Event(), threading.Event()

    def capture_endlessly():
        while not proceed.is_set():
            with alba.store.transaction() as session:
                lock_for(session, [])
                first.set()
                proceed.wait(0.02)

    threads = [threading.Thread(target=capture_endlessly) for _ in range(3)]
    for thread in threads:
        thread.start()
    first.wait()
    # There is always one under way, but none for ever.
    found = settled_id(alba.store, patience=10)
    proceed.set()
    for thread in threads:
        thread.join()
    assert found is not None


def test_two_processes_that_look_at_once_tell_each_event_once(alba, receiver):
    alba.ask()
    alba.subscribe()
    expected = alba.capture("A", "B")
    barrier = threading.Barrier(2)

    def look():
        barrier.wait()
        alba.look()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alba.send()
    assert told(receiver) == expected


def test_two_processes_that_send_at_once_claim_each_message_once(alba):
    alba.ask()
    for _ in range(5):
        alba.subscribe()
    alba.capture("A")
    alba.look()
    barrier, claimed = threading.Barrier(2), []

    def claim():
        barrier.wait()
        claimed.extend(sending.claim_due(alba.store, now(), 8))

    threads = [threading.Thread(target=claim) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rest = sending.claim_due(alba.store, now(), 8)
    assert sorted(c.delivery_id for c in claimed + rest) == sorted(d.id for d in alba.deliveries())
