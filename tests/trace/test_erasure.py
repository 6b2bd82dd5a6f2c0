"""What is erased is in no file of the live system any more, and every proof still holds."""

import json
import os
import random
import shutil
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.engine import make_url

from foodtrace.consumer_web.opening import open_store
from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.capture.rebuild import rebuild
from foodtrace.trace.errors import Forbidden, Invalid, NotFound
from foodtrace.trace.log.contents import contents, header_of
from foodtrace.trace.log.keeping import LogKeeper, attach
from foodtrace.trace.log.leaves import Leaf as Entry
from foodtrace.trace.log.leaves import commit, fields_of
from foodtrace.trace.log.merkle import inclusion_proof, leaf_hash, tree_root, verify_inclusion
from foodtrace.trace.log.models import Leaf
from foodtrace.trace.log.opening import newest_log
from foodtrace.trace.log.publishing import newest_head
from foodtrace.trace.log.tree import hash_at
from foodtrace.trace.personal.commitments import committed, written
from foodtrace.trace.personal.erased_list import ErasedList, ErasedValue
from foodtrace.trace.personal.erasing import Ground, erase, list_values
from foodtrace.trace.personal.models import Personal
from foodtrace.trace.personal.wiping import erase_restored, wipe
from foodtrace.trace.store.models import Document, Statement
from foodtrace.trace.store.session import Store

from ..web import settings_of
from .acts import ALBA, BRUNO, ROSA, rows
from .persons import NAME, PHONE, commitments, kept, record_of, send, trip

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def settings(store, tmp_path):
    return replace(
        settings_of(store),
        data=tmp_path,
        base_url="https://trace.example",
        anchor=tmp_path / "other disk",
    )


@pytest.fixture
def keep(store, settings):
    """Have the log of the store grow, be signed and published."""
    attach(store, settings)
    keeper = LogKeeper(store, settings)
    yield lambda: keeper.keep(store, settings)
    keeper.close()


def erased(store, settings, actor=ALBA, *, ground=Ground.CONSENT_WITHDRAWN, **which):
    listed = ErasedList(settings.anchor_folder)
    with store.transaction() as session:
        return erase(session, actor, listed, ground=ground, **which)


def files_of(store):
    """Return the bytes of the files that hold personal values; of PostgreSQL those of the table."""
    if store.dialect == "sqlite":
        path = make_url(store.url).database
        return b"".join(
            Path(path + end).read_bytes()
            for end in ("", "-wal", "-shm")
            if Path(path + end).exists()
        )
    with store.writers.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql("CHECKPOINT")
        folder = connection.exec_driver_sql("SHOW data_directory").scalar_one()
        paths = connection.exec_driver_sql(
            "SELECT pg_relation_filepath(oid) FROM pg_class WHERE oid = 'personal'::regclass"
            " OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'personal'::regclass)"
            " OR oid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'personal'::regclass)"
            " OR relname IN ('pg_statistic')"
        ).scalars()
        return b"".join((Path(folder) / each).read_bytes() for each in paths)


def check_every_proof(store):
    """Check each statement's bytes against its leaf, and each leaf against the published head."""
    with store.reading() as session:
        connection = session.connection()
        state = newest_log(connection)
        head = newest_head(connection, state)
        leaves = session.scalars(select(Leaf).order_by(Leaf.idx)).all()[: head.size]
        hashes = hash_at(connection, state.year, head.size)
        entries = []
        for leaf in leaves:
            (stated,) = contents(connection, [leaf.statement_id])
            fields = fields_of(header_of(stated, leaf.header), stated.content)
            assert commit(leaf.secret, fields) == leaf.commitment
            entries.append(leaf_hash(Entry(leaf.time, leaf.commitment).entry))
            proof = inclusion_proof(leaf.idx, head.size, hashes)
            verify_inclusion(entries[-1], leaf.idx, head.size, proof, head.root)
        assert tree_root(entries) == head.root
        return head.size


def test_the_group_of_its_folder_can_add_to_the_list_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        ErasedList(tmp_path).add([ErasedValue(bytes(32), 1)])
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o660}


def test_it_works(store, settings):
    send(store, trip())
    assert len(erased(store, settings, value=PHONE)) == 1
    assert list(kept(store).values()) == [NAME]


