"""The record itself: documents as received, and the statements that are slices of them."""

from collections.abc import Sequence

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from foodtrace.trace.capture.projections import Received
from foodtrace.trace.store.models import Document, Statement


def store_document(session: Session, received: Received, body: bytes, content_type: str) -> int:
    """Write what was received and return its id."""
    document_id: int = session.execute(
        insert(Document).returning(Document.id),
        {
            "party_id": received.party_id or None,
            "actor": received.actor,
            "content_type": content_type,
            "received_at": received.at,
            "body": body,
        },
    ).scalar_one()
    return document_id


def store_statements(
    session: Session, kind: str, document_id: int, slices: Sequence[tuple[int, int]]
) -> list[int]:
    """Write one statement a slice (start, length in bytes) and return their rising ids."""
    if not slices:
        return []
    ids = _next_ids(session, len(slices))
    session.execute(
        insert(Statement),
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
    return ids


def _next_ids(session: Session, count: int) -> list[int]:
    """Reserve ids for new statements: the rows that hang on them are then written in bulk."""
    if session.get_bind().dialect.name == "postgresql":
        sequence = func.nextval(func.pg_get_serial_sequence("statement", "id"))
        series = func.generate_series(1, count).table_valued("n")
        return sorted(session.scalars(select(sequence).select_from(series)))
    # One writer at a time, and nothing is ever deleted: the next ids are ours.
    last = session.scalar(select(func.max(Statement.id))) or 0
    return list(range(last + 1, last + 1 + count))
