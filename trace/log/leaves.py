"""What one entry of the log is: a leaf of 41 bytes for everybody, and the statement behind it.

The leaf holds a version, the time of the log and a commitment to the statement. A statement is
a list of *fields*: what it is, who made it, its numbers, and each member of its JSON object.
Every field is hashed with a salt of its own, so that any of them can be shown and proved while
the others stay secret: a step that its party hides still shows its number.

    salts             = SHAKE256(secret), 16 bytes each: the statement's, then one a field
    digest of a field = SHA-256(salt || length of the name in 2 bytes || name || value)
    statement         = "foodtrace-statement/1\\n" || all digests
    commitment        = SHA-256(salt of the statement || statement)

The secret has 32 random bytes, is another one for each statement, and is never shown. Pure.
"""

import hashlib
import struct
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

LEAF_VERSION = 1
LEAF_SIZE = 41
SECRET_SIZE = 32
STATEMENT_VERSION = b"foodtrace-statement/1\n"

_SALT_SIZE = 16
_LEAF = struct.Struct(">BQ32s")
# Master data of the lot that an event makes: shown member by member.
_ILMD = "ilmd"
MOST_FIELDS = 65_535
LONGEST_NAME = 65_535

Members = dict[str, msgspec.Raw]
_members = msgspec.json.Decoder(Members)


class LeafError(ValueError):
    """Bytes that are no leaf, or fields that do not give the commitment."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A public entry: when it was logged, in milliseconds since 1970 UTC, and of what."""

    time: int
    commitment: bytes

    @property
    def entry(self) -> bytes:
        """The 41 bytes: version, time, commitment."""
        return _LEAF.pack(LEAF_VERSION, self.time, self.commitment)


def parse_leaf(entry: bytes) -> Leaf:
    """Return the leaf that an entry is; raise LeafError when it is none of this version."""
    if len(entry) != LEAF_SIZE:
        raise LeafError(f"a leaf has {LEAF_SIZE} bytes, this one {len(entry)}")
    version, time, commitment = _LEAF.unpack(entry)
    if version != LEAF_VERSION:
        raise LeafError(f"a leaf of version {version} is unknown")
    return Leaf(time, commitment)


@dataclass(frozen=True, slots=True)
class Number:
    """The how-manieth statement of a party about one thing this is, counted from 1.

    `series` is a random name of party and thing: numbers of one series have no gap.
    """

    series: str
    number: int
    canonical: str


@dataclass(frozen=True, slots=True)
class Header:
    """What the log adds to the content: kind, when and by whom it was received, its numbers.

    `party` is the identifier of the party, empty for none; `n` counts its statements from 1.
    `received` is a time in RFC 3339; `original` the SHA-256 of the bytes of an XML document.
    """

    kind: str
    received: str
    party: str
    n: int
    numbers: tuple[Number, ...] = ()
    original: str | None = None


class Field(NamedTuple):
    """One thing that a statement says."""

    name: str
    value: str


def fields_of(header: Header, content: bytes) -> list[Field]:
    """Return the fields of a statement whose content is a JSON object, in their order.

    Members of the object are named like JSON pointers (``/bizStep``), their values are the
    JSON texts as received. Whatever was recorded has fields: what is no JSON object, or has
    too many members, has no fields but those of the header, and a member whose name is too
    long for a field is none. The content covers them.
    """
    fields = [
        Field("kind", header.kind),
        Field("content", hashlib.sha256(content).hexdigest()),
        Field("received", header.received),
        Field("party", header.party),
        Field("n", str(header.n)),
    ]
    if header.original is not None:
        fields.append(Field("original", header.original))
    fields += [Field("number", f"{n.series} {n.number} {n.canonical}") for n in header.numbers]
    try:
        members = list(_members_of(content))
    except (msgspec.DecodeError, UnicodeDecodeError):  # a PDF, say
        return fields
    return fields + members if len(fields) + len(members) <= MOST_FIELDS else fields


def _members_of(content: bytes) -> Iterable[Field]:
    for name, value in _members.decode(content).items():
        inner = _inner(value) if name == _ILMD else None
        if inner is None:
            named = {f"/{_escaped(name)}": value}
        else:
            named = {f"/{_ILMD}/{_escaped(inner_name)}": inner[inner_name] for inner_name in inner}
        for pointer, text in named.items():
            if len(pointer.encode()) <= LONGEST_NAME:
                yield Field(pointer, bytes(text).decode())


def _inner(value: msgspec.Raw) -> Members | None:
    try:
        return _members.decode(value)
    except msgspec.DecodeError:
        return None


def _escaped(name: str) -> str:
    """Write a member's name as a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def salts_of(secret: bytes, count: int) -> list[bytes]:
    """Return the salt of the statement and those of `count` fields, 16 bytes each."""
    stream = hashlib.shake_256(secret).digest(_SALT_SIZE * (count + 1))
    return [stream[i : i + _SALT_SIZE] for i in range(0, len(stream), _SALT_SIZE)]


def field_digest(salt: bytes, field: Field) -> bytes:
    """Return the digest of one field; raise LeafError when its name is too long for one."""
    name, value = field
    encoded = name.encode()
    if len(encoded) > LONGEST_NAME:
        raise LeafError(f"the name of a field has at most {LONGEST_NAME} bytes")
    said = b"%b%b%b%b" % (salt, len(encoded).to_bytes(2), encoded, value.encode())
    return hashlib.sha256(said).digest()


def commitment_of(salt: bytes, digests: Iterable[bytes]) -> bytes:
    """Return the commitment to the statement that has these digests, in their order."""
    return hashlib.sha256(b"%b%b%b" % (salt, STATEMENT_VERSION, b"".join(digests))).digest()


def commit(secret: bytes, fields: Sequence[Field]) -> bytes:
    """Return the commitment to a statement that has these fields."""
    salt, *salts = salts_of(secret, len(fields))
    return commitment_of(salt, map(field_digest, salts, fields))


@dataclass(frozen=True, slots=True)
class Shown:
    """A field that is shown, with its salt."""

    salt: bytes
    field: Field


@dataclass(frozen=True, slots=True)
class Opening:
    """A statement as somebody may see it: each field shown, or its digest in its place."""

    salt: bytes
    parts: tuple[Shown | bytes, ...]

    @property
    def commitment(self) -> bytes:
        """The commitment that the parts give."""
        return commitment_of(
            self.salt,
            (
                part if isinstance(part, bytes) else field_digest(part.salt, part.field)
                for part in self.parts
            ),
        )

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that are shown."""
        return tuple(part.field for part in self.parts if isinstance(part, Shown))


def open_fields(secret: bytes, fields: Sequence[Field], shown: Collection[int]) -> Opening:
    """Return the opening that shows the fields at these places and no other."""
    salt, *salts = salts_of(secret, len(fields))
    return Opening(
        salt,
        tuple(
            Shown(own, field) if index in shown else field_digest(own, field)
            for index, (own, field) in enumerate(zip(salts, fields, strict=True))
        ),
    )
