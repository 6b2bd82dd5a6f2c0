"""Open sessions of people, on the server: signing out is real, and none lives for ever.

The cookie holds a random token, the table its hash. A session ends after twelve hours
without a request (the cookie's own age), after seven days in any case, on signing out,
and when the account is closed or its password changes.
"""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from foodtrace.trace.access.models import SignIn, User

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)


def open_sign_in(session: Session, user_id: int) -> str:
    """Begin a session of this person and return its token; forget those too old."""
    now = datetime.now(UTC)
    token = secrets.token_urlsafe(32)
    session.execute(delete(SignIn).where(SignIn.created_at < now - LONGEST))
    session.add(SignIn(token_sha256=_hash(token), account_id=user_id, created_at=now))
    session.execute(update(User).where(User.id == user_id).values(last_login_at=now))
    return token


def is_open(session: Session, token: str, user_id: int) -> bool:
    """Answer whether this token stands for an open session of this person."""
    row = session.get(SignIn, _hash(token))
    return (
        row is not None
        and row.account_id == user_id
        and row.created_at > datetime.now(UTC) - LONGEST
    )


def close_sign_in(session: Session, token: str) -> None:
    """End a session."""
    session.execute(delete(SignIn).where(SignIn.token_sha256 == _hash(token)))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
