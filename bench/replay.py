"""The floor of what reads a database: the same statements on the bare driver."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from bench.databases import Run
from foodtrace.trace.store.session import Store

Recorded = list[tuple[str, Any]]


def statements_of(store: Store, work: Callable[[], object]) -> Recorded:
    """Do the work once; return the statements that it ran, with their parameters."""
    recorded: Recorded = []

    @event.listens_for(store.readers, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            recorded.append((statement, values))

    try:
        work()
    finally:
        event.remove(store.readers, "before_cursor_execute", note)
    return recorded


def replay(run: Run, recorded: Recorded) -> None:
    """Run the statements again and fetch their rows, and no more."""
    for statement, values in recorded:
        run(statement, values)
