"""Events taken out of the record one after the other: memory does not grow with them.

Whoever takes them may be slow, so no session stays open meanwhile: each portion is read in one of
its own. Events that are recorded after an export began are not in it.
"""

from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.epcis.standalone import (
    Contexts,
    inherited_contexts,
    merged_contexts,
    parts_of_context,
)
from foodtrace.trace.epcis.times import written_time
from foodtrace.trace.store.models import Document, Event, Statement
from foodtrace.trace.store.sets import id_rows

# So many ids are found at once, for finding them may cost more than reading the events.
MOST_IDS = 20_000
# A portion: at most so many events, and no further one after so many bytes.
MOST_EVENTS = 500
MOST_BYTES = 4 * 1024 * 1024

# No party has this id.
_NOBODY = -1

# Opens a session that only reads, as `Store.reading` does.
Reading = Callable[[], AbstractContextManager[Session]]
# Yields the rising ids of the events that are wanted, of those after an id and up to another.
Matching = Callable[[Session, int, int], Iterator[int]]

# Line breaks of JSON stand between its tokens only: in texts they are escaped.
_NO_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")

_ROWS = (
    select(Statement.id, Statement.document_id, Statement.start, Statement.length)
    .add_columns(Event.event_id, Event.party_id, Event.record_time)
    .join(Event, Event.id == Statement.id)
    .where(Statement.id.in_(select(id_rows("ids").c.id)))
    .order_by(Statement.id)
)


@dataclass(frozen=True, slots=True)
class _Held:
    """A document whose events are being read, and the contexts that they inherit."""

    id: int = 0
    body: bytes = b""
    contexts: Contexts = ()


def holds_events(session: Session) -> bool:
    """Answer whether any event is recorded."""
    return session.scalar(select(Event.id).limit(1)) is not None


def of_party(party_id: int) -> Matching:
    """Return what matches the events that one party captured."""

    def ids(session: Session, after: int, up_to: int) -> Iterator[int]:
        return _all_ids(session, after, up_to, party_id)

    return ids


def each_event(
    reading: Reading,
    actor: Actor,
    *,
    matching: Matching | None = None,
    with_record_time: bool = False,
) -> Iterator[bytes]:
    """Yield each event, or each that matches, as one line of JSON that says all by itself.

    Of those that the actor may see, in the order in which they were recorded, with the
    values as received. Each carries its own contexts and its eventID, so that a reader finds
    the same event whatever document it stands in; for partners also its recordTime.
    Raises Forbidden or Unauthenticated at once.
    """
    require(actor, "event.read")
    with reading() as session:
        up_to = session.scalar(select(func.max(Event.id))) or 0
    return _events(reading, actor, matching or _visible_to(actor), up_to, with_record_time)


def _visible_to(actor: Actor) -> Matching:
    sees_all = can(actor, "event.read", owner=_NOBODY)
    return _all_ids if sees_all else of_party(actor.party_id or _NOBODY)


def _events(
    reading: Reading, actor: Actor, matching: Matching, up_to: int, with_record_time: bool
) -> Iterator[bytes]:
    held = _Held()
    for ids in _found(reading, matching, up_to):
        while ids:
            portion: list[bytes] = []
            with reading() as session:
                rows = _rows(session, ids)
                for row in rows:
                    if can(actor, "event.read", owner=row.party_id):
                        held = held if held.id == row.document_id else _opened(session, row)
                        at = row.record_time if with_record_time else None
                        portion.append(_standalone(row, held, at))
            ids = ids[bisect(ids, rows[-1].id) :] if rows else []
            yield from portion


def _found(reading: Reading, matching: Matching, up_to: int) -> Iterator[list[int]]:
    after = 0
    while after < up_to:
        with reading() as session:
            ids = list(islice(matching(session, after, up_to), MOST_IDS))
        if not ids:
            return
        yield ids
        after = ids[-1]


def _rows(session: Session, ids: Sequence[int]) -> list[Row[Any]]:
    """Return the rows of the first of these events, as many as a portion takes."""
    taken: list[Row[Any]] = []
    size = 0
    for row in session.execute(_ROWS, {"ids": ids[:MOST_EVENTS]}).all():
        taken.append(row)
        size += row.length
        if size > MOST_BYTES:
            break
    return taken


def _all_ids(
    session: Session, after: int, up_to: int, party_id: int | None = None
) -> Iterator[int]:
    query = select(Event.id).where(Event.id > after, Event.id <= up_to).order_by(Event.id)
    if party_id is not None:
        query = query.where(Event.party_id == party_id)
    return iter(session.scalars(query.limit(MOST_IDS)).all())


def _opened(session: Session, row: Row[Any]) -> _Held:
    query = select(Document.body).where(Document.id == row.document_id)
    body = bytes(session.execute(query).scalar_one())
    return _Held(row.document_id, body, inherited_contexts(body, row.length))


def _standalone(row: Row[Any], held: _Held, record_time: datetime | None) -> bytes:
    """Return an event of a document with the contexts it inherits, and its identifier."""
    received = held.body[row.start : row.start + row.length]
    fields = msgspec.json.decode(received, type=dict[str, msgspec.Raw])
    own = parts_of_context(fields.pop("@context", msgspec.Raw(b"")))
    head = {"@context": merged_contexts(held.contexts, own), "eventID": row.event_id}
    said: dict[str, Any] = head | fields
    if record_time is not None:
        said["recordTime"] = written_time(record_time)
    return msgspec.json.encode(said).translate(_NO_LINE_BREAKS)
