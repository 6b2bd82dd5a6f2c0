"""Keys and signatures from their statements. What the statements say (all of it is public):

``key`` enrols a key. `how` says who lets it in: ``first`` (nobody need: it is the party's first),
``key`` (an older one, by a `voucher` here or in a confirmation), ``authority`` (a regulator)::

    {"party": "urn:uuid:…", "name": "packing hall", "public_key": base64, "proof": base64,
     "how": "key", "voucher": {"by": base64, "replaces": true, "signature": base64}}

``key_confirmation`` lets a key in: with a `voucher`, or by a regulator, who ends all older keys
of the party with it. ``key_end`` ends a key, ``key_compromise`` says since when others may have
had it, and ends it too::

    {"key": 17, "public_key": base64, "voucher": …} {"key": 17, "public_key": base64,
     "reason": "lost"} {"key": 17, "public_key": base64, "since": "2026-11-20T00:00:00+00:00"}

``signature`` is a key's signature of one statement (texts.py has the text). `lots` are the
digests of the signed text; each ``lot0``, ``lot1`` … says what one of them stands for::

    {"statement": 12, "kind": "event", "content": hex, "public_key": base64, "n": 3,
     "signed_at": "2026-11-22T06:30:00Z", "signature": base64, "lots": [hex],
     "lot0": {"salt": base64, "number": 2, "lot": "/01/…/10/…"}}
"""

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from foodtrace.trace.capture.projections import Body, Received, projection
from foodtrace.trace.issuers.models import IssuerCount, IssuerKey, IssuerSignature
from foodtrace.trace.issuers.texts import (
    SALT_SIZE,
    LotNumber,
    Voucher,
    decoded,
    encoded,
    moment_of,
)
from foodtrace.trace.log.ed25519 import KEY_SIZE, SIGNATURE_SIZE

KEY, CONFIRMATION, END, COMPROMISE = "key", "key_confirmation", "key_end", "key_compromise"
SIGNATURE = "signature"
KINDS = (KEY, CONFIRMATION, END, COMPROMISE, SIGNATURE)
# What a party states about keys is numbered in the log like what it states about a lot: of the
# published list none can be left out.
_KEYS = "urn:foodtrace:keys"


def voucher_statement(voucher: Voucher) -> Body:
    """Return a voucher as JSON values."""
    return {
        "by": encoded(voucher.by),
        "replaces": voucher.replaces,
        "signature": encoded(voucher.signature),
    }


def lot_statement(lot: LotNumber) -> Body:
    """Return the number of a lot as JSON values."""
    return {"salt": encoded(lot.salt), "number": lot.number, "lot": lot.lot}


def lots_of(body: Body) -> list[LotNumber]:
    """Return the numbers of the lots that the body of a signature states."""
    return [
        LotNumber(decoded(each["salt"], SALT_SIZE), each["number"], each["lot"])
        for each in (body[f"lot{i}"] for i in range(len(body["lots"])))
    ]


@projection(KEY, IssuerKey, about=lambda _: _KEYS)
def enrol(session: Session, statement_id: int, body: Body, received: Received) -> None:
    """Add the key; it is good at once when it is the first, or is vouched for."""
    is_good = body["how"] == "first" or "voucher" in body
    session.execute(
        insert(IssuerKey).values(
            id=statement_id,
            party_id=received.party_id,
            public_key=decoded(body["public_key"], KEY_SIZE),
            name=body["name"],
            vouched_by=body["how"],
            active_id=statement_id if is_good else None,
            enrolled_at=received.at,
        )
    )
    if "voucher" in body:
        _let_in(session, statement_id, statement_id, body["voucher"])


@projection(CONFIRMATION, IssuerKey, about=lambda _: _KEYS)
def confirm(session: Session, statement_id: int, body: Body, received: Received) -> None:
    """Let the key in; a regulator's word ends all others of its party: they are lost."""
    if "voucher" in body:
        _let_in(session, body["key"], statement_id, body["voucher"])
        return
    party = select(IssuerKey.party_id).where(IssuerKey.id == body["key"]).scalar_subquery()
    session.execute(
        update(IssuerKey)
        .where(
            IssuerKey.party_id == party,
            IssuerKey.active_id.is_not(None),
            IssuerKey.revoked_id.is_(None),
        )
        .values(revoked_id=statement_id, revoked_reason="lost")
    )
    session.execute(
        update(IssuerKey)
        .where(IssuerKey.id == body["key"])
        .values(vouched_by="authority", voucher_id=statement_id, active_id=statement_id)
    )


@projection(END, IssuerKey, about=lambda _: _KEYS)
def end(session: Session, statement_id: int, body: Body, _received: Received) -> None:
    """End the key."""
    session.execute(
        update(IssuerKey)
        .where(IssuerKey.id == body["key"])
        .values(revoked_id=statement_id, revoked_reason=body["reason"])
    )


@projection(COMPROMISE, IssuerKey, about=lambda _: _KEYS)
def compromise(session: Session, statement_id: int, body: Body, _received: Received) -> None:
    """Mark since when the key may have been in other hands; it ends if it has not yet."""
    since = datetime.fromisoformat(body["since"])
    session.execute(
        update(IssuerKey)
        .where(IssuerKey.id == body["key"])
        .values(compromised_since=since, compromised_id=statement_id)
    )
    session.execute(
        update(IssuerKey)
        .where(IssuerKey.id == body["key"], IssuerKey.revoked_id.is_(None))
        .values(revoked_id=statement_id, revoked_reason="stolen")
    )


@projection(SIGNATURE, IssuerSignature, IssuerCount, about=lambda body: int(body["statement"]))
def sign(session: Session, statement_id: int, body: Body, _received: Received) -> None:
    """Add the signature, and count it for each lot."""
    public_key = decoded(body["public_key"], KEY_SIZE)
    key_id = session.execute(
        select(IssuerKey.id).where(IssuerKey.public_key == public_key)
    ).scalar_one()
    lots = lots_of(body)
    session.execute(
        insert(IssuerSignature).values(
            id=statement_id,
            statement_id=body["statement"],
            key_id=key_id,
            n=body["n"],
            numbers={each.lot: each.number for each in lots},
            signed_at=moment_of(body["signed_at"]),
            signature=decoded(body["signature"], SIGNATURE_SIZE),
        )
    )
    for each in lots:
        session.merge(IssuerCount(key_id=key_id, lot=each.lot, last=each.number))
    session.flush()


def _let_in(session: Session, key_id: int, statement_id: int, voucher: Body) -> None:
    """Make a key good from this statement on, by the word of an older one."""
    by = decoded(voucher["by"], KEY_SIZE)
    older = session.execute(select(IssuerKey.id).where(IssuerKey.public_key == by)).scalar_one()
    session.execute(
        update(IssuerKey)
        .where(IssuerKey.id == key_id)
        .values(vouched_by="key", voucher_id=older, active_id=statement_id)
    )
    if voucher["replaces"]:
        session.execute(
            update(IssuerKey)
            .where(IssuerKey.id == older)
            .values(revoked_id=statement_id, revoked_reason="replaced")
        )
