"""Policies (c2sp.org/tlog-policy): which logs count, and which witnesses must have cosigned.

Reading is strict: a policy decides whom to trust, so a line that two programs could read in two
ways is refused. Names are octets: those that are not UTF-8 are kept apart with surrogates. Pure.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from foodtrace.trace.log.notes import COSIGNATURE, ED25519, NoteError, Verifier

LARGEST_POLICY = 256 * 1024
MOST_OF_A_KIND = 256  # logs, witnesses, groups; the standard asks for 32 at least

NONE = "none"

_BLANKS = re.compile(r"[ \t]+")
_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_THRESHOLD = re.compile(r"[1-9][0-9]{0,5}")


class PolicyError(ValueError):
    """A text that is no policy; `line` counts from 1, and is None where all of it is meant."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.reason = reason
        self.line = line


class Log(NamedTuple):
    """A log whose checkpoints count: its key has the name of its origin."""

    verifier: Verifier
    url: str | None


class Witness(NamedTuple):
    """One who cosigns; `name` has a meaning in the policy only."""

    name: str
    verifier: Verifier
    url: str | None


class Group(NamedTuple):
    """Witnesses and groups, of which at least `threshold` must have witnessed a checkpoint."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """A whole policy; groups stand after their members, as in the text."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str

    def is_met(self, cosigners: Collection[str]) -> bool:
        """Answer whether a checkpoint that these witnesses have cosigned counts.

        `cosigners` are names of the policy; others are ignored.
        """
        if self.quorum == NONE:
            return True
        met = {witness.name for witness in self.witnesses}.intersection(cosigners)
        for group in self.groups:
            if sum(member in met for member in group.members) >= group.threshold:
                met.add(group.name)
        return self.quorum in met

    @cached_property
    def required(self) -> frozenset[str]:
        """The witnesses without whom no checkpoint ever counts, whoever else has cosigned."""
        names = frozenset(witness.name for witness in self.witnesses)
        return frozenset(name for name in names if not self.is_met(names - {name}))


def parse_policy(data: bytes) -> Policy:
    """Return the policy that a file says. Raises PolicyError, which names the line."""
    if len(data) > LARGEST_POLICY:
        raise PolicyError(f"a policy has at most {LARGEST_POLICY} bytes here, not {len(data)}")
    if data and not data.endswith(b"\n"):
        raise PolicyError("the last line has no end: is the file whole?", data.count(b"\n") + 1)
    reading = _Reading()
    for number, line in enumerate(data.split(b"\n"), start=1):
        try:
            reading.take(line)
        except (PolicyError, NoteError) as error:
            raise PolicyError(str(error), number) from None
    if reading.quorum is None:
        raise PolicyError("there is no quorum line: write quorum and a name, or quorum none")
    return Policy(
        tuple(reading.logs), tuple(reading.witnesses), tuple(reading.groups), reading.quorum
    )


class _Reading:
    """What the lines so far have said."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.witnesses: list[Witness] = []
        self.groups: list[Group] = []
        self.quorum: str | None = None
        # Each name that was defined, and whether it may still become a member.
        self._is_free: dict[str, bool] = {}

    def take(self, line: bytes) -> None:
        """Add what a line says; raise PolicyError or NoteError if it says nothing allowed."""
        bad = _FORBIDDEN.search(line)
        if bad is not None:
            raise PolicyError(f"the control character 0x{bad[0][0]:02x} is not allowed")
        text = line.decode(errors="surrogateescape").strip(" \t")
        if not text or text.startswith("#"):
            return
        keyword, *items = _BLANKS.split(text)
        if keyword == "log":
            self._log(items)
        elif keyword == "witness":
            self._witness(items)
        elif keyword == "group":
            self._group(items)
        elif keyword == "quorum":
            self._quorum(items)
        else:
            raise PolicyError(
                f"a line begins with log, witness, group or quorum, not {_shown(keyword)}"
            )

    def _log(self, items: Sequence[str]) -> None:
        if len(items) not in (1, 2):
            raise PolicyError("a log line is: log VKEY [URL]")
        verifier = _verifier(items[0], ED25519, "a log")
        _require_new(verifier, (log.verifier for log in self.logs))
        self.logs.append(Log(verifier, items[1] if len(items) == 2 else None))
        _require_few(self.logs, "logs")

    def _witness(self, items: Sequence[str]) -> None:
        if len(items) not in (2, 3):
            raise PolicyError("a witness line is: witness NAME VKEY [URL]")
        verifier = _verifier(items[1], COSIGNATURE, "a witness")
        _require_new(verifier, (witness.verifier for witness in self.witnesses))
        self._define(items[0])
        self.witnesses.append(Witness(items[0], verifier, items[2] if len(items) == 3 else None))
        _require_few(self.witnesses, "witnesses")

    def _group(self, items: Sequence[str]) -> None:
        if len(items) < 3:
            raise PolicyError("a group line is: group NAME all|any|NUMBER NAME…")
        name, threshold, *members = items
        for member in members:
            if not self._is_defined(member):
                raise PolicyError(f"{_shown(member)} is defined on no line before")
            if not self._is_free[member]:
                raise PolicyError(f"{_shown(member)} is a member already: once is allowed")
            self._is_free[member] = False
        self._define(name)
        self.groups.append(Group(name, _threshold(threshold, len(members)), tuple(members)))
        _require_few(self.groups, "groups")

    def _quorum(self, items: Sequence[str]) -> None:
        if len(items) != 1:
            raise PolicyError("a quorum line is: quorum NAME, or quorum none")
        if self.quorum is not None:
            raise PolicyError("there is a quorum line already")
        if items[0] != NONE and not self._is_defined(items[0]):
            raise PolicyError(f"{_shown(items[0])} is defined on no line before")
        self.quorum = items[0]

    def _define(self, name: str) -> None:
        if name == NONE:
            raise PolicyError("no witness and no group can be called none")
        if name in self._is_free:
            raise PolicyError(f"the name {_shown(name)} is taken already")
        self._is_free[name] = True

    def _is_defined(self, name: str) -> bool:
        if name == NONE:
            raise PolicyError("none is no member: it can be the whole quorum only")
        return name in self._is_free


def _verifier(vkey: str, kind: int, of: str) -> Verifier:
    if not _is_utf_8(vkey):
        raise PolicyError("the name of a key is UTF-8")
    verifier = Verifier.from_vkey(vkey)
    if verifier.kind != kind:
        raise PolicyError(f"the key of {of} is of kind {kind}, this one is of {verifier.kind}")
    return verifier


def _is_utf_8(text: str) -> bool:
    """Answer whether the octets were UTF-8, and not kept with surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _require_new(verifier: Verifier, known: Iterable[Verifier]) -> None:
    """Two names for one key would count one word twice."""
    if any(verifier.public_key == other.public_key for other in known):
        raise PolicyError(f"the key of {_shown(verifier.name)} stands on a line before already")


def _require_few(found: Sequence[object], what: str) -> None:
    if len(found) > MOST_OF_A_KIND:
        raise PolicyError(f"a policy has at most {MOST_OF_A_KIND} {what} here")


def _threshold(text: str, members: int) -> int:
    if text in ("any", "all"):
        return 1 if text == "any" else members
    if _THRESHOLD.fullmatch(text) is None or int(text) > members:
        raise PolicyError(
            f"a group of {members} asks for all, any or a number from 1 to {members}, "
            f"not {_shown(text)}"
        )
    return int(text)


def _shown(text: str) -> str:
    return ascii(text[:80]) if not text.isprintable() else repr(text[:80])
