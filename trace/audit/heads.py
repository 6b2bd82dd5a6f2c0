"""Checkpoints as an auditor takes them: signed by a log, seen by witnesses at some time. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec

from foodtrace.trace.audit.decoding import decoded
from foodtrace.trace.log.checkpoints import (
    Checkpoint,
    cosignatures,
    open_checkpoint,
    parse_checkpoint,
)
from foodtrace.trace.log.notes import NoteError, parse_note, strict_base64
from foodtrace.trace.log.policies import NONE, Policy

LARGEST_HISTORY = 64 * 1024 * 1024  # of a day
LARGEST_HISTORIES = 512 * 1024 * 1024  # of all days that are read in one audit


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint that its log has signed.

    `first` and `latest` are when the quorum had cosigned it, and when it still did, in POSIX
    seconds; both are None where the quorum has not, or the policy asks for none.
    """

    checkpoint: Checkpoint
    note: bytes
    is_quorum: bool
    first: int | None
    latest: int | None


class Witnesses:
    """The witnesses of a policy as the lines of many notes need them: found and counted fast."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._by_key = {
            (each.verifier.name, each.verifier.key_id): each.name for each in policy.witnesses
        }
        self._names = {name for name, _key_id in self._by_key}
        self._is_met: dict[frozenset[str], bool] = {}

    def claims(self, signatures: str) -> list[tuple[int, str]]:
        """Return who is said to have cosigned when, by the lines of a note."""
        found = []
        for line in signatures.split("\n"):
            _dash, _, rest = line.partition(" ")
            name, _, encoded = rest.partition(" ")
            if name in self._names:
                signed = strict_base64(encoded)
                witness = self._by_key.get((name, signed[:4]))
                if witness is not None:
                    found.append((int.from_bytes(signed[4:12], "big"), witness))
        return found

    def head(self, checkpoint: Checkpoint, note: bytes, times: Sequence[tuple[int, str]]) -> Head:
        """Return the head that was cosigned at these times."""
        is_quorum = self._met(frozenset(name for _time, name in times))
        if not is_quorum or self._policy.quorum == NONE:
            return Head(checkpoint, note, is_quorum, None, None)
        first = self._when_met(sorted(times))
        latest = self._when_met(sorted(times, reverse=True))
        return Head(checkpoint, note, is_quorum, first, latest)

    def _when_met(self, times: Iterable[tuple[int, str]]) -> int | None:
        """Return the time of the witness with whom the quorum is complete."""
        names: frozenset[str] = frozenset()
        for time, name in times:
            names |= {name}
            if self._met(names):
                return time
        return None

    def _met(self, names: frozenset[str]) -> bool:
        if names not in self._is_met:
            self._is_met[names] = self._policy.is_met(names)
        return self._is_met[names]


def open_head(note: bytes, policy: Policy) -> Head:
    """Return the head that a note is. Raises NoteError unless a log of the policy has signed it."""
    parsed = parse_note(note)
    origin = parse_checkpoint(parsed.text).origin
    verifiers = [log.verifier for log in policy.logs if log.verifier.name == origin]
    if not verifiers:
        raise NoteError(f"the policy knows no log {origin!r}")
    checkpoint = open_checkpoint(note, *verifiers)
    names = {witness.verifier: witness.name for witness in policy.witnesses}
    times = [(each.time, names[each.verifier]) for each in cosignatures(parsed, names)]
    return Witnesses(policy).head(checkpoint, note, times)


def claimed_head(note: bytes, witnesses: Witnesses) -> Head:
    """Return what a note says without checking its signatures. Raises NoteError.

    A history has a head a minute, and more heads can only make the windows of time narrower:
    those that nobody signed have to be found only where they matter.
    """
    try:
        text, _, signatures = note.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise NoteError("a note is UTF-8") from None
    return witnesses.head(parse_checkpoint(f"{text}\n"), note, witnesses.claims(signatures))


class _Line(msgspec.Struct):
    """A line of a history file."""

    size: int
    note: str
    cosignatures: list[str] = []


_decoder = msgspec.json.Decoder(_Line)


def notes_of(history: bytes) -> Iterator[bytes]:
    """Yield the notes of a history file, each with its cosignatures under it.

    The file has one JSON object a line, with `note` and `cosignatures`. Raises NoteError.
    """
    for line in history.splitlines():
        try:
            said = decoded(_decoder, line)
        except msgspec.DecodeError as error:
            raise NoteError(f"a line is no head with its cosignatures: {error}") from None
        yield "".join([said.note, *(f"{each}\n" for each in said.cosignatures)]).encode()


@dataclass(frozen=True, slots=True)
class Window:
    """Leaves between two heads that witnesses saw; times are POSIX seconds, None is unknown.

    The leaves from `begin` to before `end` were not there at `after`, and were at `before`.
    """

    begin: int
    end: int
    after: int | None
    before: int | None


def windows(heads: Iterable[Head], start: int, size: int) -> Iterator[Window]:
    """Yield the windows of the leaves from `start` to before `size`, in their order."""
    first: dict[int, int] = {}
    latest: dict[int, int] = {}
    for head in heads:
        at = head.checkpoint.size
        if head.first is not None:
            first[at] = min(head.first, first.get(at, head.first))
        if head.latest is not None:
            latest[at] = max(head.latest, latest.get(at, head.latest))
    yield from _windows(first, latest, start, size)


def _windows(
    first: Mapping[int, int], latest: Mapping[int, int], start: int, size: int
) -> Iterator[Window]:
    cuts = sorted({start, size, *(at for at in {*first, *latest} if start < at < size)})
    # Of leaf i: the earliest of all heads above i, the latest of all up to it.
    before: dict[int, int | None] = {}
    earliest: int | None = None
    for at in sorted({*first, *cuts}, reverse=True):
        before[at] = earliest
        if at in first:
            earliest = first[at] if earliest is None else min(earliest, first[at])
    below = [at for at in latest if at <= start]
    after = max((latest[at] for at in below), default=None)
    for begin, end in pairwise(cuts):
        if begin in latest:
            after = latest[begin] if after is None else max(after, latest[begin])
        yield Window(begin, end, after, before[begin])
