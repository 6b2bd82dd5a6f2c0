"""What must never be signed is not: the record is then read-only, and says why."""

import shutil

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from foodtrace.trace.access.actor import Role
from foodtrace.trace.audit.sources import Folder
from foodtrace.trace.errors import ReadOnly, Unavailable
from foodtrace.trace.log.exporting import export
from foodtrace.trace.log.merkle import leaf_hash
from foodtrace.trace.log.models import Leaf, LogState, LogTile
from foodtrace.trace.log.notes import Signer, format_line
from foodtrace.trace.log.opening import newest_log
from foodtrace.trace.log.repairing import repair
from foodtrace.trace.store.session import Store

from ..conftest import administer
from ..faults.storage import MODES, Failing
from ..web import add_key, add_party, bearer, public_app, staff_app
from .acts import capture, document, make
from .kept import YEAR, Kept, flipped, literal, tamper


@pytest.fixture
def kept(store, tmp_path):
    kept = Kept(store, tmp_path)
    yield kept
    kept.keeper.close()


def signed(kept, *numbers):
    """Capture events, and have their head published."""
    for number in numbers:
        kept.capture(number)
    kept.keep_all()


def rewritten(kept, table, column, where, guarded=()):
    """Flip one bit of what stands in a column."""
    with kept.store.reading() as session:
        (octets,) = session.execute(
            select(getattr(table, column)).where(
                *(getattr(table, name) == value for name, value in where.items())
            )
        ).one()
    at = " AND ".join(f"{name} = {value}" for name, value in where.items())
    new = literal(kept.store, flipped(octets, 77))
    name = table.__tablename__
    tamper(kept.store, f"UPDATE {name} SET {column} = {new} WHERE {at}", guarded=guarded)


def refuses(kept, text):
    """Check that nothing is signed, that captures are refused, and that all know why."""
    before = kept.sizes(), kept.anchor.note(YEAR)
    kept.keep_all()
    assert (kept.sizes(), kept.anchor.note(YEAR)) == before
    assert text in (kept.reason or "nothing")
    with pytest.raises(ReadOnly, match="log"):
        kept.capture(99)
    page = public_app(kept.store).test_client().get("/", headers={"Accept": "text/html"})
    assert page.status_code == 200
    return True


def test_it_works(kept):
    signed(kept, 1)
    tamper(kept.store, "UPDATE log_state SET size = 2")
    assert refuses(kept, "do not agree")


# --- a bit that flips between hashing and signing


def sequenced(kept, *numbers):
    """Capture events and give them their places; nothing is signed yet."""
    for number in numbers:
        kept.capture(number)
    kept.keeper._sequence(kept.store, kept.keeper._election and kept.keeper._election.epoch)


FLIPS = {
    "commitment": (Leaf, "commitment", {"year": YEAR, "idx": 1}, ["leaf"]),
    "secret": (Leaf, "secret", {"year": YEAR, "idx": 1}, ["leaf"]),
    "header": (Leaf, "header", {"year": YEAR, "idx": 1}, ["leaf"]),
    "tile": (LogTile, "hashes", {"year": YEAR, "level": 0, "number": 0}, ()),
    "state": (LogState, "edge", {"year": YEAR}, ()),
}


@pytest.mark.parametrize("where", FLIPS)
def test_a_bit_that_flips_before_signing_is_never_signed(kept, where):
    signed(kept, 1)
    sequenced(kept, 2)
    rewritten(kept, *FLIPS[where])
    assert refuses(kept, "do not agree" if where != "tile" else "log 2026")


def test_a_changed_time_of_a_leaf_is_never_signed(kept):
    sequenced(kept, 1, 2)
    tamper(kept.store, "UPDATE leaf SET time = time + 1 WHERE idx = 1", guarded=["leaf"])
    assert refuses(kept, "do not agree")


def test_a_changed_statement_is_never_signed(kept):
    sequenced(kept, 1, 2)
    with kept.store.reading() as session:
        body = session.connection().exec_driver_sql("SELECT body FROM document").scalars().all()[1]
    new = literal(kept.store, bytes(body).replace(b"commissioning", b"destroying   "))
    tamper(
        kept.store,
        f"UPDATE document SET body = {new} WHERE id = (SELECT max(id) FROM document)",
        guarded=["document"],
    )
    assert refuses(kept, "do not agree")


