"""Have the process that keeps the log stand still, longer than its lease, and go on again.

The rules of kills.py hold; besides, another process keeps the log meanwhile, within ten seconds.
"""

import os
import signal
import time

import psycopg

from .kills import Rig

SECONDS = 20.0
LONGEST_WITHOUT = 10.0
# Each of the two processes this often: one of them is the one that keeps the log.
TIMES = 3


class Sleeping(Rig):
    """Two processes on PostgreSQL, of which one at a time stands still."""

    def _rounds(self, kills, longest):
        for _ in range(kills):
            for pid in map(int, self.pids.read_text().split()):
                time.sleep(longest)
                os.kill(pid, signal.SIGSTOP)
                try:
                    self._watch()
                finally:
                    os.kill(pid, signal.SIGCONT)
                self.report.kills += 1

    def _watch(self):
        """Look whether the log grows while one process sleeps."""
        begun = grown = time.monotonic()
        size, gap = None, 0.0
        with psycopg.connect(self.url, autocommit=True) as connection:
            while time.monotonic() < begun + SECONDS:
                (now,) = connection.execute("SELECT max(size) FROM log_state").fetchone()
                if now != size:
                    size, grown = now, time.monotonic()
                gap = max(gap, time.monotonic() - grown)
                time.sleep(0.1)
        if gap > LONGEST_WITHOUT:
            self.seen.wrong.append(f"the log stood still for {gap:.1f} s with one process")
