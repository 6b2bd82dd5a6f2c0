"""Looks at the pages of single things: counted once, judged soon, forgotten in time."""

import random
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from foodtrace.trace.capture.services import record_event
from foodtrace.trace.chain import recalled
from foodtrace.trace.codes import flushing, scans, services
from foodtrace.trace.codes.clients import Clients, forget_salts
from foodtrace.trace.codes.flushing import FLUSH_SECONDS, MANY, flush, flush_now, forget
from foodtrace.trace.codes.models import CodeWarning, Scan, ScanTotal
from foodtrace.trace.codes.provinces import PROVINCES
from foodtrace.trace.codes.queue import MOST_OF_CODE, Scanned, ScanQueue, queue_of
from foodtrace.trace.codes.rules import CHINA, Kind, Look, find_copies
from foodtrace.trace.errors import NotFound
from foodtrace.trace.masterdata.services import find_party
from foodtrace.trace.worker import JOBS, Worker

from ..web import settings_of
from .coding import farm, made, run_of, sold

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)


def seconds(number):
    return NOW + timedelta(seconds=number)


def scanned(canonical, at=0, client="a", region=None):
    return Scanned(canonical, Look(seconds(at), client.encode().ljust(16), region))


def record(store, *looks):
    with store.transaction() as session:
        return scans.record_looks(session, looks)


def looks_of(store, canonical):
    with store.reading() as session:
        found = scans.find_looks(session, canonical)
        return None if found is None else found[1]


def is_repeat(store, canonical, client, at):
    with store.reading() as session:
        return scans.is_repeat(session, canonical, scanned(canonical, at, client).look)


def warnings(store):
    with store.reading() as session:
        return {(row.canonical, row.kind) for row in session.scalars(select(CodeWarning))}


@pytest.fixture
def alba(store):
    return farm(store)


@pytest.fixture
def code(store, alba):
    return run_of(store, alba, 3, lot=alba.lots[0])[1][0]


def test_it_works(store, code):
    assert looks_of(store, code) == scans.Looks()
    assert record(store, scanned(code), scanned(code, 60, "b")) == 2
    found = looks_of(store, code)
    assert (found.count, found.first_at) == (2, NOW)
    assert is_repeat(store, code, "b", 90)
    assert not is_repeat(store, code, "c", 90)
    assert not is_repeat(store, code, "b", 660)


def test_the_same_reader_within_ten_minutes_is_one_look(store, code):
    assert record(store, scanned(code), scanned(code, 599), scanned(code, 600)) == 2
    # … also where another process wrote the first
    assert record(store, scanned(code, 700), scanned(code, 1200), scanned(code, 1300, "b")) == 2
    assert looks_of(store, code).count == 4


def test_the_total_stays_when_the_scans_are_forgotten(store, code):
    record(store, scanned(code), scanned(code, 86400, "b"))
    with store.transaction() as session:
        assert scans.forget_old(session, seconds(86400) + scans.KEPT)
        assert not scans.forget_old(session, seconds(86400) + scans.KEPT)
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Scan)) == 1
    record(store, scanned(code, -50, "c"))
    found = looks_of(store, code)
    assert (found.count, found.first_at) == (3, seconds(-50))


def test_a_warning_is_written_with_the_look_that_makes_it(store, alba, code):
    places = [scanned(code, n * 30, f"c{n}", region) for n, region in enumerate(("11", "44"))]
    record(store, *places)
    assert warnings(store) == set()
    record(store, scanned(code, 90, "c3", "65"))
    with store.reading() as session:
        (found,) = scans.list_warnings(session, alba.actor)
    assert (found.canonical, found.kind, found.since) == (code, Kind.TRAVEL, seconds(90))
    assert (found.scans, found.lot, found.position) == (3, alba.lots[0], 1)
    assert sorted(found.regions) == ["11", "44", "65"]
    assert looks_of(store, code).warnings == {Kind.TRAVEL}
    # It is not written twice, and counts on
    record(store, scanned(code, 120, "c4", "11"))
    with store.reading() as session:
        (found,) = scans.list_warnings(session, alba.actor)
    assert (found.since, found.scans) == (seconds(90), 4)


