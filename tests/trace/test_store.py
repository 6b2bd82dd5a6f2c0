"""The store: what is committed is durable and whole, and writers neither wait nor starve."""

import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import create_engine, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from foodtrace.trace.capture.services import record_event
from foodtrace.trace.errors import Invalid, Problem, Unavailable
from foodtrace.trace.store import session as store_session
from foodtrace.trace.store.engine import UnsafeSettings, assert_durable, normal_url, writing_engine
from foodtrace.trace.store.models import Document, Item, Statement
from foodtrace.trace.store.session import Store

from .acts import ALBA, capture, count, make
from .test_idempotency import at_once


def add_item(session, name):
    session.execute(insert(Item).values(kind="other", canonical=f"urn:test:{name}"))


def number_of_items(store):
    with store.reading() as session:
        return session.scalar(select(func.count()).select_from(Item))


def test_it_works(store):
    with store.transaction() as session:
        add_item(session, "a")
    assert number_of_items(store) == 1


def test_an_exception_undoes_everything(store):
    def fail():
        with store.transaction() as session:
            add_item(session, "a")
            raise Invalid(Problem("", "no"))

    with pytest.raises(Invalid):
        fail()
    assert number_of_items(store) == 0


def test_what_was_loaded_can_be_read_after_the_commit(store):
    with store.transaction() as session:
        item = Item(kind="other", canonical="urn:test:a")
        session.add(item)
        session.flush()
    assert item.canonical == "urn:test:a"


def test_a_reading_session_sees_one_state(store):
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Item)) == 0
        with store.transaction() as writing:
            add_item(writing, "a")
        assert session.scalar(select(func.count()).select_from(Item)) == 0
    assert number_of_items(store) == 1


def test_a_reading_session_cannot_write(store):
    with store.reading() as session, pytest.raises(DBAPIError):
        add_item(session, "a")
    assert number_of_items(store) == 0


def test_many_writers_at_once_lose_nothing(store):
    def work(index):
        for number in range(10):
            with store.transaction() as session:
                add_item(session, f"{index}-{number}")

    _, errors = at_once(16, work)
    assert errors == []
    assert number_of_items(store) == 160


