"""Disturb the line between the service and PostgreSQL while eight writers capture.

The rules of kills.py hold; besides, every answer comes within five seconds, nobody keeps a lock
for longer than ten, and once the line is there again the service goes on by itself.
"""

import time
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from .kills import Report, Rig
from .proxy import CUT, OPEN, RESET, SILENT, SLOW, Proxy

# What is done to the line, and for how many seconds.
PLAN = ((CUT, 1), (CUT, 30), (SILENT, 1), (SILENT, 30), (RESET, 10), (SLOW, 15))
LONGEST_ANSWER = 5.0
LONGEST_LOCK = 10.0
LONGEST_RECOVERY = 10.0
# Of transactions that have written something, or keep others out until they end.
_OLDEST = (
    "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float"
    " FROM pg_stat_activity JOIN pg_locks USING (pid)"
    " WHERE datname = current_database() AND granted"
    " AND locktype IN ('advisory', 'transactionid')"
)


@dataclass
class Disturbed(Report):
    """What happened, and how long things took, in seconds."""

    resets: int = 0
    longest_answer: float = 0.0
    longest_lock: float = 0.0
    longest_recovery: float = 0.0


class Network(Rig):
    """A service that reaches its database over a line of ours."""

    def __init__(self, database_url, folder, *, plan=PLAN, **options):
        super().__init__(database_url, folder, **options)
        self.plan, self.proxy = plan, Proxy(database_url)
        self.environment["FOODTRACE_DATABASE_URL"] = self.proxy.url
        self.report = Disturbed()

    def run(self, kills=0, **options):
        """Do what is planned; return the report."""
        try:
            return super().run(kills, **options)
        finally:
            self.proxy.close()

    def _post(self, key, body):
        begun = time.monotonic()
        try:
            return super()._post(key, body)
        finally:
            took = time.monotonic() - begun
            self.report.longest_answer = max(self.report.longest_answer, took)
            if took > LONGEST_ANSWER:
                self.seen.wrong.append(f"{self.proxy.mode}: an answer took {took:.1f} s")

    def _rounds(self, kills, longest):
        for mode, seconds in self.plan:
            self._wait_for_progress(mode)
            self.proxy.set(mode)
            self._watch(mode, seconds)
            self.proxy.set(OPEN)
            begun = time.monotonic()
            self._wait_for_progress(mode)
            took = time.monotonic() - begun
            self.report.longest_recovery = max(self.report.longest_recovery, took)
            if took > LONGEST_RECOVERY:
                self.seen.wrong.append(f"after {mode} {seconds} s it took {took:.1f} s to go on")
        self.report.resets = self.proxy.resets

    def _wait_for_progress(self, mode):
        """Return when as many events more were acknowledged as there are writers."""
        enough, begun = len(self.seen.acknowledged) + 8, time.monotonic()
        while len(self.seen.acknowledged) < enough:
            time.sleep(0.05)
            if time.monotonic() - begun > 60:
                self.seen.wrong.append(f"nothing is recorded any more, after {mode}")
                return

    def _watch(self, mode, seconds):
        """Look for so long how old the oldest transaction is that keeps others out."""
        end = time.monotonic() + seconds
        with psycopg.connect(self.url, autocommit=True) as connection:
            while time.monotonic() < end:
                with suppress(psycopg.OperationalError):
                    (age,) = connection.execute(_OLDEST).fetchone()
                    self.report.longest_lock = max(self.report.longest_lock, age)
                    if age > LONGEST_LOCK:
                        self.seen.wrong.append(f"{mode}: a lock was kept for {age:.1f} s")
                time.sleep(0.2)