def test_a_producer_looks_at_the_warnings_of_own_codes_only(store, alba, code):
    bruno = farm(store, "Bruno", "06907654321090")
    record(store, *(scanned(code, n, f"c{n}") for n in range(13)))
    with store.transaction() as session:
        assert scans.list_warnings(session, bruno.actor) == []
        for name in (code, f"{alba.product}/21/none"):
            with pytest.raises(NotFound):
                scans.mark_looked(session, bruno.actor, canonical=name)
        scans.mark_looked(session, alba.actor, canonical=code)
        assert scans.list_warnings(session, alba.actor, unseen_only=True) == []
        (found,) = scans.list_warnings(session, alba.actor)
    assert found.kind is Kind.CROWD
    assert found.looked_at is not None


@pytest.mark.parametrize("kind", ["expired", "sold", "recalled", "ended"])
def test_a_look_that_comes_too_late(store, monkeypatch, kind):
    alba = farm(store, lots=())
    lot = f"{alba.product}/10/L1"
    monkeypatch.setattr(recalled, "_sources", [lambda _: {lot} if kind == "recalled" else set()])
    day = date(2026, 8, 1) if kind == "expired" else date(2026, 10, 1)
    with store.transaction() as session:
        record_event(session, alba.actor, made(lot, day))
        if kind == "sold":
            record_event(session, alba.actor, sold(lot, "2026-08-20", 60))
    run_id, (code, other, *_) = run_of(store, alba, 3, lot=lot)
    if kind == "sold":
        # Not all of it: what is left may be in a shop for long
        record(store, scanned(code))
        assert warnings(store) == set()
        with store.transaction() as session:
            record_event(session, alba.actor, sold(lot, "2026-08-30", 40))
    if kind == "ended":
        with store.transaction() as session:
            stretch = {"run_id": run_id, "first": code, "last": code}
            services.end_codes(session, alba.actor, **stretch, state="lost")
        late = datetime.now(UTC) + timedelta(minutes=1)
        record(store, Scanned(code, Look(late, b"x" * 16)), Scanned(other, Look(late, b"x" * 16)))
    else:
        record(store, scanned(code, 10, "b"))
    assert (code, kind) in warnings(store)
    assert {found for name, found in warnings(store) if name == other} <= {"expired"}


def test_only_those_who_had_a_lot_can_have_sold_it(store):
    alba, bruno = farm(store), farm(store, "Bruno", "06907654321090")
    carla = farm(store, "Carla", None, lots=())
    (lot,) = alba.lots
    _, (code, *_) = run_of(store, alba, 1, lot=lot)
    readers = iter(range(100))

    def is_sold_by(seller, **more):
        with store.transaction() as session:
            record_event(session, seller.actor, sold(lot, "2026-08-20", 100) | more)
        record(store, scanned(code, client=f"reader {next(readers)}"))
        return (code, "sold") in warnings(store)

    def ship(sender, recipient):
        with store.transaction() as session:
            name = find_party(session, party_id=recipient.party_id).identifier
            destination = [{"type": "owning_party", "destination": name}]
            shipped = {"bizStep": "shipping", "destinationList": destination}
            record_event(session, sender.actor, sold(lot, "2026-08-10", 100) | shipped)

    assert not is_sold_by(bruno)
    ship(bruno, carla)
    assert not is_sold_by(carla, **{"foodtrace:visibility": "hidden"})
    ship(alba, carla)
    assert not is_sold_by(bruno)
    assert is_sold_by(carla)


def test_scans_wait_in_memory_and_never_twice():
    queue = ScanQueue()
    assert queue.put(scanned("/x"))
    assert not queue.put(scanned("/x", 599))
    assert queue.put(scanned("/x", 600))
    assert queue.put(scanned("/x", 0, "b"))
    assert len(queue.open_looks("/x")) == 3
    taken = queue.take(2)
    # What is being written counts until it is
    assert len(queue.open_looks("/x")) == 3
    queue.put_back(taken)
    assert queue.take(10)[:2] == taken
    queue.done(taken)
    assert len(queue.open_looks("/x")) == len(queue) == 1


