"""What an audit has found: differences, and notes on what could not be proved."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from foodtrace.trace.audit.rules import Rule

# Of one rule in one log: whoever rewrites a log of a million entries breaks it everywhere.
MOST_OF_A_RULE = 100
LONGEST_TEXT = 2_000


class Finding(NamedTuple):
    """One rule that does not hold at one place; `found` is a sentence."""

    rule: Rule
    place: str
    found: str


@dataclass
class Audited:
    """A log that was audited: what its checkpoint says, and how much of it was read."""

    origin: str
    size: int
    root: str  # in hex
    read: int  # entries that were read and hashed this time
    witnessed_at: int | None  # POSIX seconds of the newest cosignature of the quorum
    holds: bool  # whether the tree is the one that was signed, then and before
    stamped: int | None = None  # days whose stamps were verified; None where none was to be


@dataclass
class Report:
    """All that was found; findings of one rule are counted from a hundred on."""

    differences: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    logs: list[Audited] = field(default_factory=list)
    things: int = 0
    _seen: Counter[str] = field(default_factory=Counter)
    _noted: Counter[str] = field(default_factory=Counter)

    def differ(self, rule: Rule, place: str, found: str) -> None:
        """Add a difference."""
        self._seen[rule.name] += 1
        if self._seen[rule.name] <= MOST_OF_A_RULE:
            self.differences.append(Finding(rule, _plain(place), _plain(found)))

    def note(self, rule: Rule, place: str, found: str) -> None:
        """Add what could not be proved, and is no difference by itself."""
        self._noted[rule.name] += 1
        if self._noted[rule.name] <= MOST_OF_A_RULE:
            self.notes.append(Finding(rule, _plain(place), _plain(found)))

    @property
    def uncounted(self) -> dict[str, int]:
        """How many differences of a rule were found beyond those that are listed."""
        return _beyond(self._seen)

    @property
    def unlisted(self) -> dict[str, int]:
        """How many notes on a rule there are beyond those that are listed."""
        return _beyond(self._noted)

    def as_json(self) -> dict[str, object]:
        """Return the report as JSON values."""
        return {
            "format": "foodtrace-audit/1",
            "differences": [_json(each) for each in self.differences],
            "more": self.uncounted,
            "notes": [_json(each) for each in self.notes],
            "more_notes": self.unlisted,
            "logs": [vars(log) for log in self.logs],
            "things": self.things,
        }

    def as_text(self) -> str:
        """Return the report as people read it."""
        parts = [_text("DIFFERENCE", each) for each in self.differences]
        parts += [f"and {more} more of {name}\n" for name, more in self.uncounted.items()]
        parts += [_text("NOTE", each) for each in self.notes]
        parts += [f"and {more} more notes on {name}\n" for name, more in self.unlisted.items()]
        parts += [_summary(log) for log in self.logs]
        count = sum(self._seen.values())
        things = f", {_counted(self.things, 'thing')}" if self.things else ""
        verdict = _counted(count, "difference") if count else "nothing differs"
        parts.append(f"{_counted(len(self.logs), 'log')}{things}: {verdict}.\n")
        return "\n".join(parts)


def _beyond(counts: Counter[str]) -> dict[str, int]:
    return {name: n - MOST_OF_A_RULE for name, n in counts.items() if n > MOST_OF_A_RULE}


def _plain(text: str) -> str:
    r"""Return a text that may hold what the audited has written, safe for a terminal.

    >>> _plain("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    cut = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in cut)


def _summary(log: Audited) -> str:
    holds = "the tree is the one that was signed" if log.holds else "NOT what was signed"
    stamped = "" if log.stamped is None else f"; {_counted(log.stamped, 'stamp')} verified"
    return f"{log.origin}: {log.size} entries, {log.read} of them read now; {holds}{stamped}\n"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _json(finding: Finding) -> dict[str, str]:
    return {
        "rule": finding.rule.name,
        "place": finding.place,
        "found": finding.found,
        "text": finding.rule.text,
        "means": finding.rule.means,
    }


def _text(title: str, finding: Finding) -> str:
    return (
        f"{title} {finding.rule.name}\n"
        f"  where: {finding.place}\n"
        f"  found: {finding.found}\n"
        f"  rule:  {finding.rule.text}\n"
        f"  means: {finding.rule.means}\n"
    )
