"""Proof files (c2sp.org/tlog-proof): that an entry is in a log, and that witnesses saw it there.

A file is checked without a network: it holds the path through the tree and the checkpoint with
its signatures; a policy says whose signatures count.
"""

import base64
from dataclasses import dataclass
from typing import NamedTuple

from foodtrace.trace.log.checkpoints import (
    Checkpoint,
    Cosignature,
    cosignatures,
    open_checkpoint,
    parse_checkpoint,
    parse_decimal,
)
from foodtrace.trace.log.merkle import HASH_SIZE, leaf_hash, verify_inclusion
from foodtrace.trace.log.notes import NoteError, parse_note, strict_base64
from foodtrace.trace.log.policies import Policy

# A path of 63 hashes under a note with every signature it may have is far below this.
MAX_SIZE = 2_000_000

_HEADER = "c2sp.org/tlog-proof@v1"
_MAX_HASHES = 63


@dataclass(frozen=True)
class TlogProof:
    """What a proof file says. Nothing is checked; `extra` is vouched for by nobody."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint_note: bytes
    extra: bytes | None = None


class Verified(NamedTuple):
    """What a proof proves: that the entry stands in this tree, which these witnesses saw."""

    checkpoint: Checkpoint
    cosignatures: list[Cosignature]
    is_quorum: bool


def format_proof(proof: TlogProof) -> bytes:
    """The bytes of a proof file."""
    lines = [_HEADER]
    if proof.extra is not None:
        lines.append(f"extra {base64.b64encode(proof.extra).decode()}")
    lines.append(f"index {proof.index}")
    lines += (base64.b64encode(hash_).decode() for hash_ in proof.hashes)
    return "\n".join([*lines, "", ""]).encode() + proof.checkpoint_note


def parse_proof(data: bytes) -> TlogProof:
    """Take a proof file apart. Raises NoteError; nothing is checked against the tree yet."""
    if len(data) > MAX_SIZE:
        raise NoteError(f"a proof has at most {MAX_SIZE} bytes, not {len(data)}")
    head, blank, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise NoteError("the lines before the checkpoint are ASCII") from None
    if not blank or lines.pop(0) != _HEADER:
        raise NoteError(f"a proof begins with {_HEADER}, and ends with a checkpoint")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = strict_base64(lines.pop(0).removeprefix("extra "))
    if not lines or not lines[0].startswith("index "):
        raise NoteError("the proof does not say which index it is for")
    index = parse_decimal(lines.pop(0).removeprefix("index "))
    if len(lines) > _MAX_HASHES:
        raise NoteError(f"a proof has at most {_MAX_HASHES} hashes, not {len(lines)}")
    parse_checkpoint(parse_note(note).text)
    return TlogProof(index, tuple(map(_hash, lines)), note, extra)


def _hash(text: str) -> bytes:
    hash_ = strict_base64(text)
    if len(hash_) != HASH_SIZE:
        raise NoteError(f"a hash of a proof has {HASH_SIZE} bytes, not {len(hash_)}")
    return hash_


def verify_proof(entry: bytes, proof: TlogProof, policy: Policy) -> Verified:
    """Check that the entry is in one of the policy's logs, and who of its witnesses has seen it.

    Raises NoteError where none of the policy's logs has signed the checkpoint, or a signature
    is wrong; ProofError where the entry is not in the tree. Too few witnesses are no error:
    `is_quorum` says so.
    """
    note = parse_note(proof.checkpoint_note)
    origin = parse_checkpoint(note.text).origin
    verifiers = [log.verifier for log in policy.logs if log.verifier.name == origin]
    if not verifiers:
        raise NoteError(f"the policy does not know the log {origin!r}")
    checkpoint = open_checkpoint(proof.checkpoint_note, *verifiers)
    verify_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    names = {witness.verifier: witness.name for witness in policy.witnesses}
    seen = cosignatures(note, names)
    return Verified(checkpoint, seen, policy.is_met({names[each.verifier] for each in seen}))
