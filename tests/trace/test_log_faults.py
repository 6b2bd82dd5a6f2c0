"""A real service that is killed, system calls that fail, full disks: `make faults` does more."""

import json
import subprocess
import sys

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from foodtrace.trace.errors import Unavailable
from foodtrace.trace.store.session import Store

from ..faults.checker import Seen
from ..faults.cutting import captured
from ..faults.kills import ROOT, Rig
from .acts import count
from .kept import YEAR, Kept, tamper


def test_it_works(sqlite_store, tmp_path):
    """What the checker says of a record with which nothing is wrong."""
    kept = Kept(sqlite_store, tmp_path)
    kept.capture(1)
    kept.keep_all()
    assert kept.violations() == []


# --- the checker is the control of all: each of its sentences, once


SEEDED = {
    "UPDATE leaf SET idx = idx + 1 WHERE idx = 1": "leaf 1 of 2026 is missing",
    "UPDATE leaf SET time = 1 WHERE idx = 1": "the time of 2026 goes back",
    "DELETE FROM leaf WHERE idx = 1": "statement 2 has no place",
    "INSERT INTO unlogged VALUES (1)": "statement 1 has a place and waits",
    "UPDATE log_state SET size = 1": "the log 2026 says 1 and has 2 leaves",
    "DELETE FROM checkpoint WHERE size = 2": "the anchor of 2026 is not what was published last",
    "UPDATE document SET body = CAST(replace(body, 'ADD', 'add') AS BLOB) WHERE id = 2":
        "statement 2 is not the one of its leaf",
    "UPDATE leaf SET header = (SELECT header FROM leaf WHERE idx = 0) WHERE idx = 1":
        "number 1 of party 101 follows 1",
}  # fmt: skip


@pytest.mark.parametrize("statement", SEEDED)
def test_the_checker_finds(sqlite_store, tmp_path, statement):
    kept = Kept(sqlite_store, tmp_path)
    for number in (1, 2):
        kept.capture(number)
        kept.keep_all()
    tamper(kept.store, statement, guarded=["leaf", "document", "checkpoint"])
    assert SEEDED[statement] in kept.violations()


def test_the_checker_finds_lost_events_and_other_histories(sqlite_store, tmp_path):
    kept = Kept(sqlite_store, tmp_path)
    kept.capture(1)
    kept.keep_all()
    origin = kept.state().origin
    seen = Seen({"urn:x"}, {(origin, 1): {bytes(32)}, (origin, 5): {bytes(32)}}, ["as it was seen"])
    assert kept.violations(seen) == [
        "as it was seen",
        "two heads of size 1 of 2026 were signed",
        "a head of size 5 of 2026 was seen, and 1 are left",
        "event urn:x was acknowledged and is lost",
    ]


# --- kills


def test_a_service_that_is_killed_under_eight_writers_loses_nothing(database_url, tmp_path):
    workers = 1 if database_url.startswith("sqlite") else 2
    report = Rig(database_url, tmp_path, workers=workers).run(2, longest=0.4)
    assert report.violations == []
    assert report.kills == 2
    assert report.acknowledged > 0
    assert report.heads > 1


# --- system calls


@pytest.mark.parametrize(("rig", "every"), [("Sweep", 60), ("ServerSweep", 170)])
def test_a_system_call_that_fails_leaves_one_event_and_one_history(
    postgresql_template, tmp_path, rig, every
):
    run = f"from tests.faults.sweep import *; main({str(tmp_path)!r}, {rig}, {every})"
    done = subprocess.run([sys.executable, "-c", run], cwd=ROOT, capture_output=True, check=True)
    swept = json.loads(done.stdout)
    assert swept["violations"] == {}
    assert swept["injections"] >= 6
    assert swept["killed"] >= swept["injections"] // 3


# --- full disks


def full(store, pages):
    """Let the database grow by so many pages and no more; return what makes room again."""
    with store.reading() as session:
        size = session.connection().exec_driver_sql("PRAGMA page_count").scalar()

    def limit(connection, _record=None):
        connection.execute(f"PRAGMA max_page_count = {size + pages}")

    event.listen(store.writers, "connect", limit)
    store.writers.dispose()

    def make_room():
        event.remove(store.writers, "connect", limit)
        store.writers.dispose()

    return make_room


def test_on_a_full_disk_captures_are_refused_and_reading_goes_on(sqlite_store, tmp_path):
    kept = Kept(sqlite_store, tmp_path)
    kept.capture(1)
    kept.keep_all()
    make_room = full(kept.store, pages=4)
    stored = 1 + captured(kept, range(2, 300))
    assert stored < 299
    assert count(kept.store, "event") == {"event": stored}
    with pytest.raises((Unavailable, DBAPIError)):
        kept.capture(300)
    make_room()
    kept.capture(1_000)
    kept.keep_all()
    assert count(kept.store, "event") == {"event": stored + 1}
    assert kept.violations() == []


def test_while_the_disk_of_the_anchor_is_full_nothing_is_signed(store, tmp_path, monkeypatch):
    kept = Kept(store, tmp_path)
    kept.capture(1)
    kept.keep_all()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("foodtrace.trace.log.anchor.tempfile.mkstemp", full)
    kept.capture(2)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            kept.keep()
    assert kept.sizes() == [1]
    assert kept.reason is None  # what is recorded meanwhile is signed later
    kept.capture(3)
    monkeypatch.undo()
    kept.keep_all()
    assert kept.sizes() == [1, 3]
    assert kept.violations() == []
    kept.keeper.close()


def test_half_a_file_that_a_killed_process_left_in_the_anchor_is_removed(sqlite_store, tmp_path):
    kept = Kept(sqlite_store, tmp_path)
    kept.capture(1)
    kept.keep_all()
    left = kept.settings.anchor_folder / "new-left"
    left.write_text("half a no")
    kept.capture(2)
    kept.keep_all()
    assert not left.exists()
    assert kept.anchor.years() == [YEAR]


# --- many connections


def test_the_backend_of_the_sequencer_may_end_at_any_time(postgresql_url_of_test, tmp_path):
    kept = Kept(Store(postgresql_url_of_test), tmp_path)
    others = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for number in range(1, 4):
        kept.capture(number)
        kept.keep()
        with kept.store.writers.begin() as connection:
            connection.execute(text(others))
    kept.keep_all()
    assert kept.sizes()[-1] == 3
    assert kept.violations() == []
    kept.close()
