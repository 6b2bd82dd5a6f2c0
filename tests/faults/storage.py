"""A storage layer that fails on purpose: commits, and the anchor.

`lost`: it is not stored, and says so. `kept`: it is stored, and says that it failed.
"""

import sqlite3
from contextlib import contextmanager

import psycopg

from foodtrace.trace.log.anchor import Anchor

MODES = ("lost", "kept")


class Failing:
    """Fails the steps of these numbers, counted from 0 over all commits and anchors."""

    def __init__(self, plan):
        self.plan, self.step, self.log = plan, 0, []

    @contextmanager
    def over(self, store):
        """Fail what is written to this store, and to any anchor, inside the block."""
        dialect = store.writers.dialect
        commit, advance = dialect.do_commit, Anchor.advance
        error = (
            sqlite3.OperationalError("disk I/O error")
            if store.dialect == "sqlite"
            else psycopg.OperationalError("the connection is gone")
        )
        dialect.do_commit = lambda connection: self._do("commit", error, commit, connection)
        Anchor.advance = lambda *values: self._do("anchor", OSError(5, "EIO"), advance, *values)
        try:
            yield self
        finally:
            del dialect.do_commit
            Anchor.advance = advance

    def _do(self, kind, error, act, *values):
        mode = self.plan.get(self.step)
        self.log.append((kind, mode))
        self.step += 1
        if mode == "lost":
            raise error
        act(*values)
        if mode == "kept":
            raise error
