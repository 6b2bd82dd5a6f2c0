"""Scans on their way from memory to the database, and out of it when their time is over."""

import time
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

from foodtrace.trace.codes.clients import day_of, forget_salts
from foodtrace.trace.codes.queue import queue_of
from foodtrace.trace.codes.scans import forget_old, record_looks
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store

# Each write makes the kept pages prove themselves anew: so not after every scan.
FLUSH_SECONDS = 10.0
MANY = 500
LARGEST_BATCH = 1000
TIDY_SECONDS = 3600.0

_tidied: WeakKeyDictionary[Store, float] = WeakKeyDictionary()


def flush(store: Store, _settings: Settings) -> bool:
    """Write the scans that have waited for FLUSH_SECONDS; a job of the worker."""
    queue = queue_of(store)
    if not queue.is_due(datetime.now(UTC), FLUSH_SECONDS, MANY):
        return False
    return flush_now(store)


def flush_now(store: Store) -> bool:
    """Write the scans that wait, LARGEST_BATCH at most; tell whether there were any."""
    queue = queue_of(store)
    taken = queue.take(LARGEST_BATCH)
    if not taken:
        return False
    try:
        with store.transaction() as session:
            record_looks(session, taken)
    except BaseException:
        queue.put_back(taken)
        raise
    queue.done(taken)
    return True


def write_scans(store: Store, _settings: Settings) -> bool:
    """Write all scans that wait, before the process ends."""
    while flush_now(store):
        pass
    return False


def forget(store: Store, settings: Settings) -> bool:
    """Delete old scans and salts, once in TIDY_SECONDS; a job of the worker."""
    if time.monotonic() - _tidied.get(store, -TIDY_SECONDS) < TIDY_SECONDS:
        return False
    now = datetime.now(UTC)
    forget_salts(settings.data, day_of(now))
    with store.transaction() as session:
        if forget_old(session, now):
            return True
    _tidied[store] = time.monotonic()
    return False