def test_a_missing_leaf_is_never_signed(kept):
    sequenced(kept, 1, 2, 3)
    tamper(kept.store, "DELETE FROM leaf WHERE idx = 1", guarded=["leaf"])
    assert refuses(kept, "do not agree")


def test_a_bit_in_a_full_tile_is_never_signed(kept):
    """The root is that of the tile above: only comparing tiles with leaves shows it."""
    capture(kept.store, *(make(n % 24, {f"B{n}": 1}) for n in range(300)))
    sequenced(kept)
    rewritten(kept, LogTile, "hashes", {"year": YEAR, "level": 0, "number": 0})
    assert refuses(kept, "hash 0 of level 0 of the log 2026 is not that of its leaves")


def test_a_statement_that_vanished_before_it_had_its_place_is_never_skipped(
    postgresql_url_of_test, tmp_path, monkeypatch
):
    kept = Kept(Store(postgresql_url_of_test), tmp_path)
    signed(kept, 1)
    kept.capture(2)
    monkeypatch.setattr("foodtrace.trace.log.sequencing.contents", lambda _connection, _ids: [])
    assert refuses(kept, "a statement that waits for its place in the log is gone")
    kept.close()


def test_a_batch_that_cannot_have_its_places_is_not_recorded(sqlite_store, tmp_path, monkeypatch):
    kept = Kept(sqlite_store, tmp_path)
    monkeypatch.setattr("foodtrace.trace.log.sequencing.contents", lambda _connection, _ids: [])
    with pytest.raises(ReadOnly, match="gone"):
        kept.capture(1)
    monkeypatch.undo()
    kept.keep_all()  # what made it impossible has passed
    kept.capture(2)
    kept.keep_all()
    assert len(kept.leaves()) == 1
    assert kept.violations() == []


def test_the_second_way_shares_nothing_with_the_first(sqlite_store, tmp_path, monkeypatch):
    """A fault in what grows the tree is found by what looks at it once more."""
    from foodtrace.trace.log import sequencing

    kept = Kept(sqlite_store, tmp_path)
    signed(kept, 1)

    def wrong(entry):
        return leaf_hash(flipped(entry))

    monkeypatch.setattr(sequencing, "leaf_hash", wrong)
    kept.capture(2)
    assert refuses(kept, "do not agree")


def test_without_the_second_way_it_would_be_signed(sqlite_store, tmp_path, monkeypatch):
    """The control of the test above: then only the check of these tests finds it."""
    from foodtrace.trace.log import publishing, sequencing

    kept = Kept(sqlite_store, tmp_path)
    monkeypatch.setattr(sequencing, "leaf_hash", lambda entry: leaf_hash(flipped(entry)))
    monkeypatch.setattr(publishing, "check_growth", lambda *_: None)
    kept.capture(1)
    kept.keep_all()
    assert "the head of size 1 of 2026 is not of this tree" in kept.violations()


def test_other_processes_learn_it_and_a_restart_does_not_forget_it(kept, tmp_path):
    other = Kept(Store(kept.store.url), tmp_path, kept.clock)
    sequenced(kept, 1)
    rewritten(kept, Leaf, "commitment", {"year": YEAR, "idx": 0}, guarded=["leaf"])
    kept.keep_all()
    other.keep()
    assert other.reason == kept.reason
    with pytest.raises(ReadOnly, match="do not agree"):
        other.capture(3)
    again = other.again()
    assert again.reason == kept.reason
    again.close()


def test_when_somebody_has_looked_and_settled_it_the_record_goes_on(kept, tmp_path):
    other = Kept(Store(kept.store.url), tmp_path, kept.clock)
    sequenced(kept, 1)
    undo = {"year": YEAR, "idx": 0}
    rewritten(kept, Leaf, "commitment", undo, guarded=["leaf"])
    for process in (kept, other):
        process.keep_all()
    rewritten(kept, Leaf, "commitment", undo)
    with kept.store.transaction() as session:
        session.execute(update(LogState).values(stopped=None))
    for process in (kept, other):
        process.keep_all()
        assert process.reason is None
    other.capture(2)
    for process in (kept, other):
        process.keep_all()
    assert kept.violations() == []
    other.close()


