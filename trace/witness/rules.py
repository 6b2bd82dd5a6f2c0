"""What a witness is sent, and whether it may cosign it (c2sp.org/tlog-witness, add-checkpoint).

Two versions of the text were read (C2SP's commits 055270b and 8d77562); both answer 409 to
another root of the same size. Pure.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from foodtrace.trace.log.checkpoints import Checkpoint, parse_checkpoint, parse_decimal
from foodtrace.trace.log.merkle import HASH_SIZE, ProofError, verify_consistency
from foodtrace.trace.log.notes import (
    Note,
    NoteError,
    Verifier,
    format_note,
    parse_note,
    strict_base64,
    verified,
)

# 63 hashes, and a checkpoint with more signatures than anybody needs.
LARGEST_SUBMISSION = 128 * 1024
MOST_HASHES = 63
# A clock that was put back by so little has been corrected; by more, it is wrong.
CLOCK_SECONDS = 10

VerifiersOf = Callable[[str], Iterable[Verifier]]


class Refusal(Exception):
    """A submission that is not cosigned, and the HTTP status that says so.

    `size` is that of the last cosigned checkpoint, where the log has to begin there.
    `is_evidence` where the log has signed two trees of one size: nobody else can do that.
    """

    def __init__(
        self, status: int, reason: str, *, size: int | None = None, is_evidence: bool = False
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.size = size
        self.is_evidence = is_evidence


class Head(NamedTuple):
    """The last checkpoint of a log that was cosigned: as note, and when (POSIX seconds)."""

    size: int
    root: bytes
    note: bytes
    time: int


class Submission(NamedTuple):
    """A checkpoint, and the proof that it keeps all of the log when it had `old_size` leaves."""

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint
    note: Note


def parse_submission(body: bytes) -> Submission:
    """Return what a request's body says. Raises Refusal."""
    if len(body) > LARGEST_SUBMISSION:
        raise Refusal(413, f"a submission has at most {LARGEST_SUBMISSION} bytes")
    head, blank, note_bytes = body.partition(b"\n\n")
    try:
        if not blank:
            raise NoteError("an empty line stands before the checkpoint")
        old, *hashes = head.decode("ascii").split("\n")
        if not old.startswith("old "):
            raise NoteError("the first line is: old SIZE")
        if len(hashes) > MOST_HASHES:
            raise NoteError(f"a proof has at most {MOST_HASHES} hashes, not {len(hashes)}")
        note = parse_note(note_bytes)
        return Submission(
            parse_decimal(old.removeprefix("old ")),
            tuple(map(_hash, hashes)),
            parse_checkpoint(note.text),
            note,
        )
    except UnicodeDecodeError:
        raise Refusal(400, "the lines before the checkpoint are ASCII") from None
    except NoteError as error:
        raise Refusal(400, str(error)) from None


def authenticate(submission: Submission, verifiers_of: VerifiersOf) -> bytes:
    """Check that a log which is known here has signed the checkpoint. Raises Refusal.

    Returns the note with the lines of the log's own keys only. Anybody may write others under it,
    and what a witness keeps, it shows to everybody.
    """
    verifiers = list(verifiers_of(submission.checkpoint.origin))
    if not verifiers:
        raise Refusal(404, f"the log {submission.checkpoint.origin!r} is not known here")
    try:
        return format_note(submission.note.text, verified(submission.note, verifiers).values())
    except NoteError as error:
        raise Refusal(403, str(error)) from None


def judge(submission: Submission, head: Head | None) -> None:
    """Check that the checkpoint keeps all of the last one that was cosigned. Raises Refusal.

    Without a head, none of this log was cosigned yet, and whatever it says is its beginning.
    """
    old_size, new = submission.old_size, submission.checkpoint
    known = head.size if head else 0
    if old_size > new.size:
        raise Refusal(400, f"the old size, {old_size}, is above the checkpoint's, {new.size}")
    if old_size != known:
        raise Refusal(409, f"the last cosigned checkpoint has {known} leaves", size=known)
    if head and new.size == known and new.root != head.root:
        raise Refusal(409, f"another tree of {known} leaves was cosigned before", is_evidence=True)
    if head is None or known in (0, new.size):
        if submission.proof:
            raise Refusal(422, f"from {known} to {new.size} leaves there is nothing to prove")
        return
    try:
        verify_consistency(known, head.root, new.size, new.root, submission.proof)
    except ProofError as error:
        raise Refusal(422, str(error)) from None


def time_of_cosigning(now: int, head: Head | None) -> int:
    """Return the time to write, in POSIX seconds: never before the last one of this log.

    Raises Refusal while the clock is far behind it: either it is wrong now, or it was then.
    """
    if head is None or now >= head.time:
        return now
    if head.time - now > CLOCK_SECONDS:
        raise Refusal(503, "the clock of this witness is behind what it has cosigned")
    return head.time


def _hash(text: str) -> bytes:
    hash_ = strict_base64(text)
    if len(hash_) != HASH_SIZE:
        raise NoteError(f"a hash of the proof has {HASH_SIZE} bytes, not {len(hash_)}")
    return hash_
