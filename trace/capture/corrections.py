"""Corrections of a lot's events: what was declared wrong, why, by what it is corrected, and where
in the log each of them stands.

Nothing is ever changed: the wrong event, the declaration and the event that corrects it are all on
record. An event that corrects may be declared wrong itself: then it is in the list again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.epcis.context import STANDARD_PREFIXES
from foodtrace.trace.epcis.vocabulary import ERROR_REASON
from foodtrace.trace.errors import Invalid
from foodtrace.trace.log.models import Leaf
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.models import Document, Event, EventItem, Item, Statement
from foodtrace.trace.store.sets import text_rows

MOST_SHOWN = 200

_EVENT, _LEAF, _STATEMENT = table_of(Event), table_of(Leaf).c, table_of(Statement).c
_DOCUMENT, _PART, _ITEM = table_of(Document).c, table_of(EventItem).c, table_of(Item).c
_DECLARATION = _EVENT.alias("declaration")
_COLUMNS = ("id", "event_id", "party_id", "biz_step", "event_time", "record_time")

_WRONG = (
    select(_DECLARATION.c.id)
    .distinct()
    .join(
        _EVENT,
        (_EVENT.c.event_id == _DECLARATION.c.event_id)
        & (_EVENT.c.party_id == _DECLARATION.c.party_id)
        & _EVENT.c.declared_at.is_(None),
    )
    .join(table_of(EventItem), _PART.event_id == _EVENT.c.id)
    .join(table_of(Item), _ITEM.id == _PART.item_id)
    .where(_ITEM.canonical == bindparam("canonical"), _DECLARATION.c.declared_at.is_not(None))
    .order_by(_DECLARATION.c.id)
    .limit(MOST_SHOWN)
)
_VERSIONS = (
    select(*(_EVENT.c[name] for name in _COLUMNS), _EVENT.c.declared_at)
    .add_columns(_LEAF.year, _LEAF.idx)
    .outerjoin(table_of(Leaf), _LEAF.statement_id == _EVENT.c.id)
    .where(_EVENT.c.event_id.in_(select(text_rows("event_ids").c.id)))
    .order_by(_EVENT.c.id)
)
_DECLARED = (
    select(_DECLARATION.c.event_id, _DECLARATION.c.party_id)
    .add_columns(_STATEMENT.start, _STATEMENT.length, _DOCUMENT.body)
    .join(table_of(Statement), _STATEMENT.id == _DECLARATION.c.id)
    .join(table_of(Document), _DOCUMENT.id == _STATEMENT.document_id)
    .where(_DECLARATION.c.id.in_(_WRONG))
    .order_by(_DECLARATION.c.id)
)


@dataclass(frozen=True, slots=True)
class Version:
    """An event, or the declaration that it is wrong, as one statement of the record."""

    id: int
    event_id: str
    biz_step: str | None
    event_time: datetime
    record_time: datetime
    # Its place in the log: the year and the number, once it has one.
    year: int | None
    index: int | None

    @property
    def number(self) -> str | None:
        """The place in the log as people call it: 2026/17."""
        return None if self.index is None else f"{self.year}/{self.index}"


@dataclass(frozen=True, slots=True)
class Correction:
    """An event that was declared wrong, the declaration, and what its party says instead.

    `missing` are eventIDs of corrections that are not on record, or not yet.
    """

    party_id: int
    wrong: Version
    declaration: Version
    reason: str | None
    corrections: tuple[Version, ...]
    missing: tuple[str, ...]


class _Declared(msgspec.Struct, rename={"corrective": "correctiveEventIDs"}):
    reason: str | None = None
    corrective: list[str] = []


class _Wrong(msgspec.Struct):
    errorDeclaration: _Declared


def corrections_of(session: Session, actor: Actor, canonical: str) -> list[Correction]:
    """Return what was declared wrong of a lot or thing, in the order of the declarations.

    Of the events that the actor may see: those of its own party, or everybody's.
    """
    require(actor, "event.read")
    connection = session.connection()
    declared = [
        (row.event_id, row.party_id, _said(row))
        for row in connection.execute(_DECLARED, {"canonical": canonical})
        if can(actor, "event.read", owner=row.party_id)
    ]
    ids = {event_id for event_id, _, said in declared for event_id in (event_id, *said.corrective)}
    versions = connection.execute(_VERSIONS, {"event_ids": sorted(ids)}).all() if ids else ()
    return [_correction(versions, *each) for each in declared]


def _said(row: Row[Any]) -> _Declared:
    body = bytes(row.body)[row.start : row.start + row.length]
    return msgspec.json.decode(body, type=_Wrong).errorDeclaration


def _correction(
    versions: Sequence[Row[Any]], event_id: str, party_id: int, said: _Declared
) -> Correction:
    own = [row for row in versions if row.party_id == party_id]
    (wrong,) = (row for row in own if row.event_id == event_id and row.declared_at is None)
    (declaration,) = (row for row in own if row.event_id == event_id and row.declared_at)
    instead = [row for row in own if row.event_id in said.corrective and row.declared_at is None]
    known = {row.event_id for row in instead}
    return Correction(
        party_id,
        _version(wrong),
        _version(declaration),
        _reason(said.reason),
        tuple(map(_version, instead)),
        tuple(each for each in said.corrective if each not in known),
    )


def _version(row: Row[Any]) -> Version:
    said = (row.id, row.event_id, row.biz_step, row.event_time, row.record_time)
    return Version(*said, row.year, row.idx)


def _reason(text: str | None) -> str | None:
    """Return the reason as the bare word of the CBV; another one as it was given."""
    if text is None:
        return None
    try:
        return ERROR_REASON.word(text, STANDARD_PREFIXES, "")
    except Invalid:
        return text
