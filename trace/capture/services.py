"""What one can record: events and other statements, each with all that follows from it."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.capture.projections import Received, projection_of
from foodtrace.trace.capture.statements import store_document, store_statements
from foodtrace.trace.errors import NotFound
from foodtrace.trace.store.models import Document, Statement

JSON_TYPE = "application/json"

# Decimals are written as texts, times by RFC 3339, dates by ISO 8601.
_encoder = msgspec.json.Encoder()


def record_statement(session: Session, actor: Actor, kind: str, body: dict[str, Any]) -> int:
    """Record one fact that is not an event, apply its projection and return its id.

    Whether the actor may state it is for the caller to decide.
    """
    content = _encoder.encode(body)
    received = Received(actor.party_id or 0, actor.name, datetime.now(UTC))
    document_id = store_document(session, received, content, JSON_TYPE)
    (statement_id,) = store_statements(session, kind, document_id, [(0, len(content))])
    # The projection sees what rebuild will see: the bytes, read again.
    projection_of(kind).apply(session, statement_id, msgspec.json.decode(content), received)
    return statement_id


def statement_bytes(session: Session, statement_id: int) -> bytes:
    """Return a statement's bytes as they were received. Raises NotFound."""
    content = session.scalar(
        select(func.substr(Document.body, Statement.start + 1, Statement.length))
        .join(Statement, Statement.document_id == Document.id)
        .where(Statement.id == statement_id)
    )
    if content is None:
        raise NotFound()
    return bytes(content)
