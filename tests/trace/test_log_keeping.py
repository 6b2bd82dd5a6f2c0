"""The log grows with the record, is signed and published, and stops when something is wrong."""

import os
import threading
from dataclasses import replace

import pytest
from sqlalchemy import func, select, text, update

from foodtrace.trace.errors import ReadOnly, Unavailable
from foodtrace.trace.log.anchor import Anchor
from foodtrace.trace.log.checkpoints import open_checkpoint
from foodtrace.trace.log.keeping import LogKeeper, attach
from foodtrace.trace.log.merkle import verify_consistency, verify_inclusion
from foodtrace.trace.log.models import Leaf, LogCheckpoint, LogState, Unlogged
from foodtrace.trace.log.notes import Verifier
from foodtrace.trace.log.opening import newest_log
from foodtrace.trace.store.models import Statement

from ..web import settings_of
from .acts import capture, make, see

NOON = 1_795_000_000_000  # 2026-11-18


class Clock:
    """A clock that a test sets."""

    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        self.now += 1
        return self.now


@pytest.fixture
def settings(store, tmp_path):
    return replace(settings_of(store), data=tmp_path, base_url="https://trace.example")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keeper(store, settings, clock):
    """The log of a store, attached, and who keeps it."""
    attach(store, settings, clock=clock)
    keeper = LogKeeper(store, settings, clock=clock)
    yield lambda: keeper.keep(store, settings)
    keeper.close()


def checkpoints(store):
    with store.reading() as session:
        return session.execute(select(LogCheckpoint).order_by(LogCheckpoint.size)).scalars().all()


def state(store):
    with store.reading() as session:
        return newest_log(session.connection())


def leaves(store):
    with store.reading() as session:
        return session.execute(select(Leaf).order_by(Leaf.year, Leaf.idx)).scalars().all()


def test_it_works(store, keeper, settings):
    capture(store, make(1, {"A#1": 10}), see(2, ["A#1"]))
    assert keeper()
    (published,) = checkpoints(store)
    head = open_checkpoint(published.note, Verifier.from_vkey(state(store).vkey))
    assert (head.origin, head.size) == ("trace.example/log/2026", 2)
    assert Anchor(settings.anchor_folder).head(2026) == head
    assert not keeper()


def test_every_statement_has_one_leaf_and_none_waits(store, keeper):
    for number in range(1, 40):
        capture(store, make(number, {f"A#{number}": 1}))
    keeper()
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Unlogged)) == 0
        stated = session.scalars(select(Statement.id)).all()
    assert [leaf.idx for leaf in leaves(store)] == list(range(len(stated)))
    assert sorted(leaf.statement_id for leaf in leaves(store)) == sorted(stated)