def test_no_file_holds_what_was_erased_and_every_proof_holds(store, settings, keep):
    send(store, trip(name="Ωvalue-erased", phone="Ωvalue-kept"))
    keep()
    assert check_every_proof(store) == 1
    with store.reading() as session:
        salt = bytes(
            session.scalars(select(Personal.salt).where(Personal.value == "Ωvalue-erased")).one()
        )
        before = bytes(session.scalars(select(Document.body).order_by(Document.id)).first())
    assert "Ωvalue-erased".encode() in files_of(store)
    assert salt in files_of(store)
    erased(store, settings, value="Ωvalue-erased")
    assert wipe(store, settings)
    keep()
    left = files_of(store)
    assert "Ωvalue-kept".encode() in left
    assert "Ωvalue-erased".encode() not in left
    assert salt not in left
    assert check_every_proof(store) == 2
    with store.reading() as session:
        assert bytes(session.scalars(select(Document.body).order_by(Document.id)).first()) == before
    assert not wipe(store, settings)


def test_nothing_is_left_of_many_values_that_came_and_went(store, settings):
    """SQLite leaves copies behind where it balances pages; the wiping must find them all."""
    chance = random.Random(7)
    alive, gone = {}, []
    for round_ in range(25):
        values = [
            committed(f"Ω{round_:03d}-{n:03d}-" + "x" * chance.choice([0, 50, 1900]), "/a")
            for n in range(20)
        ]
        with store.transaction() as session:
            session.add_all(
                Personal(
                    document_id=1, party_id=ALBA.party_id, place="/a", value=each.value,
                    salt=each.salt, digest=each.digest, recorded_at=NOW,
                )
                for each in values
            )  # fmt: skip
        alive |= {each.digest: each.value for each in values}
        chosen = chance.sample(sorted(alive), 15)
        gone += [alive.pop(digest) for digest in chosen]
        erased(store, settings, digests=chosen)
    assert wipe(store, settings)
    left = files_of(store)
    assert [value for value in gone if value[:9].encode() in left] == []
    assert [value for value in alive.values() if value[:9].encode() not in left] == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_two_erase_at_once_is_erased_and_recorded_once(store, settings):
    send(store, trip())
    refused = []

    def second():
        with pytest.raises(NotFound) as found:
            erased(store, settings, value=NAME)
        refused.append(found.value)

    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    other = threading.Thread(target=second)
    with store.transaction() as session:
        listed = ErasedList(settings.anchor_folder)
        erase(session, ALBA, listed, ground=Ground.UNLAWFUL, value=NAME)
        other.start()
        with store.writers.connect() as connection:
            while other.is_alive() and not connection.execute(waiting).scalar_one():
                connection.rollback()
    other.join()
    assert len(refused) == 1
    with store.reading() as session:
        kinds = session.scalars(select(Statement.kind)).all()
    assert kinds.count("erasure") == 1


def test_a_reader_at_work_delays_the_wiping_and_does_not_stop_it(sqlite_store, tmp_path):
    settings = replace(settings_of(sqlite_store), data=tmp_path)

    @event.listens_for(sqlite_store.writers, "connect")
    def impatient(connection, _record):
        connection.execute("PRAGMA busy_timeout = 50")

    sqlite_store.writers.dispose()
    send(sqlite_store, trip())
    with sqlite_store.reading() as session:
        session.execute(text("SELECT count(*) FROM personal")).all()
        erased(sqlite_store, settings, value=NAME)
        assert not wipe(sqlite_store, settings)
        assert ErasedList(settings.anchor_folder).is_unwiped
    assert wipe(sqlite_store, settings)
    assert NAME.encode() not in files_of(sqlite_store)


def test_what_is_erased_while_the_files_are_wiped_is_wiped_after(store, settings, monkeypatch):
    send(store, trip(name="Ωfirst", phone="Ωsecond"))
    erased(store, settings, value="Ωfirst")
    mark = ErasedList.mark_rewritten

    def meanwhile(self):
        mark(self)
        monkeypatch.undo()
        erased(store, settings, value="Ωsecond")

    monkeypatch.setattr(ErasedList, "mark_rewritten", meanwhile)
    assert not wipe(store, settings)
    assert "Ωfirst".encode() not in files_of(store)
    assert wipe(store, settings)
    assert "Ωsecond".encode() not in files_of(store)


def test_an_erasure_is_on_record_without_what_was_erased(store, settings):
    send(store, trip())
    digests = commitments(store)
    erased(store, settings, digests=digests)
    with store.reading() as session:
        statement = session.scalars(select(Statement).where(Statement.kind == "erasure")).one()
        said = json.loads(session.get_one(Document, statement.document_id).body)
    assert said["ground"] == "consent_withdrawn"
    assert said["count"] == 2
    assert sorted(each["commitment"] for each in said["values"]) == sorted(map(written, digests))
    assert {each["place"].rpartition("/")[2] for each in said["values"]} == {
        "foodtrace:driver",
        "foodtrace:phone",
    }
    assert NAME not in record_of(store)
    assert PHONE not in record_of(store)


