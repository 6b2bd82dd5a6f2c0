"""What the statements say, as the log needs it: read from the record, never from memory."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, select

from foodtrace.trace.log.leaves import Header, Number
from foodtrace.trace.masterdata.models import Party
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.models import Document, Statement
from foodtrace.trace.store.sets import id_rows

_STATEMENT, _DOCUMENT, _PARTY = table_of(Statement), table_of(Document), table_of(Party)

# Statements are made once: putting one together costs more than running it.
_STATED = (
    select(
        _STATEMENT.c.id,
        _STATEMENT.c.kind,
        _STATEMENT.c.start,
        _STATEMENT.c.length,
        _DOCUMENT.c.id.label("document_id"),
        _DOCUMENT.c.party_id,
        _DOCUMENT.c.received_at,
        _PARTY.c.identifier.label("party"),
    )
    .join(_DOCUMENT, _DOCUMENT.c.id == _STATEMENT.c.document_id)
    .outerjoin(_PARTY, _PARTY.c.id == _DOCUMENT.c.party_id)
    .where(_STATEMENT.c.id.in_(select(id_rows("ids").c.id)))
    .order_by(_STATEMENT.c.id)
)
_BODY = select(_DOCUMENT.c.body, _DOCUMENT.c.original).where(
    _DOCUMENT.c.id == bindparam("document_id")
)


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement as it is on record: its bytes, and who stated it when."""

    id: int
    kind: str
    content: bytes
    party_id: int  # 0: no party
    party: str  # its identifier, as the register has it now; empty for none
    received_at: datetime
    original: str | None  # SHA-256 of the XML that it came in, in hex


class StoredHeader(msgspec.Struct, array_like=True, frozen=True):
    """What `leaf.header` holds: that part of a header which the record does not say.

    The identifier of the party as it was then, and the numbers.
    """

    party: str
    n: int
    numbers: tuple[tuple[str, int, str], ...]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(StoredHeader)


def contents(connection: Connection, ids: Sequence[int]) -> list[Stated]:
    """Return these statements in the order of their ids; those that are gone are left out."""
    found = []
    document_id, body, original = 0, b"", None
    for row in connection.execute(_STATED, {"ids": ids}).all():
        if row.document_id != document_id:
            document_id = row.document_id
            body, source = connection.execute(_BODY, {"document_id": document_id}).one()
            original = None if source is None else hashlib.sha256(source).hexdigest()
        found.append(
            Stated(
                row.id,
                row.kind,
                bytes(body[row.start : row.start + row.length]),
                row.party_id or 0,
                row.party or "",
                row.received_at,
                original,
            )
        )
    return found


def stored(party: str, n: int, numbers: Iterable[Number]) -> bytes:
    """Return what `leaf.header` is to hold."""
    return _encoder.encode(
        StoredHeader(
            party, n, tuple((each.series, each.number, each.canonical) for each in numbers)
        )
    )


def header_of(stated: Stated, header: bytes) -> Header:
    """Return the whole header of a statement: what is stored of it, and what the record says.

    Raises msgspec.DecodeError when what is stored is no header.
    """
    kept = _decoder.decode(header)
    numbers = tuple(Number(*number) for number in kept.numbers)
    return Header(
        stated.kind, moment(stated.received_at), kept.party, kept.n, numbers, stated.original
    )


def things_of(header: bytes) -> list[str]:
    """Return the canonical identifiers of the things that a stored header numbers."""
    return [canonical for _series, _number, canonical in _decoder.decode(header).numbers]


def moment(at: datetime) -> str:
    """Return a time of the record as the log writes it: RFC 3339 in UTC, with microseconds."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"
