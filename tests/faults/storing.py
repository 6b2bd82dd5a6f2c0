"""Fail the storage at every step of capture, signing and publication; look what is left.

A round copies a database whose log has a given size, fails steps by a plan while events are
captured, reloads the process in the middle, and goes on as a client does that was not told.
"""

import itertools
import shutil
import uuid
from contextlib import suppress

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from foodtrace.trace.errors import Unavailable
from foodtrace.trace.store.session import Store

from ..conftest import administer, postgresql_url
from ..trace.acts import capture, make
from ..trace.kept import YEAR, Kept
from .checker import Seen
from .sizes import fill
from .storage import MODES, Failing

# Steps of one capture up to its publication: commits and the anchor.
STEPS = {"sqlite": 3, "postgresql": 4}
MARGIN = 2  # steps of the recovery that are failed as well


class Base:
    """Databases that hold a published log of some size, to be copied."""

    def __init__(self, url, folder, size):
        self.url, self.folder = url, folder
        kept = Kept(Store(url), folder)
        fill(kept, size)
        kept.close()

    def copy(self, folder):
        """Return one, its log attached by a process of its own."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        if self.url.startswith("sqlite"):
            file = folder / "copy.sqlite"
            shutil.copy(make_url(self.url).database, file)
            return Kept(Store(f"sqlite:///{file}"), folder)
        name = f"test_{uuid.uuid4().hex}"
        administer(f"CREATE DATABASE {name} TEMPLATE {self.url.rsplit('/', 1)[-1]}")
        return Kept(Store(postgresql_url(name)), folder)


def captured(kept, event, seen):
    """Capture an event, as a client does; say whether it was acknowledged."""
    try:
        capture(kept.store, event)
    except (Unavailable, DBAPIError):
        return False
    seen.acknowledged.add(event["eventID"])
    return True


def watched(kept, seen):
    """Look at what is published and signed, as anybody may at any time."""
    for published in kept.checkpoints():
        seen.see(published.note, kept.state().vkey)
    if (note := kept.anchor.note(YEAR)) is not None:
        seen.see(note, kept.state().vkey)


def kept_once(kept, seen):
    """Keep the log for a round; a job that fails is tried again later (trace/worker.py)."""
    with suppress(Unavailable, DBAPIError, OSError):
        kept.keep()
    watched(kept, seen)


def survive(kept, plan, events, *, is_retried=True):
    """Capture events while the storage fails by plan; return what is wrong afterwards.

    A client sends an event again until it is acknowledged, or not, for the controls.
    """
    seen = Seen()
    size = kept.state().size
    with Failing(plan).over(kept.store) as failing:
        for event in events:
            captured(kept, event, seen)
            kept_once(kept, seen)
    if not is_retried:
        return kept.violations(seen, is_quiet=False)
    kept = kept.again()  # a reload, under the second failure where one is left
    with Failing({n: m for n, m in plan.items() if n >= failing.step}).over(kept.store) as second:
        second.step = failing.step
        for event in events:
            captured(kept, event, seen)
            kept_once(kept, seen)
    for event in events:  # the client goes on until it is told that it is stored
        assert captured(kept, event, seen), "nothing is recorded any more"
    kept.keep_all()
    watched(kept, seen)
    wrong = kept.violations(seen)
    if kept.state().size != size + len(events):
        wrong.append(f"{kept.state().size} leaves")
    if len(seen.acknowledged) != len(events):
        wrong.append("not all was acknowledged")
    kept.close()
    if kept.store.dialect == "postgresql":
        administer(f"DROP DATABASE {kept.store.url.rsplit('/', 1)[-1]} WITH (FORCE)")
    return wrong


def events_of(count):
    return [make(n, {"A": 1}) for n in range(1, count + 1)]


def single(dialect, captures=1):
    """Each step of so many captures, failed once in each way."""
    return [{step: mode} for step in range(STEPS[dialect] * captures) for mode in MODES]


def double(dialect):
    """Two failures, the second while the first is being recovered from, or right behind it."""
    steps = range(STEPS[dialect] + MARGIN)
    return [
        {first: mode, second: other}
        for first, second in itertools.combinations(steps, 2)
        if second - first <= MARGIN
        for mode, other in itertools.product(MODES, MODES)
    ]
