"""Checkpoints (c2sp.org/tlog-checkpoint): the head of a log, signed by it and by its witnesses."""

import base64
import re
from collections.abc import Iterable
from typing import NamedTuple

from foodtrace.trace.log.merkle import EMPTY_ROOT, HASH_SIZE
from foodtrace.trace.log.notes import (
    COSIGNATURE,
    Note,
    NoteError,
    SignatureLine,
    Signer,
    Verifier,
    format_note,
    parse_note,
    strict_base64,
    verified,
)

MAX_SIZE = 2**63 - 1
MAX_TIME = 2**63 - 1

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_TIME_SIZE = 8


class Checkpoint(NamedTuple):
    """The head of a log: how many leaves it has, and the root over them (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed: three lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def parse_decimal(text: str) -> int:
    """A number up to 2**63 - 1 in its one spelling, without leading zeros. Raises NoteError."""
    if _NUMBER.fullmatch(text) is None or int(text) > MAX_SIZE:
        raise NoteError(f"not a number of at most {MAX_SIZE}: {text[:80]!r}")
    return int(text)


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint of a note's text.

    Exactly three lines: further ones are allowed by the standard, but audited by nobody.
    Raises NoteError.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise NoteError("a checkpoint has three lines: origin, size, root")
    origin, size_text, root_text = lines[:3]
    if not origin:
        raise NoteError("the checkpoint names no origin")
    root = strict_base64(root_text)
    if len(root) != HASH_SIZE:
        raise NoteError(f"the root of a checkpoint has {HASH_SIZE} bytes, not {len(root)}")
    checkpoint = Checkpoint(origin, parse_decimal(size_text), root)
    if checkpoint.size == 0 and root != EMPTY_ROOT:
        raise NoteError("a tree without leaves has another root")
    return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """The checkpoint as a note that its log has signed.

    Raises NoteError where the key does not have the origin's name, or the text would not parse.
    """
    if signer.name != checkpoint.origin:
        raise NoteError(f"the key of {signer.name!r} does not sign for {checkpoint.origin!r}")
    if parse_checkpoint(checkpoint.text) != checkpoint:
        raise NoteError("the checkpoint would be read as another one")
    return format_note(checkpoint.text, [signer.line(checkpoint.text)])


def open_checkpoint(note: bytes, *verifiers: Verifier) -> Checkpoint:
    """The checkpoint of a note that its log has signed with one of these keys. Raises NoteError."""
    parsed = parse_note(note)
    signed = verified(parsed, verifiers)
    checkpoint = parse_checkpoint(parsed.text)
    if checkpoint.origin not in {verifier.name for verifier in signed}:
        raise NoteError(f"the checkpoint of {checkpoint.origin!r} is signed by another log")
    return checkpoint


class Cosignature(NamedTuple):
    """A witness's word that it knew no larger head of the log at this time (POSIX seconds)."""

    verifier: Verifier
    time: int
    line: SignatureLine


def cosigned_message(text: str, time: int) -> bytes:
    """What a witness signs (c2sp.org/tlog-cosignature, Ed25519)."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def cosign(checkpoint: Checkpoint, cosigner: Signer, time: int) -> SignatureLine:
    """The line of a witness under a checkpoint, at a time in POSIX seconds.

    Raises NoteError for a key that is not of kind 4, or a time that cannot be written.
    """
    if cosigner.kind != COSIGNATURE:
        raise NoteError(f"the key of {cosigner.name!r} signs notes, and does not cosign")
    if not 0 <= time <= MAX_TIME:
        raise NoteError(f"not a time in POSIX seconds: {time}")
    signature = cosigner.sign(cosigned_message(checkpoint.text, time))
    return SignatureLine(
        cosigner.name, cosigner.key_id, time.to_bytes(_TIME_SIZE, "big") + signature
    )


def cosignatures(note: Note, verifiers: Iterable[Verifier]) -> list[Cosignature]:
    """The cosignatures of these witnesses under a note, in the order of the witnesses.

    One witness may stand there more than once, with several times. Keys that are not of kind 4
    and lines of unknown keys are ignored. Raises NoteError where a line of a known key does not
    verify.
    """
    return [
        _cosignature(note.text, verifier, line)
        for verifier in verifiers
        if verifier.kind == COSIGNATURE
        for line in filter(verifier.signs, note.lines)
    ]


def _cosignature(text: str, verifier: Verifier, line: SignatureLine) -> Cosignature:
    time = int.from_bytes(line.signature[:_TIME_SIZE], "big")
    signature = line.signature[_TIME_SIZE:]
    if time > MAX_TIME or not verifier.has_signed(cosigned_message(text, time), signature):
        raise NoteError(f"the cosignature of {verifier.name!r} is not that of this checkpoint")
    return Cosignature(verifier, time, line)


def with_lines(note: bytes, lines: Iterable[SignatureLine]) -> bytes:
    """The note with further signatures under it; one that stands there already is not repeated."""
    parsed = parse_note(note)
    return format_note(parsed.text, dict.fromkeys([*parsed.lines, *lines]))
