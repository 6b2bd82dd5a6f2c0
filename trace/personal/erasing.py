"""Erasing personal values: value and salt go, the commitment in the record stays and says nothing.

That something was erased is put on record: what kind of thing, how many, why and when, and the
commitments, which nobody can test a guess against without the salts.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.capture.projections import Body, Received, projection
from foodtrace.trace.capture.services import record_statement
from foodtrace.trace.epcis.json_values import check_texts
from foodtrace.trace.errors import Invalid, NotFound, Problem, mark
from foodtrace.trace.masterdata.rules import Field, checked
from foodtrace.trace.personal.commitments import LONGEST_VALUE, PersonalValue, written
from foodtrace.trace.personal.erased_list import ErasedList, ErasedValue
from foodtrace.trace.personal.keeping import rows_of, value_of
from foodtrace.trace.personal.models import Personal
from foodtrace.trace.store.bulk import table_of

ERASURE, DISCLOSURE = "erasure", "disclosure"
MOST_LISTED = 200
MOST_AT_ONCE = 10_000
_AT_ONCE = 500
# No party has this id: who may do it to its things may do it to everybody's.
_SOMEBODY_ELSE = -1

_PERSONAL = table_of(Personal).c
_CASE = {"case": Field(60, required=True)}


class Ground(StrEnum):
    """Why something is erased (PIPL article 47; GDPR article 17, paragraph 1)."""

    PURPOSE_ENDED = "purpose_ended"
    RETENTION_ENDED = "retention_ended"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    UNLAWFUL = "unlawful"
    LEGAL_DUTY = "legal_duty"
    # Not chosen by anybody: an older backup had brought back what was erased before.
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Kept:
    """A personal value that is kept, without the value: by what it is found and erased."""

    commitment: str
    place: str
    document_id: int
    party_id: int
    recorded_at: datetime
    # For its owner only.
    value: str | None


@projection(ERASURE)
def erased(_session: Session, _id: int, _body: Body, _received: Received) -> None:
    """Derive nothing: what was erased is no part of the record."""


@projection(DISCLOSURE)
def disclosed(_session: Session, _id: int, _body: Body, _received: Received) -> None:
    """Derive nothing: that an authority has looked is for the readers of the log."""


def list_values(session: Session, actor: Actor, *, value: str | None = None) -> list[Kept]:
    """Return the newest personal values of the actor's party, or with one value, of any.

    With a value, those who erase for everybody find it with everybody. Others than their
    owner see where they stand, not what they say.
    """
    require(actor, "personal.erase")
    query = select(table_of(Personal)).order_by(_PERSONAL.id.desc()).limit(MOST_LISTED)
    query = query.where(_own(actor))
    if value is not None:
        query = query.where(_PERSONAL.value == _normal(value))
    elif can(actor, "personal.erase", owner=_SOMEBODY_ELSE):
        query = query.where(_PERSONAL.party_id == (actor.party_id or _SOMEBODY_ELSE))
    return [
        Kept(
            written(bytes(row.digest)),
            row.place,
            row.document_id,
            row.party_id,
            row.recorded_at,
            row.value if can(actor, "personal.read", owner=row.party_id) else None,
        )
        for row in session.execute(query)
    ]


def erase(
    session: Session,
    actor: Actor,
    erased_list: ErasedList,
    *,
    ground: Ground,
    digests: Collection[bytes] = (),
    value: str | None = None,
    document_id: int | None = None,
) -> list[bytes]:
    """Erase personal values by their commitments, by what they say, or of one document.

    Returns the commitments of what was erased. They are on the list before the commit: a
    crash in between erases at the next start. Raises NotFound when the actor may erase
    nothing of that kind.
    """
    require(actor, "personal.erase")
    conditions: list[ColumnElement[bool]] = []
    if value is not None:
        conditions.append(_PERSONAL.value == _normal(value))
    if document_id is not None:
        conditions.append(_PERSONAL.document_id == document_id)
    wanted = sorted(set(digests))
    conditions += [
        _PERSONAL.digest.in_(wanted[start : start + _AT_ONCE])
        for start in range(0, len(wanted), _AT_ONCE)
    ]
    found = {
        row.id: row
        for condition in conditions
        for row in session.execute(
            select(_PERSONAL.id, _PERSONAL.digest, _PERSONAL.place, _PERSONAL.document_id)
            .where(condition, _own(actor))
            .order_by(_PERSONAL.id)
            .limit(MOST_AT_ONCE)
            # What another erases at this moment is not put on record once more.
            .with_for_update()
        )
    }
    if not found:
        raise NotFound(
            Problem(
                "",
                mark("There is no such personal value that you may erase"),
                mark("Check the commitments; what was erased before is gone"),
            )
        )
    _remove(session, list(found))
    values = [ErasedValue(bytes(row.digest), row.document_id) for row in found.values()]
    places = [row.place for row in found.values()]
    digests_erased = [value.digest for value in values]
    _record_erasure(session, actor, ground, list(zip(digests_erased, places, strict=True)))
    erased_list.add(values)
    return digests_erased


def erased_again(session: Session, values: Collection[ErasedValue]) -> list[Row[Any]]:
    """Return the rows of what was erased before and is there again."""
    rows = rows_of(session, [value.digest for value in values])
    return [row for row in rows if (bytes(row.digest), row.document_id) in values]


def erase_again(
    session: Session, actor: Actor, values: Collection[ErasedValue], *, on_record: bool
) -> int:
    """Erase what was erased before and is there again; return how much that was.

    What the record cannot take at the moment (`on_record`) is erased all the same.
    """
    rows = erased_again(session, values)
    if rows:
        _remove(session, [row.id for row in rows])
        if on_record:
            erased = [(bytes(row.digest), row.place) for row in rows]
            _record_erasure(session, actor, Ground.RESTORED, erased)
    return len(rows)


def open_values(
    session: Session, actor: Actor, *, case: str, digests: Collection[bytes]
) -> list[PersonalValue]:
    """Return personal values to an authority that names its case; the look is put on record.

    What was erased is left out. Raises NotFound when nothing is left.
    """
    require(actor, "personal.open")
    case = checked(_CASE, {"case": case})["case"]
    values = [value_of(row) for row in rows_of(session, digests)]
    if not values:
        raise NotFound(
            Problem(
                "",
                mark("None of these personal values is kept"),
                mark("Check the commitments; what was erased is gone"),
            )
        )
    body = {"case": case, "commitments": [each.written for each in values]}
    record_statement(session, actor, DISCLOSURE, body)
    return values


def _own(actor: Actor) -> ColumnElement[bool]:
    """The values that the actor may erase: all, or those of its party."""
    if can(actor, "personal.erase", owner=_SOMEBODY_ELSE):
        return _PERSONAL.id > 0
    return _PERSONAL.party_id == (actor.party_id or _SOMEBODY_ELSE)


def _normal(value: str) -> str:
    """Return a value to look for. Raises Invalid for what no value can be."""
    check_texts(value, "value")
    if not 0 < len(value) <= LONGEST_VALUE:
        raise Invalid(
            Problem(
                "value",
                mark("A personal value has at most %(limit)s characters"),
                mark("Write it as it was recorded"),
                {"limit": LONGEST_VALUE},
            )
        )
    return value


def _remove(session: Session, ids: Sequence[int]) -> None:
    for start in range(0, len(ids), _AT_ONCE):
        session.execute(
            delete(table_of(Personal)).where(_PERSONAL.id.in_(ids[start : start + _AT_ONCE]))
        )


def _record_erasure(
    session: Session, actor: Actor, ground: Ground, values: Sequence[tuple[bytes, str]]
) -> None:
    body = {
        "ground": ground.value,
        "count": len(values),
        "values": [
            {"place": place, "commitment": written(digest)} for digest, place in sorted(values)
        ],
    }
    record_statement(session, actor, ERASURE, body)