def test_captures_over_http_say_why_and_pages_go_on(kept):
    party = add_party(kept.store, "Alba")
    key = bearer(add_key(kept.store, Role.PRODUCER, party))
    client = staff_app(kept.store).test_client()
    sequenced(kept, 1)
    tamper(kept.store, "UPDATE log_state SET size = size + 1")
    kept.keep_all()
    refused = client.post(
        "/epcis/capture",
        data=document(make(2, {"B": 10})),
        content_type="application/ld+json",
        headers=key,
    )
    assert refused.status_code == 503
    assert "The record and its log do not agree" in refused.text
    ready = public_app(kept.store).test_client().get("/readyz").json
    assert ready["status"] == "read-only"


# --- the key


def key_file(kept):
    return kept.settings.log_key_folder / f"{YEAR}.key"


@pytest.mark.parametrize("fault", ["missing", "another", "broken", "of another log"])
def test_without_its_own_key_nothing_is_signed_until_it_is_back(kept, fault):
    signed(kept, 1)
    key = key_file(kept).read_text()
    kept.capture(2)
    if fault == "missing":
        key_file(kept).unlink()
    else:
        name = "trace.example/log/2025" if fault == "of another log" else "trace.example/log/2026"
        text = "nonsense" if fault == "broken" else Signer.generate(name).to_text()
        key_file(kept).write_text(text)
    assert refuses(kept, "The key of the log cannot be used")
    key_file(kept).write_text(key)
    kept.keep_all()
    assert kept.reason is None
    assert kept.sizes() == [1, 2]
    assert kept.violations() == []


# --- the anchor


@pytest.mark.parametrize("fault", ["missing", "older", "broken", "another's", "flipped"])
def test_without_its_anchor_nothing_is_recorded_until_it_is_back(kept, fault):
    file = kept.settings.anchor_folder / str(YEAR)
    signed(kept, 1)
    old = file.read_bytes()
    signed(kept, 2)
    new = file.read_bytes()
    if fault == "missing":
        shutil.rmtree(kept.settings.anchor_folder)
    else:
        mine, strangers = new.decode(), Signer.generate("trace.example/log/2026")
        other = mine[: mine.index("\n\n") + 1]
        file.write_bytes(
            {
                "older": old,
                "broken": b"nonsense",
                "another's": f"{other}\n{format_line(strangers.line(other))}\n".encode(),
                "flipped": flipped(new, 8 * 30),
            }[fault]
        )
    assert refuses(kept, "anchor of the log")
    again = kept.again()
    assert "anchor of the log" in again.reason
    with pytest.raises(ReadOnly):
        again.capture(3)
    kept.settings.anchor_folder.mkdir(exist_ok=True)
    file.write_bytes(new)
    again.keep_all()
    assert again.reason is None
    signed(again, 3)
    assert again.sizes() == [1, 2, 3]
    assert again.violations() == []
    again.close()


def test_a_head_that_was_anchored_and_not_published_is_published_after_the_start(kept, monkeypatch):
    signed(kept, 1)
    kept.capture(2)

    def cut_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("foodtrace.trace.log.keeping.publish", cut_off)
    with pytest.raises(KeyboardInterrupt):
        kept.keep()
    monkeypatch.undo()
    assert kept.anchor.head(YEAR).size == 2
    assert kept.sizes() == [1]
    again = kept.again()
    again.capture(3)
    again.keep_all()
    assert again.sizes() == [1, 2, 3]
    assert again.violations() == []
    again.close()


# --- a database that was set back


def backed_up(kept):
    """Return what brings the database back to where it is now, as a restored backup does."""
    if kept.store.dialect == "sqlite":
        from sqlalchemy import make_url

        file = make_url(kept.store.url).database
        with kept.store.writers.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
        shutil.copy(file, f"{file}.backup")

        def restore():
            for end in ("-wal", "-shm"):
                shutil.rmtree(file + end, ignore_errors=True)
            shutil.copy(f"{file}.backup", file)

        return restore
    name = kept.store.url.rsplit("/", 1)[-1]
    kept.keeper.close()
    kept.store.close()
    administer(f"CREATE DATABASE {name}_backup TEMPLATE {name}")

    def restore():
        administer(f"DROP DATABASE {name} WITH (FORCE)")
        administer(f"ALTER DATABASE {name}_backup RENAME TO {name}")

    return restore


