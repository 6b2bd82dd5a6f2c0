"""Which tables follow from which kind of statement, and how.

A projection is called once a statement: when it is recorded and again by `rebuild`. It
may read and write its own tables and nothing else, and must not ask the clock, so that
what it writes follows from the statements alone, in the order of their ids.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from foodtrace.trace.store.models import Base

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Received:
    """Who stated something, and when it arrived. `party_id` is 0 for no party."""

    party_id: int
    actor: str
    at: datetime


Apply = Callable[[Session, int, Body, Received], None]
# The canonical identifier of the thing that a statement is about, or the id of an earlier
# statement about the same thing; None for neither.
About = Callable[[Body], str | int | None]


@dataclass(frozen=True, slots=True)
class Projection:
    """How one kind of statement becomes rows, and of which tables, and what it is about."""

    apply: Apply
    models: tuple[type[Base], ...]
    about: About | None = None


_PROJECTIONS: dict[str, Projection] = {}


def projection(
    kind: str, *models: type[Base], about: About | None = None
) -> Callable[[Apply], Apply]:
    """Register the decorated function for statements of this kind.

    It gets the session, the statement's id, its body and who stated it. `models` are the
    tables that it fills: `rebuild` empties them before it calls the function again. The log
    numbers the statements about one thing, so that none can be left out unseen.
    """

    def register(apply: Apply) -> Apply:
        if kind in _PROJECTIONS:
            raise ValueError(f"two projections of {kind!r} statements")
        _PROJECTIONS[kind] = Projection(apply, models, about)
        return apply

    return register


def projection_of(kind: str) -> Projection:
    """Return the projection of one kind of statement.

    Raises LookupError when the package that owns the kind is not imported: recording or
    rebuilding without it would lose rows silently.
    """
    try:
        return _PROJECTIONS[kind]
    except KeyError:
        raise LookupError(f"no projection of {kind!r} statements is imported") from None


def projected_models() -> set[type[Base]]:
    """Return the tables of all projections."""
    return {model for each in _PROJECTIONS.values() for model in each.models}