def test_one_erases_only_ones_own(store, settings):
    send(store, trip())
    with pytest.raises(NotFound):
        erased(store, settings, BRUNO, value=NAME)
    with pytest.raises(Forbidden):
        erased(store, settings, ROSA, value=NAME)
    assert len(kept(store)) == 2
    assert not ErasedList(settings.anchor_folder).is_unwiped
    erased(store, settings, SYSTEM, value=NAME)
    assert list(kept(store).values()) == [PHONE]


def test_what_is_kept_is_listed_for_its_owner_and_found_by_the_administrator(store):
    send(store, trip())
    send(store, trip(2, name="李四", phone="1"), actor=BRUNO)
    with store.reading() as session:
        assert {each.value for each in list_values(session, ALBA)} == {NAME, PHONE}
        assert list_values(session, SYSTEM) == []
        (found,) = list_values(session, SYSTEM, value=NAME)
        assert (found.value, found.party_id) == (None, ALBA.party_id)
        assert list_values(session, ALBA, value="李四") == []
        with pytest.raises(Forbidden):
            list_values(session, ROSA)
        with pytest.raises(Invalid):
            list_values(session, SYSTEM, value="\x00")


def test_values_of_one_document_are_erased_together(store, settings):
    send(store, trip())
    send(store, trip(2))
    with store.reading() as session:
        first = session.scalars(select(Personal.document_id).order_by(Personal.id)).first()
    erased(store, settings, SYSTEM, document_id=first, ground=Ground.RETENTION_ENDED)
    assert len(kept(store)) == 2
    with pytest.raises(NotFound):
        erased(store, settings, SYSTEM, document_id=first)


def test_a_rebuild_after_an_erasure_gives_the_same_rows(store, settings):
    send(store, trip())
    before = rows(store)
    erased(store, settings, value=NAME)
    with store.transaction() as session:
        rebuild(session)
    assert rows(store) == before


def test_an_erasure_that_is_undone_is_listed_and_done_at_the_next_start(store, settings):
    """The list is written first: a crash before the commit must not forget the decision."""
    send(store, trip())
    digests = commitments(store)
    listed = ErasedList(settings.anchor_folder)

    def undone():
        with store.transaction() as session:
            erase(session, ALBA, listed, ground=Ground.UNLAWFUL, digests=digests)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    assert len(kept(store)) == 2
    assert erase_restored(store, settings) == 2
    assert kept(store) == {}
    assert erase_restored(store, settings) == 0


def test_a_line_that_a_crash_cut_off_is_left_out_and_spoils_none(tmp_path):
    listed = ErasedList(tmp_path)
    one = ErasedValue(committed("a", "").digest, 1)
    two = ErasedValue(committed("b", "").digest, 2)
    listed.add([one])
    (tmp_path / "erased").write_bytes((tmp_path / "erased").read_bytes() + b"ni:///sha-2")
    listed.add([two])
    assert listed.values() == {one, two}
    assert not set(tmp_path.iterdir()) - {tmp_path / "erased", tmp_path / "erased.unwiped"}


def test_an_older_backup_that_is_restored_does_not_bring_it_back(sqlite_url, tmp_path):
    """The backup lies under the published log: it is read-only, and erased all the same."""
    path = Path(make_url(sqlite_url).database)
    settings = replace(
        settings_of(Store(sqlite_url)), data=tmp_path / "data", anchor=tmp_path / "anchor"
    )
    store = open_store(settings)
    keeper = LogKeeper(store, settings)
    send(store, trip())
    send(store, trip(2, name="李四"))
    keeper.keep(store, settings)
    store.close()
    backup = shutil.copy(path, tmp_path / "backup")
    store = open_store(settings)
    erased(store, settings, value=NAME)
    LogKeeper(store, settings).keep(store, settings)
    store.close()
    shutil.copy(backup, path)
    assert NAME.encode() in path.read_bytes()
    restored = open_store(settings)
    assert restored.standing.reason is not None
    assert NAME not in kept(restored).values()
    assert "李四" in kept(restored).values()
    assert NAME.encode() not in files_of(restored)
    restored.close()


def test_what_another_party_recorded_with_the_same_salt_is_not_erased_with_it(store, settings):
    """Who was given value and salt could else erase the owner's own, by an erasure of theirs."""
    send(store, trip())
    digests = commitments(store)
    listed = ErasedList(settings.anchor_folder)
    listed.add([ErasedValue(digest, 999) for digest in digests])  # of another document
    assert erase_restored(store, settings) == 0
    assert len(kept(store)) == 2
