"""What the keys of issuers sign, byte for byte: a device writes the same lines. Pure.

Every text is UTF-8 and each of its lines ends with a line feed. The first line says what is
signed, so that a signature of one kind can never pass for one of another. Keys are written in
base64 (44 characters), digests in lower-case hex.

A device that asks to be enrolled signs, to show that it has the private key:

    foodtrace-key/1
    party urn:uuid:3d0…
    name packing hall
    key 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=

An older key of the party that lets it in, or is replaced by it, signs:

    foodtrace-key-voucher/1
    party urn:uuid:3d0…
    key 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
    by PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=
    as another            (or: as replacement)

And under a statement a key puts:

    foodtrace-signature/1
    key 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
    statement event 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    n 12
    at 2026-11-22T06:30:00Z
    lot 4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce

``statement`` is the kind of the statement and the SHA-256 of its bytes; ``n`` counts what the key
has signed, from 1. A line ``lot`` stands for each lot and logistic unit of the statement, sorted:
the SHA-256 of 16 random bytes, the how-manieth signature of this key about it this is, a blank,
and its canonical identifier. So the signature can be checked by somebody who is shown one of the
lots, and not the others.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from foodtrace.trace.log.ed25519 import is_signature

SALT_SIZE = 16
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass(frozen=True, slots=True)
class LotNumber:
    """The how-manieth signature of a key about one lot or logistic unit, counted from 1."""

    salt: bytes
    number: int
    lot: str  # canonical identifier

    @property
    def digest(self) -> str:
        """What stands for it in the signed text."""
        return hashlib.sha256(self.salt + f"{self.number} {self.lot}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Voucher:
    """The word of an older key of the party for a new one."""

    by: bytes
    replaces: bool  # the older key ends with it
    signature: bytes

    def is_for(self, party: str, public_key: bytes) -> bool:
        """Whether the older key has signed that the party's new key is this."""
        text = voucher_text(party, public_key, self.by, replaces=self.replaces)
        return is_signature(self.by, self.signature, text)


def enrolment_text(party: str, name: str, public_key: bytes) -> bytes:
    """Return what a new key signs; `party` is the identifier, `name` that of the device."""
    return _lines("foodtrace-key/1", f"party {party}", f"name {name}", f"key {encoded(public_key)}")


def voucher_text(party: str, public_key: bytes, by: bytes, *, replaces: bool) -> bytes:
    """Return what an older key signs to let a new one in."""
    return _lines(
        "foodtrace-key-voucher/1",
        f"party {party}",
        f"key {encoded(public_key)}",
        f"by {encoded(by)}",
        f"as {'replacement' if replaces else 'another'}",
    )


def signing_text(
    public_key: bytes, kind: str, content: str, n: int, signed_at: str, lots: Iterable[str]
) -> bytes:
    """Return what a key signs of a statement; `content` and `lots` are digests in hex."""
    return _lines(
        "foodtrace-signature/1",
        f"key {encoded(public_key)}",
        f"statement {kind} {content}",
        f"n {n}",
        f"at {signed_at}",
        *(f"lot {digest}" for digest in sorted(lots)),
    )


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def encoded(value: bytes) -> str:
    """Return bytes in base64."""
    return base64.b64encode(value).decode()


def decoded(text: str, size: int) -> bytes:
    """Return the bytes that base64 spells; raise ValueError unless there are so many.

    A text that another one spells as well (bits behind the end) is refused.
    """
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("this is not base64") from error
    if len(value) != size or encoded(value) != text:
        raise ValueError(f"this is not the base64 of {size} bytes")
    return value


def moment_of(text: str) -> datetime:
    """Return the time of a signature: UTC to the second, as ``2026-11-22T06:30:00Z``.

    Raises ValueError for another spelling, which the signed text would not have.
    """
    if _MOMENT.fullmatch(text) is None:
        raise ValueError("this is not a time like 2026-11-22T06:30:00Z")
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def fingerprint(public_key: bytes) -> str:
    """Return 64 bits of a key's SHA-256, to be read out and compared.

    >>> fingerprint(bytes(32))
    '6668 7aad f862 bd77'
    """
    digest = hashlib.sha256(public_key).hexdigest()
    return " ".join(digest[i : i + 4] for i in range(0, 16, 4))
