"""Signing what a party has stated: what is not signed yet, and taking signatures.

A statement is signed by a further one, so that an offline device can sign later, and a partner's
program can. What is signed stands in the log already: so its lots are certain.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import require
from foodtrace.trace.capture.services import record_statement
from foodtrace.trace.errors import Conflict, Invalid, NotFound, Problem, mark
from foodtrace.trace.issuers.keys import find_key, is_good, keys_of, own_party
from foodtrace.trace.issuers.models import IssuerCount, IssuerKey, IssuerSignature
from foodtrace.trace.issuers.projections import KINDS, SIGNATURE, lot_statement
from foodtrace.trace.issuers.texts import LotNumber, encoded, moment_of, signing_text
from foodtrace.trace.issuers.validity import milliseconds
from foodtrace.trace.log.contents import Stated, contents, things_of
from foodtrace.trace.log.ed25519 import is_signature
from foodtrace.trace.log.models import Leaf
from foodtrace.trace.store.models import Document, Statement
from foodtrace.trace.store.sets import among_ids, among_texts
from foodtrace.trace.store.types import LARGEST_ID

PAGE = 50
# Events may have a megabyte each: a list that has so many bytes is not gone on with.
ENOUGH_BYTES = 4 * 1024 * 1024
MOST_AT_ONCE = 100
_PORTION = 10
_SLACK = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A statement that no good key has signed, with its exact bytes and its lots, sorted."""

    id: int
    kind: str
    content: bytes
    lots: tuple[str, ...]
    year: int
    idx: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """A signature as a device gives it. `signed_at` is spelled as it was signed."""

    statement_id: int
    public_key: bytes
    n: int
    signed_at: str
    lots: tuple[LotNumber, ...]
    signature: bytes


@dataclass(frozen=True, slots=True)
class Numbers:
    """The next numbers of a key: of all its signatures, and of those about each lot."""

    n: int
    lots: dict[str, int]


