"""What one can record: events and other statements, each with all that follows from it."""

import hashlib
import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import require
from foodtrace.trace.capture.jobs import Behaviour, Captured, answered, ended, insert_job
from foodtrace.trace.capture.projections import Received, projection_of
from foodtrace.trace.capture.reading import JSON_TYPE, LD_JSON_TYPE, read_capture_event
from foodtrace.trace.capture.recording import attempted, record
from foodtrace.trace.capture.statements import store_document, store_statements
from foodtrace.trace.epcis.model import EventDocument
from foodtrace.trace.personal.commitments import without_values
from foodtrace.trace.personal.keeping import keep_values
from foodtrace.trace.personal.taking import taken_out
from foodtrace.trace.store.models import Event

EPCIS_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
FOODTRACE_NAMESPACE = "https://foodtrace.example/ns/"

# Decimals are written as texts, times by RFC 3339, dates by ISO 8601.
_statement_encoder = msgspec.json.Encoder()
# EPCIS wants numbers where numbers are meant.
_event_encoder = msgspec.json.Encoder(decimal_format="number")

# Namespace of the eventIDs that we give to events that name none (RFC 9562, version 5).
_EVENT_IDS = uuid.uuid5(uuid.NAMESPACE_URL, FOODTRACE_NAMESPACE + "event")

# Statements are made once: putting one together costs more than running it.
_NEWEST = (
    select(Event.id)
    .where(Event.event_id == bindparam("event_id"), Event.party_id == bindparam("party_id"))
    .order_by(Event.id.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event that is on record: the id of its statement, and its eventID."""

    id: int
    event_id: str


def capture_document(
    session: Session,
    actor: Actor,
    document: EventDocument,
    *,
    content_type: str,
    key: str | None,
    behaviour: Behaviour = "rollback",
    asynchronous: bool = False,
) -> Captured:
    """Record the events of a document that the actor's party has not sent before.

    Asynchronously, the document is stored and waits for the worker, which is to be woken
    after the commit. The same key and body again give the same job; without a key, the body
    is its own. Raises Unprocessable when the key came with another body.
    """
    require(actor, "event.capture", owner=actor.party_id)
    party_id = actor.party_id or 0
    digests = document.digests or (hashlib.sha256(document.original or document.body).digest(),)
    names = [key] if key else [digest.hex() for digest in digests]
    received = _received(actor)
    job = Captured(secrets.token_hex(16), "waiting", behaviour, received.at, None)

    def capture() -> Captured:
        for name in names:
            known = answered(session, party_id, name, digests)
            if known is not None:
                return known
        document_id = store_document(
            session, received, document.body, content_type, document.original
        )
        keep_values(session, document_id, received, document.personal)
        made = job
        if not asynchronous:
            outcome = record(session, document, document_id, received)
            made = ended(job, document, outcome, at=received.at)
        insert_job(
            session,
            made,
            party_id=party_id,
            key=names[0],
            digest=digests[0],
            document_id=document_id,
        )
        return made

    return attempted(session, capture)


def record_event(
    session: Session, actor: Actor, event: dict[str, Any], key: str | None = None
) -> RecordedEvent:
    """Record one event given as JSON values, on the same path as one that comes by HTTP.

    The context may be left out, and the eventID too: it then follows from party, key and
    content, so that the same act sent twice is one event. Two acts that look the same are
    told apart by their keys. Raises Invalid when the event breaks a rule of EPCIS.
    """
    party_id = actor.party_id or 0
    content = dict(event)
    if "eventID" not in content:
        # Without what is personal: the eventID is no secret.
        encoded = _event_encoder.encode(content)
        said = f"{party_id} {key or ''} {(taken_out(encoded).impersonal or encoded).decode()}"
        content["eventID"] = uuid.uuid5(_EVENT_IDS, said).urn
    if "@context" not in content:
        content = {
            "@context": [EPCIS_CONTEXT, {"foodtrace": FOODTRACE_NAMESPACE}],
            **content,
        }
    document = read_capture_event(
        _event_encoder.encode(content), LD_JSON_TYPE, now=datetime.now(UTC)
    )
    capture_document(session, actor, document, content_type=LD_JSON_TYPE, key=key)
    event_id = document.events[0].event_id
    statement_id = session.scalars(_NEWEST, {"event_id": event_id, "party_id": party_id}).one()
    return RecordedEvent(statement_id, event_id)


def record_statement(
    session: Session,
    actor: Actor,
    kind: str,
    body: dict[str, Any],
    *,
    personal: Collection[str] = (),
) -> int:
    """Record one fact that is not an event, apply its projection and return its id.

    Of the members that are `personal` the record gets commitments. Whether the actor may
    state it is for the caller to decide.
    """
    body, values = without_values(body, personal)
    content = _statement_encoder.encode(body)
    received = _received(actor)
    document_id = store_document(session, received, content, JSON_TYPE)
    keep_values(session, document_id, received, values)
    (statement_id,) = store_statements(session, kind, document_id, [(0, len(content))])
    # The projection sees what rebuild will see: the bytes, read again.
    projection_of(kind).apply(session, statement_id, msgspec.json.decode(content), received)
    return statement_id


def _received(actor: Actor) -> Received:
    return Received(actor.party_id or 0, actor.name, datetime.now(UTC))
