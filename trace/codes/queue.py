"""Scans that wait to be written: a page never waits for them, and they never break one.

What does not fit is dropped and counted. What waits is lost when the process is killed:
a scan is evidence, not a record.
"""

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

from foodtrace.trace.codes.rules import SAME_LOOK, Look
from foodtrace.trace.store.session import Store

CAPACITY = 20_000
# Of one code: somebody who asks for it without end, each time as another browser, fills neither
# the queue, so that looks at other codes are lost, nor the database.
MOST_OF_CODE = 400


@dataclass(frozen=True, slots=True)
class Scanned:
    """A look at the page of a code."""

    canonical: str
    look: Look


class ScanQueue:
    """Looks that are not in the database yet, each reader's once in SAME_LOOK."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._waiting: deque[Scanned] = deque()
        # By code: those that wait and those that are being written.
        self._open: dict[str, list[Scanned]] = {}
        self._size = 0
        self.dropped = 0

    def put(self, scanned: Scanned) -> bool:
        """Add a look; return False for a repetition, and where there is no room for it."""
        with self._lock:
            known = self._open.get(scanned.canonical, [])
            if any(is_same(each.look, scanned.look) for each in known):
                return False
            if self._size >= self._capacity or len(known) >= MOST_OF_CODE:
                self.dropped += 1
                return False
            self._waiting.append(scanned)
            self._open.setdefault(scanned.canonical, known).append(scanned)
            self._size += 1
            return True

    def open_looks(self, canonical: str) -> list[Look]:
        """Return the looks at a code that are not in the database yet, oldest first."""
        with self._lock:
            return [each.look for each in self._open.get(canonical, ())]

    def is_due(self, now: datetime, seconds: float, many: int) -> bool:
        """Tell whether the oldest has waited so long, or so many are waiting."""
        with self._lock:
            if not self._waiting:
                return False
            age = (now - self._waiting[0].look.at).total_seconds()
            # A clock that was put back makes the oldest look come from the future.
            return len(self._waiting) >= many or not 0 <= age < seconds

    def take(self, most: int) -> list[Scanned]:
        """Return the oldest of those that wait, to be written; end with `done` or `put_back`."""
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def done(self, taken: Iterable[Scanned]) -> None:
        """Forget what was taken: it is in the database."""
        with self._lock:
            for each in taken:
                rest = [other for other in self._open[each.canonical] if other is not each]
                self._size -= 1
                if rest:
                    self._open[each.canonical] = rest
                else:
                    del self._open[each.canonical]

    def put_back(self, taken: Sequence[Scanned]) -> None:
        """Have what was taken wait again, before all others."""
        with self._lock:
            self._waiting.extendleft(reversed(taken))

    def __len__(self) -> int:
        """How many looks are not in the database yet."""
        return self._size


def is_same(one: Look, other: Look) -> bool:
    """Tell whether two looks of a code count as one."""
    return one.client == other.client and abs(other.at - one.at) < SAME_LOOK


_queues: WeakKeyDictionary[Store, ScanQueue] = WeakKeyDictionary()
_making = threading.Lock()


def queue_of(store: Store) -> ScanQueue:
    """Return the queue of this process for a store."""
    with _making:
        return _queues.setdefault(store, ScanQueue())