def test_writers_that_wait_share_a_commit(sqlite_store):
    """Sixteen writers, the first of whom takes its time: two commits, not sixteen."""
    commits = []
    original = sqlite_store.writers.dialect.do_commit

    def counting(connection):
        commits.append(1)
        original(connection)

    sqlite_store.writers.dialect.do_commit = counting
    first_is_in = threading.Event()

    def slow():
        with sqlite_store.transaction() as session:
            add_item(session, "slow")
            first_is_in.set()
            while sqlite_store._shared._waiting < 15:
                time.sleep(0.001)

    def quick(index):
        first_is_in.wait()
        with sqlite_store.transaction() as session:
            add_item(session, index)

    threads = [threading.Thread(target=slow)]
    threads += [threading.Thread(target=quick, args=(n,)) for n in range(15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert number_of_items(sqlite_store) == 16
    assert len(commits) < 16


def test_one_writers_failure_does_not_undo_the_others(store):
    def work(index):
        with store.transaction() as session:
            add_item(session, index)
            if index % 3 == 0:
                raise Invalid(Problem("", str(index)))
            if index % 3 == 1:
                add_item(session, index)  # the same again: refused by the database
        return index

    results, errors = at_once(12, work)
    assert sorted(results) == [2, 5, 8, 11]
    assert sorted(type(error).__name__ for error in errors) == (
        ["IntegrityError"] * 4 + ["Invalid"] * 4
    )
    assert number_of_items(store) == 4
    assert any(isinstance(error, IntegrityError) for error in errors)


def test_a_savepoint_inside_a_transaction_undoes_only_itself(store):
    with store.transaction() as session:
        add_item(session, "a")
        with pytest.raises(IntegrityError), session.begin_nested():
            add_item(session, "a")
        add_item(session, "b")
    assert number_of_items(store) == 2


def test_a_transaction_inside_a_transaction_is_an_error_and_no_standstill(sqlite_store):
    with sqlite_store.transaction(), pytest.raises(RuntimeError, match="inside"):
        sqlite_store.transaction().__enter__()
    with sqlite_store.transaction() as session:
        add_item(session, "a")


def test_a_queue_that_is_too_long_is_refused_at_once(sqlite_store, monkeypatch):
    monkeypatch.setattr(store_session, "LONGEST_QUEUE", 2)
    leave, inside = threading.Event(), threading.Event()

    def hold():
        with sqlite_store.transaction():
            inside.set()
            leave.wait()

    def queue():
        with sqlite_store.transaction() as session:
            add_item(session, threading.get_ident())

    threads = [threading.Thread(target=hold)]
    threads[0].start()
    inside.wait()
    threads += [threading.Thread(target=queue) for _ in range(2)]
    for thread in threads[1:]:
        thread.start()
    while sqlite_store._shared._waiting < 2:
        time.sleep(0.001)
    with pytest.raises(Unavailable, match="waiting"):
        queue()
    leave.set()
    for thread in threads:
        thread.join()
    assert number_of_items(sqlite_store) == 2


def test_when_the_database_undoes_a_batch_nobody_is_told_that_it_is_stored(sqlite_store):
    """A full disk: SQLite rolls back by itself, and the COMMIT after it would succeed."""

    def fill_the_disk():
        with sqlite_store.transaction() as session:
            add_item(session, "a")
            session.connection().connection.dbapi_connection.execute("ROLLBACK")

    with pytest.raises((Unavailable, OperationalError)):
        fill_the_disk()
    with sqlite_store.transaction() as session:
        add_item(session, "b")
    assert number_of_items(sqlite_store) == 1


def test_a_commit_that_fails_is_told_to_everybody_in_the_batch(sqlite_store, monkeypatch):
    def refuse(_connection):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(sqlite_store.writers.dialect, "do_commit", refuse)

    def work(index):
        with sqlite_store.transaction() as session:
            add_item(session, index)

    results, errors = at_once(8, work)
    assert results == []
    assert {type(error) for error in errors} == {Unavailable}
    monkeypatch.undo()
    with sqlite_store.transaction() as session:
        add_item(session, "later")
    assert number_of_items(sqlite_store) == 1


def test_two_stores_on_one_file_take_turns(sqlite_store):
    """BEGIN IMMEDIATE: a writer waits for another process; it never fails halfway."""
    other = Store(sqlite_store.url)

    def work(index):
        store = (sqlite_store, other)[index % 2]
        for number in range(10):
            with store.transaction() as session:
                known = session.scalar(select(func.count()).select_from(Item))
                add_item(session, f"{index}-{number}-{known}")

    _, errors = at_once(8, work)
    other.close()
    assert errors == []
    assert number_of_items(sqlite_store) == 80


WRITER = """
import sys
from sqlalchemy import func, insert, select
from foodtrace.trace.store.models import Item
from foodtrace.trace.store.session import Store

store = Store(sys.argv[1])
for number in range(10):
    with store.transaction() as session:
        session.scalar(select(func.count()).select_from(Item))
        name = f"urn:test:{sys.argv[2]}-{number}"
        session.execute(insert(Item).values(kind="other", canonical=name))
store.close()
"""


def test_two_processes_on_one_database_lose_nothing(store):
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, store.url, str(number)])
        for number in range(2)
    ]
    assert [process.wait() for process in processes] == [0, 0]
    assert number_of_items(store) == 20


def test_the_version_changes_with_a_commit_of_this_store_or_another(store):
    other = Store(store.url)
    first = store.version()
    with store.transaction() as session:
        add_item(session, "a")
    second = store.version()
    with other.transaction() as session:
        add_item(session, "b")
    third = store.version()
    other.close()
    assert len({first, second, third}) == 3


def test_the_version_stays_while_others_only_read(store):
    for _ in range(50):  # on PostgreSQL other tests write beside this one
        first = store.version()
        number_of_items(store)
        if store.version() == first:
            break
    else:
        pytest.fail("reading alone gives another version each time")


