"""From a stored document to statements, and all that follows from them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from foodtrace.trace.capture.events import (
    Namesake,
    Recorded,
    lock_for,
    namesakes_of,
    project_events,
)
from foodtrace.trace.capture.projections import Received
from foodtrace.trace.capture.statements import EVENT, MASTER_DATA, store_statements
from foodtrace.trace.epcis.model import Event, EventDocument
from foodtrace.trace.errors import Problem, Unavailable, mark
from foodtrace.trace.masterdata.vocabulary import describe, lock_master_data

# A race with another capture is looked at again so often before the sender is asked to.
_ATTEMPTS = 5
# SQLSTATE: unique violation, deadlock detected, serialization failure.
_RACES = frozenset({"23505", "40P01", "40001"})

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The eventIDs that are recorded now, and those that were before."""

    event_ids: list[str]
    duplicates: list[str]


def attempted(session: Session, act: Callable[[], _Result]) -> _Result:
    """Do an act; where another transaction has just written the same, look again.

    Raises Unavailable when that happens again and again.
    """
    for _ in range(_ATTEMPTS):
        try:
            with _attempt(session):
                return act()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _RACES:
                raise
    raise Unavailable(Problem("", mark("Others are recording the same"), mark("Send it again")))


def _attempt(session: Session) -> AbstractContextManager[object]:
    """Let one attempt be undone where others write at the same time: SQLite has one writer."""
    is_alone = session.get_bind().dialect.name == "sqlite"
    return nullcontext() if is_alone else session.begin_nested()


def record(
    session: Session, document: EventDocument, document_id: int, received: Received
) -> Outcome:
    """Record the events of a stored document that its party has not sent before.

    An event that is declared wrong stays; whose declaration counts is for project_events to
    decide. So nobody learns here which events others have captured.
    """
    lock_for(session, document.events)
    if document.master_data is not None:
        lock_master_data(session, received.party_id)
        data = document.master_data
        store_statements(session, MASTER_DATA, document_id, [(data.start, data.length)])
        describe(session, data, received.party_id)
    namesakes = namesakes_of(session, [event.event_id for event in document.events])
    new, duplicates = _sorted_out(document.events, namesakes, received.party_id)
    ids = store_statements(session, EVENT, document_id, [(e.start, e.length) for e in new])
    recorded = [Recorded(i, event) for i, event in zip(ids, new, strict=True)]
    project_events(session, recorded, received, namesakes)
    return Outcome([event.event_id for event in new], duplicates)


def _sorted_out(
    events: Sequence[Event], namesakes: Sequence[Namesake], party_id: int
) -> tuple[list[Event], list[str]]:
    """Return the events that are new, and the eventIDs of those that the party sent before."""
    own = {(each.event_id, each.is_declaration) for each in namesakes if each.party_id == party_id}
    new: list[Event] = []
    duplicates: list[str] = []
    for event in events:
        mine = (event.event_id, event.declared_at is not None)
        if mine in own:
            duplicates.append(event.event_id)
        else:
            own.add(mine)
            new.append(event)
    return new, duplicates
