"""What a party does with the keys of its devices, and a regulator when all are lost.

The first key of a party is let in by the sign-in of whoever enrols it. From then on a key is let
in by an older one; only when all are lost a regulator lets the next one in, who asks the party.
So whoever runs the service cannot give itself a key in a party's name without this being seen by
the party: every key is public (`key*` statements).
"""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import require
from foodtrace.trace.capture.services import record_statement
from foodtrace.trace.errors import Conflict, Forbidden, Invalid, NotFound, Problem, mark
from foodtrace.trace.issuers.models import IssuerKey
from foodtrace.trace.issuers.projections import (
    COMPROMISE,
    CONFIRMATION,
    END,
    KEY,
    voucher_statement,
)
from foodtrace.trace.issuers.texts import Voucher, encoded, enrolment_text
from foodtrace.trace.log.ed25519 import UnsafeKey, is_signature, require_safe
from foodtrace.trace.masterdata.models import Party
from foodtrace.trace.store.types import LARGEST_ID

LONGEST_NAME = 100
# Keys that are good, or wait to be, at once: what a page can show, and a person oversee.
MOST_KEYS = 50
_SLACK = timedelta(minutes=5)
_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)

Reason = Literal["ended", "lost"]


def enrol_key(
    session: Session,
    actor: Actor,
    *,
    public_key: bytes,
    name: str,
    proof: bytes,
    voucher: Voucher | None = None,
    lost_all: bool = False,
) -> IssuerKey:
    """Enrol the key of a device of the actor's party; the same request again gives the same key.

    `proof` is the key's own signature of `enrolment_text`. A party's first key is good at once,
    a further one with a voucher; without, it waits for `confirm_key`: by an older key, or, when
    `lost_all`, by a regulator. Raises Invalid, or Conflict where the key is known already.
    """
    party = own_party(session, actor, "key.keep")
    name = _checked_name(name)
    _check_key(public_key)
    if not is_signature(public_key, proof, enrolment_text(party.identifier, name, public_key)):
        raise _not_signed("proof")
    known = find_key(session, public_key)
    if known is not None:
        if (known.party_id, known.name, known.revoked_id) == (party.id, name, None):
            return known
        raise _known()
    keys = keys_of(session, party.id)
    how = _let_in_by(keys, voucher, lost_all=lost_all)
    body: dict[str, Any] = {
        "party": party.identifier,
        "name": name,
        "public_key": encoded(public_key),
        "proof": encoded(proof),
        "how": how,
    }
    if voucher is not None and how == "key":
        _check_voucher(keys, party, public_key, voucher)
        body["voucher"] = voucher_statement(voucher)
    try:
        return _key(session, record_statement(session, actor, KEY, body))
    except IntegrityError:
        # Another party enrolled it between our look and our write.
        raise _known() from None


def confirm_key(
    session: Session, actor: Actor, *, key_id: int, voucher: Voucher | None = None
) -> IssuerKey:
    """Let a key in that waits: with the word of an older key of the party, or as a regulator.

    A regulator's word ends all older keys of the party. Raises Invalid, NotFound or Conflict.
    """
    require(actor, "key.confirm" if voucher is None else "key.keep")
    key = _waiting(session, key_id)
    if voucher is None:
        if key.vouched_by != "authority":
            raise Conflict(
                Problem("", mark("Another key of the organisation has to let this one in"))
            )
    else:
        require(actor, "key.keep", owner=key.party_id)
    party = locked_party(session, key.party_id)
    key = _waiting(session, key_id)
    body: dict[str, Any] = {"key": key.id, "public_key": encoded(key.public_key)}
    if voucher is not None:
        _check_voucher(keys_of(session, party.id), party, key.public_key, voucher)
        body["voucher"] = voucher_statement(voucher)
    record_statement(session, actor, CONFIRMATION, body)
    return _key(session, key_id)


def end_key(session: Session, actor: Actor, *, key_id: int, reason: Reason) -> IssuerKey:
    """End a key of the actor's party; what it signed before stays good.

    Raises NotFound, or Conflict where it is ended already.
    """
    key = _own(session, actor, key_id)
    if key.revoked_id is not None:
        raise Conflict(Problem("", mark("This key is ended already")))
    body = {"key": key.id, "public_key": encoded(key.public_key), "reason": reason}
    record_statement(session, actor, END, body)
    return _key(session, key_id)


def declare_compromised(
    session: Session, actor: Actor, *, key_id: int, since: datetime
) -> IssuerKey:
    """Say since when others may have had a key: what it signed since is to be confirmed again.

    The key ends. Nothing is deleted. Raises NotFound, Invalid, or Conflict where an earlier
    time was given before: what is in doubt does not become certain again.
    """
    key = _own(session, actor, key_id)
    # No entry of the log is older; and what is long before cannot be told in another time zone.
    since = max(since, _BEFORE_ALL)
    if since > datetime.now(UTC) + _SLACK:
        raise Invalid(
            Problem("since", mark("This time is in the future"), mark("Check date and time zone"))
        )
    if key.compromised_since is not None and key.compromised_since <= since:
        raise Conflict(
            Problem(
                "since",
                mark("An earlier time was given before"),
                mark("Only an earlier one can be added"),
            )
        )
    body = {
        "key": key.id,
        "public_key": encoded(key.public_key),
        "since": since.astimezone(UTC).isoformat(),
    }
    record_statement(session, actor, COMPROMISE, body)
    return _key(session, key_id)


def list_keys(session: Session, actor: Actor) -> Sequence[IssuerKey]:
    """Return the keys of the actor's party: those that are good first, then new before old."""
    require(actor, "key.keep")
    found = keys_of(session, actor.party_id or 0)
    return sorted(found, key=lambda key: (key.revoked_id is not None, -key.id))


