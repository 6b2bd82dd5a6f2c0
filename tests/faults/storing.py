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
from foodtrace.trace.store.migrate import upgrade
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


def base_of(dialect, size, folder, new_database):
    """Make a database that holds a log of this size; `new_database` returns a migrated one."""
    folder.mkdir(parents=True)
    return Base(new_database(dialect), folder, size)


def survivors(base, folder, plans, count):
    """Return what is wrong after each plan, by plan."""
    wrong = {}
    for number, plan in enumerate(plans):
        copy = folder / str(number)
        if found := survive(base.copy(copy), plan, events_of(count)):
            wrong[str(plan)] = found
        shutil.rmtree(copy)
    return wrong


# Sizes before, and how many captures: across the border of a tile, and of a tile of tiles.
SIZES = ((254, 3), (255, 1), (65_534, 4))


def sweep_storage(folder):
    """Do it all; yield for each part its name, how many plans it had, and what was wrong."""

    def new_database(dialect):
        url = f"sqlite:///{folder}/{uuid.uuid4().hex}.sqlite"
        if dialect == "postgresql":
            name = f"base_{uuid.uuid4().hex}"
            administer(f"CREATE DATABASE {name}")
            url = postgresql_url(name)
        store = Store(url)
        upgrade(store)
        store.close()
        return url

    for dialect, (size, captures) in itertools.product(STEPS, SIZES):
        base = base_of(dialect, size, folder / f"{dialect}-{size}", new_database)
        plans = [*single(dialect, captures), *(double(dialect) if size < 65_534 else ())]
        wrong = survivors(base, folder / "copies", plans, captures)
        found = [f"{plan}: {what[0]}" for plan, what in wrong.items()]
        yield f"storage, {dialect}, {size} and {captures} more", len(plans), found