def test_a_full_queue_drops_scans_and_counts_them():
    queue = ScanQueue(capacity=2)
    assert [queue.put(scanned(f"/{n}")) for n in range(4)] == [True, True, False, False]
    assert (queue.dropped, len(queue)) == (2, 2)
    assert queue.open_looks("/3") == []
    queue.done(queue.take(1))
    assert queue.put(scanned("/4"))


def test_one_code_leaves_room_in_the_queue_for_others():
    queue = ScanQueue()
    kept = [queue.put(scanned("/x", 0, f"browser {n}")) for n in range(MOST_OF_CODE + 5)]
    assert kept == [True] * MOST_OF_CODE + [False] * 5
    assert (queue.dropped, len(queue.open_looks("/x"))) == (5, MOST_OF_CODE)
    assert queue.put(scanned("/y"))
    queue.done(queue.take(1))
    assert queue.put(scanned("/x", 0, "browser -1"))


def test_scans_are_written_after_a_while_or_when_many_wait():
    queue = ScanQueue()
    assert not queue.is_due(NOW, 10, 3)
    queue.put(scanned("/1"))
    assert not queue.is_due(seconds(9), 10, 3)
    assert queue.is_due(seconds(10), 10, 3)
    assert queue.is_due(seconds(-1), 10, 3)  # the clock was put back
    queue.put(scanned("/2"))
    queue.put(scanned("/3"))
    assert queue.is_due(seconds(1), 10, 3)


def test_what_the_database_does_not_take_waits_for_it(sqlite_store, monkeypatch):
    alba = farm(sqlite_store)
    _, (code, *_) = run_of(sqlite_store, alba, 1, lot=alba.lots[0])
    queue = queue_of(sqlite_store)
    queue.put(scanned(code))

    def fail(*_):
        raise OSError("away")

    with monkeypatch.context() as broken:
        broken.setattr(flushing, "record_looks", fail)
        with pytest.raises(OSError, match="away"):
            flush(sqlite_store, None)
    assert len(queue.open_looks(code)) == 1
    assert flush(sqlite_store, None)
    assert looks_of(sqlite_store, code).count == 1
    assert queue.open_looks(code) == []


def test_a_process_that_ends_writes_what_waits(sqlite_store, tmp_path):
    alba = farm(sqlite_store)
    _, (code, *_) = run_of(sqlite_store, alba, 1, lot=alba.lots[0])
    assert {flush, forget} <= set(JOBS)
    worker = Worker(sqlite_store, settings_of(sqlite_store, data=tmp_path), (lambda *_: False,))
    worker.start()
    queue_of(sqlite_store).put(scanned(code))
    worker.stop()
    assert looks_of(sqlite_store, code).count == 1


def test_many_at_once_are_all_counted(store, code):
    queue = queue_of(store)

    def scan(number):
        for n in range(20):
            queue.put(scanned(code, n, f"{number} {n}"))
            if n % 7 == number % 7:
                flush_now(store)

    threads = [threading.Thread(target=scan, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while flush_now(store):
        pass
    assert looks_of(store, code).count == 120
    assert len(queue) == 0
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Scan)) == 120
        assert session.scalar(select(func.count()).select_from(ScanTotal)) == 1


def test_a_copied_code_among_many_is_flagged_within_a_minute(store, alba):
    """Half an hour of a day, a second at a time, through queue and database."""
    _, codes = run_of(store, alba, 400, lot=alba.lots[0])
    copied, *honest = codes
    rng = random.Random(8)
    coming = [
        scanned(rng.choice(honest), rng.uniform(0, 1800), f"r{n}", rng.choice(["11", "12"]))
        for n in range(600)
    ]
    copies = [
        scanned(copied, 600 + rng.uniform(0, 600), f"copy {n}", rng.choice(list(PROVINCES)))
        for n in range(40)
    ]
    copies.sort(key=lambda each: each.look.at)
    evidence = next(
        copies[n - 1].look.at
        for n in range(1, 41)
        if find_copies([each.look for each in copies[:n]], n)
    )
    coming = sorted(coming + copies, key=lambda each: each.look.at, reverse=True)
    queue, flagged = ScanQueue(), None
    for second in range(1900):
        now = seconds(second)
        while coming and coming[-1].look.at <= now:
            queue.put(coming.pop())
        if queue.is_due(now, FLUSH_SECONDS, MANY):
            taken = queue.take(1000)
            record(store, *taken)
            queue.done(taken)
            if flagged is None and any(name == copied for name, _ in warnings(store)):
                flagged = now
    assert not coming
    assert flagged is not None
    assert evidence <= flagged <= evidence + timedelta(seconds=60)
    assert {name for name, _ in warnings(store)} == {copied}
    assert looks_of(store, copied).count == 40


