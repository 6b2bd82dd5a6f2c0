"""Signed notes (c2sp.org/signed-note): a text, and under it one line for each signature.

Reading is strict: what is not spelled as the standard spells it is refused, so that two programs
never read two texts from one note.
"""

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from foodtrace.trace.log import ed25519

ED25519 = 0x01
COSIGNATURE = 0x04

MAX_SIZE = 1_000_000
MAX_LINES = 100

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DASH = "\N{EM DASH} "
_PRIVATE = "PRIVATE+KEY+"


class NoteError(ValueError):
    """The bytes are not a signed note, or not one signed by those whom it should be signed by."""


class SignatureLine(NamedTuple):
    """A signature as it stands under a note; `key_id` has 4 bytes."""

    name: str
    key_id: bytes
    signature: bytes


class Note(NamedTuple):
    """The text of a note, its last newline included, and its signatures, not checked yet."""

    text: str
    lines: tuple[SignatureLine, ...]


def strict_base64(text: str) -> bytes:
    """The bytes of standard base64 (RFC 4648 section 4) in its one spelling. Raises NoteError."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(f"not base64: {text[:80]!r}") from None
    if base64.b64encode(data).decode() != text:
        raise NoteError(f"not base64 in its one spelling: {text[:80]!r}")
    return data


def key_id(name: str, kind: int, public_key: bytes) -> bytes:
    """The 4 bytes by which a signature line tells whose key signed."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public_key).digest()[:4]


def require_name(name: str) -> None:
    """Raise NoteError for what is no name of a key: empty, with spaces or with `+`."""
    if not name or any(char.isspace() or char == "+" or ord(char) < 0x20 for char in name):
        raise NoteError(f"not the name of a key: {name[:80]!r}")


@dataclass(frozen=True)
class Verifier:
    """A key that signatures are checked with: public, `kind` says what it signs."""

    name: str
    kind: int
    public_key: bytes

    def __post_init__(self) -> None:
        """Raise NoteError for a name or a key that cannot be one."""
        require_name(self.name)
        try:
            ed25519.require_safe(self.public_key)
        except ed25519.UnsafeKey as error:
            raise NoteError(str(error)) from None
        if self.kind not in (ED25519, COSIGNATURE):
            raise NoteError(f"keys of kind {self.kind} are not known here, only Ed25519 (1 and 4)")

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that its signature lines carry."""
        return key_id(self.name, self.kind, self.public_key)

    @property
    def vkey(self) -> str:
        """The key as policies and other programs write it: name, key id, kind and key."""
        key = base64.b64encode(bytes([self.kind]) + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{key}"

    @classmethod
    def from_vkey(cls, text: str) -> Self:
        """The key that is written so. Raises NoteError."""
        name, id_text, kind, public_key = _key_parts(text)
        verifier = cls(name, kind, public_key)
        if verifier.key_id.hex() != id_text:
            raise NoteError(f"the key of {name!r} does not have the id {id_text!r}")
        return verifier

    def signs(self, line: SignatureLine) -> bool:
        """Whether the line names this key; whether it verifies is another question."""
        return line.name == self.name and line.key_id == self.key_id

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the 64 bytes are this key's signature of exactly this message."""
        return ed25519.is_signature(self.public_key, signature, message)


