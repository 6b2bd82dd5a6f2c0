"""A database server that goes away, stands still, or ends a connection: PostgreSQL."""

import socket
import threading
import time

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError

from foodtrace.trace.errors import Unavailable
from foodtrace.trace.store import silence
from foodtrace.trace.store.session import Store
from foodtrace.trace.store.silence import is_away, limited, unlimited

from ..faults.proxy import CUT, OPEN, RESET, SILENT, SLOW, Proxy
from .acts import capture, count, make
from .kept import Kept


@pytest.fixture
def line(postgresql_url_of_test, monkeypatch):
    """A line to the database, over which nobody waits long."""
    monkeypatch.setattr(silence, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(silence, "PING_SECONDS", 0.3)
    proxy = Proxy(postgresql_url_of_test)
    yield proxy
    proxy.close()


@pytest.fixture
def far(line):
    """A store at the other end of the line."""
    store = Store(line.url)
    yield store
    line.set(OPEN)
    store.close()


def answer(store):
    with store.reading() as session:
        return session.scalar(text("SELECT 1"))


def test_it_works(far):
    capture(far, make(1, {"A": 1}))
    assert count(far, "event") == {"event": 1}


def test_a_line_that_was_cut_is_used_again(far, line):
    assert answer(far) == 1
    line.set(CUT)
    with pytest.raises(OperationalError):
        answer(far)
    line.set(OPEN)
    assert answer(far) == 1


def test_a_slow_line_is_no_fault(far, line):
    line.set(SLOW)
    capture(far, make(1, {"A": 1}))
    assert count(far, "event") == {"event": 1}


def fall_silent(store, line):
    with store.transaction() as session:
        session.execute(text("SELECT 1"))
        line.set(SILENT)
        session.execute(text("SELECT 1"))


@pytest.mark.parametrize("place", ["before", "inside"])
def test_a_silent_server_is_given_up_and_found_again(far, line, place):
    assert answer(far) == 1
    if place == "before":
        line.set(SILENT)
    with pytest.raises(OperationalError):
        fall_silent(far, line)
    line.set(OPEN)
    assert answer(far) == 1


def test_what_takes_long_is_waited_for_while_the_server_answers_others(far):
    with far.reading() as session:
        assert session.scalar(select(func.pg_sleep(1.5))) is not None


def test_nobody_waits_for_an_answer_longer_than_the_server_tries(far):
    with (
        pytest.raises(OperationalError),
        far.writers.connect() as connection,
        limited(connection.connection.driver_connection, 0.5),
    ):
        connection.execute(select(func.pg_sleep(5)))
    assert answer(far) == 1


def test_what_may_take_long_is_waited_for_and_then_nothing_else(far, monkeypatch):
    monkeypatch.setattr(silence.HeardConnection, "longest_silence", 0.5)
    with far.writers.connect() as connection:
        with connection.begin(), unlimited(connection):
            assert connection.scalar(text("SHOW statement_timeout")) == "0"
            connection.execute(select(func.pg_sleep(1)))
        assert connection.scalar(text("SHOW statement_timeout")) == "30s"


@pytest.mark.parametrize("level", ["READ COMMITTED", "AUTOCOMMIT"])
def test_what_may_take_long_and_fails_lets_nothing_else_take_long(far, level):
    with far.writers.connect() as connection:
        alone = connection.execution_options(isolation_level=level)
        with pytest.raises(DBAPIError), unlimited(alone):
            alone.exec_driver_sql("SELECT 1 / 0")
        alone.rollback()
        assert alone.scalar(text("SHOW statement_timeout")) == "30s"


def test_pages_do_not_queue_up_for_a_silent_server(far, line):
    """Whether anything has changed: who waits for that behind others is told to make it anew."""
    far.version()
    line.set(SILENT)
    failed = []

    def look():
        try:
            far.version()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 8
    # The others would wait one after the other until no connection is made, two seconds each.
    assert any(isinstance(error, Unavailable) for error in failed)
    line.set(OPEN)
    assert far.version()


def test_a_commit_whose_answer_is_lost_is_sent_again_and_is_one_event(far, line):
    events = {"1": make(1, {"A": 1}), "2": make(2, {"A": 1})}
    line.set(RESET)
    for key, event in events.items():
        with pytest.raises(OperationalError):
            capture(far, event, key=key)
    assert line.resets == 2
    line.set(OPEN)
    for key, event in events.items():
        capture(far, event, key=key)
    assert count(far, "event") == {"event": 2}


def test_kernel_and_server_notice_when_the_other_is_gone(far, postgresql_url_of_test):
    with far.writers.connect() as connection:
        driver = connection.connection.driver_connection
        with socket.socket(fileno=socket.dup(driver.fileno())) as end:
            options = {
                name: end.getsockopt(level, getattr(socket, name))
                for level, name in (
                    (socket.SOL_SOCKET, "SO_KEEPALIVE"),
                    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT"),
                    (socket.IPPROTO_TCP, "TCP_KEEPIDLE"),
                    (socket.IPPROTO_TCP, "TCP_KEEPINTVL"),
                )
            }
        assert options == {
            "SO_KEEPALIVE": 1,
            "TCP_USER_TIMEOUT": 3_000,
            "TCP_KEEPIDLE": 2,
            "TCP_KEEPINTVL": 1,
        }
        shown = [
            connection.scalar(text(f"SELECT current_setting('{name}')"))
            for name in ("idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout")
        ]
        assert shown == ["8s", "4s", "30s"]


def test_who_waits_too_long_for_a_lock_is_told_to_come_again(postgresql_url_of_test, monkeypatch):
    monkeypatch.setattr("foodtrace.trace.store.engine.LONGEST_LOCK_SECONDS", 1)
    first, second = Store(postgresql_url_of_test), Store(postgresql_url_of_test)
    with first.transaction() as session:
        session.execute(select(func.pg_advisory_xact_lock(7)))
        with pytest.raises(OperationalError) as caught, second.transaction() as other:
            other.execute(select(func.pg_advisory_xact_lock(7)))
    assert is_away(caught.value)
    first.close()
    second.close()


def fall_asleep(store):
    with store.transaction() as session:
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
        time.sleep(0.3)
        session.execute(text("SELECT 1"))


def test_a_transaction_that_the_server_ended_is_no_fault_of_the_program(far):
    """PostgreSQL says that in a class of errors which otherwise are."""
    with pytest.raises(DBAPIError) as caught:
        fall_asleep(far)
    assert is_away(caught.value)
    with pytest.raises(ProgrammingError) as caught, far.transaction() as session:
        session.execute(text("SELECT nothing"))
    assert not is_away(caught.value)
    assert not is_away(InterfaceError("", {}, psycopg.InterfaceError()))
    assert not is_away(ValueError())


def test_a_keeper_that_stands_still_is_followed_by_another(postgresql_url_of_test, tmp_path):
    first = Kept(Store(postgresql_url_of_test), tmp_path)
    first.capture(1)
    with pytest.MonkeyPatch.context() as patch:
        soon = text("SET idle_session_timeout = '300ms'")
        patch.setattr("foodtrace.trace.log.electing._END_IN_SILENCE", soon)
        first.keep_all()
    asleep = first.keeper._election.epoch
    second = Kept(Store(postgresql_url_of_test), tmp_path, first.clock)
    second.capture(2)
    for _ in range(200):
        second.keep()
        if second.sizes() == [1, 2]:
            break
        time.sleep(0.05)
    assert second.sizes() == [1, 2]
    first.keep()  # awake again: it learns that it was replaced
    assert first.keeper._election.epoch != asleep
    assert second.violations() == []
    first.close()
    second.close()
