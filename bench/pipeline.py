"""The floor of capture: parse, validate, hash and store durably, and nothing else.

Bodies are validated by the service's own JSON schema; each event's hash and bytes are a row.
Requests that wait for the disk share one commit.
"""

import hashlib
import json
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import jsonschema_rs
import msgspec

Rows = list[tuple[bytes, bytes]]

SCHEMA = json.loads((files("foodtrace.trace.epcis") / "schema.json").read_text("utf-8"))
EVENT = jsonschema_rs.validator_for(
    {**SCHEMA, "$ref": "#/$defs/TransformationEvent"},
    pattern_options=jsonschema_rs.RegexOptions(),
)


class Body(msgspec.Struct):
    """The part of a document that is read: its events, as they were received."""

    eventList: list[msgspec.Raw]


class Document(msgspec.Struct):
    """An EPCIS document."""

    epcisBody: Body


class Writer:
    """One thread that writes for all: what waits when a commit is done is the next one."""

    def __init__(self, url: str) -> None:
        self._waiting: queue.SimpleQueue[tuple[Rows, threading.Event]] = queue.SimpleQueue()
        self._url = url
        threading.Thread(target=self._run, daemon=True).start()

    def store(self, rows: Rows) -> None:
        """Return when these rows are on disk."""
        done = threading.Event()
        self._waiting.put((rows, done))
        done.wait()

    def _run(self) -> None:
        commit = _sqlite(self._url) if self._url.startswith("sqlite") else _postgresql(self._url)
        while True:
            batch = [self._waiting.get()]
            while not self._waiting.empty() and len(batch) < 256:
                batch.append(self._waiting.get())
            commit([row for rows, _ in batch for row in rows])
            for _, done in batch:
                done.set()


def _sqlite(url: str) -> Callable[[Rows], None]:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, hash, body)")

    def commit(rows: Rows) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO event (hash, body) VALUES (?, ?)", rows)
        connection.execute("COMMIT")

    return commit


def _postgresql(url: str) -> Callable[[Rows], None]:
    import psycopg

    connection = psycopg.connect(url, autocommit=True)
    connection.execute(
        "CREATE TABLE IF NOT EXISTS event (id bigserial PRIMARY KEY, hash bytea, body bytea)"
    )

    def commit(rows: Rows) -> None:
        with connection.transaction():
            connection.cursor().executemany("INSERT INTO event (hash, body) VALUES (%s, %s)", rows)

    return commit


def _application() -> Callable[..., list[bytes]]:
    writer = Writer(os.environ["FOODTRACE_BENCH_DATABASE"])
    read = msgspec.json.Decoder(Document).decode

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            size = int(environ["CONTENT_LENGTH"])
            rows = []
            for event in read(environ["wsgi.input"].read(size)).epcisBody.eventList:
                body = bytes(event)
                EVENT.validate(msgspec.json.decode(body))
                rows.append((hashlib.sha256(body).digest(), body))
            writer.store(rows)
        start_response("202 Accepted", [("Content-Length", "2")])
        return [b"{}"]

    return app


if "FOODTRACE_BENCH_DATABASE" in os.environ:
    app = _application()
