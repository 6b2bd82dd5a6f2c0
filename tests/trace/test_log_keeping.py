"""The log grows with the record, and is signed and published; one process at a time keeps it."""

import threading

import pytest
from sqlalchemy import func, select, text

from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.capture.services import record_statement
from foodtrace.trace.errors import ReadOnly
from foodtrace.trace.log.checkpoints import open_checkpoint
from foodtrace.trace.log.leaves import fields_of
from foodtrace.trace.log.models import LogState, Unlogged
from foodtrace.trace.log.notes import Verifier
from foodtrace.trace.log.sequencing import Fenced, sequence
from foodtrace.trace.masterdata.services import ensure_party
from foodtrace.trace.store.migrate import configuration
from foodtrace.trace.store.models import Statement
from foodtrace.trace.store.session import Store

from .acts import BRUNO, capture, make, see
from .kept import HOUR, NOON, Clock, Kept

NEW_YEAR = 1_798_761_600_000  # 2027-01-01T00:00:00Z


@pytest.fixture
def kept(store, tmp_path):
    kept = Kept(store, tmp_path)
    yield kept
    kept.keeper.close()


@pytest.fixture
def other(kept, tmp_path):
    """Another process over the same database and the same files."""
    other = Kept(Store(kept.store.url), tmp_path, kept.clock)
    yield other
    other.close()


def waiting(store):
    with store.reading() as session:
        return session.scalar(select(func.count()).select_from(Unlogged))


def test_it_works(kept):
    capture(kept.store, make(1, {"A#1": 10}), see(2, ["A#1"]))
    assert kept.keep()
    (published,) = kept.checkpoints()
    head = open_checkpoint(published.note, Verifier.from_vkey(kept.state().vkey))
    assert (head.origin, head.size) == ("trace.example/log/2026", 2)
    assert kept.anchor.head(2026) == head
    assert not kept.keep()
    assert kept.violations() == []


def test_every_statement_has_one_leaf_and_none_waits(kept):
    for number in range(1, 12):
        kept.capture(number)
    kept.keep_all()
    assert len(kept.leaves()) == 11
    assert kept.violations() == []


def test_statements_get_their_places_in_the_commit_that_records_them_on_sqlite(
    sqlite_store, tmp_path
):
    kept = Kept(sqlite_store, tmp_path)
    kept.capture(1)
    assert [leaf.idx for leaf in kept.leaves()] == [0]
    assert waiting(kept.store) == 0


def test_what_is_undone_leaves_no_leaf(kept):
    def act():
        with kept.store.transaction() as session:
            ensure_party(session, SYSTEM, "Alba")
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        act()
    kept.keep_all()
    assert kept.leaves() == []


def test_a_log_that_has_not_grown_is_not_signed_again(kept):
    kept.capture(1)
    kept.keep_all()
    kept.keep_all()
    assert kept.sizes() == [1]


def test_each_head_extends_the_one_before_across_tiles(kept):
    for number, count in enumerate((3, 252, 1, 1, 300)):
        capture(kept.store, *(make(n % 24, {f"B{number}-{n}": 1}) for n in range(count)))
        kept.keep_all()
    assert kept.sizes() == [3, 255, 256, 257, 557]
    assert kept.violations() == []


def test_the_numbers_of_a_party_and_a_lot_go_on_after_a_restart(kept):
    kept.capture(1, "A")
    kept.keep_all()
    again = kept.again()
    again.capture(2, "A")
    capture(again.store, make(3, {"A": 1}), actor=BRUNO)
    again.keep_all()
    assert again.violations() == []
    again.close()


def test_whatever_can_be_captured_can_be_logged(kept):
    """A name that is too long for a field would keep all that comes after out of the log."""
    long = {f"foodtrace:{'a' * 70_000}": 1, f"foodtrace:{'é' * 40_000}": 2}
    capture(kept.store, make(1, {"A": 1}, **long))
    kept.keep_all()
    assert kept.sizes() == [1]
    assert kept.violations() == []


@pytest.mark.parametrize("content", [b'{"a": "\xff"}', b"%PDF", b"{}", b"[1]", b""])
def test_a_statement_of_any_octets_has_fields(content):
    from foodtrace.trace.log.leaves import Header

    names = [field.name for field in fields_of(Header("file", "x", "", 1), content)]
    assert names == ["kind", "content", "received", "party", "n"]


# --- what waits


def test_what_was_recorded_before_there_was_a_log_gets_its_places(store, tmp_path):
    for number in range(1, 8):
        capture(store, make(number, {"A": 1}))
    assert waiting(store) == 7
    kept = Kept(store, tmp_path)
    kept.keep_all()
    assert len(kept.leaves()) == 7
    assert kept.violations() == []
    kept.keeper.close()


