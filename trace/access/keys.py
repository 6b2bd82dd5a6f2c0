"""API keys: made once, shown once, kept as a hash, withdrawn at any time.

A key looks like ``ft_live_k3J9…16…_pQ7…43…``: an identifier to look it up by, and 256
random bits. Secret scanners know it by its beginning.
"""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.access.models import ApiKey
from foodtrace.trace.access.policy import NEEDS_PARTY, require
from foodtrace.trace.errors import Conflict, Invalid, NotFound, Problem, mark

_LETTERS = string.ascii_letters + string.digits
_KEY = re.compile(r"ft_live_([A-Za-z0-9]{16})_([A-Za-z0-9_-]{43})")
_USE_IS_NOTED_EVERY = timedelta(hours=1)
_BY_ID = select(
    ApiKey.secret_sha256,
    ApiKey.role,
    ApiKey.party_id,
    ApiKey.expires_at,
    ApiKey.withdrawn_at,
    ApiKey.last_used_at,
).where(ApiKey.id == bindparam("id"))


def create_key(
    session: Session,
    actor: Actor,
    *,
    role: Role,
    party_id: int | None,
    note: str | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Make a key and return its text, which cannot be had again."""
    require(actor, "account.manage")
    check_party_given(role, party_id)
    now = datetime.now(UTC)
    if expires_at is not None and expires_at <= now:
        raise Invalid(
            Problem(
                "expires_at", mark("The key would be expired at once"), mark("Choose a day to come")
            )
        )
    key_id = "".join(secrets.choice(_LETTERS) for _ in range(16))
    secret = secrets.token_urlsafe(32)
    session.add(
        ApiKey(
            id=key_id,
            secret_sha256=_hash(secret),
            role=role.value,
            party_id=party_id,
            note=note,
            created_by=actor.name,
            created_at=now,
            expires_at=expires_at,
        )
    )
    session.flush()
    return f"ft_live_{key_id}_{secret}"


def check_party_given(role: Role, party_id: int | None) -> None:
    """Raise Invalid when the role acts for an organisation and none is named."""
    if role in NEEDS_PARTY and party_id is None:
        raise Invalid(
            Problem(
                "party",
                mark("The role %(role)s acts for an organisation, and none is named"),
                mark("Name the organisation"),
                {"role": role.value},
            )
        )


@dataclass(frozen=True, slots=True)
class ValidKey:
    """What is asked of a key at every request."""

    id: str
    role: Role
    party_id: int | None
    last_used_at: datetime | None

    @property
    def actor(self) -> Actor:
        """Who acts with this key."""
        return Actor(f"key:{self.id}", self.party_id, frozenset({self.role}))

    @property
    def is_use_due(self) -> bool:
        """Whether the last noted use is old enough to note another."""
        return self.last_used_at is None or (
            datetime.now(UTC) - self.last_used_at >= _USE_IS_NOTED_EVERY
        )


def find_key(connection: Connection | Session, text: str) -> ValidKey | None:
    """Return the key with this text if it is valid now.

    It is looked up at every request of a machine, and so without the ORM.
    """
    match = _KEY.fullmatch(text)
    if match is None:
        return None
    row = connection.execute(_BY_ID, {"id": match[1]}).first()
    # Without a row the comparison is made all the same: both answers take the same time.
    known = row.secret_sha256 if row is not None else bytes(32)
    if not hmac.compare_digest(_hash(match[2]), known) or row is None:
        return None
    if row.withdrawn_at is not None:
        return None
    if row.expires_at is not None and row.expires_at <= datetime.now(UTC):
        return None
    return ValidKey(match[1], Role(row.role), row.party_id, row.last_used_at)


def actor_of_key(session: Session, text: str) -> Actor | None:
    """Return who acts with the key of this text, or None if it is not valid now."""
    key = find_key(session, text)
    return None if key is None else key.actor


def note_use(session: Session, key_id: str) -> None:
    """Remember that the key was used now."""
    key = session.get(ApiKey, key_id)
    if key is not None:
        key.last_used_at = datetime.now(UTC)


def list_keys(session: Session, actor: Actor) -> Sequence[ApiKey]:
    """Return every key, valid ones first and new ones before old ones."""
    require(actor, "account.manage")
    valid_first = ApiKey.withdrawn_at.isnot(None)
    return session.scalars(
        select(ApiKey).order_by(valid_first, ApiKey.created_at.desc(), ApiKey.id)
    ).all()


def withdraw_key(session: Session, actor: Actor, *, key_id: str) -> None:
    """End a key: the next request that carries it is refused."""
    require(actor, "account.manage")
    key = session.get(ApiKey, key_id)
    if key is None:
        raise NotFound()
    if key.withdrawn_at is not None:
        raise Conflict(Problem("", mark("This key is withdrawn already")))
    key.withdrawn_at = datetime.now(UTC)


def _hash(secret: str) -> bytes:
    # 256 random bits need no slow hash: there is nothing to guess.
    return hashlib.sha256(secret.encode()).digest()
