"""Keeping what was taken out of documents, and giving it to those who may see it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can
from foodtrace.trace.capture.projections import Received
from foodtrace.trace.personal.commitments import PersonalValue
from foodtrace.trace.personal.models import Personal
from foodtrace.trace.store.bulk import insert_rows, table_of

_PERSONAL = table_of(Personal).c
_VALUE: tuple[ColumnElement[Any], ...] = (
    _PERSONAL.id,
    _PERSONAL.document_id,
    _PERSONAL.party_id,
    _PERSONAL.place,
    _PERSONAL.value,
    _PERSONAL.salt,
    _PERSONAL.digest,
)
# Databases limit how much one question may hold.
_AT_ONCE = 500

Values = Mapping[bytes, PersonalValue]


def keep_values(
    session: Session, document_id: int, received: Received, values: Sequence[PersonalValue]
) -> None:
    """Write the personal values of a document beside the record."""
    insert_rows(
        session,
        Personal,
        [
            {
                "document_id": document_id,
                "party_id": received.party_id,
                "place": each.place,
                "value": each.value,
                "salt": each.salt,
                "digest": each.digest,
                "recorded_at": received.at,
            }
            for each in values
        ],
    )


def visible_values(session: Session, actor: Actor, digests: Collection[bytes]) -> Values:
    """Return by their commitments the values that the actor may see: those of its own party."""
    if not digests or not can(actor, "personal.read"):
        return {}
    rows = rows_of(session, digests)
    return {
        bytes(row.digest): value_of(row)
        for row in rows
        if can(actor, "personal.read", owner=row.party_id)
    }


def rows_of(session: Session, digests: Collection[bytes]) -> list[Row[Any]]:
    """Return the rows that have one of these commitments."""
    wanted = sorted(set(digests))
    found: list[Row[Any]] = []
    for start in range(0, len(wanted), _AT_ONCE):
        few = wanted[start : start + _AT_ONCE]
        found += session.execute(select(*_VALUE).where(_PERSONAL.digest.in_(few))).all()
    return found


def value_of(row: Row[Any]) -> PersonalValue:
    """Return the value that a row holds."""
    return PersonalValue(row.place, row.value, bytes(row.salt))
