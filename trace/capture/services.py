"""What one can record: events and other statements, each with all that follows from it."""

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.capture.events import (
    Namesake,
    Recorded,
    lock_for,
    namesakes_of,
    project_events,
)
from foodtrace.trace.capture.projections import Received, projection_of
from foodtrace.trace.capture.statements import EVENT, store_document, store_statements
from foodtrace.trace.epcis.model import Event as EpcisEvent
from foodtrace.trace.epcis.model import EventDocument
from foodtrace.trace.epcis.reader import read_event
from foodtrace.trace.errors import (
    Forbidden,
    NotFound,
    Problem,
    Unavailable,
    Unprocessable,
    mark,
)
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.models import Capture, Document, Event, Statement

JSON_TYPE = "application/json"
LD_JSON_TYPE = "application/ld+json"

EPCIS_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
FOODTRACE_NAMESPACE = "https://foodtrace.example/ns/"

# Decimals are written as texts, times by RFC 3339, dates by ISO 8601.
_statement_encoder = msgspec.json.Encoder()
# EPCIS wants numbers where numbers are meant.
_event_encoder = msgspec.json.Encoder(decimal_format="number")

# Namespace of the eventIDs that we give to events that name none (RFC 9562, version 5).
_EVENT_IDS = uuid.uuid5(uuid.NAMESPACE_URL, FOODTRACE_NAMESPACE + "event")

# Statements are made once: putting one together costs more than running it.
_CAPTURE = table_of(Capture).c
_ANSWERED = select(_CAPTURE.id, _CAPTURE.body_sha256, _CAPTURE.result, _CAPTURE.created_at).where(
    _CAPTURE.party_id == bindparam("party_id"), _CAPTURE.key == bindparam("key")
)
_INSERT_CAPTURE = insert(table_of(Capture))
_NEWEST = (
    select(Event.id)
    .where(Event.event_id == bindparam("event_id"), Event.party_id == bindparam("party_id"))
    .order_by(Event.id.desc())
    .limit(1)
)

# A race with another capture is looked at again so often before the sender is asked to.
_ATTEMPTS = 5
# SQLSTATE: unique violation, deadlock detected, serialization failure.
_RACES = frozenset({"23505", "40P01", "40001"})


@dataclass(frozen=True, slots=True)
class Captured:
    """What a capture did. `event_ids` were recorded, `duplicates` were known already."""

    id: str
    event_ids: list[str]
    duplicates: list[str]
    replayed: bool
    created_at: datetime


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
) -> Captured:
    """Record the events of a document that the actor's party has not sent before.

    The same key and body again give the same answer; without a key, the body is its own.
    Raises Unprocessable when the key came with another body, Forbidden when an event that
    another party captured is declared wrong.
    """
    require(actor, "event.capture", owner=actor.party_id)
    party_id = actor.party_id or 0
    digest = hashlib.sha256(document.body).digest()
    key = key or digest.hex()
    for _ in range(_ATTEMPTS):
        answered = _answered(session, party_id, key, digest)
        if answered is not None:
            return answered
        try:
            with _attempt(session):
                return _capture(session, actor, document, content_type, key, digest)
        except DBAPIError as error:
            # Another capture has just written the same key, event or item: look again.
            if getattr(error.orig, "sqlstate", None) not in _RACES:
                raise
    raise Unavailable(Problem("", mark("Others are recording the same"), mark("Send it again")))


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
        said = f"{party_id} {key or ''} {_event_encoder.encode(content).decode()}"
        content["eventID"] = uuid.uuid5(_EVENT_IDS, said).urn
    if "@context" not in content:
        content = {
            "@context": [EPCIS_CONTEXT, {"foodtrace": FOODTRACE_NAMESPACE}],
            **content,
        }
    document = read_event(_event_encoder.encode(content), now=datetime.now(UTC))
    capture_document(session, actor, document, content_type=LD_JSON_TYPE, key=key)
    event_id = document.events[0].event_id
    statement_id = session.scalars(_NEWEST, {"event_id": event_id, "party_id": party_id}).one()
    return RecordedEvent(statement_id, event_id)


def record_statement(session: Session, actor: Actor, kind: str, body: dict[str, Any]) -> int:
    """Record one fact that is not an event, apply its projection and return its id.

    Whether the actor may state it is for the caller to decide.
    """
    content = _statement_encoder.encode(body)
    received = _received(actor)
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


def get_capture(session: Session, actor: Actor, capture_id: str) -> Captured:
    """Return what a capture did, to its sender and to those who see all events.

    Raises NotFound.
    """
    row = session.get(Capture, capture_id)
    if row is None or row.state == "act":
        raise NotFound()
    if not can(actor, "event.read", owner=row.party_id):
        raise NotFound()
    return _replayed(row.id, row.result, row.created_at)


