"""Personal values as the record holds them: a salted commitment in the place of each. Pure.

    commitment = SHA-256(salt || value in UTF-8)
    written as   ni:///sha-256;… with the digest in Base64url without padding (RFC 6920)

The salt has 16 random bytes and is another one for each value. Whoever has value and salt can
check the commitment; without the salt no guess of the value can be tested, however few telephone
numbers there are. So removing value and salt erases, and changes nothing that was hashed.
"""

import hashlib
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from foodtrace.trace.epcis.json_values import check_texts, pointer
from foodtrace.trace.errors import Invalid, Problem, mark

SALT_SIZE = 16
LONGEST_VALUE = 2_000
LONGEST_PLACE = 500

_WRITTEN = re.compile(r"ni:///sha-256;([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class PersonalValue:
    """A value, its salt, and the place in the document that holds its commitment."""

    place: str
    value: str
    salt: bytes

    @property
    def digest(self) -> bytes:
        """The commitment, 32 bytes."""
        return digest_of(self.salt, self.value)

    @property
    def written(self) -> str:
        """The commitment as the record writes it."""
        return written(self.digest)


def committed(value: str, place: str, salt: bytes | None = None) -> PersonalValue:
    """Return a value with a salt of its own. Raises Invalid for texts that no record holds."""
    check_texts(value, place)
    if len(value) > LONGEST_VALUE:
        raise Invalid(
            Problem(
                place,
                mark("A personal value has at most %(limit)s characters"),
                mark("Say less of a person"),
                {"limit": LONGEST_VALUE},
            )
        )
    return PersonalValue(place[:LONGEST_PLACE], value, salt or secrets.token_bytes(SALT_SIZE))


def digest_of(salt: bytes, value: str) -> bytes:
    """Return the commitment to a value."""
    return hashlib.sha256(salt + value.encode()).digest()


def written(digest: bytes) -> str:
    """Return a commitment as the record writes it."""
    return f"ni:///sha-256;{urlsafe_b64encode(digest).decode().rstrip('=')}"


def read_commitment(text: str) -> bytes | None:
    """Return the digest that a text writes; None if it writes none."""
    found = _WRITTEN.fullmatch(text)
    digest = None if found is None else urlsafe_b64decode(found[1] + "=")
    # The last character has two bits too many: one digest has one way to be written.
    return digest if digest is not None and written(digest) == text else None


def written_salt(salt: bytes) -> str:
    """Return a salt as answers write it: Base64url without padding."""
    return urlsafe_b64encode(salt).decode().rstrip("=")


def read_salt(text: str) -> bytes | None:
    """Return the salt that a text writes; None if it writes none."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{22}", text):
        return None
    salt = urlsafe_b64decode(text + "==")
    return salt if written_salt(salt) == text else None


def without_values(
    body: Mapping[str, Any], names: Collection[str]
) -> tuple[dict[str, Any], list[PersonalValue]]:
    """Return a statement with commitments in the place of these members, and their values."""
    values = {
        name: committed(body[name], pointer(name)) for name in names if body.get(name) is not None
    }
    return {**body, **{name: each.written for name, each in values.items()}}, [*values.values()]
