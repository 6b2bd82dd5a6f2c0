"""Scratch databases, filled in bulk with a supply graph, and their raw drivers."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bench.supply import Supply, tables
from foodtrace.trace.store.migrate import upgrade
from foodtrace.trace.store.session import Store
from tests.postgres import PostgresServer

# What our engines ask of PostgreSQL's planner (store/engine.py).
PLANNER = "-c random_page_cost=1.1 -c jit=off"

Run = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]


@contextmanager
def postgresql() -> Iterator[PostgresServer]:
    """Run a PostgreSQL server of our own for the time of the benchmark."""
    server = PostgresServer()
    try:
        yield server
    finally:
        server.stop()


def fill_sqlite(path: Path, supply: Supply) -> str:
    """Make a migrated SQLite file of the graph, with statistics; return its URL."""
    url = f"sqlite:///{path}"
    migrate(url)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = 0")
    for table, columns in tables():
        places = ", ".join("?" * len(columns))
        connection.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})",
            supply.rows[table],
        )
        connection.commit()
    connection.execute("ANALYZE")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return url


def fill_postgresql(server: PostgresServer, supply: Supply, name: str) -> str:
    """Make a migrated PostgreSQL database of the graph, with statistics; return its URL."""
    server.run(f"CREATE DATABASE {name}")
    url = server.database(name)
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        # The rows have no statements behind them: let no trigger look for them.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET timezone = 'UTC'")
        for table, columns in tables():
            with connection.cursor().copy(
                f"COPY {table} ({', '.join(columns)}) FROM STDIN"
            ) as copy:
                for row in supply.rows[table]:
                    copy.write_row(row)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return url


def raw(url: str) -> Run:
    """Return a function that runs a statement on the bare driver."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), check_same_thread=False)
        connection.execute("PRAGMA query_only = 1")
        return lambda sql, values: connection.execute(sql, values).fetchall()
    server = psycopg.connect(url, autocommit=True, options=PLANNER)
    return lambda sql, values: server.execute(sql, values).fetchall()


def migrate(url: str) -> None:
    """Make the tables of an empty database."""
    store = Store(url)
    upgrade(store)
    store.close()