def test_a_salt_lives_one_day_in_china(tmp_path):
    clients = Clients(tmp_path)
    late = datetime(2026, 10, 5, 23, 59, tzinfo=CHINA)
    first = clients.hash_of("10.0.0.1", "Phone", late)
    assert first == clients.hash_of("10.0.0.1", "Phone", late - timedelta(hours=20))
    assert len(first) == 16
    (salt,) = tmp_path.iterdir()
    assert salt.stat().st_mode & 0o077 == 0
    # A restart on the same day keeps it, and so does another process
    assert Clients(tmp_path).hash_of("10.0.0.1", "Phone", late) == first
    midnight = late + timedelta(minutes=1)
    assert clients.hash_of("10.0.0.1", "Phone", midnight) != first
    assert not salt.exists()
    assert len(list(tmp_path.iterdir())) == 1
    # What is gone is gone: the day before cannot be hashed again
    assert Clients(tmp_path).hash_of("10.0.0.1", "Phone", late) != first


def test_address_and_agent_make_a_reader(tmp_path):
    clients = Clients(tmp_path)
    first = clients.hash_of("10.0.0.1", "Phone", NOW)
    assert clients.hash_of("10.0.0.2", "Phone", NOW) != first
    assert clients.hash_of("10.0.0.1", "Other", NOW) != first
    assert clients.hash_of("::ffff:10.0.0.1", "Phone", NOW) != clients.hash_of(
        "::ffff:10.0.0.2", "Phone", NOW
    )
    # A telephone has a new address of IPv6 each day, in the network of its household
    assert clients.hash_of("2001:db8:1:2::9", "P", NOW) == clients.hash_of(
        "2001:db8:1:2:a:b:c:d", "P", NOW
    )
    assert clients.hash_of("2001:db8:1:3::9", "P", NOW) != clients.hash_of(
        "2001:db8:1:2::9", "P", NOW
    )
    assert clients.hash_of("no address \udcff", "", NOW) != first


def test_without_a_folder_the_salt_is_in_memory(tmp_path):
    clients = Clients(tmp_path / "none")
    first = clients.hash_of("10.0.0.1", "Phone", NOW)
    assert clients.hash_of("10.0.0.1", "Phone", NOW) == first
    assert not (tmp_path / "none").exists()
    assert Clients(tmp_path / "none").hash_of("10.0.0.1", "Phone", NOW) != first


def test_processes_that_start_a_day_together_have_one_salt(tmp_path):
    together = threading.Barrier(8)
    hashes = []

    def start():
        clients = Clients(tmp_path)
        together.wait()
        hashes.append(clients.hash_of("10.0.0.1", "Phone", NOW))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(hashes)) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_old_salts_are_deleted_even_if_nobody_scans(sqlite_store, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    settings = settings_of(sqlite_store, data=folder)
    Clients(folder).hash_of("10.0.0.1", "Phone", NOW - timedelta(days=40))
    assert len(list(folder.iterdir())) == 1
    assert not forget(sqlite_store, settings)
    assert list(folder.iterdir()) == []
    # Once an hour is enough
    Clients(folder).hash_of("10.0.0.1", "Phone", NOW - timedelta(days=40))
    forget(sqlite_store, settings)
    assert len(list(folder.iterdir())) == 1
    forget_salts(folder, date(2026, 10, 6))
    assert list(folder.iterdir()) == []