@dataclass(frozen=True)
class Signer:
    """A key that signs: secret, so that its seed of 32 bytes is not shown."""

    name: str
    seed: bytes = field(repr=False)
    kind: int = ED25519

    def __post_init__(self) -> None:
        """Raise NoteError for a name or a seed that cannot be one."""
        if len(self.seed) != ed25519.KEY_SIZE:
            raise NoteError(f"the seed of a key has {ed25519.KEY_SIZE} bytes, not {len(self.seed)}")
        # The verifier checks the name and the kind.
        _ = self.verifier

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @cached_property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, self.kind, self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str, kind: int = ED25519) -> Self:
        """A new key of this name."""
        return cls(name, secrets.token_bytes(ed25519.KEY_SIZE), kind)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The key that `to_text` wrote. Raises NoteError, in which the key is not repeated."""
        if not text.startswith(_PRIVATE):
            raise NoteError(f"a private key begins with {_PRIVATE}")
        try:
            name, id_text, kind, seed = _key_parts(text.removeprefix(_PRIVATE))
        except NoteError:
            raise NoteError("the private key is damaged") from None
        signer = cls(name, seed, kind)
        if signer.key_id.hex() != id_text:
            raise NoteError(f"the private key of {name!r} does not have the id {id_text!r}")
        return signer

    def to_text(self) -> str:
        """The key in Go's form: PRIVATE+KEY+name+id+base64(kind and seed)."""
        seed = base64.b64encode(bytes([self.kind]) + self.seed).decode()
        return f"{_PRIVATE}{self.name}+{self.key_id.hex()}+{seed}"

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that its signature lines carry."""
        return self.verifier.key_id

    @property
    def vkey(self) -> str:
        """The public half, as policies and other programs write it."""
        return self.verifier.vkey

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature of a message, 64 bytes."""
        return self._key.sign(message)

    def line(self, text: str) -> SignatureLine:
        """The signature line of a note, for a key of kind 1. Raises NoteError for another kind."""
        if self.kind != ED25519:
            raise NoteError(
                f"the key of {self.name!r} does not sign notes, but cosigns checkpoints"
            )
        return SignatureLine(self.name, self.key_id, self.sign(text.encode()))


def _key_parts(text: str) -> tuple[str, str, int, bytes]:
    """Name, id, kind and key of a written key."""
    try:
        name, id_text, key_text = text.split("+", 2)
    except ValueError:
        raise NoteError(f"not a key, of the form name+id+base64: {text[:80]!r}") from None
    key = strict_base64(key_text)
    if not key:
        raise NoteError(f"there is no key in {text[:80]!r}")
    return name, id_text, key[0], key[1:]


def parse_note(note: bytes) -> Note:
    """Take a note apart. Raises NoteError; no signature is checked yet."""
    if len(note) > MAX_SIZE:
        raise NoteError(f"a note has at most {MAX_SIZE} bytes, not {len(note)}")
    try:
        whole = note.decode()
    except UnicodeDecodeError:
        raise NoteError("a note is UTF-8") from None
    if _CONTROL.search(whole):
        raise NoteError("a note has no control characters")
    text, blank, signatures = whole.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise NoteError("a note ends with a blank line, and whole lines of signatures after it")
    lines = signatures[:-1].split("\n")
    if len(lines) > MAX_LINES:
        raise NoteError(f"a note has at most {MAX_LINES} signatures, not {len(lines)}")
    return Note(text + "\n", tuple(map(parse_line, lines)))


def parse_line(text: str) -> SignatureLine:
    """One signature line, without its newline. Raises NoteError."""
    if not text.startswith(_DASH):
        raise NoteError(f"not a signature line: {text[:80]!r}")
    name, _, encoded = text.removeprefix(_DASH).partition(" ")
    require_name(name)
    data = strict_base64(encoded)
    if len(data) < 5:
        raise NoteError(f"the signature of {name!r} is too short")
    return SignatureLine(name, data[:4], data[4:])


def format_line(line: SignatureLine) -> str:
    """One signature line, with its newline."""
    signature = base64.b64encode(line.key_id + line.signature).decode()
    return f"{_DASH}{line.name} {signature}\n"


def format_note(text: str, lines: Iterable[SignatureLine]) -> bytes:
    """The bytes of a note. Raises NoteError where they could not be read again."""
    note = f"{text}\n{''.join(map(format_line, lines))}".encode()
    if parse_note(note).text != text:
        raise NoteError("the text of a note ends with a newline")
    return note


def verified(note: Note, verifiers: Iterable[Verifier]) -> Mapping[Verifier, SignatureLine]:
    """The signature of each key of kind 1 that signed the note, at least one.

    Lines of unknown keys are ignored. Raises NoteError where a line of a known key does not
    verify, and where no known key has signed.
    """
    message = note.text.encode()
    found: dict[Verifier, SignatureLine] = {}
    for verifier in verifiers:
        if verifier.kind != ED25519:
            continue
        for line in filter(verifier.signs, note.lines):
            if not verifier.has_signed(message, line.signature):
                raise NoteError(f"the signature of {verifier.name!r} is not that of this note")
            found.setdefault(verifier, line)
    if not found:
        raise NoteError("the note is signed by none of the keys that are trusted")
    return found