def unsigned(
    session: Session,
    actor: Actor,
    *,
    ids: Collection[int] | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> list[Unsigned]:
    """Return what the actor's party stated and no good key has signed, newest first.

    What a key signed while others may have had it is among them. Statements that wait for
    their place in the log are not; neither is what concerns keys. At most `limit`, and no more
    once there are ENOUGH_BYTES: those before the last one are the next.
    """
    require(actor, "statement.sign")
    party_id = actor.party_id or 0
    query = (
        select(Statement.id, Leaf.year, Leaf.idx, Leaf.header)
        .join(Document, Document.id == Statement.document_id)
        .join(Leaf, Leaf.statement_id == Statement.id)
        .where(
            Document.party_id == party_id,
            Statement.kind.not_in(KINDS),
            ~_signatures_that_count(session, party_id),
        )
        .order_by(Statement.id.desc())
        .limit(limit)
    )
    if ids is not None:
        query = query.where(Statement.id.in_(among_ids(ids)))
    if before is not None:
        query = query.where(Statement.id < min(before, LARGEST_ID))
    rows = {row.id: row for row in session.execute(query)}
    found: list[Unsigned] = []
    newest_first = list(rows)
    for start in range(0, len(newest_first), _PORTION):
        stated = contents(session.connection(), newest_first[start : start + _PORTION])
        found += [_unsigned(each, rows[each.id]) for each in reversed(stated)]
        if has_more(found, limit):
            break
    return found


def has_more(found: Sequence[Unsigned], limit: int) -> bool:
    """Tell whether `unsigned` may have ended before all were found."""
    size = sum(len(each.content) for each in found)
    return len(found) >= limit or size >= ENOUGH_BYTES


def _unsigned(stated: Stated, row: Row[*tuple[Any, ...]]) -> Unsigned:
    lots = tuple(things_of(row.header))
    return Unsigned(
        stated.id, stated.kind, stated.content, lots, row.year, row.idx, stated.received_at
    )


def _signatures_that_count(session: Session, party_id: int) -> ColumnElement[bool]:
    """Return the condition that a statement has a signature that is in no doubt."""
    own = aliased(Leaf)
    doubtful = {
        key.id: milliseconds(key.compromised_since)
        for key in keys_of(session, party_id)
        if key.compromised_since is not None
    }
    counts = or_(
        IssuerSignature.key_id.not_in(doubtful),
        *(
            and_(IssuerSignature.key_id == key_id, own.time < since)
            for key_id, since in doubtful.items()
        ),
    )
    return (
        select(IssuerSignature.id)
        .outerjoin(own, own.statement_id == IssuerSignature.id)
        .where(IssuerSignature.statement_id == Statement.id, counts)
        .exists()
    )


def next_numbers(session: Session, key: IssuerKey, lots: Iterable[str] = ()) -> Numbers:
    """Return the numbers that the next signature of a key has to have, for these lots."""
    last = session.scalar(
        select(func.max(IssuerSignature.n)).where(IssuerSignature.key_id == key.id)
    )
    wanted = set(lots)
    counts = session.execute(
        select(IssuerCount.lot, IssuerCount.last).where(
            IssuerCount.key_id == key.id, IssuerCount.lot.in_(among_texts(wanted))
        )
    ).all()
    known = {row.lot: row.last for row in counts}
    return Numbers((last or 0) + 1, {lot: known.get(lot, 0) + 1 for lot in sorted(wanted)})


def next_of_each(
    session: Session, actor: Actor, lots: Iterable[str] = ()
) -> list[tuple[IssuerKey, Numbers]]:
    """Return the good keys of the actor's party with their next numbers, for these lots."""
    require(actor, "statement.sign")
    wanted = set(lots)
    good = [key for key in keys_of(session, actor.party_id or 0) if is_good(key)]
    return [(key, next_numbers(session, key, wanted)) for key in good]


def add_signatures(session: Session, actor: Actor, given: Sequence[Given]) -> list[int]:
    """Take signatures of a party's devices, all or none; return the ids of their statements.

    One that was taken before is not taken again. Raises Invalid for what is no signature,
    NotFound for another's statement, Conflict for a key that is not good or a wrong number.
    """
    party = own_party(session, actor, "statement.sign")
    if len(given) > MOST_AT_ONCE:
        rule, fix = mark("At most %(most)s signatures come at once"), mark("Send them in parts")
        raise Invalid(Problem("signatures", rule, fix, {"most": MOST_AT_ONCE}))
    ids = {each.statement_id for each in given}
    stated = {each.id: each for each in contents(session.connection(), sorted(ids))}
    headers = select(Leaf.statement_id, Leaf.header).where(Leaf.statement_id.in_(among_ids(ids)))
    lots = {row.statement_id: things_of(row.header) for row in session.execute(headers)}
    taken = []
    for index, each in enumerate(given):
        place = f"signatures/{index}"
        key = _own_key(session, party.id, each, place)
        known = _known(session, key, each, place)
        if known is None:
            found = stated.get(each.statement_id)
            if found is None or found.party_id != party.id:
                raise NotFound()
            _check_statement(found, lots.get(found.id), each, place)
            _check_numbers(session, key, each, place)
            known = _record(session, actor, found, each, place)
        taken.append(known)
    return taken


def _own_key(session: Session, party_id: int, given: Given, place: str) -> IssuerKey:
    key = find_key(session, given.public_key)
    if key is None or key.party_id != party_id:
        raise Invalid(
            Problem(
                f"{place}/public_key",
                mark("This is no key of your organisation"),
                mark("Enrol the device first"),
            )
        )
    return key


def _known(session: Session, key: IssuerKey, given: Given, place: str) -> int | None:
    """Return the signature of this key under this statement, if it is there and the same."""
    row = session.execute(
        select(IssuerSignature.id, IssuerSignature.n, IssuerSignature.signature).where(
            IssuerSignature.statement_id == given.statement_id, IssuerSignature.key_id == key.id
        )
    ).first()
    if row is not None:
        if (row.n, bytes(row.signature)) == (given.n, given.signature):
            return int(row.id)
        raise Conflict(
            Problem(
                f"{place}/n",
                mark("This key has signed the statement already, as its number %(n)s"),
                mark("Leave it out"),
                {"n": row.n},
            )
        )
    if not is_good(key):
        raise Conflict(
            Problem(
                f"{place}/public_key",
                mark("This key is not good: it waits to be let in, or is ended"),
                mark("Sign with another key of your organisation"),
            )
        )
    return None


def _check_statement(stated: Stated, lots: list[str] | None, given: Given, place: str) -> None:
    """Raise unless the statement can be signed, and the signature names its lots."""
    if stated.kind in KINDS:
        raise Invalid(
            Problem(
                f"{place}/statement",
                mark("What concerns keys is not signed once more"),
                mark("Leave it out"),
            )
        )
    if lots is None:
        raise Conflict(
            Problem(
                f"{place}/statement",
                mark("This statement has no place in the log yet"),
                mark("Send the signature again in a moment"),
            )
        )
    if sorted(each.lot for each in given.lots) != sorted(lots):
        raise Invalid(
            Problem(
                f"{place}/lots",
                mark("The lots of this statement are: %(lots)s"),
                mark("Number each of them once"),
                {"lots": ", ".join(lots) or "–"},
            )
        )


def _check_numbers(session: Session, key: IssuerKey, given: Given, place: str) -> None:
    """Raise Conflict unless the signature has the next number of its key, in all and by lot."""
    expected = next_numbers(session, key, (each.lot for each in given.lots))
    wrong = [("n", given.n, expected.n, "")] + [
        (f"lots/{i}/number", each.number, expected.lots[each.lot], each.lot)
        for i, each in enumerate(given.lots)
    ]
    problems = [
        Problem(
            f"{place}/{where}",
            mark("The next number of this key is %(expected)s, not %(number)s"),
            mark("Sign again with that number"),
            {"expected": right, "number": number, "lot": lot},
        )
        for where, number, right, lot in wrong
        if number != right
    ]
    if problems:
        raise Conflict(*problems)


def _record(session: Session, actor: Actor, stated: Stated, given: Given, place: str) -> int:
    """Verify the signature and record it; return the id of its statement."""
    if moment_of(given.signed_at) > datetime.now(UTC) + _SLACK:
        rule = mark("This time is in the future")
        raise Invalid(Problem(f"{place}/signed_at", rule, mark("Set the clock of the device")))
    content = hashlib.sha256(stated.content).hexdigest()
    lots = sorted(given.lots, key=lambda each: each.digest)
    digests = [each.digest for each in lots]
    text = signing_text(given.public_key, stated.kind, content, given.n, given.signed_at, digests)
    if not is_signature(given.public_key, given.signature, text):
        raise Invalid(
            Problem(
                f"{place}/signature",
                mark("This is not the key's signature of the text"),
                mark("Sign exactly the bytes that docs/signing.md defines"),
            )
        )
    body = {
        "statement": stated.id,
        "kind": stated.kind,
        "content": content,
        "public_key": encoded(given.public_key),
        "n": given.n,
        "signed_at": given.signed_at,
        "signature": encoded(given.signature),
        "lots": digests,
    } | {f"lot{i}": lot_statement(each) for i, each in enumerate(lots)}
    return record_statement(session, actor, SIGNATURE, body)
