"""Whether a log has dated its entries back or forward, by what witnesses saw when."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from random import SystemRandom
from typing import NamedTuple

from foodtrace.trace.audit.heads import windows
from foodtrace.trace.audit.published import Sighting, moment, verified
from foodtrace.trace.audit.report import Report
from foodtrace.trace.audit.rules import FRESH_SECONDS, SKEW_SECONDS, TIME_KNOWN, TIME_WINDOW
from foodtrace.trace.log.policies import NONE, Policy

MOST_CHECKED = 5_000

Leaves = Mapping[int, bytes]


def check_times(
    policy: Policy,
    origin: str,
    now: float,
    new: tuple[int, int],
    sightings: Sequence[Sighting],
    leaves: Leaves,
    report: Report,
) -> None:
    """Compare the times of the leaves from the one index to before the other with all heads.

    `leaves` holds those at both sides of each head's end.
    """
    if policy.quorum == NONE:
        report.note(TIME_KNOWN, origin, "The policy asks for no witness.")
    wrong = list(_wrong(sightings, new, leaves, now))
    if wrong:
        # Heads that nobody has signed make windows narrower than they are.
        signed = [each for each in sightings if verified(each, policy, report) is not None]
        wrong = list(_wrong(signed, new, leaves, now))
    for begin, end, found in wrong:
        entries = f"entry {begin}" if end - begin == 1 else f"entries {begin} to {end - 1}"
        report.differ(TIME_WINDOW, f"{origin}, {entries}", found)
    if policy.quorum != NONE:
        _check_gaps(policy, origin, new, sightings, report)


class _Wrong(NamedTuple):
    begin: int
    end: int
    found: str


def _wrong(
    sightings: Sequence[Sighting], new: tuple[int, int], leaves: Leaves, now: float
) -> Iterator[_Wrong]:
    """Yield the windows that the times of their leaves are not in."""
    for window in windows((each.head for each in sightings), *new):
        first, last = leaves.get(window.begin), leaves.get(window.end - 1)
        if first is None or last is None:
            continue
        earliest, latest = _time(first), _time(last)
        if window.after is not None and earliest < window.after - SKEW_SECONDS:
            yield _Wrong(
                window.begin,
                window.end,
                f"The first says that it was logged at {moment(earliest)}, and at "
                f"{moment(window.after)} the witnesses saw a log without it: it was dated back.",
            )
        until = now if window.before is None else window.before
        if latest > until + SKEW_SECONDS:
            yield _Wrong(
                window.begin,
                window.end,
                f"The last says that it was logged at {moment(latest)}, and it was there at "
                f"{moment(until)} already: it was dated forward.",
            )


def _check_gaps(
    policy: Policy,
    origin: str,
    new: tuple[int, int],
    sightings: Sequence[Sighting],
    report: Report,
) -> None:
    """Say for how many entries nobody but the operator knows the time."""
    sparse = _sparse(sightings)
    # Of many a sample that nobody can foresee: the signatures of a year would take longer than
    # all the rest. Whoever audits each night has none that many.
    some = sparse if len(sparse) <= MOST_CHECKED else SystemRandom().sample(sparse, MOST_CHECKED)
    wrong = {id(each) for each in some if verified(each, policy, report) is None}
    heads = (each.head for each in sparse if id(each) not in wrong)
    wide, widest = 0, 0
    for window in windows(heads, *new):
        if window.before is None:  # not witnessed yet: whether the log is fresh is another rule
            continue
        if window.after is None:
            wide += window.end - window.begin
        elif window.before - window.after > FRESH_SECONDS:
            wide += window.end - window.begin
            widest = max(widest, window.before - window.after)
    if wide:
        most = f" The longest time in between is {widest // 60} minutes." if widest else ""
        found = f"This is not so for {wide} of {new[1] - new[0]} entries.{most}"
        report.note(TIME_KNOWN, origin, found)


def _sparse(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Return so few heads that a gap still shows between two of them if there is one."""
    timed = sorted((each for each in sightings if each.head.first is not None), key=_first)
    chosen = timed[:1]
    for each, following in pairwise(timed[1:] + timed[-1:]):
        if _first(following) > _first(chosen[-1]) + FRESH_SECONDS or following is each:
            chosen.append(each)
    return chosen


def _first(sighting: Sighting) -> int:
    return sighting.head.first or 0


def _time(entry: bytes) -> float:
    """Return the time of a leaf in POSIX seconds."""
    return int.from_bytes(entry[1:9], "big") / 1000
