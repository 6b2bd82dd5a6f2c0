"""The store: a reading session, and the one transaction of a request.

Leaving `Store.transaction()` commits, and what it did is durable when it returns.
Services take the session and never commit, so that a row and its statement cannot part.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, PoolProxiedConnection
from sqlalchemy.orm import Session

from foodtrace.trace.errors import Problem, Unavailable, mark
from foodtrace.trace.store.engine import assert_durable, reading_engine, writing_engine

LONGEST_QUEUE = 200
LARGEST_BATCH = 256


class Store:
    """One database, opened for reading and for writing."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.readers = reading_engine(url)
        self.writers = writing_engine(url)
        self.dialect = self.writers.dialect.name
        self._shared = SharedCommit(self) if self.dialect == "sqlite" else None
        self._watcher: PoolProxiedConnection | None = None
        self._watchers = 0
        self._watching = threading.Lock()
        with self.writers.connect() as connection:
            assert_durable(connection)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session that sees one state of the database and cannot change it."""
        with Session(self.readers) as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session whose work is committed on leaving, or undone on an exception.

        Raises Unavailable when more than LONGEST_QUEUE writers wait already.
        """
        if self._shared is not None:
            with self._shared.session() as session:
                yield session
        else:
            with Session(self.writers) as session, session.begin():
                yield session

    def version(self) -> str:
        """Return a text that differs whenever a commit may have changed the database.

        Equal texts prove that nothing changed in between: on SQLite the data version
        that a connection which never writes sees, on PostgreSQL the snapshot itself.
        """
        with self._watching:
            if self._watcher is None:
                self._watcher = self.readers.raw_connection()
                # SQLite counts anew for every connection: never compare two of them.
                self._watchers += 1
                if self.dialect == "postgresql":
                    self._watcher.driver_connection.autocommit = True  # type: ignore[union-attr]  # psycopg's own
            try:
                cursor = self._watcher.cursor()
                cursor.execute(
                    "PRAGMA data_version"
                    if self.dialect == "sqlite"
                    else "SELECT pg_current_snapshot()::text"
                )
                return f"{self._watchers}:{cursor.fetchone()[0]}"
            except Exception:
                self._watcher.invalidate()
                self._watcher = None
                raise

    def close(self) -> None:
        """Close every connection."""
        with self._watching:
            if self._watcher is not None:
                self._watcher.invalidate()
                self._watcher = None
        self.readers.dispose()
        self.writers.dispose()


class _Batch:
    """Writers that will be committed together, and how that commit ended."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.size = 0
        self.done = threading.Event()
        self.error: Exception | None = None


class SharedCommit:
    """Writers that queue up behind SQLite's write lock share one commit.

    Each works in a savepoint of its own, one after the other. Who finds nobody waiting
    commits for all, and only then does any of them return: one fsync serves the queue.
    """

    def __init__(self, store: Store) -> None:
        self._engine = store.writers
        self._turn = threading.Lock()
        self._count = threading.Lock()
        self._waiting = 0
        self._batch: _Batch | None = None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Yield the session of one writer; return when its batch is on disk."""
        self._join_queue()
        try:
            batch = self._open_batch()
            try:
                with Session(
                    batch.connection, join_transaction_mode="create_savepoint"
                ) as session, session.begin():
                    yield session
            finally:
                self._finish(batch)
        finally:
            self._turn.release()
        batch.done.wait()
        if batch.error is not None:
            raise batch.error

    def _join_queue(self) -> None:
        with self._count:
            if self._waiting >= LONGEST_QUEUE:
                raise Unavailable(
                    Problem("", mark("Too many writers are waiting"), mark("Send it again shortly"))
                )
            self._waiting += 1
        self._turn.acquire()
        with self._count:
            self._waiting -= 1

    def _open_batch(self) -> _Batch:
        if self._batch is None:
            connection = self._engine.connect()
            try:
                connection.begin()
            except Exception:
                connection.close()
                raise
            self._batch = _Batch(connection)
        self._batch.size += 1
        return self._batch

    def _finish(self, batch: _Batch) -> None:
        """Hand the open batch to the next writer, or commit it when nobody waits."""
        with self._count:
            go_on = self._waiting > 0 and batch.size < LARGEST_BATCH
        if go_on:
            return
        self._batch = None
        try:
            # A full disk makes SQLite roll the whole batch back by itself, and its
            # commit() then does nothing and says nothing: ask before believing it.
            if not batch.connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]  # sqlite3's own
                raise Unavailable(Problem("", mark("The database could not store this")))
            batch.connection.commit()
        except Exception as error:
            batch.error = error
        finally:
            batch.connection.close()
            batch.done.set()