def test_the_version_stays_when_a_writer_gives_up(sqlite_store):
    first = sqlite_store.version()
    with pytest.raises(Invalid), sqlite_store.transaction():
        raise Invalid(Problem("", "no"))
    assert sqlite_store.version() == first


def test_the_settings_are_those_that_survive_a_power_cut(store):
    with store.writers.connect() as connection:
        assert_durable(connection)


@pytest.mark.parametrize("pragma", ["synchronous = 1", "foreign_keys = 0", "secure_delete = 0"])
def test_a_database_that_may_lose_records_is_refused(sqlite_store, pragma):
    engine = create_engine(sqlite_store.url)
    with engine.connect() as connection:
        for name, value in {"synchronous": 2, "foreign_keys": 1, "secure_delete": 1}.items():
            connection.exec_driver_sql(f"PRAGMA {name} = {value}")
        connection.exec_driver_sql("PRAGMA busy_timeout = 10000")
        assert_durable(connection)
        connection.exec_driver_sql(f"PRAGMA {pragma}")
        with pytest.raises(UnsafeSettings, match=pragma.split(" ")[0]):
            assert_durable(connection)
    engine.dispose()


def test_a_server_that_answers_before_it_has_written_is_refused(postgresql_url_of_test):
    engine = writing_engine(postgresql_url_of_test)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL synchronous_commit = off"))
        with pytest.raises(UnsafeSettings, match="synchronous_commit"):
            assert_durable(connection)
    engine.dispose()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_address_of_postgresql_works(scheme):
    assert normal_url(f"{scheme}://u@h/d").drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE document SET body = '' WHERE id = 1",
        "DELETE FROM document",
        "UPDATE statement SET kind = 'party'",
        "DELETE FROM statement WHERE id = 1",
    ],
)
def test_the_record_cannot_be_changed(store, statement):
    capture(store, make(1, {"A": 1}))
    before = count(store)

    def change():
        with store.transaction() as session:
            session.execute(text(statement))

    with pytest.raises(DBAPIError, match="append-only"):
        change()
    assert count(store) == before


def test_the_record_cannot_be_overwritten_or_emptied(sqlite_store, postgresql_url_of_test):
    capture(sqlite_store, make(1, {"A": 1}))

    def replace():
        with sqlite_store.transaction() as session:
            session.execute(text("INSERT OR REPLACE INTO statement SELECT * FROM statement"))

    with pytest.raises(DBAPIError, match="append-only"):
        replace()
    store = Store(postgresql_url_of_test)

    def truncate():
        with store.transaction() as session:
            session.execute(text("TRUNCATE statement CASCADE"))

    with pytest.raises(DBAPIError, match="append-only"):
        truncate()
    store.close()


def test_document_and_statement_are_written_together_with_what_follows(store):
    with store.transaction() as session:
        recorded = record_event(session, ALBA, make(1, {"A": 1}))
    with store.reading() as session:
        statement = session.get(Statement, recorded.id)
        document = session.get(Document, statement.document_id)
    assert document.party_id == ALBA.party_id
    assert document.actor == "key:alba"
    assert statement.start == 0
    assert statement.length == len(document.body)


def test_the_files_of_a_database_are_for_their_owner_alone(tmp_path):
    folder = tmp_path / "data"
    store = Store(f"sqlite:///{folder / 'foodtrace.sqlite'}")
    with store.transaction() as session:
        session.execute(text("CREATE TABLE a (b INTEGER)"))
    modes = {path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())}
    store.close()
    assert modes == {
        "data": 0o700,
        "foodtrace.sqlite": 0o600,
        "foodtrace.sqlite-wal": 0o600,
        "foodtrace.sqlite-shm": 0o600,
    }


def test_an_error_does_not_say_which_values_were_written(store):
    wrong = insert(Statement).values(kind="a secret", document_id=1, start=0, length=1)
    with store.transaction() as session, pytest.raises(IntegrityError) as refusal:
        session.execute(wrong)
    assert "a secret" not in str(refusal.value)