def keys_to_confirm(session: Session, actor: Actor) -> Sequence[IssuerKey]:
    """Return the keys that wait for a regulator, old ones first."""
    require(actor, "key.confirm")
    return session.scalars(
        select(IssuerKey)
        .where(
            IssuerKey.vouched_by == "authority",
            IssuerKey.active_id.is_(None),
            IssuerKey.revoked_id.is_(None),
        )
        .order_by(IssuerKey.id)
    ).all()


def is_good(key: IssuerKey) -> bool:
    """Tell whether a key may sign now."""
    return key.active_id is not None and key.revoked_id is None


def state_of(key: IssuerKey) -> str:
    """Return ``good``, ``waiting`` or ``ended``."""
    if key.revoked_id is not None:
        return "ended"
    return "good" if key.active_id is not None else "waiting"


def own_party(session: Session, actor: Actor, action: Literal["key.keep", "statement.sign"]) -> Any:
    """Return the actor's party, locked: what concerns its keys happens one after the other.

    Ids of statements are given under the lock, so that the log has them in this order.
    """
    require(actor, action, owner=actor.party_id)
    if actor.party_id is None:
        raise Forbidden(
            Problem(
                "",
                mark("Keys sign for an organisation"),
                mark("Use an account that acts for one"),
            )
        )
    return locked_party(session, actor.party_id)


def locked_party(session: Session, party_id: int) -> Party:
    """Return a party of which nobody else changes keys or signatures meanwhile."""
    found = session.scalar(
        select(Party).where(Party.id == party_id).with_for_update(key_share=True)
    )
    if found is None:
        raise NotFound()
    return found


def find_key(session: Session, public_key: bytes) -> IssuerKey | None:
    """Return the key with these bytes, if it was ever enrolled."""
    return session.scalar(select(IssuerKey).where(IssuerKey.public_key == public_key))


def keys_of(session: Session, party_id: int) -> list[IssuerKey]:
    """Return every key of a party in the order of enrolment."""
    wanted = select(IssuerKey).where(IssuerKey.party_id == party_id).order_by(IssuerKey.id)
    return list(session.scalars(wanted))


def has_good_key(session: Session, party_id: int | None) -> bool:
    """Tell whether a device of a party can sign."""
    return bool(
        session.scalar(
            select(func.count()).where(
                IssuerKey.party_id == party_id,
                IssuerKey.active_id.is_not(None),
                IssuerKey.revoked_id.is_(None),
            )
        )
    )


def _let_in_by(keys: Sequence[IssuerKey], voucher: Voucher | None, *, lost_all: bool) -> str:
    """Return who is to let a further key in: nobody for the first, an older key, the authority."""
    if sum(key.revoked_id is None for key in keys) >= MOST_KEYS:
        rule = mark("Your organisation has %(most)s keys already")
        raise Conflict(Problem("", rule, mark("End one first"), {"most": MOST_KEYS}))
    if not any(key.active_id for key in keys):
        return "first"
    if voucher is None and lost_all:
        return "authority"
    if voucher is None and not any(map(is_good, keys)):
        raise Conflict(
            Problem(
                "lost_all",
                mark("All keys of your organisation are ended"),
                mark("Say that they are lost: the authority then confirms the new one"),
            )
        )
    return "key"


def _key(session: Session, key_id: int) -> IssuerKey:
    return session.get_one(IssuerKey, key_id, populate_existing=True)


def _own(session: Session, actor: Actor, key_id: int) -> IssuerKey:
    party = own_party(session, actor, "key.keep")
    key = session.get(IssuerKey, min(key_id, LARGEST_ID), populate_existing=True)
    if key is None or key.party_id != party.id:
        raise NotFound()
    return key


def _waiting(session: Session, key_id: int) -> IssuerKey:
    key = session.get(IssuerKey, min(key_id, LARGEST_ID), populate_existing=True)
    if key is None:
        raise NotFound()
    if key.active_id is not None or key.revoked_id is not None:
        raise Conflict(Problem("", mark("This key does not wait for anything")))
    return key


def _checked_name(name: str) -> str:
    name = unicodedata.normalize("NFC", " ".join(name.split()))
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise Invalid(
            Problem(
                "name",
                mark("The name of a device has 1 to %(longest)s visible characters"),
                mark("Name it after the place where it is used"),
                {"longest": LONGEST_NAME},
            )
        )
    return name


def _check_key(public_key: bytes) -> None:
    try:
        require_safe(public_key)
    except UnsafeKey as error:
        raise Invalid(
            Problem(
                "public_key",
                mark("This is no Ed25519 key that proves anything: %(error)s"),
                mark("Make a new one"),
                {"error": str(error)},
            )
        ) from None


def _check_voucher(
    keys: Sequence[IssuerKey], party: Party, public_key: bytes, voucher: Voucher
) -> None:
    if not any(key.public_key == voucher.by and is_good(key) for key in keys):
        raise Invalid(
            Problem(
                "voucher/by",
                mark("This is no key of your organisation that is good now"),
                mark("Let a device whose key is good vouch for the new one"),
            )
        )
    if not voucher.is_for(party.identifier, public_key):
        raise _not_signed("voucher/signature")


def _not_signed(place: str) -> Invalid:
    return Invalid(
        Problem(
            place,
            mark("This is not the key's signature of the text"),
            mark("Sign exactly the bytes that docs/signing.md defines"),
        )
    )


def _known() -> Conflict:
    return Conflict(
        Problem(
            "public_key", mark("This key was enrolled before"), mark("Make a new key on the device")
        )
    )
