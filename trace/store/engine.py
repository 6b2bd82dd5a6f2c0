"""Engines for SQLite and PostgreSQL, and the settings that make a commit durable.

SQLite runs WAL with ``synchronous=FULL``: ``NORMAL`` loses acknowledged records in
a power cut. A write transaction begins with ``BEGIN IMMEDIATE``, because WAL cannot
turn a read transaction into a writing one once somebody else has written.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import QueuePool

from foodtrace.trace.flushing import make_folder
from foodtrace.trace.store.silence import STATEMENT_SECONDS, listen

SQLITE_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "secure_delete": 1,
    "busy_timeout": 10_000,
}
# These make commits cheaper, and no less durable.
SQLITE_SAVINGS = {
    # What savepoints keep to be undone stays in memory: else each larger one makes a file.
    "temp_store": 2,
    # Pages that every capture writes go to the database once for many captures.
    "wal_autocheckpoint": 4_000,
}
POSTGRESQL_SETTINGS = {
    "fsync": {"on"},
    "full_page_writes": {"on"},
    "synchronous_commit": {"on", "remote_apply"},
}


# Who waits longer for a connection is told to come again.
LONGEST_WAIT_SECONDS = 3
# The same, for what another transaction holds (PostgreSQL).
LONGEST_LOCK_SECONDS = 4
# Errors go to the log: without the values, among which are hashes and people's names.
_DISCREET: dict[str, Any] = {"hide_parameters": True}
_POOL: dict[str, Any] = {
    "pool_size": 8,
    "max_overflow": 24,
    "pool_timeout": LONGEST_WAIT_SECONDS,
    **_DISCREET,
}


class UnsafeSettings(RuntimeError):
    """The database would acknowledge what it may lose: the service does not start."""


def reading_engine(url: str) -> Engine:
    """Return an engine whose transactions only read; many may run at once."""
    parsed = normal_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, poolclass=QueuePool, **_POOL)
        _begin_with(engine, "BEGIN", query_only=True)
        return engine
    engine = create_engine(
        parsed,
        **_POOL,
        connect_args=_postgresql_arguments(idle="60s"),
        execution_options={"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"},
    )
    listen(engine)
    return engine


def writing_engine(url: str) -> Engine:
    """Return an engine whose transactions may write."""
    parsed = normal_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            _make_private(Path(parsed.database))
        # One connection, handed from writer to writer under a lock (session.py).
        engine = create_engine(
            parsed,
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            connect_args={"check_same_thread": False},
            **_DISCREET,
        )
        _begin_with(engine, "BEGIN IMMEDIATE", query_only=False)
        return engine
    engine = create_engine(parsed, **_POOL, connect_args=_postgresql_arguments(idle="8s"))
    listen(engine)
    return engine


def _make_private(path: Path) -> None:
    """Make the database's file, if there is none, for its owner alone.

    SQLite gives the mode of the file to its journals, too. A file that is there is not
    opened: closing it again would take the locks of other connections away.
    """
    make_folder(path.parent)
    if not path.exists():
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def normal_url(url: str) -> URL:
    """Return the URL with our driver; ``postgres://`` and ``postgresql://`` mean psycopg 3."""
    parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def assert_durable(connection: Connection) -> None:
    """Raise UnsafeSettings unless what this connection commits survives a power cut."""
    if connection.dialect.name == "sqlite":
        wrong = {
            name: found
            for name, wanted in SQLITE_PRAGMAS.items()
            if (found := connection.exec_driver_sql(f"PRAGMA {name}").scalar()) != wanted
        }
    else:
        wrong = {
            name: found
            for name, wanted in POSTGRESQL_SETTINGS.items()
            if (found := connection.exec_driver_sql(f"SHOW {name}").scalar()) not in wanted
        }
    if wrong:
        raise UnsafeSettings(f"these database settings may lose acknowledged records: {wrong}")


def _begin_with(engine: Engine, statement: str, *, query_only: bool) -> None:
    """Take transactions over from the sqlite3 module and open them with `statement`."""

    @event.listens_for(engine, "connect")
    def prepare(dbapi_connection: Any, _record: object) -> None:
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        for name, value in (SQLITE_PRAGMAS | SQLITE_SAVINGS).items():
            cursor.execute(f"PRAGMA {name} = {value}")
        if query_only:
            cursor.execute("PRAGMA query_only = 1")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)


def _postgresql_arguments(*, idle: str) -> dict[str, Any]:
    """Notice a server that is gone in seconds, and have it notice the same of us.

    `idle` is how long a transaction may wait for its program: what writes holds locks.
    """
    settings = {
        "statement_timeout": f"{STATEMENT_SECONDS:.0f}s",
        # Who waits longer is told to come again (503).
        "lock_timeout": f"{LONGEST_LOCK_SECONDS}s",
        "idle_in_transaction_session_timeout": idle,
        # The locks of a program whose host is gone end after ten seconds, not two hours.
        "tcp_keepalives_idle": "5",
        "tcp_keepalives_interval": "1",
        "tcp_keepalives_count": "5",
        "tcp_user_timeout": "10s",
        "timezone": "UTC",
        # Pages look up few rows each in tables that lie in memory or on an SSD; with the
        # settings of a spinning disk the planner reads whole tables instead, and compiles
        # statements for longer than they run.
        "random_page_cost": "1.1",
        "jit": "off",
    }
    return {
        "connect_timeout": 2,
        "tcp_user_timeout": 3000,
        "keepalives_idle": 2,
        "keepalives_interval": 1,
        "keepalives_count": 3,
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }
