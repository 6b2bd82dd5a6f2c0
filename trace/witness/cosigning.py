"""The act of a witness: look at what a log has signed, keep it, and say so."""

import hashlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from foodtrace.trace.log.checkpoints import Checkpoint, cosign
from foodtrace.trace.log.notes import Signer, format_line
from foodtrace.trace.witness.logs import KnownLogs
from foodtrace.trace.witness.rules import (
    Head,
    Refusal,
    authenticate,
    judge,
    parse_submission,
    time_of_cosigning,
)
from foodtrace.trace.witness.state import State

MOST_EVIDENCE = 1000  # files; only a log that is known here can cause one
UNPROVED = 422
# Anybody can cause these lines: one of each log in this time.
SECONDS_BETWEEN_WARNINGS = 60

_log = logging.getLogger(__name__)

Clock = Callable[[], int]


def _now() -> int:
    return int(time.time())


class Witness:
    """A key, what it has cosigned, and the logs that it looks at; threads share it."""

    def __init__(
        self, signer: Signer, state: State, logs: KnownLogs, evidence: Path, now: Clock = _now
    ) -> None:
        self.signer = signer
        self.state = state
        self.logs = logs
        self._evidence = evidence
        self._now = now
        self._warned: dict[str, int] = {}

    def add_checkpoint(self, body: bytes) -> bytes:
        """Cosign what a request submits; return the signature line.

        It is returned after the head is on the disk. Raises Refusal, DamagedState.
        """
        submission = parse_submission(body)
        note = authenticate(submission, self.logs.verifiers_of)
        before: list[Head] = []

        def decide(head: Head | None) -> Head:
            if head is not None:
                before.append(head)
            judge(submission, head)
            _, size, root = submission.checkpoint
            return Head(size, root, note, time_of_cosigning(self._now(), head))

        try:
            kept = self.state.advance(submission.checkpoint.origin, decide)
        except Refusal as refusal:
            if refusal.is_evidence:
                self._keep_evidence(submission.checkpoint, before[0].note, note)
            elif refusal.status == UNPROVED:
                self._warn(submission.checkpoint, refusal.reason)
            raise
        return format_line(cosign(submission.checkpoint, self.signer, kept.time)).encode()

    def _warn(self, checkpoint: Checkpoint, reason: str) -> None:
        """Say that a head was not proved: whoever has read it can send it with a wrong proof."""
        now = self._now()
        if abs(now - self._warned.get(checkpoint.origin, 0)) >= SECONDS_BETWEEN_WARNINGS:
            self._warned[checkpoint.origin] = now
            _log.warning("not proved: %r, %s", checkpoint.text, reason)

    def _keep_evidence(self, checkpoint: Checkpoint, before: bytes, later: bytes) -> None:
        """Keep the two notes of a log that tells two histories; no answer depends on it."""
        origin = checkpoint.origin
        _log.error("the log %s has signed two trees of %d leaves", origin, checkpoint.size)
        text = b"Cosigned before:\n\n%s\nSubmitted later:\n\n%s" % (before, later)
        name = f"{hashlib.sha256(checkpoint.text.encode()).hexdigest()[:32]}.txt"
        try:
            self._evidence.mkdir(mode=0o700, exist_ok=True)
            if len(os.listdir(self._evidence)) >= MOST_EVIDENCE:
                return
            with (self._evidence / name).open("xb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            return
        except OSError:
            _log.exception("the evidence against %s could not be written", origin)
