"""What is done later: one thread in each serving process does the jobs that are waiting.

What waits stands in the database, written by the same transaction as what caused it; so it
survives a restart, and whichever process gets to it first does it. The thread looks once a
second, and at once when `wake` is called after a commit that left something to do.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable

from foodtrace.trace.capture.waiting import record_waiting
from foodtrace.trace.codes.flushing import flush, forget, write_scans
from foodtrace.trace.personal.wiping import wipe
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store
from foodtrace.trace.subscriptions.looking import look
from foodtrace.trace.subscriptions.sending import send, tidy

# A job does one piece of the work that is due, in transactions of its own, and says whether
# there was any. It must bear being cut off anywhere, and being run by several processes at
# once: on PostgreSQL they share what is due by FOR UPDATE SKIP LOCKED.
Job = Callable[[Store, Settings], bool]
JOBS: tuple[Job, ...] = (record_waiting, look, send, tidy, flush, forget, wipe)

# Jobs that hold up all who write, for as long as they take: they rest so many times as long, so
# that nobody can have them done without end.
SPARING: frozenset[Job] = frozenset({wipe})
TIMES_TO_REST = 20

POLL_SECONDS = 1.0
# A job that fails by itself (a fault of ours, or a database that is away) is left alone for
# so long, twice as long each time.
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 10.0
SECONDS_TO_STOP = 10.0

_log = logging.getLogger(__name__)
_running: "set[Worker]" = set()


def wake() -> None:
    """Have the worker of this process look now; call it after the commit."""
    for worker in tuple(_running):
        worker.wake()


def stop_all() -> None:
    """Stop the workers of this process, and wait for what they have under way."""
    for worker in tuple(_running):
        worker.stop()


def work_once(store: Store, settings: Settings) -> bool:
    """Do one piece of every job, and say whether any had something to do.

    What a job raises goes to the log: the others are done all the same.
    """
    return Worker(store, settings).work()


class Worker:
    """The thread that does what is waiting in one store."""

    def __init__(
        self, store: Store, settings: Settings, jobs: tuple[Job, ...] = (), *, pace: float = 0.0
    ) -> None:
        """Do these jobs, or JOBS; between two rounds there are at least `pace` seconds."""
        self._store, self._settings = store, settings
        self._pace = pace
        self._jobs = jobs or JOBS
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        # How often in a row jobs failed, and until when these and the sparing ones rest.
        self._failures: dict[Job, int] = {}
        self._resting: dict[Job, float] = {}

    def start(self) -> None:
        """Begin to work, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="foodtrace-worker", daemon=True)
        _running.add(self)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is under way, for SECONDS_TO_STOP at most.

        What takes longer is cut off with the process: its transaction is undone, and it is
        done again after the next start.
        """
        _running.discard(self)
        self._stopping.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(SECONDS_TO_STOP)

    def wake(self) -> None:
        """Look for work now."""
        self._woken.set()

    def work(self) -> bool:
        """Do one piece of every job that is not resting; say whether any had something to do."""
        done = [self._try(job) for job in self._jobs if not self._rests(job)]
        return any(done)

    def _run(self) -> None:
        while not self._stopping.is_set():
            # Cleared before the look: what is queued after it wakes the thread again.
            self._woken.clear()
            if not self.work() and not self._stopping.is_set():
                self._woken.wait(POLL_SECONDS)
            self._stopping.wait(self._pace)
        # All else that waits stands in the database; scans are in memory alone.
        self._try(write_scans)

    def _rests(self, job: Job) -> bool:
        return time.monotonic() < self._resting.get(job, 0.0)

    def _try(self, job: Job) -> bool:
        began = time.monotonic()
        try:
            done = job(self._store, self._settings)
        except Exception:
            self._let_rest(job)
            return False
        self._failures.pop(job, None)
        if done and job in SPARING:
            ended = time.monotonic()
            self._resting[job] = ended + TIMES_TO_REST * (ended - began)
        return done

    def _let_rest(self, job: Job) -> None:
        """Say that a job failed, with a number to find it by; called where it was caught."""
        failures = self._failures[job] = self._failures.get(job, 0) + 1
        pause = min(FIRST_PAUSE_SECONDS * 2 ** min(failures - 1, 16), LONGEST_PAUSE_SECONDS)
        self._resting[job] = time.monotonic() + pause
        name = getattr(job, "__qualname__", repr(job))
        _log.exception(
            "the job %s failed, id %s; it is tried again in %d s",
            name, secrets.token_hex(6), pause,
        )  # fmt: skip
