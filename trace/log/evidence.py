"""What those who may see an event get as evidence of it, and how far their captures have come."""

import base64
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.errors import NotFound, Problem, mark
from foodtrace.trace.log.models import Leaf
from foodtrace.trace.log.openings import dump_opening
from foodtrace.trace.log.places import Place, Places, places_of
from foodtrace.trace.log.policies import Policy
from foodtrace.trace.log.receipts import Logged, logged_about, tlog_proof_of
from foodtrace.trace.query.model import Identified, Query
from foodtrace.trace.query.services import MOST_PER_PAGE, find_events
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.models import Capture, Statement

RECEIVED, RECORDED, WITNESSED = "received", "recorded", "witnessed"

_CAPTURE, _STATEMENT = table_of(Capture).c, table_of(Statement).c
_LEAF = table_of(Leaf).c
_OF_CAPTURE = (
    select(_STATEMENT.id, _LEAF.idx)
    .join_from(
        table_of(Capture), table_of(Statement), _STATEMENT.document_id == _CAPTURE.document_id
    )
    .outerjoin(table_of(Leaf), _LEAF.statement_id == _STATEMENT.id)
    .where(_CAPTURE.id == bindparam("capture_id"))
    .subquery()
)
# A document's statements get their places in the order of their ids.
_PROGRESS = select(
    func.count(),
    func.count(_OF_CAPTURE.c.idx),
    func.min(_OF_CAPTURE.c.id),
    func.max(_OF_CAPTURE.c.id),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the events of a capture have come: the state that all of them have reached."""

    state: str
    recorded: int  # how many have their numbers
    first: Place | None
    last: Place | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """An event as it stands in the log, all of it opened; without a place it was received."""

    event_id: str
    state: str
    place: Place | None
    opening: dict[str, Any] | None
    content: str | None  # base64 of the bytes that are hashed in the field `content`
    proof: str | None  # a proof file; None until a signed head covers the entry


def progress_of(session: Session, capture_id: str, policy: Policy | None) -> Progress:
    """Return how far a capture has come, which its reader was allowed to see before."""
    row = session.connection().execute(_PROGRESS, {"capture_id": capture_id}).one()
    count, recorded, first, last = row
    places = places_of(session, [each for each in {first, last} if each], policy)
    ends = places.by_id.get(first), places.by_id.get(last)
    state = state_of(ends[1]) if recorded == count else RECEIVED
    return Progress(state, recorded, *ends)


def evidence_of(
    session: Session, actor: Actor, event_id: str, policy: Policy | None, *, secret: str
) -> list[Evidence]:
    """Return the evidence of an event, and of declarations that it is wrong, the oldest first.

    For its sender, and for those who see all events. Raises NotFound. `secret` is that of
    the tokens of queries.
    """
    namesakes = Query((Identified((event_id,)),), descending=False)
    page = find_events(session, actor, namesakes, per_page=MOST_PER_PAGE, secret=secret)
    if not page.events:
        raise NotFound(
            Problem(
                "",
                mark("There is no event %(event_id)s that you may see"),
                mark("Check the eventID; only its sender and the authorities see an event"),
                {"event_id": event_id},
            )
        )
    ids = [event.id for event in page.events]
    places = places_of(session, ids, policy)
    found = {each.id: each for each in logged_about(session, (), ids, most=len(ids))}
    return [
        _evidence(session, event.event_id, found.get(event.id), places, policy)
        for event in page.events
    ]


def state_of(place: Place | None) -> str:
    """Return the word for what has become of a statement."""
    if place is None:
        return RECEIVED
    return WITNESSED if place.is_witnessed else RECORDED


def _evidence(
    session: Session, event_id: str, logged: Logged | None, places: Places, policy: Policy | None
) -> Evidence:
    if logged is None:
        return Evidence(event_id, RECEIVED, None, None, None, None)
    place = places.by_id.get(logged.id)
    proof = tlog_proof_of(session, logged.year, logged.index, policy)
    return Evidence(
        event_id,
        state_of(place),
        place,
        dump_opening(logged.leaf.time, logged.opening(lambda _field: True)),
        base64.b64encode(logged.content).decode(),
        proof.decode() if proof else None,
    )