def test_a_database_of_the_version_before_gets_places_for_all_it_holds(store, tmp_path):
    from alembic import command

    party_id = None
    with store.transaction() as session:
        command.downgrade(configuration(session.connection()), "0003")
    with store.transaction() as session:
        session.execute(
            text(
                "INSERT INTO document (id, party_id, actor, content_type, received_at, body)"
                " VALUES (1, :party, 'system', 'application/json', '2026-01-01 00:00:00.000000',"
                " :body)"
            ),
            {"party": party_id, "body": b'{"name": "A"}{"name": "B"}'},
        )
        for number, start in ((1, 0), (2, 13)):
            session.execute(
                text(
                    "INSERT INTO statement (id, kind, document_id, start, length)"
                    " VALUES (:id, 'party', 1, :start, 13)"
                ),
                {"id": number, "start": start},
            )
    with store.transaction() as session:
        command.upgrade(configuration(session.connection()), "head")
    kept = Kept(store, tmp_path)
    kept.keep_all()
    assert [leaf.statement_id for leaf in kept.leaves()] == [1, 2]
    assert kept.sizes() == [2]
    assert kept.violations() == []
    kept.keeper.close()


def test_a_transaction_that_takes_long_holds_nobody_up_and_is_not_skipped(
    postgresql_url_of_test, tmp_path
):
    """Ids are given before the commit: "larger than the last one" would never see this one."""
    kept = Kept(Store(postgresql_url_of_test), tmp_path)
    with kept.store.transaction() as slow:
        first = record_statement(slow, SYSTEM, "log", {"previous": None})
        for number in range(1, 6):
            kept.capture(number)
        kept.keep_all()
        assert kept.sizes() == [5]
        assert first not in [leaf.statement_id for leaf in kept.leaves()]
    kept.keep_all()
    assert first == kept.leaves()[5].statement_id
    assert first < kept.leaves()[0].statement_id
    assert kept.violations() == []
    kept.close()


def test_sequencing_by_the_last_id_would_skip_it(postgresql_url_of_test, tmp_path, monkeypatch):
    """The control of the test above: the check finds what that rule loses."""
    from foodtrace.trace.log import sequencing

    kept = Kept(Store(postgresql_url_of_test), tmp_path)
    last = select(func.coalesce(func.max(text("statement_id")), 0)).select_from(text("leaf"))
    by_last_id = select(Statement.id).where(Statement.id > last.scalar_subquery())
    with kept.store.transaction() as slow:
        first = record_statement(slow, SYSTEM, "log", {"previous": None})
        kept.capture(1)
        monkeypatch.setattr(sequencing, "_WAITING", by_last_id.order_by(Statement.id))
        kept.keep_all()
    kept.keep_all()
    assert f"statement {first} still waits" in kept.violations()
    kept.close()


# --- several processes


def test_two_processes_that_keep_one_log_make_one_history(kept, other):
    for number in range(1, 9):
        (kept, other)[number % 2].capture(number)
        kept.keep()
        other.keep()
    kept.keep_all()
    other.keep_all()
    assert kept.violations() == []
    assert other.reason is None


def test_two_that_sign_at_the_same_time_publish_one_head_of_a_size(kept, other):
    failures = []

    def work(process, first):
        try:
            for number in range(first, first + 6):
                process.capture(number)
                process.keep()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=each) for each in ((kept, 100), (other, 200))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in (kept, other):
        process.keep_all()
    assert failures == []
    assert kept.violations() == []


class Asleep(Clock):
    """A clock that keeps who looks at it waiting: a process that is stopped there."""

    def __init__(self):
        super().__init__()
        self.is_reached, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self):
        self.is_reached.set()
        assert self.may_go_on.wait(30)
        return super().__call__()


@pytest.fixture
def pair(postgresql_url_of_test, tmp_path):
    first = Kept(Store(postgresql_url_of_test), tmp_path)
    second = Kept(Store(postgresql_url_of_test), tmp_path, first.clock)
    yield first, second
    first.close()
    second.close()


def test_only_the_elected_one_gives_places(pair):
    first, second = pair
    first.capture(1)
    assert first.keep()
    first.capture(2)
    assert not second.keep()
    assert len(first.leaves()) == 1
    first.keeper.close()
    assert second.keep()
    assert second.sizes() == [1, 2]


def test_one_that_was_overtaken_writes_nothing_more(pair):
    first, second = pair
    first.capture(1)
    first.keep_all()
    old = first.keeper._election.epoch
    first.capture(2)
    _drop_the_lock(first)
    second.keep_all()
    second.capture(3)
    with pytest.raises(Fenced), first.store.transaction() as session:
        sequence(session.connection(), clock=first.clock, epoch=old)
    assert second.violations(is_quiet=False) == []
    assert not first.keep()  # it learns it, and stands behind the other
    second.keep_all()
    assert second.violations() == []


def test_one_that_sleeps_in_its_transaction_is_overtaken_and_undone(pair, monkeypatch):
    first, second = pair
    first.capture(1)
    first.keep_all()
    first.capture(2)
    clock = Asleep()
    done = []

    def sleep_over_it():
        try:
            with first.store.transaction() as session:
                connection = session.connection()
                connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '300ms'"))
                sequence(connection, clock=clock, epoch=first.keeper._election.epoch)
        except Exception as error:
            done.append(error)

    thread = threading.Thread(target=sleep_over_it)
    thread.start()
    assert clock.is_reached.wait(30)
    _drop_the_lock(first)
    second.keep_all()  # waits until the server has ended the sleeper's transaction
    assert second.sizes() == [1, 2]
    clock.may_go_on.set()
    thread.join()
    assert done
    second.keep_all()
    assert second.violations() == []


