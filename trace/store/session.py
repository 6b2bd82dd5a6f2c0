"""The store: a reading session, and the one transaction of a request.

Leaving `Store.transaction()` commits, and what it did is durable when it returns.
Services take the session and never commit, so that a row and its statement cannot part.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, PoolProxiedConnection
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.orm import Session

from foodtrace.trace.errors import Problem, ReadOnly, Unavailable, mark
from foodtrace.trace.store.engine import assert_durable, reading_engine, writing_engine
from foodtrace.trace.store.silence import PING_SECONDS, HeardConnection
from foodtrace.trace.store.standing import Standing

LONGEST_QUEUE = 200
# A batch is committed when it is this large or old, even while others wait: who came first
# shall not wait for all who come later.
LARGEST_BATCH = 256
OLDEST_BATCH_SECONDS = 0.05
# Whether anything has changed is seen at once, or the database is away.
LONGEST_LOOK_SECONDS = 0.5


class Store:
    """One database, opened for reading and for writing."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.readers = reading_engine(url)
        self.writers = writing_engine(url)
        self.dialect = self.writers.dialect.name
        # Why nothing may be recorded, if so; whoever records asks it (session.info).
        self.standing = Standing()
        # Called with the connection before each commit on SQLite: the log grows in it.
        self.before_commit: Callable[[Connection], None] | None = None
        self._shared = SharedCommit(self) if self.dialect == "sqlite" else None
        self._watcher: PoolProxiedConnection | None = None
        self._watchers = 0
        self._watching = threading.Lock()
        with self.writers.connect() as connection:
            assert_durable(connection)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session that sees one state of the database and cannot change it."""
        with _refusing_when_busy(), Session(self.readers) as session:
            yield session

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Yield a connection to read with where a session costs too much."""
        with _refusing_when_busy(), self.readers.connect() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session whose work is committed on leaving, or undone on an exception.

        What was loaded stays readable afterwards. Raises Unavailable when LONGEST_QUEUE
        writers wait already, or when no connection gets free.
        """
        if self._shared is not None:
            with self._shared.session() as session:
                yield session
        else:
            with (
                _refusing_when_busy(),
                Session(self.writers, expire_on_commit=False, info=self.info) as session,
                session.begin(),
            ):
                yield session

    @property
    def info(self) -> dict[str, Any]:
        """What a session that writes knows of its store."""
        return {"standing": self.standing}

    def version(self) -> str:
        """Return a text that differs whenever a commit or the standing may have changed.

        Equal texts prove that nothing changed in between: on SQLite the data version
        that a connection which never writes sees, on PostgreSQL the snapshot itself.
        Raises Unavailable when others wait for the same answer already, and too long.
        """
        if not self._watching.acquire(timeout=LONGEST_LOOK_SECONDS):
            raise _overrun()
        try:
            return self._version()
        finally:
            self._watching.release()

    def _version(self) -> str:
        if self._watcher is None:
            self._watcher = self._new_watcher()
            # SQLite counts anew for every connection: never compare two of them.
            self._watchers += 1
        try:
            cursor = self._watcher.cursor()
            cursor.execute(
                "PRAGMA data_version"
                if self.dialect == "sqlite"
                else "SELECT pg_current_snapshot()::text"
            )
            (number,) = cursor.fetchone() or ("",)
            return f"{self._watchers}:{self.standing.changes}:{number}"
        except Exception:
            self._watcher.invalidate()
            self._watcher = None
            raise

    def _new_watcher(self) -> PoolProxiedConnection:
        watcher = self.readers.raw_connection()
        if isinstance(connection := watcher.driver_connection, HeardConnection):
            connection.autocommit = True
            # What it is asked takes no time, and all pages wait for it.
            connection.longest_silence = PING_SECONDS
        return watcher

    def close(self) -> None:
        """Close every connection."""
        with self._watching:
            if self._watcher is not None:
                self._watcher.invalidate()
                self._watcher = None
        self.readers.dispose()
        self.writers.dispose()


@contextmanager
def _refusing_when_busy() -> Iterator[None]:
    try:
        yield
    except NoFreeConnection as error:
        raise _overrun() from error


def _overrun() -> Unavailable:
    return Unavailable(
        Problem("", mark("Too many requests are waiting"), mark("Send it again shortly"))
    )


class _Batch:
    """Writers that will be committed together, and how that commit ended."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.size = 0
        self.opened = time.monotonic()
        self.done = threading.Event()
        self.error: BaseException | None = None

    @property
    def is_whole(self) -> bool:
        """Tell whether the transaction still holds what was written in it.

        A full disk makes SQLite roll everything back by itself; a later COMMIT, or the
        RELEASE of a savepoint, would then succeed and mean nothing.
        """
        sqlite = self.connection.connection.dbapi_connection
        return bool(sqlite is not None and sqlite.in_transaction)


class SharedCommit:
    """Writers that queue up behind SQLite's write lock share one commit.

    They work one after the other; who finds nobody waiting commits for all, and only then
    does any of them return: one fsync serves the queue. Each works in a savepoint of its own,
    except the first: what it undoes is nobody else's, and a savepoint costs a copy of every
    page that is written.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._engine = store.writers
        self._turn = threading.Lock()
        self._writing: int | None = None
        self._count = threading.Lock()
        self._waiting = 0
        self._batch: _Batch | None = None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Yield the session of one writer; return when its batch is on disk."""
        self._take_turn()
        try:
            batch = self._open_batch()
            is_done = False
            try:
                with (
                    Session(
                        batch.connection,
                        join_transaction_mode=(
                            "rollback_only" if batch.size == 1 else "create_savepoint"
                        ),
                        expire_on_commit=False,
                        info=self._store.info,
                    ) as session,
                    session.begin(),
                ):
                    yield session
                is_done = True
            finally:
                if is_done or batch.size > 1:
                    self._finish(batch)
                else:
                    self._abandon(batch)
        finally:
            self._writing = None
            self._turn.release()
        batch.done.wait()
        if isinstance(batch.error, ReadOnly):
            raise ReadOnly(*batch.error.problems) from batch.error
        if batch.error is not None:
            raise Unavailable(
                Problem(
                    "", mark("The database could not store this"), mark("Send it again shortly")
                )
            ) from batch.error

    def _take_turn(self) -> None:
        if self._writing == threading.get_ident():
            raise RuntimeError("a transaction inside a transaction would wait for itself for ever")
        with self._count:
            if self._waiting >= LONGEST_QUEUE:
                raise _overrun()
            self._waiting += 1
        self._turn.acquire()
        self._writing = threading.get_ident()
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

    def _abandon(self, batch: _Batch) -> None:
        """Give back the connection of a batch whose only writer has undone everything."""
        self._batch = None
        batch.connection.close()

    def _finish(self, batch: _Batch) -> None:
        """Hand the open batch to the next writer; commit it when nobody waits, or for too long."""
        with self._count:
            is_wanted = self._waiting > 0 and batch.size < LARGEST_BATCH
        is_young = time.monotonic() - batch.opened < OLDEST_BATCH_SECONDS
        if is_wanted and is_young and batch.is_whole:
            return
        self._batch = None
        try:
            if not batch.is_whole:
                raise RuntimeError("the database undid the transaction by itself")
            if self._store.before_commit is not None:
                self._store.before_commit(batch.connection)
            batch.connection.commit()
        except BaseException as error:
            # Whoever waits for this batch must not take it for stored, whatever it was.
            batch.error = error
            # After a COMMIT that failed the transaction may still be open.
            batch.connection.invalidate()
            if not isinstance(error, Exception):
                raise
        finally:
            batch.connection.close()
            batch.done.set()