def find_event_body(session: Session, actor: Actor, event_id: str) -> bytes | None:
    """Return an event so that it stands alone: as received, with its document's ``@context``.

    Of an event that was declared wrong this is the declaration, which repeats it. None when
    there is nothing that the actor may see. Where several parties used one eventID, the
    actor's own event comes first, then the one recorded first.
    """
    visible = [
        each
        for each in namesakes_of(session, [event_id])
        if can(actor, "event.read", owner=each.party_id)
    ]
    if not visible:
        return None
    own = [each for each in visible if each.party_id == actor.party_id]
    chosen = (own or visible)[0].party_id
    newest = max(each.id for each in visible if each.party_id == chosen)
    document_body = session.scalars(
        select(Document.body)
        .join(Statement, Statement.document_id == Document.id)
        .where(Statement.id == newest)
    ).one()
    return standing_alone(statement_bytes(session, newest), document_body)


def standing_alone(event: bytes, document: bytes) -> bytes:
    """Return an event's bytes with the ``@context`` of its document in front of its own.

    All else stays as it was received, byte for byte.
    """
    if event == document.strip():
        return event
    outer = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
    inner = msgspec.json.decode(event, type=dict[str, msgspec.Raw])
    contexts: list[Any] = []
    for source in (outer, inner):
        if "@context" in source:
            context = msgspec.json.decode(source["@context"])
            contexts += context if isinstance(context, list) else [context]
    merged = b'"@context":' + msgspec.json.encode(contexts)
    if "@context" not in inner:
        return b"{" + merged + b"," + event[1:]
    members = [
        msgspec.json.encode(name) + b":" + bytes(value)
        for name, value in inner.items()
        if name != "@context"
    ]
    return b"{" + b",".join([merged, *members]) + b"}"


def _attempt(session: Session) -> AbstractContextManager[object]:
    """Let one attempt be undone where others write at the same time: SQLite has one writer."""
    is_alone = session.get_bind().dialect.name == "sqlite"
    return nullcontext() if is_alone else session.begin_nested()


def _received(actor: Actor) -> Received:
    return Received(actor.party_id or 0, actor.name, datetime.now(UTC))


def _answered(session: Session, party_id: int, key: str, digest: bytes) -> Captured | None:
    """Return the answer that this key got before. Raises Unprocessable for another body."""
    found = {"party_id": party_id, "key": key}
    row = session.connection().execute(_ANSWERED, found).one_or_none()
    if row is None:
        return None
    if row.body_sha256 != digest:
        raise Unprocessable(
            Problem(
                "Idempotency-Key",
                mark("This key came with another body before"),
                mark("Use a new key for a new body"),
            )
        )
    return _replayed(row.id, row.result, row.created_at)


def _replayed(capture_id: str, result: dict[str, Any], created_at: datetime) -> Captured:
    return Captured(capture_id, result["eventIDs"], result["duplicates"], True, created_at)


def _capture(
    session: Session,
    actor: Actor,
    document: EventDocument,
    content_type: str,
    key: str,
    digest: bytes,
) -> Captured:
    lock_for(session, document.events)
    received = _received(actor)
    namesakes = namesakes_of(session, [event.event_id for event in document.events])
    new, duplicates = _sorted_out(document.events, namesakes, received.party_id)
    document_id = store_document(session, received, document.body, content_type)
    ids = store_statements(session, EVENT, document_id, [(e.start, e.length) for e in new])
    captured = Captured(
        id=secrets.token_hex(16),
        event_ids=[event.event_id for event in new],
        duplicates=duplicates,
        replayed=False,
        created_at=received.at,
    )
    session.connection().execute(
        _INSERT_CAPTURE,
        {
            "id": captured.id,
            "party_id": received.party_id,
            "key": key,
            "body_sha256": digest,
            "document_id": document_id,
            "created_at": received.at,
            "state": "done",
            "behaviour": "rollback",
            "finished_at": received.at,
            "result": {"eventIDs": captured.event_ids, "duplicates": duplicates},
        },
    )
    recorded = [Recorded(i, event) for i, event in zip(ids, new, strict=True)]
    project_events(session, recorded, received, namesakes)
    return captured


def _sorted_out(
    events: Sequence[EpcisEvent], namesakes: Sequence[Namesake], party_id: int
) -> tuple[list[EpcisEvent], list[str]]:
    """Return the events that are new, and the eventIDs of those that the party sent before.

    Raises Forbidden when an event is declared wrong that only others have captured.
    """
    own = {(each.event_id, each.is_declaration) for each in namesakes if each.party_id == party_id}
    others = {each.event_id for each in namesakes if each.party_id != party_id}
    new: list[EpcisEvent] = []
    duplicates: list[str] = []
    for event in events:
        mine = (event.event_id, event.declared_at is not None)
        if mine in own:
            duplicates.append(event.event_id)
            continue
        if mine[1] and event.event_id in others and (event.event_id, False) not in own:
            raise _not_yours(event.event_id)
        own.add(mine)
        new.append(event)
    return new, duplicates


def _not_yours(event_id: str) -> Forbidden:
    return Forbidden(
        Problem(
            "",
            mark("Event %(event_id)s was captured by another party"),
            mark("Only who captured an event may declare it wrong"),
            {"event_id": event_id},
        )
    )
