"""The turn of the year: the log of the old year is closed, and the next begins with its head."""

import os
import threading
from datetime import UTC, datetime

import msgspec
import pytest
from sqlalchemy import select

from foodtrace.trace.errors import ReadOnly, Unavailable
from foodtrace.trace.log import keeping, opening, publishing
from foodtrace.trace.log.anchor import Anchor
from foodtrace.trace.log.checkpoints import open_checkpoint
from foodtrace.trace.log.full_check import differences
from foodtrace.trace.log.leaves import parse_leaf
from foodtrace.trace.log.merkle import inclusion_proof, leaf_hash, verify_inclusion
from foodtrace.trace.log.models import Leaf, LogCheckpoint, LogState, Unlogged
from foodtrace.trace.log.notes import Verifier
from foodtrace.trace.log.services import checkpoint_of, logs_of
from foodtrace.trace.log.tree import hash_at, read_leaves
from foodtrace.trace.store.models import Document, Statement

from .kept import Clock, Kept

MIDNIGHT = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp() * 1000)
EVE, MORNING = MIDNIGHT - 3_600_000, MIDNIGHT + 3_600_000


@pytest.fixture
def kept(store, tmp_path):
    """A log that is kept on New Year's Eve."""
    kept = Kept(store, tmp_path, Clock(EVE))
    yield kept
    kept.close()


def heads(store):
    """Return the newest published head of each log, by its year."""
    with store.reading() as session:
        return {
            log.year: open_checkpoint(
                checkpoint_of(session, log.year), Verifier.from_vkey(log.vkey)
            )
            for log in logs_of(session)
            if log.size
        }


def logs(store):
    with store.reading() as session:
        return [
            (state.year, state.is_closed, state.size)
            for state in session.scalars(select(LogState).order_by(LogState.year))
        ]


def first_of(store, year):
    """Return kind and content of the statement behind the first leaf of a log."""
    query = (
        select(Statement.kind, Document.body)
        .join(Document, Document.id == Statement.document_id)
        .join(Leaf, Leaf.statement_id == Statement.id)
        .where(Leaf.year == year, Leaf.idx == 0)
    )
    with store.reading() as session:
        kind, body = session.execute(query).one()
    return kind, msgspec.json.decode(body)


def assert_sound(kept):
    """Everything that was recorded has one place, and everything that was signed still holds."""
    with kept.store.reading() as session:
        assert list(differences(session, kept.anchor)) == []
        assert session.scalars(select(Unlogged.statement_id)).all() == []
        for year, head in heads(kept.store).items():
            connection = session.connection()
            hashes = hash_at(connection, year, head.size)
            for index, leaf in enumerate(read_leaves(connection, year, 0, head.size)):
                assert parse_leaf(leaf.entry) == leaf
                proof = inclusion_proof(index, head.size, hashes)
                verify_inclusion(leaf_hash(leaf.entry), index, head.size, proof, head.root)


def test_it_works(kept):
    for number in range(3):
        kept.capture(number)
    kept.keep_all()
    kept.clock.now = MORNING
    kept.keep_all()
    for number in range(3, 5):
        kept.capture(number)
    kept.keep_all()
    assert logs(kept.store) == [(2026, True, 3), (2027, False, 3)]
    assert {year: head.size for year, head in heads(kept.store).items()} == {2026: 3, 2027: 3}
    assert heads(kept.store)[2027].origin == "trace.example/log/2027"
    assert_sound(kept)


def test_the_first_leaf_of_a_log_holds_the_last_head_of_the_one_before(kept):
    kept.capture(1)
    kept.keep_all()
    kept.capture(2)
    kept.clock.now = MORNING
    kept.keep_all()
    kind, said = first_of(kept.store, 2027)
    assert kind == "log"
    with kept.store.reading() as session:
        key = session.scalar(select(LogState.vkey).where(LogState.year == 2026))
        last = session.scalar(
            select(LogCheckpoint.note)
            .where(LogCheckpoint.year == 2026)
            .order_by(LogCheckpoint.size.desc())
            .limit(1)
        )
    assert said["previous"] == last.decode()
    assert open_checkpoint(last, Verifier.from_vkey(key)) == heads(kept.store)[2026]


def test_each_log_has_a_key_of_its_own(kept):
    kept.capture(1)
    kept.keep_all()
    kept.clock.now = MORNING
    kept.keep_all()
    with kept.store.reading() as session:
        first, second = logs_of(session)
    assert first.vkey != second.vkey
    folder = kept.settings.log_key_folder
    assert sorted(path.name for path in folder.iterdir()) == ["2026.key", "2027.key"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())


def test_the_group_of_its_folder_can_read_the_anchor_whatever_the_umask(kept):
    before = os.umask(0o077)
    try:
        kept.capture(1)
        kept.keep_all()
    finally:
        os.umask(before)
    assert (kept.settings.anchor_folder / "2026").stat().st_mode & 0o777 == 0o640


