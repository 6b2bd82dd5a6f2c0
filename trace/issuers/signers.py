"""Who signed a statement: a device of its party, or nobody, so that it is the service's word."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, aliased

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can
from foodtrace.trace.issuers.keys import has_good_key
from foodtrace.trace.issuers.models import IssuerKey, IssuerSignature
from foodtrace.trace.issuers.validity import Standing, milliseconds, place_of, standing_of
from foodtrace.trace.log.models import Leaf
from foodtrace.trace.masterdata.models import Party
from foodtrace.trace.store.sets import id_rows


@dataclass(frozen=True, slots=True)
class Signer:
    """The device that signed a statement, and where the signature stands in the log.

    `signature_id` is the statement that brings the signature; `year` and `idx` are None while
    it waits for its place.
    """

    signature_id: int
    standing: Standing  # signed or reconfirm
    party: str
    party_en: str | None
    device: str
    public_key: bytes
    year: int | None
    idx: int | None


_own, _active, _revoked = aliased(Leaf), aliased(Leaf), aliased(Leaf)
# Made once: putting a statement together costs more than running it.
_SIGNATURES = (
    select(
        IssuerSignature.statement_id,
        IssuerSignature.id,
        IssuerKey.name.label("device"),
        IssuerKey.public_key,
        IssuerKey.compromised_since,
        IssuerKey.active_id,
        IssuerKey.revoked_id,
        Party.name,
        Party.name_en,
        _own.year,
        _own.idx,
        _own.time,
        _active.year.label("active_year"),
        _active.idx.label("active_idx"),
        _revoked.year.label("revoked_year"),
        _revoked.idx.label("revoked_idx"),
    )
    .join(IssuerKey, IssuerKey.id == IssuerSignature.key_id)
    .join(Party, Party.id == IssuerKey.party_id)
    .outerjoin(_own, _own.statement_id == IssuerSignature.id)
    .outerjoin(_active, _active.statement_id == IssuerKey.active_id)
    .outerjoin(_revoked, _revoked.statement_id == IssuerKey.revoked_id)
    .where(IssuerSignature.statement_id.in_(select(id_rows("ids").c.id)))
    .order_by(IssuerSignature.id)
)

_MARKS = (
    select(IssuerSignature.id, IssuerKey.compromised_id)
    .join(IssuerKey, IssuerKey.id == IssuerSignature.key_id)
    .where(IssuerSignature.statement_id.in_(select(id_rows("ids").c.id)))
    .order_by(IssuerSignature.id)
)


def signers_of(session: Session, statement_ids: Collection[int]) -> dict[int, Signer]:
    """Return who signed these statements, in one query; who is missing there was not signed.

    A signature that is in no doubt goes before one that is to be confirmed again, and the
    first of a kind before later ones. One that its key was not good for is none.
    """
    found: dict[int, Signer] = {}
    for row in session.execute(_SIGNATURES, {"ids": statement_ids}):
        standing = _standing(row)
        if standing is Standing.VOID:
            continue
        known = found.get(row.statement_id)
        if known is None or (known.standing, standing) == (Standing.RECONFIRM, Standing.SIGNED):
            found[row.statement_id] = Signer(
                row.id,
                standing,
                row.name,
                row.name_en,
                row.device,
                bytes(row.public_key),
                row.year,
                row.idx,
            )
    return found


def _standing(row: Row[*tuple[Any, ...]]) -> Standing:
    active, revoked, since = row.active_id, row.revoked_id, row.compromised_since
    return standing_of(
        place_of(row.id, row.year, row.idx),
        active=None if active is None else place_of(active, row.active_year, row.active_idx),
        revoked=None if revoked is None else place_of(revoked, row.revoked_year, row.revoked_idx),
        time=row.time,
        compromised_since=None if since is None else milliseconds(since),
    )


def signature_marks(
    session: Session, statement_ids: Collection[int]
) -> list[tuple[int | None, ...]]:
    """Return numbers that differ whenever it is told otherwise who signed these statements."""
    return [tuple(row) for row in session.execute(_MARKS, {"ids": statement_ids})]


def to_sign(
    session: Session, actor: Actor, statement_ids: Iterable[int], signers: Mapping[int, Signer]
) -> list[int]:
    """Return which of its own statements the actor's party could sign now: with a good key."""
    if not can(actor, "statement.sign") or not has_good_key(session, actor.party_id):
        return []
    return [
        each
        for each in dict.fromkeys(statement_ids)
        if each not in signers or signers[each].standing is Standing.RECONFIRM
    ]
