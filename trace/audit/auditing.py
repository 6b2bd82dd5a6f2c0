"""The audit as a whole: every log of the policy, and the things that one was shown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec

from foodtrace.trace.audit.decoding import decoded
from foodtrace.trace.audit.heads import Head
from foodtrace.trace.audit.keys import Keys, check_numbers, read_keys
from foodtrace.trace.audit.logs import Outcome, Task, audit_log
from foodtrace.trace.audit.memory import KnownLog, Memory
from foodtrace.trace.audit.published import Named, Sighting, named_logs
from foodtrace.trace.audit.report import Report
from foodtrace.trace.audit.rules import YEARS
from foodtrace.trace.audit.sources import Source
from foodtrace.trace.audit.things import Thing, check_thing, read_thing
from foodtrace.trace.log.checkpoints import parse_checkpoint
from foodtrace.trace.log.notes import NoteError, parse_note
from foodtrace.trace.log.policies import Policy
from foodtrace.trace.log.tokens import Trust

_FIRST_KIND = "log"
_anything = msgspec.json.Decoder()


@dataclass
class Audit:
    """What is to be audited, by which policy, with what is known before.

    `kept` are heads that somebody has kept, `things` the bundles of what one was shown: where
    they are, and their path there. `now` is in POSIX seconds. `trust` are the certificates by which
    time stamps are verified, if they are to be.
    """

    source: Source
    policy: Policy
    now: float
    memory: Memory = field(default_factory=Memory)
    kept: Sequence[Sighting] = ()
    things: Sequence[tuple[Source, str]] = ()
    is_full: bool = False
    trust: Trust | None = None

    def run(self) -> tuple[Report, Memory]:
        """Audit everything; return what was found, and what to remember."""
        report = Report()
        # Before the logs: what they publish later covers it.
        things = [
            thing
            for source, path in self.things
            if (thing := read_thing(source, path, self.policy, report)) is not None
        ]
        logs = named_logs(self.source, self.policy, report)
        outcomes = self._logs(logs, things, report)
        _check_years(logs, outcomes, report)
        keys = _keys(logs, outcomes, report)
        leaves = {origin: outcome.leaves for origin, outcome in outcomes.items()}
        series = dict(self.memory.series)
        for thing in things:
            report.things += 1
            last = series.get(thing.name, {})
            series[thing.name] = check_thing(thing, keys, leaves, last, report)
        return report, Memory(logs=self._remembered(outcomes), series=series)

    def _logs(
        self, logs: Sequence[Named], things: Iterable[Thing], report: Report
    ) -> dict[str, Outcome]:
        outcomes = {}
        for log in logs:
            shown = [each for thing in things for each in thing.sightings(log.origin)]
            kept = [each for each in self.kept if each.head.checkpoint.origin == log.origin]
            entries = frozenset(
                statement.shown.index
                for thing in things
                for statement in thing.statements
                if statement.shown.log == log.origin
            )
            task = Task(
                self.source,
                self.policy,
                log,
                self.now,
                is_open=log is logs[-1],
                known=self.memory.logs.get(log.origin),
                seen=[*kept, *shown],
                entries=entries,
                is_full=self.is_full,
                trust=self.trust,
            )
            outcome = audit_log(task, report)
            if outcome is not None:
                outcomes[log.origin] = outcome
        return outcomes

    def _remembered(self, outcomes: Mapping[str, Outcome]) -> dict[str, KnownLog]:
        """Return what to remember of the logs: what was seen last before something differed."""
        proved = {
            origin: outcome.known
            for origin, outcome in outcomes.items()
            if outcome.known is not None
        }
        return self.memory.logs | proved


def _check_years(logs: Sequence[Named], outcomes: Mapping[str, Outcome], report: Report) -> None:
    """Check that each log begins where the one of the year before has ended."""
    for before, log in pairwise(logs):
        if before.origin not in outcomes or log.origin not in outcomes:
            continue
        wrong = _why_not_after(outcomes[before.origin].head, outcomes[log.origin])
        if wrong is not None:
            report.differ(YEARS, f"{log.origin}, entry 0", wrong)


def _why_not_after(ended: Head, later: Outcome) -> str | None:
    first = later.public.get(0)
    if first is None or first.kind != _FIRST_KIND:
        return "It is not shown to be the beginning of a log."
    try:
        previous = decoded(_anything, first.fields.get("/previous", "null"))
        head = parse_checkpoint(parse_note(previous.encode()).text) if previous else None
    except (msgspec.DecodeError, NoteError, AttributeError) as error:
        return f"What it holds is no checkpoint: {error}."
    if head == ended.checkpoint:
        return None
    said = "no checkpoint" if head is None else f"a checkpoint of {head.size} entries"
    return (
        f"It holds {said}, and the last of {ended.checkpoint.origin} has {ended.checkpoint.size} "
        "entries, or another root."
    )


def _keys(logs: Sequence[Named], outcomes: Mapping[str, Outcome], report: Report) -> Keys:
    statements = [
        (log.year, public)
        for log in logs
        if log.origin in outcomes
        for _index, public in sorted(outcomes[log.origin].public.items())
    ]
    check_numbers((public for _year, public in statements), report)
    return read_keys(statements, report, {log.year: log.origin for log in logs})