def test_an_old_backup_under_a_published_log_records_nothing(kept):
    signed(kept, 1, 2)
    restore = backed_up(kept)
    signed(kept, 3, 4)
    kept.close()
    restore()
    again = kept.again()
    assert "was signed up to number 4, and this database has only 2" in again.reason
    with pytest.raises(ReadOnly, match="it was set back"):
        again.capture(5)
    again.keep_all()
    assert again.sizes() == [2]
    assert len(again.leaves()) == 2
    assert again.anchor.head(YEAR).size == 4
    again.close()


def test_an_old_backup_whose_statements_waited_gives_them_no_places(kept):
    """What waits in it got other places before: they are signed."""
    signed(kept, 1)
    restore = backed_up(kept)
    signed(kept, 2)
    kept.close()
    restore()
    again = kept.again()
    again.keep_all()
    assert len(again.leaves()) == 1
    again.close()


@pytest.mark.parametrize("mode", MODES)
def test_a_repair_that_is_cut_off_is_done_again(kept, tmp_path, mode):
    """The commit of the repair fails, and is stored or not: the next one finds its way."""
    signed(kept, 1, 2)
    restore = backed_up(kept)
    signed(kept, 3, 4)
    export(kept.store.reading, tmp_path / "public", None)
    kept.close()
    restore()
    again = kept.again()
    assert "it was set back" in again.reason

    apart = Store(kept.store.url)

    def repaired():
        return repair(apart, again.settings, Folder(tmp_path / "public"), clock=again.clock)

    with Failing({0: mode}).over(apart), pytest.raises((Unavailable, DBAPIError)):
        repaired()
    assert [each.count for each in repaired()] == ([2] if mode == "lost" else [])
    again.keep_all()
    assert again.reason is None
    signed(again, 5)
    assert again.sizes() == [2, 4, 5, 6]  # the fifth says what was lost
    assert [each for each in again.violations() if "number" not in each] == []
    apart.close()
    again.close()


def test_a_lagging_replica_that_is_promoted_under_a_running_service_signs_nothing(
    postgresql_url_of_test, tmp_path
):
    """The connections are made anew and all looks well: the anchor tells the difference."""
    kept = Kept(Store(postgresql_url_of_test), tmp_path)
    signed(kept, 1, 2)
    restore = backed_up(kept)
    signed(kept, 3, 4)
    restore()
    kept.keep_all()
    assert "it was set back" in kept.reason
    with pytest.raises(ReadOnly, match="it was set back"):
        kept.capture(5)
    assert len(kept.leaves()) == 2
    kept.close()


def test_one_that_is_promoted_between_the_look_and_the_places_gives_none(
    postgresql_url_of_test, tmp_path, monkeypatch
):
    kept = Kept(Store(postgresql_url_of_test), tmp_path)
    signed(kept, 1, 2)
    restore = backed_up(kept)
    signed(kept, 3, 4)
    restore()
    kept.capture(5)  # the process has not looked yet
    monkeypatch.setattr(kept.keeper, "_may_grow", lambda *_: True)
    kept.keep()
    assert len(kept.leaves()) == 2
    assert "has 2 leaves of 4" in kept.reason
    kept.close()


def test_a_lost_database_is_not_begun_anew_under_a_published_log(kept, tmp_path):
    signed(kept, 1)
    with kept.store.writers.begin() as connection:
        for table in ("cosignature", "checkpoint", "log_tile", "leaf", "unlogged", "log_state"):
            if connection.dialect.name == "sqlite":
                for verb in ("update", "delete", "replace"):
                    connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_refuses_{verb}")
            else:
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            connection.exec_driver_sql(f"DELETE FROM {table}")
    again = kept.again()
    assert "was signed up to number 1, and this database has only 0" in again.reason
    with pytest.raises(ReadOnly):
        again.capture(2)
    with again.store.reading() as session:
        assert newest_log(session.connection()) is None
    again.close()


# --- the folders of key and anchor


def test_a_folder_that_cannot_be_written_is_a_reason_and_no_crash(sqlite_store, tmp_path):
    (tmp_path / "log-keys").write_text("a file where the folder should be")
    kept = Kept(sqlite_store, tmp_path)
    assert "The key of the log cannot be used" in kept.reason
    (tmp_path / "log-keys").unlink()
    kept.keep_all()
    assert kept.reason is None
    kept.capture(1)
    kept.keep_all()
    assert kept.violations() == []
