"""The thread that does what is waiting: it is woken, it stops, and nothing kills it."""

import threading
from types import SimpleNamespace

import pytest

from foodtrace.trace import worker
from foodtrace.trace.worker import Worker, stop_all, wake, work_once

from ..web import settings_of


class Pile:
    """A job over a pile of work, and an event that is set when it is done."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)
        self.done = []
        self.empty = threading.Event()
        self.looks = threading.Semaphore(0)

    def __call__(self, store, settings):
        self.looks.release()
        if not self.pieces:
            self.empty.set()
            return False
        self.done.append(self.pieces.pop(0))
        return True


@pytest.fixture
def working(sqlite_store):
    """Return what starts a worker with the given jobs; it is stopped after the test."""

    def start(*jobs):
        made = Worker(sqlite_store, settings_of(sqlite_store), jobs)
        made.start()
        return made

    yield start
    stop_all()


def threads():
    return [each for each in threading.enumerate() if each.name == "foodtrace-worker"]


def test_it_does_all_that_is_waiting_piece_by_piece(working):
    pile = Pile(1, 2, 3)
    working(pile)
    assert pile.empty.wait(30)
    assert pile.done == [1, 2, 3]


def test_one_call_does_one_piece_of_every_job(sqlite_store, monkeypatch):
    piles = Pile(1, 2), Pile("a")
    monkeypatch.setattr(worker, "JOBS", piles)
    assert work_once(sqlite_store, settings_of(sqlite_store))
    assert [pile.done for pile in piles] == [[1], ["a"]]
    assert work_once(sqlite_store, settings_of(sqlite_store))
    assert not work_once(sqlite_store, settings_of(sqlite_store))
    assert [pile.done for pile in piles] == [[1, 2], ["a"]]


def test_it_looks_at_once_when_it_is_woken(working, monkeypatch):
    monkeypatch.setattr(worker, "POLL_SECONDS", 3600)
    pile = Pile()
    working(pile)
    assert pile.empty.wait(30)
    pile.empty.clear()
    pile.pieces.append("new")
    wake()
    assert pile.empty.wait(30)
    assert pile.done == ["new"]


def test_it_looks_by_itself_when_another_process_left_something_to_do(working, monkeypatch):
    monkeypatch.setattr(worker, "POLL_SECONDS", 0.01)
    pile = Pile()
    working(pile)
    for _ in range(5):
        assert pile.looks.acquire(timeout=30)


def test_a_job_that_fails_stops_neither_the_others_nor_the_thread(working, caplog, monkeypatch):
    monkeypatch.setattr(worker, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(worker, "FIRST_PAUSE_SECONDS", 0)
    pile = Pile(1, 2)
    failed = threading.Semaphore(0)

    def failing(store, settings):
        failed.release()
        raise ValueError("the job is broken")

    working(failing, pile)
    assert pile.empty.wait(30)
    for _ in range(3):
        assert failed.acquire(timeout=30)
    assert pile.done == [1, 2]
    assert "the job is broken" in caplog.text
    assert ".failing failed, id " in caplog.text


def test_a_job_that_fails_rests_longer_each_time(sqlite_store, monkeypatch):
    now = 0.0
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: now))
    tries = []

    def failing(store, settings):
        tries.append(now)
        raise ValueError

    made = Worker(sqlite_store, settings_of(sqlite_store), (failing,))
    for second in range(300):
        now = float(second)
        assert not made.work()
    assert tries == [0, 1, 3, 7, 15, *range(25, 300, 10)]


def test_a_job_that_holds_up_who_writes_rests_by_how_long_it_took(sqlite_store, monkeypatch):
    now = 0.0
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: now))
    done = []

    def wiping(store, settings):
        nonlocal now
        done.append(now)
        now += 3
        return True

    monkeypatch.setattr(worker, "SPARING", frozenset({wiping}))
    made = Worker(sqlite_store, settings_of(sqlite_store), (wiping,))
    while now < 190:
        now += 0 if made.work() else 1
    assert done == [0, 63, 126, 189]


def test_stopping_waits_for_what_is_under_way(working):
    begun, release = threading.Event(), threading.Event()
    ended = []

    def slow(store, settings):
        begun.set()
        release.wait(30)
        ended.append(True)
        return False

    made = working(slow)
    assert begun.wait(30)
    stopping = threading.Thread(target=made.stop)
    stopping.start()
    release.set()
    stopping.join(30)
    assert ended == [True]
    assert not threads()


def test_a_thread_that_does_not_end_is_left_to_the_end_of_the_process(working, monkeypatch):
    monkeypatch.setattr(worker, "SECONDS_TO_STOP", 0.01)
    begun, release = threading.Event(), threading.Event()

    def endless(store, settings):
        begun.set()
        release.wait(30)
        return False

    made = working(endless)
    assert begun.wait(30)
    made.stop()
    (thread,) = threads()
    assert thread.daemon
    release.set()
    thread.join(30)