def test_a_takeover_that_fails_elects_nobody(pair, monkeypatch):
    first, _ = pair
    first.capture(1)

    def fail():
        raise ConnectionError("the database is away")

    monkeypatch.setattr(first.keeper._election, "_take_over", fail)
    with pytest.raises(ConnectionError):
        first.keep()
    monkeypatch.undo()
    assert first.keep()
    assert first.keeper._election.epoch == first.state().epoch
    assert first.violations() == []


def _drop_the_lock(kept):
    """End the connection that holds the lock of the elected, as a cut network does."""
    pid = kept.keeper._election._connection.scalar(text("SELECT pg_backend_pid()"))
    with kept.store.writers.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


# --- the clock


def test_a_clock_that_goes_back_a_second_is_levelled_out(kept):
    kept.capture(1)
    kept.keep_all()
    kept.clock.now -= 1_000
    kept.capture(2)
    kept.keep_all()
    first, second = kept.leaves()
    assert first.time == second.time
    assert kept.violations() == []


def test_a_clock_that_goes_back_an_hour_stops_the_record_until_it_is_right_again(kept):
    kept.capture(1)
    kept.keep_all()
    kept.clock.now -= HOUR
    kept.keep()
    assert "The clock of this server went back by 3" in kept.reason
    with pytest.raises(ReadOnly, match="clock of this server"):
        kept.capture(2)
    kept.clock.now += HOUR
    kept.keep_all()
    assert kept.reason is None
    kept.capture(3)
    kept.keep_all()
    assert kept.sizes() == [1, 2]
    assert kept.violations() == []


def test_a_clock_that_went_back_is_noticed_before_the_first_capture(kept):
    kept.capture(1)
    kept.keep_all()
    kept.clock.now -= HOUR
    again = kept.again()
    with pytest.raises(ReadOnly, match="clock of this server"):
        again.capture(2)
    again.close()


def test_a_clock_that_goes_back_between_two_looks_is_noticed_by_the_capture(sqlite_store, tmp_path):
    kept = Kept(sqlite_store, tmp_path)
    kept.capture(1)
    kept.clock.now -= HOUR
    with pytest.raises(ReadOnly, match="clock of this server"):
        kept.capture(2)
    kept.clock.now += HOUR
    kept.capture(2)
    assert [leaf.idx for leaf in kept.leaves()] == [0, 1]


def test_a_process_with_a_wrong_clock_leaves_the_log_to_another(pair):
    first, second = pair
    second.clock = second.keeper._clock = Clock()
    first.capture(1)
    first.keep_all()
    first.capture(2)
    first.clock.now -= HOUR
    first.keep()
    assert first.reason is not None
    second.keep_all()
    assert second.sizes() == [1, 2]


# --- the year


def test_the_log_of_a_new_year_begins_with_the_last_head_of_the_old(kept):
    kept.capture(1)
    kept.keep_all()
    kept.capture(2)
    kept.clock.now = NEW_YEAR
    kept.keep_all()
    kept.capture(3)
    kept.keep_all()
    with kept.store.reading() as session:
        years = session.execute(select(LogState.year, LogState.size, LogState.is_closed)).all()
    assert sorted(map(tuple, years)) == [(2026, 2, True), (2027, 2, False)]
    note = kept.anchor.note(2026).decode()
    with kept.store.reading() as session:
        first = session.get_one(Statement, kept.leaves()[2].statement_id)
        body = session.execute(
            text("SELECT body FROM document WHERE id = :id"), {"id": first.document_id}
        ).scalar_one()
    assert note.splitlines()[2] in bytes(body).decode()
    assert kept.violations() == []


def test_a_year_without_statements_gives_way_to_the_next(kept):
    kept.clock.now = NEW_YEAR
    kept.keep_all()
    assert kept.state().year == 2027
    assert kept.sizes() == [1]
    assert kept.violations() == []


def test_what_is_recorded_between_two_logs_waits_for_the_new_one(kept, monkeypatch):
    kept.capture(1)
    kept.keep_all()
    kept.clock.now = NEW_YEAR
    monkeypatch.setattr("foodtrace.trace.log.keeping.begin_next", lambda *_, **__: False)
    kept.keep_all()
    assert kept.state().is_closed
    kept.capture(2)
    kept.keep_all()
    assert waiting(kept.store) == 1
    monkeypatch.undo()
    kept.keep_all()
    assert waiting(kept.store) == 0
    assert [leaf.idx for leaf in kept.leaves() if leaf.year == 2027] == [0, 1]
    assert kept.violations() == []


def test_the_time_in_a_leaf_is_that_of_the_log(kept):
    kept.capture(1)
    kept.keep_all()
    (leaf,) = kept.leaves()
    assert NOON < leaf.time < NOON + 1_000
