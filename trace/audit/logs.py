"""The audit of one log: what it serves, what it signed, what was seen of it before."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from foodtrace.trace.audit.growth import Growth
from foodtrace.trace.audit.heads import Head
from foodtrace.trace.audit.memory import KnownLog
from foodtrace.trace.audit.public import check_public
from foodtrace.trace.audit.published import (
    Named,
    Public,
    Sighting,
    current_heads,
    day_of,
    history,
    moment,
    public_statements,
    verified,
)
from foodtrace.trace.audit.recomputing import Recomputed, Recomputing, Wanted, largest
from foodtrace.trace.audit.report import Audited, Report
from foodtrace.trace.audit.rules import (
    APPEND_ONLY,
    FORWARD,
    FRESH,
    FRESH_SECONDS,
    QUORUM,
    READABLE,
    ROOT,
    SKEW_SECONDS,
)
from foodtrace.trace.audit.sources import Read, Source, read_all
from foodtrace.trace.audit.stamps import check_stamps, read_stamps
from foodtrace.trace.audit.times import check_times
from foodtrace.trace.log.checkpoints import Checkpoint
from foodtrace.trace.log.policies import Policy
from foodtrace.trace.log.tiles import Tile
from foodtrace.trace.log.tokens import Trust


@dataclass(frozen=True)
class Task:
    """What is to be audited, and what is known before; `now` is in POSIX seconds.

    `seen` are heads that somebody has kept, or was shown. A log is `open` while no later one
    has begun.
    """

    source: Source
    policy: Policy
    log: Named
    now: float
    is_open: bool
    known: KnownLog | None = None
    seen: Sequence[Sighting] = ()
    entries: frozenset[int] = frozenset()  # indexes whose leaves are asked for
    is_full: bool = False
    trust: Trust | None = None  # certificates that vouch for time stamps


@dataclass
class Outcome:
    """What an audit has found out of a log; `known` is what to remember of it."""

    head: Head
    public: dict[int, Public]
    leaves: dict[int, bytes]
    known: KnownLog | None = None


def audit_log(task: Task, report: Report) -> Outcome | None:
    """Audit one log; None where it publishes no head that is signed by it."""
    current = current_heads(task.source, task.log, task.policy, report)
    if not current:
        return None
    newest = max(current, key=lambda each: each.head.checkpoint.size).head
    witnessed_at = _check_quorum(task, current, report)
    _check_forward(task, newest, witnessed_at, report)
    known = task.known if _goes_on(task, newest) else None
    public = public_statements(task.source, task.log, report)
    stamps = read_stamps(task.source, task.log, task.policy, task.trust, report)
    sightings = [
        *current,
        *task.seen,
        *_remembered(task),
        *_history(task, known, report),
        *(each.sighting for each in (stamps.found if stamps else ())),
    ]
    done = _recompute(task, newest, known, sightings, public, report)
    holds = _check_roots(task, newest, sightings, done, report)
    size, root = newest.checkpoint.size, newest.checkpoint.root
    new = known.size if known else 0, size
    check_times(task.policy, task.log.origin, task.now, new, sightings, done.leaves, report)
    if stamps is not None:
        check_stamps(stamps, size, done.leaves, sightings, task.now, report)
    shown = {index: each for index, each in public.items() if index < size}
    check_public(task.log.origin, task.known, shown, done.leaves, report)
    read = size - (known.growth.size if known else 0)
    stamped = None if stamps is None else len(stamps.found)
    report.logs.append(
        Audited(task.log.origin, size, root.hex(), read, witnessed_at, holds, stamped)
    )
    known_now = _to_remember(newest, current, done, shown) if holds else None
    return Outcome(newest, shown, done.leaves, known_now)


def _check_quorum(task: Task, current: Iterable[Sighting], report: Report) -> int | None:
    """Check that the witnesses have seen the log, and lately; return when they did last."""
    origin = task.log.origin
    if not any(each.head.is_quorum for each in current):
        report.differ(QUORUM, origin, "No published checkpoint has the cosignatures it needs.")
        return None
    times = [each.head.latest for each in current if each.head.latest is not None]
    if not times:  # the policy asks for no witness
        return None
    latest = max(times)
    age = task.now - latest
    if age < -SKEW_SECONDS:
        report.differ(
            FRESH, origin, f"It was cosigned at {moment(latest)}, which is yet to come here."
        )
    elif age > FRESH_SECONDS and task.is_open:
        found = f"It was cosigned last at {moment(latest)}, {age / 60:.0f} minutes ago."
        if task.source.is_live:
            report.differ(FRESH, origin, found)
        else:
            report.note(FRESH, origin, f"{found} This is a copy: nothing later is in it.")
    return latest


def _check_forward(task: Task, newest: Head, witnessed_at: int | None, report: Report) -> None:
    origin, size = task.log.origin, newest.checkpoint.size
    for each in [*task.seen, *_remembered(task)]:
        seen = each.head.checkpoint.size
        if seen > size:
            report.differ(
                FORWARD, origin, f"It has {size} entries now, and had {seen} in {each.where}."
            )
    before = task.known.latest if task.known else None
    if before is not None and (witnessed_at is None or witnessed_at < before):
        found = "has no such time" if witnessed_at is None else f"is of {moment(witnessed_at)}"
        report.differ(
            FORWARD,
            origin,
            f"At the audit before it was cosigned last at {moment(before)}; what is shown now "
            f"{found}.",
        )


def _remembered(task: Task) -> list[Sighting]:
    """Return the head of the audit before."""
    known = task.known
    if known is None:
        return []
    checkpoint = Checkpoint(task.log.origin, known.size, known.root)
    head = Head(checkpoint, known.note, True, known.first, known.latest)
    return [Sighting(head, "the audit before")]


def _goes_on(task: Task, newest: Head) -> bool:
    """Answer whether this audit may begin where the one before has ended."""
    known = task.known
    if known is None or task.is_full or known.size > newest.checkpoint.size:
        return False
    start = known.growth.size
    return all(each.head.checkpoint.size >= start for each in task.seen)


def _history(task: Task, known: KnownLog | None, report: Report) -> Iterator[Sighting]:
    since = date(task.log.year, 1, 1)
    if known is not None and known.last_time:
        # A leaf may be dated to any time; what was published since then is read all the same.
        last = min(known.last_time / 1000, task.now)
        since = max(since, day_of(last) - timedelta(days=1))
    return history(task.source, task.log, task.policy, report, since=since, until=day_of(task.now))


def _recompute(
    task: Task,
    newest: Head,
    known: KnownLog | None,
    sightings: Iterable[Sighting],
    public: Mapping[int, Public],
    report: Report,
) -> Recomputed:
    size = newest.checkpoint.size
    sizes = {each.head.checkpoint.size for each in sightings}
    ends = {index for at in {*sizes, size, 0} for index in (at - 1, at)}
    wanted = Wanted({*sizes, size}, {*public, *ends, *task.entries})
    growth = known.growth if known else Growth()
    last_time = known.last_time if known else 0

    def read(tiles: Iterable[Tile]) -> Iterator[Read]:
        paths = ((f"{task.log.year}/{tile.path}", largest(tile)) for tile in tiles)
        return read_all(task.source, paths)

    return Recomputing(task.log.origin, size, growth, last_time, wanted, report).run(read)


def _check_roots(
    task: Task,
    newest: Head,
    sightings: Iterable[Sighting],
    done: Recomputed,
    report: Report,
) -> bool:
    """Compare the roots of all heads with those that the entries give; answer if they agree."""
    origin, size = task.log.origin, newest.checkpoint.size
    if not done.is_whole:
        report.differ(READABLE, origin, "Entries are missing: its root cannot be computed.")
        return False
    holds = done.roots[size] == newest.checkpoint.root
    if not holds:
        report.differ(ROOT, origin, f"Its {size} entries give another root than was signed.")
    told = {newest.checkpoint}
    for each in sightings:
        checkpoint = each.head.checkpoint
        root = done.roots.get(checkpoint.size)
        if root is None or root == checkpoint.root or checkpoint in told:
            continue
        told.add(checkpoint)
        if verified(each, task.policy, report) is None:
            continue
        holds = False
        report.differ(
            APPEND_ONLY,
            each.where if each.where.startswith(origin) else f"{origin}, {each.where}",
            f"A checkpoint of {checkpoint.size} entries was signed, and the first "
            f"{checkpoint.size} entries give another root now.",
        )
    return holds


def _to_remember(
    newest: Head, current: Iterable[Sighting], done: Recomputed, shown: Mapping[int, Public]
) -> KnownLog:
    first = newest.first
    times = [each.head.latest for each in current if each.head.latest is not None]
    return KnownLog(
        newest.checkpoint.size,
        newest.checkpoint.root,
        newest.note,
        first,
        max(times, default=None),
        [b"".join(level) for level in done.growth.levels],
        done.bundled_time,
        {index: each.leaf.entry for index, each in shown.items()},
    )
