"""The time that one query may take from the database: beyond it, the query is too complex."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Executable, Result, Text, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from foodtrace.trace.errors import Problem, QueryTooComplex, mark

SECONDS = 5.0

# SQLite looks at the clock after so many steps of its virtual machine: some milliseconds.
_STEPS = 20_000
# PostgreSQL is told again how much is left when a good part of it is used up.
_WORTH_TELLING = 0.8
_TIMEOUT = "statement_timeout"
_CANCELED = "57014"


class Budget:
    """Runs the statements of one query while there is time left."""

    def __init__(self, session: Session, seconds: float) -> None:
        self._session = session
        self._connection = session.connection()
        self._end = time.monotonic() + seconds
        self._told = float("inf")
        self._before: str | None = None

    def execute(self, statement: Executable) -> Result[Any]:
        """Run a statement. Raises QueryTooComplex when the time is over."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise too_complex()
        if self._connection.dialect.name == "postgresql" and left < self._told * _WORTH_TELLING:
            self._told = left
            before = self._limit_statements(str(max(1, int(left * 1000))))
            self._before = self._before or before
        return self._connection.execute(statement)

    def give_back(self) -> None:
        """Let what else the transaction does take as long as it could before."""
        if self._before is not None:
            self._limit_statements(self._before)

    def _limit_statements(self, limit: str) -> str:
        """Set how long a statement may take on PostgreSQL; return what was set before."""
        before, _ = self._connection.execute(
            select(
                func.current_setting(_TIMEOUT, type_=Text),
                func.set_config(_TIMEOUT, limit, True, type_=Text),
            )
        ).one()
        return before

    def is_over(self) -> bool:
        """Tell whether nothing is left; SQLite then stops what it is doing."""
        return time.monotonic() > self._end


@contextmanager
def budget_of(session: Session, seconds: float) -> Iterator[Budget]:
    """Yield what runs the statements of one query, all of them within so many seconds.

    Raises QueryTooComplex from within when the time is over.
    """
    budget = Budget(session, seconds)
    driver: Any = session.connection().connection.driver_connection
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        driver.set_progress_handler(budget.is_over, _STEPS)
    try:
        yield budget
        budget.give_back()
    except OperationalError as error:
        stopped = "interrupted" in str(error.orig) if is_sqlite else _is_canceled(error)
        if not stopped:
            raise
        raise too_complex() from error
    finally:
        if is_sqlite:
            driver.set_progress_handler(None, 0)


def _is_canceled(error: OperationalError) -> bool:
    return getattr(error.orig, "sqlstate", None) == _CANCELED


def too_complex() -> QueryTooComplex:
    """Return the refusal of a query that takes too long."""
    return QueryTooComplex(
        Problem(
            "",
            mark("The database takes too long to find what this query asks for"),
            mark("Narrow it down, for example by GE_eventTime or MATCH_anyEPC"),
        )
    )
