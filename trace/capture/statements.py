"""The record itself: documents as received, and the statements that are slices of them."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from foodtrace.trace.capture.projections import Received
from foodtrace.trace.epcis.model import Event, EventDocument
from foodtrace.trace.epcis.reader import read_document, read_event
from foodtrace.trace.epcis.validation import DOCUMENT_TYPES
from foodtrace.trace.log.models import Unlogged
from foodtrace.trace.store.bulk import insert_columns, insert_rows, reserve_ids, table_of
from foodtrace.trace.store.models import Document, Statement
from foodtrace.trace.store.sets import id_rows

EVENT = "event"
MASTER_DATA = "masterdata"


class _Head(msgspec.Struct):
    """What tells a document from a bare event; the rest is skipped, not parsed."""

    type: str


# Made once: putting a statement together costs more than running it.
_INSERT_DOCUMENT = insert(table_of(Document)).returning(table_of(Document).c.id)


def store_document(
    session: Session,
    received: Received,
    body: bytes,
    content_type: str,
    original: bytes | None = None,
) -> int:
    """Write what was received and return its id; of XML that is `original`, and what it says.

    Raises ReadOnly while nothing may be recorded.
    """
    session.info["standing"].require()
    document_id: int = (
        session.connection()
        .execute(
            _INSERT_DOCUMENT,
            {
                "party_id": received.party_id or None,
                "actor": received.actor,
                "content_type": content_type,
                "received_at": received.at,
                "body": body,
                "original": original,
            },
        )
        .scalar_one()
    )
    return document_id


def store_statements(
    session: Session, kind: str, document_id: int, slices: Sequence[tuple[int, int]]
) -> list[int]:
    """Write one statement a slice (start, length in bytes) and return their rising ids."""
    if not slices:
        return []
    ids = reserve_ids(session, Statement, len(slices))
    insert_rows(
        session,
        Statement,
        [
            {
                "id": statement_id,
                "kind": kind,
                "document_id": document_id,
                "start": start,
                "length": length,
            }
            for statement_id, (start, length) in zip(ids, slices, strict=True)
        ],
    )
    # The log takes them from there: on SQLite before the commit, on PostgreSQL soon after.
    insert_columns(session, Unlogged, {"statement_id": ids})
    return ids


def document_of(session: Session, document_id: int) -> tuple[bytes, Received]:
    """Return the bytes of a document, and who sent them when."""
    body, party_id, actor, at = session.execute(
        select(Document.body, Document.party_id, Document.actor, Document.received_at).where(
            Document.id == document_id
        )
    ).one()
    return body, Received(party_id or 0, actor, at)


def read_again(body: bytes, received: Received) -> EventDocument:
    """Return the events and master data of a recorded document or bare event.

    Events that were left out when it was recorded are left out again.
    """
    if msgspec.json.decode(body, type=_Head).type in DOCUMENT_TYPES:
        return read_document(body, now=received.at, proceed=True)
    return read_event(body, now=received.at)


def read_events(
    session: Session, statement_ids: Iterable[int]
) -> Iterator[tuple[int, Event, Received]]:
    """Yield these events and who sent them, in the order of their ids, from the bytes received."""
    rows = session.execute(
        select(Statement.id, Statement.document_id, Statement.start)
        .where(Statement.id.in_(select(id_rows("ids").c.id)))
        .order_by(Statement.id),
        {"ids": sorted(statement_ids)},
    ).all()
    for document_id, group in groupby(rows, key=lambda row: row.document_id):
        body, received = document_of(session, document_id)
        events = {event.start: event for event in read_again(body, received).events}
        for row in group:
            yield row.id, events[row.start], received