def test_a_year_in_which_nothing_was_recorded_ends_as_well(kept):
    kept.clock.now = MORNING
    kept.keep_all()
    kept.capture(1)
    kept.keep_all()
    assert logs(kept.store) == [(2026, True, 0), (2027, False, 2)]
    assert first_of(kept.store, 2027) == ("log", {"previous": None})
    assert_sound(kept)


def test_several_years_may_have_passed(kept):
    kept.capture(1)
    kept.keep_all()
    kept.clock.now = int(datetime(2029, 5, 1, tzinfo=UTC).timestamp() * 1000)
    kept.keep_all()
    assert logs(kept.store) == [(2026, True, 1), (2029, False, 1)]
    assert_sound(kept)


def test_what_was_captured_before_the_turn_and_signed_after_it_is_in_one_log(kept):
    kept.capture(1)
    kept.keep_all()
    for number in range(2, 300):
        kept.capture(number)
    kept.clock.now = MORNING
    kept.keep_all()
    assert sum(size for _, _, size in logs(kept.store)) == 300  # and the first of 2027
    assert_sound(kept)


def test_numbers_go_on_over_the_turn(kept):
    kept.capture(1, "A")
    kept.keep_all()
    kept.clock.now = MORNING
    kept.keep_all()
    kept.capture(2, "A")
    kept.keep_all()
    with kept.store.reading() as session:
        rows = session.execute(
            select(Leaf.header).join(Statement, Statement.id == Leaf.statement_id)
            .where(Statement.kind == "event").order_by(Leaf.year, Leaf.idx)
        ).scalars().all()  # fmt: skip
    first, second = (msgspec.json.decode(header) for header in rows)
    assert (first[1], second[1]) == (1, 2)
    assert [second[2][0][:2]] == [[first[2][0][0], 2]]


def test_a_clock_that_goes_back_behind_midnight_opens_nothing_twice(kept):
    kept.capture(1)
    kept.clock.now = MIDNIGHT + 1_000
    kept.keep_all()
    kept.clock.now = MIDNIGHT - 2_000
    kept.capture(2)
    kept.keep_all()
    assert [year for year, _, _ in logs(kept.store)] == [2026, 2027]
    with kept.store.reading() as session:
        times = session.scalars(select(Leaf.time).order_by(Leaf.year, Leaf.idx)).all()
    assert times == sorted(times)
    assert_sound(kept)


def test_captures_that_are_under_way_at_midnight_each_get_one_place(kept):
    kept.capture(0)
    kept.keep_all()
    recorded, failures = [], []

    def write(writer):
        for number in range(25):
            try:
                kept.capture(1_000 * writer + number)
                recorded.append((writer, number))
            except (ReadOnly, Unavailable) as error:
                failures.append(error)

    writers = [threading.Thread(target=write, args=(each,)) for each in range(1, 5)]
    for each in writers:
        each.start()
    while len(recorded) < 30 and any(each.is_alive() for each in writers):
        kept.keep()
    kept.clock.now = MORNING
    while any(each.is_alive() for each in writers):
        kept.keep()
    for each in writers:
        each.join()
    kept.keep_all()
    assert failures == []
    assert len(recorded) == 100
    assert [year for year, _, _ in logs(kept.store)] == [2026, 2027]
    assert sum(size for _, _, size in logs(kept.store)) == 102
    assert_sound(kept)


class Cut(BaseException):
    """The power goes off: nothing in the program sees it."""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("where", "name"),
    [
        (Anchor, "advance"),
        (keeping, "close_if_over"),
        (keeping, "publish"),
        (keeping, "begin_next"),
        (opening, "make_signer"),
        (opening, "record_statement"),
        (publishing, "sign_checkpoint"),
    ],
)
def test_a_turn_that_is_cut_off_anywhere_is_finished_by_the_next_start(
    kept, monkeypatch, where, name, moment
):
    kept.capture(1)
    kept.keep_all()
    kept.capture(2)
    kept.clock.now = MORNING
    whole = getattr(where, name)

    def cut(*args, **options):
        if moment == "after":
            whole(*args, **options)
        raise Cut

    monkeypatch.setattr(where, name, cut)
    with pytest.raises(Cut):
        kept.keep_all()
    before = heads(kept.store)
    monkeypatch.undo()
    again = kept.again()
    try:
        again.keep_all()
        again.capture(3)
        again.keep_all()
        assert again.reason is None
        assert [year for year, _, _ in logs(again.store)] == [2026, 2027]
        assert sum(size for _, _, size in logs(again.store)) == 4
        for year, head in before.items():
            assert heads(again.store)[year].size >= head.size
        assert_sound(again)
    finally:
        again.close()


def test_a_new_year_that_is_not_chained_to_the_old_one_is_found(kept, monkeypatch):
    kept.capture(1)
    kept.keep_all()
    kept.clock.now = MORNING
    monkeypatch.setattr(opening, "newest_note", lambda *_: b"another head\n")
    kept.keep_all()
    with kept.store.reading() as session:
        (found,) = differences(session, kept.anchor)
    assert found.text == "Its first leaf does not hold the last head of the log 2026."
