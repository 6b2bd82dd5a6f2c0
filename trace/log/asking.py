"""Asking the witnesses of the policy to cosign what was published; a job of the worker.

Nothing waits for it: heads are published, and events recorded, whatever the witnesses do. Each
is asked in a thread of its own, through the guarded way out, with limits on time and size.
"""

import base64
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from foodtrace.trace.log.checkpoints import Cosignature, cosignatures, parse_decimal
from foodtrace.trace.log.cosigners import (
    Claim,
    Head,
    claim,
    due,
    head_of_size,
    newest_head,
    write_cosignature,
    write_failure,
    write_warning,
)
from foodtrace.trace.log.merkle import consistency_proof
from foodtrace.trace.log.notes import NoteError, parse_note
from foodtrace.trace.log.policies import Policy
from foodtrace.trace.log.policy_file import policy_file
from foodtrace.trace.log.tree import hash_at
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store
from foodtrace.trace.subscriptions.destinations import Answer, Destinations, Unreachable

OK, CONFLICT = 200, 409
SIZE = "text/x.tlog.size"
# The second request has the size that the answer to the first has told; another process of ours
# may have been in between.
MOST_REQUESTS = 3
CLOCK_SECONDS = 60
LAST_SECOND = 253_402_300_799  # of the year 9999, since 1970
_SAID = {
    400: "it takes the request for malformed",
    403: "it does not accept the signature of this log: does it have the right key?",
    404: "it does not know this log: give its operator the public key",
    CONFLICT: "it has cosigned another tree of this size: two histories are told",
    422: "it takes the proof for wrong: has this log told it another history?",
}

_log = logging.getLogger(__name__)


class NotCosigned(Exception):
    """A witness did not cosign; `said` is the size that it claims to know, where it does."""

    def __init__(self, reason: str, said: int | None = None) -> None:
        super().__init__(reason)
        self.said = said


@dataclass(frozen=True, slots=True)
class Exchange:
    """A cosignature, and the size of the head that it is of."""

    found: Cosignature
    size: int


def ask(store: Store, settings: Settings) -> bool:
    """Begin to ask those who are due, each in a thread of its own; a job of the worker."""
    file = policy_file(settings)
    if file is None:
        return False
    claims = claim_due(store, file.policy, now_ms())
    for each in claims:
        threading.Thread(
            target=_take, args=(store, file.destinations, each), name="foodtrace-asker", daemon=True
        ).start()
    return bool(claims)


def claim_due(store: Store, policy: Policy, now: int) -> Sequence[Claim]:
    """Claim those who are to be asked now (milliseconds); mostly there is nobody, and no write."""
    with store.reading() as session:
        if not due(session.connection(), policy, now):
            return []
    with store.transaction() as session:
        return claim(session.connection(), policy, now)


def take(store: Store, destinations: Destinations, claim: Claim) -> None:
    """Ask one witness, and keep what it says."""
    name = claim.witness.name
    try:
        exchange = _exchange(store, destinations, claim)
    except NotCosigned as failure:
        _log.warning("the witness %s did not cosign: %s", name, failure)
        with store.transaction() as session:
            write_failure(session.connection(), claim, str(failure), failure.said)
        return
    apart = exchange.found.time - int(time.time())
    odd = None
    if abs(apart) > CLOCK_SECONDS:
        odd = f"its clock and that of this server are {abs(apart)} seconds apart"
        _log.warning("the witness %s has cosigned, but %s", name, odd)
    with store.transaction() as session:
        write_cosignature(
            session.connection(), claim, exchange.found, size=exchange.size, error=odd
        )


def now_ms() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def submission(old_size: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """Return the body of a request to cosign (c2sp.org/tlog-witness, add-checkpoint)."""
    lines = [f"old {old_size}", *(base64.b64encode(hash_).decode() for hash_ in proof), "", ""]
    return "\n".join(lines).encode() + note


def _take(store: Store, destinations: Destinations, claim: Claim) -> None:
    try:
        take(store, destinations, claim)
    except Exception:
        # It is asked again when the lease is over.
        _log.exception("the witness %s could not be asked", claim.witness.name)


def _exchange(store: Store, destinations: Destinations, claim: Claim) -> Exchange:
    """Ask from the size that the witness says it knows. Raises NotCosigned."""
    known = claim.known
    for _ in range(MOST_REQUESTS):
        head, proof = _prepared(store, claim, known)
        answer = _posted(destinations, claim, submission(known, proof, head.note))
        if answer.status == OK:
            return Exchange(_found(claim, head, answer), head.checkpoint.size)
        said = _size_said(answer)
        if said == known:
            raise NotCosigned("it asks for a proof from the size that the proof was from")
        if said is None:
            reason = _SAID.get(answer.status, "it does not cosign")
            raise NotCosigned(f"{reason} ({f'{answer.status} {answer.text}'.strip()})")
        if said < claim.known:
            _warn_set_back(store, claim, said)
        known = said
    raise NotCosigned("it names another size each time")


def _prepared(store: Store, claim: Claim, known: int) -> tuple[Head, Sequence[bytes]]:
    """Return the head to ask for and the proof from what the witness knows. Raises NotCosigned."""
    with store.reading() as session:
        connection = session.connection()
        newest = newest_head(connection, claim.year)
        head = newest if known > claim.size else head_of_size(connection, claim.year, claim.size)
        if head is None or newest is None:
            raise NotCosigned("the head is not there any more")
        size = head.checkpoint.size
        if known > size:
            raise NotCosigned(
                f"it has cosigned {known} leaves, and the newest head here has {size}: "
                "this record is older than what was published",
                known,
            )
        if known in (0, size):
            return head, []
        return head, consistency_proof(known, size, hash_at(connection, claim.year, size))


def _posted(destinations: Destinations, claim: Claim, body: bytes) -> Answer:
    url = f"{(claim.witness.url or '').rstrip('/')}/add-checkpoint"
    try:
        return destinations.post(url, body, {"Content-Type": "text/plain; charset=utf-8"})
    except Unreachable as failure:
        raise NotCosigned(str(failure)) from None


def _found(claim: Claim, head: Head, answer: Answer) -> Cosignature:
    """Return the witness's latest cosignature in an answer. Raises NotCosigned for any other."""
    try:
        note = parse_note(head.note + answer.body)
        found = cosignatures(note, [claim.witness.verifier])
    except NoteError as error:
        raise NotCosigned(f"its answer is no cosignature of this head: {error}") from None
    if not found:
        raise NotCosigned("its answer has no cosignature of the key in the policy")
    latest = max(found, key=lambda each: each.time)
    if latest.time > LAST_SECOND:
        # Pages show the time, and nobody can show this one.
        raise NotCosigned("its time is after the year 9999")
    return latest


def _size_said(answer: Answer) -> int | None:
    """Return the size that a witness says it knows; None where it says none."""
    if answer.status != CONFLICT or answer.content_type.split(";")[0].strip() != SIZE:
        return None
    try:
        return parse_decimal(answer.body.decode("ascii").removesuffix("\n"))
    except (NoteError, UnicodeDecodeError):
        raise NotCosigned("it names a size that is none") from None


def _warn_set_back(store: Store, claim: Claim, said: int) -> None:
    """Note that a witness has forgotten what it cosigned: its word is worth less from now on."""
    warning = (
        f"it had cosigned {claim.known} leaves, and then said that it knows {said}: "
        "its state was set back"
    )
    _log.warning("the witness %s: %s", claim.witness.name, warning)
    with store.transaction() as session:
        write_warning(session.connection(), claim, warning, now_ms())
