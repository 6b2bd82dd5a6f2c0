"""What a query found, as EPCIS 2.0 JSON: the events as received, in a query document."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any

import msgspec
from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from foodtrace.trace.epcis.standalone import (
    Contexts,
    inherited_contexts,
    is_address,
    merged_contexts,
    parts_of_context,
)
from foodtrace.trace.epcis.times import written_time
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.models import Document, Event, Statement
from foodtrace.trace.store.sets import id_rows

EPCIS_CONTEXT = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld"
# The name of a query that has none of its own.
SIMPLE_EVENT_QUERY = "SimpleEventQuery"

# Documents are read together, up to so many bytes of them at once.
_MOST_BYTES = 4 * 1024 * 1024

_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
# Writes the numbers of results as exactly as they were received.
ENCODER = msgspec.json.Encoder(decimal_format="number")


# Statements are made once: putting one together costs more than running it.
_EVENT, _STATEMENT, _DOCUMENT = table_of(Event).c, table_of(Statement).c, table_of(Document).c
_ROWS = (
    select(_STATEMENT.id, _STATEMENT.document_id, _STATEMENT.start, _STATEMENT.length)
    .add_columns(_EVENT.event_id, _EVENT.party_id, _EVENT.record_time)
    .add_columns(func.length(_DOCUMENT.body).label("size"))
    .join_from(table_of(Statement), table_of(Event), _EVENT.id == _STATEMENT.id)
    .join(table_of(Document), _DOCUMENT.id == _STATEMENT.document_id)
    .where(_STATEMENT.id.in_(select(id_rows("ids").c.id)))
    .order_by(_STATEMENT.document_id)
)
_BODIES = select(_DOCUMENT.id, _DOCUMENT.body).where(_DOCUMENT.id.in_(select(id_rows("ids").c.id)))


@dataclass(frozen=True, slots=True)
class Found:
    """An event that a query found: its bytes as received, and the contexts it inherits."""

    id: int
    event_id: str
    party_id: int
    record_time: datetime
    event: bytes
    contexts: Contexts


def read_found(
    session: Session, ids: Sequence[int], *, most_bytes: int | None = None
) -> list[Found]:
    """Return these events, in the order of the ids given.

    With `most_bytes` only the first ones, which have no more bytes together, but at least one.
    """
    if not ids:
        return []
    rows = session.connection().execute(_ROWS, {"ids": ids}).all()
    if most_bytes is not None:
        ids = _fitting(ids, {row.id: row.length for row in rows}, most_bytes)
        kept = frozenset(ids)
        rows = [row for row in rows if row.id in kept]
    found = {each.id: each for batch in _batches(rows) for each in _read(session, batch)}
    return [found[each] for each in ids]


def _fitting(ids: Sequence[int], lengths: Mapping[int, int], most_bytes: int) -> Sequence[int]:
    sizes = accumulate(lengths[each] for each in ids)
    return ids[: max(1, sum(size <= most_bytes for size in sizes))]


def _batches(rows: Sequence[Row[Any]]) -> Iterator[list[Row[Any]]]:
    """Yield the rows by document, as many documents at once as memory should hold."""
    batch: list[Row[Any]] = []
    size, document_id = 0, 0
    for row in rows:
        if row.document_id != document_id:
            if size + row.size > _MOST_BYTES and batch:
                yield batch
                batch, size = [], 0
            document_id = row.document_id
            size += row.size
        batch.append(row)
    yield batch


def _read(session: Session, rows: Sequence[Row[Any]]) -> Iterator[Found]:
    wanted = sorted({row.document_id for row in rows})
    found = session.connection().execute(_BODIES, {"ids": wanted})
    documents: dict[int, bytes] = {number: bytes(body) for number, body in found}
    contexts: dict[int, Contexts] = {}
    for row in rows:
        body = documents[row.document_id]
        if row.document_id not in contexts:
            contexts[row.document_id] = inherited_contexts(body, row.length)
        yield Found(
            id=row.id,
            event_id=row.event_id,
            party_id=row.party_id,
            record_time=row.record_time,
            event=body[row.start : row.start + row.length],
            contexts=contexts[row.document_id],
        )


def as_result(found: Found) -> dict[str, Any]:
    """Return the event as JSON values for a query document, to be written by `ENCODER`.

    All is as it was received, but for eventID and recordTime, which are always there, and the
    contexts: those that the event inherited stand before its own, without the context of
    EPCIS, which the query document names.
    """
    event = _decoder.decode(found.event)
    own = msgspec.json.decode(found.event, type=_Own).context
    merged = merged_contexts(found.contexts, parts_of_context(own))
    prefixes = [msgspec.json.decode(each) for each in merged if not is_address(each)]
    event.pop("@context", None)
    head: dict[str, Any] = {"@context": prefixes} if prefixes else {}
    return {
        **head,
        "type": event["type"],
        "eventID": found.event_id,
        **event,
        "recordTime": written_time(found.record_time),
    }


class _Own(msgspec.Struct):
    context: msgspec.Raw = msgspec.field(name="@context", default=msgspec.Raw(b""))


def query_document(
    events: Sequence[dict[str, Any]],
    *,
    query_name: str = SIMPLE_EVENT_QUERY,
    subscription_id: str | None = None,
) -> dict[str, Any]:
    """Return the EPCISQueryDocument of these results (EPCIS 2.0, section 9.5)."""
    results: dict[str, Any] = {"queryName": query_name}
    if subscription_id is not None:
        results["subscriptionID"] = subscription_id
    results["resultsBody"] = {"eventList": list(events)}
    return {
        "@context": [EPCIS_CONTEXT],
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": written_time(datetime.now(UTC)),
        "epcisBody": {"queryResults": results},
    }
