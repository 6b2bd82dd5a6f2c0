"""Events as EPCIS documents, written piece by piece: memory does not grow with them."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import require
from foodtrace.trace.store.models import Document, Event, Statement

PAGE = 500
EPCIS_CONTEXT = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld"


class _Head(msgspec.Struct):
    """What an event of a document inherits from it."""

    context: msgspec.Raw = msgspec.field(name="@context", default=msgspec.Raw(b""))


def each_event(session: Session, actor: Actor, party_id: int | None = None) -> Iterator[bytes]:
    """Yield each event, or those that one party captured, as JSON that says all by itself.

    Events come in the order in which they were recorded, with the values as received. Each
    carries its own contexts and its eventID, so that a reader finds the same event whatever
    document it stands in.
    """
    require(actor, "event.read", owner=party_id)
    query = (
        select(Statement.id, Statement.document_id, Statement.start, Statement.length)
        .add_columns(Event.event_id)
        .join(Event, Event.id == Statement.id)
        .order_by(Statement.id)
        .limit(PAGE)
    )
    if party_id is not None:
        query = query.where(Event.party_id == party_id)
    document_id, body, last = 0, b"", 0
    inherited: list[msgspec.Raw] = []
    while rows := session.execute(query.where(Statement.id > last)).all():
        for _, of_document, start, length, event_id in rows:
            if of_document != document_id:
                document_id, body = of_document, _body(session, of_document)
                # A bare event is its own document and inherits nothing.
                inherited = [] if length == len(body) else _inherited(body)
            yield _standalone(body[start : start + length], inherited, event_id)
        last = rows[-1].id


def as_document(events: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the EPCIS 2.0 document of these events, one a line."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    yield (
        f'{{"@context":["{EPCIS_CONTEXT}"],"type":"EPCISDocument","schemaVersion":"2.0",'
        f'"creationDate":"{created}","epcisBody":{{"eventList":['
    ).encode()
    separator = b"\n"
    for event in events:
        yield separator + event
        separator = b",\n"
    yield b"\n]}}\n"


def _body(session: Session, document_id: int) -> bytes:
    query = select(Document.body).where(Document.id == document_id)
    return bytes(session.execute(query).scalar_one())


def _inherited(document: bytes) -> list[msgspec.Raw]:
    return _contexts(msgspec.json.decode(document, type=_Head).context)


def _standalone(event: bytes, inherited: list[msgspec.Raw], event_id: str) -> bytes:
    """Return an event of a document with the contexts it inherits, and its identifier."""
    fields = msgspec.json.decode(event, type=dict[str, msgspec.Raw])
    own = _contexts(fields.pop("@context", msgspec.Raw(b"")))
    contexts = [part for part in inherited if not _is_said(part, own)] + own
    named = {"eventID": msgspec.Raw(msgspec.json.encode(event_id))}
    return msgspec.json.encode({"@context": contexts} | named | fields)


def _is_said(part: msgspec.Raw, own: list[msgspec.Raw]) -> bool:
    """Answer whether an event's own contexts make an inherited one superfluous.

    The only address that a context may name is that of EPCIS, in one of its versions.
    """
    texts = [bytes(each) for each in own]
    is_address = bytes(part).startswith(b'"')
    return bytes(part) in texts or (is_address and any(text[:1] == b'"' for text in texts))


def _contexts(context: msgspec.Raw) -> list[msgspec.Raw]:
    """Return the parts of a context: none, one, or those of a list."""
    if not bytes(context):
        return []
    if bytes(context).startswith(b"["):
        return msgspec.json.decode(context, type=list[msgspec.Raw])
    return [context]
