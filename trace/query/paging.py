"""Tokens that name the next page of an answer (EPCIS 2.0, section 12.6.5). Pure.

A token says where the last page ended, so that the server keeps nothing. It is encrypted:
nobody can read how many events there are, or turn it into one for other events.
"""

import base64
import hashlib
import json
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from foodtrace.trace.errors import Problem, QueryParameter, mark

LIFETIME = timedelta(hours=1)
LONGEST_TOKEN = 1_000


@dataclass(frozen=True, slots=True)
class Position:
    """Where an answer goes on: behind the event of this time and id.

    Events with ids above `up_to_id` came after the first page. `left` events may follow,
    where the query has a limit. `key` is the text by which other collections are ordered.
    """

    time: datetime | None = None
    id: int = 0
    up_to_id: int = 0
    left: int | None = None
    key: str = ""


class _Sealed(msgspec.Struct, array_like=True):
    of: bytes
    position: Position


def digest_of(*parts: object) -> bytes:
    """Return what tells this question, asked by these, from all others."""
    values = msgspec.to_builtins(_named(parts), order="deterministic")
    # With escapes, so that there is a digest of texts that have no bytes, too.
    return hashlib.sha256(json.dumps(values).encode()).digest()[:16]


def _named(value: Any) -> Any:
    """Return the value with the types of what it consists of, which tell criteria apart."""
    if isinstance(value, tuple):
        return [_named(each) for each in value]
    if is_dataclass(value):
        return [
            type(value).__name__,
            *(_named(getattr(value, each.name)) for each in fields(value)),
        ]
    return value


def sealed(secret: str, of: bytes, position: Position, now: datetime) -> tuple[str, datetime]:
    """Return the token of a position in the answer to a question, and until when it is good."""
    content = msgspec.msgpack.encode(_Sealed(of, position))
    token = _cipher(secret).encrypt_at_time(content, int(now.timestamp()))
    return token.decode().rstrip("="), now.replace(microsecond=0) + LIFETIME


def opened(secret: str, of: bytes, token: str, now: datetime) -> Position:
    """Return the position that a token names in the answer to this question.

    Raises QueryParameter when it belongs to another question, is forged or has expired.
    """
    try:
        padded = token + "=" * (-len(token) % 4) if len(token) <= LONGEST_TOKEN else ""
        content = _cipher(secret).decrypt_at_time(
            padded.encode(), int(LIFETIME.total_seconds()), int(now.timestamp())
        )
        found = msgspec.msgpack.decode(content, type=_Sealed)
    except (InvalidToken, msgspec.DecodeError, UnicodeEncodeError):
        raise _refused(
            mark("The nextPageToken is not one of this service, or it has expired")
        ) from None
    if found.of != of:
        raise _refused(mark("The nextPageToken belongs to another query"))
    return found.position


def utc_now() -> datetime:
    """Return the time by which tokens are made and judged."""
    return datetime.now(UTC)


def _cipher(secret: str) -> Fernet:
    key = hashlib.sha256(b"foodtrace next page " + secret.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def _refused(rule: str) -> QueryParameter:
    return QueryParameter(
        Problem("nextPageToken", rule, mark("Ask again without nextPageToken, from the first page"))
    )
