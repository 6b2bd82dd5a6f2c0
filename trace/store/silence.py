"""PostgreSQL that says nothing any more: connections that are given up in time.

The kernel notices a host that is gone (the settings of `engine.py`). It does not notice a
server that stands still, or something between that takes what is sent and passes nothing on.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar, cast

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError

# The server ends each statement itself after this time; who waits longer waits in vain.
STATEMENT_SECONDS = 30.0
LONGEST_SILENCE_SECONDS = STATEMENT_SECONDS + 5.0
# After so long the server is asked whether it still answers anybody.
PATIENCE_SECONDS = 2.0
# Whether a connection still works is asked before it is used: that takes no time at all.
PING_SECONDS = 2.0

_Answer = TypeVar("_Answer")


class HeardConnection(psycopg.Connection[Any]):
    """A connection that is closed when its server says nothing any more.

    What takes long is waited for as long as the server lets others connect, for
    `longest_silence` seconds at most.
    """

    longest_silence: float | None = LONGEST_SILENCE_SECONDS
    # Connects to the same server once more.
    knock: Callable[[], psycopg.Connection[Any]]

    def wait(
        self, gen: PQGen[_Answer], interval: float = 0.1, timeout: float | None = None
    ) -> _Answer:
        """Wait for the server. Raises OperationalError when it says nothing any more."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        begun = time.monotonic()
        while True:
            try:
                return super().wait(gen, interval, self._patience(begun))
            except _WaitTimeout:
                if self._patience(begun) <= 0 or not self._answers_others():
                    self.close()
                    raise psycopg.OperationalError("the server says nothing") from None

    def _patience(self, begun: float) -> float:
        if self.longest_silence is None:
            return PATIENCE_SECONDS
        return min(PATIENCE_SECONDS, begun + self.longest_silence - time.monotonic())

    def _answers_others(self) -> bool:
        try:
            self.knock().close()
        except psycopg.errors.ConnectionTimeout:
            return False
        except psycopg.OperationalError:
            # It refuses others: what becomes of this connection will be heard.
            return True
        return True


def is_away(error: BaseException) -> bool:
    """Tell whether an error says that the database is away, or full, or has ended a connection.

    PostgreSQL calls some of its ways to end a connection an error of the program.
    """
    if isinstance(error, DBAPIError):
        return isinstance(error, OperationalError) or error.connection_invalidated
    return False


def listen(engine: Engine) -> None:
    """Have an engine connect so, and ask each connection before it is used."""

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: Any, named: Any) -> HeardConnection:
        connection = HeardConnection.connect(*arguments, **named)
        connection.knock = partial(psycopg.connect, *arguments, **named)
        return connection

    @event.listens_for(engine, "checkout")
    def ask(connection: HeardConnection, _record: Any, _proxy: Any) -> None:
        try:
            with limited(connection, PING_SECONDS):
                engine.dialect.do_ping(cast(Any, connection))
        except psycopg.Error as error:
            # What is true of one is true of those beside it: they are not asked one by one.
            raise InvalidatePoolError from error


@contextmanager
def unlimited(connection: Connection) -> Iterator[None]:
    """Let statements take as long as they need inside the block; SQLite ends none anyway."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, HeardConnection):
        yield
        return
    # A transaction takes its settings back by itself, and only so when it has failed.
    kept = "SESSION" if driver.autocommit else "LOCAL"
    connection.exec_driver_sql(f"SET {kept} statement_timeout = 0")
    try:
        with limited(driver, None):
            yield
    finally:
        if driver.autocommit:
            connection.exec_driver_sql("RESET statement_timeout")


@contextmanager
def limited(connection: HeardConnection, seconds: float | None) -> Iterator[None]:
    """Wait for the server so long at most inside the block; None for as long as it takes."""
    before, connection.longest_silence = connection.longest_silence, seconds
    try:
        yield
    finally:
        connection.longest_silence = before
