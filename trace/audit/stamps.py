"""The time stamps of the days: whether an authority has signed the last head of each (RFC 3161)."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated

import msgspec

from foodtrace.trace.audit.decoding import decoded
from foodtrace.trace.audit.published import LAST_YEAR, Named, Sighting, checked, moment
from foodtrace.trace.audit.report import Report
from foodtrace.trace.audit.rules import FORWARD, READABLE, STAMPED
from foodtrace.trace.audit.sources import Missing, Source, Unreadable, read_all
from foodtrace.trace.log.notes import MAX_SIZE
from foodtrace.trace.log.policies import Policy
from foodtrace.trace.log.tokens import (
    LARGEST_TOKEN,
    MOST_SECONDS_APART,
    TokenError,
    Trust,
    time_of,
)

_LIST = "stamps/days.json"
LARGEST_LIST = 256 * 1024
MOST_DAYS = 400  # of one log; it may be closed some weeks after its year
# An authority may be away for days. A stamp of next month says nothing about today.
MOST_DAYS_LATE = 31
USUAL_DAYS_LATE = 2
# What was signed on a day is on its way into the list.
SECONDS_TO_LIST = 3600
_SHOWN = 10
_APART = timedelta(seconds=MOST_SECONDS_APART)
_DAY = timedelta(days=1)


class _Listed(msgspec.Struct):
    """A day in the list; without a time its head has no stamp yet."""

    day: date
    size: int
    time: Annotated[datetime, msgspec.Meta(tz=True)] | None


_list = msgspec.json.Decoder(list[_Listed])


@dataclass(frozen=True, slots=True)
class Stamped:
    """The last head of a day, and when an authority has signed it."""

    day: date
    time: datetime
    sighting: Sighting

    @property
    def size(self) -> int:
        """How many entries the head has."""
        return self.sighting.head.checkpoint.size


@dataclass(frozen=True)
class Stamps:
    """The stamps of a log that hold by themselves, and the days that are listed."""

    days: Mapping[date, int]
    found: Sequence[Stamped] = ()


def read_stamps(
    source: Source, log: Named, policy: Policy, trust: Trust | None, report: Report
) -> Stamps | None:
    """Read the stamps of a log, and verify each token; None where that cannot be done.

    Without certificates nothing is verified, and the report says so.
    """
    where = f"{log.origin}, {_LIST}"
    try:
        data = source.read(f"{log.year}/{_LIST}", LARGEST_LIST)
        listed = decoded(_list, data) if trust is not None else []
    except (Unreadable, msgspec.DecodeError) as error:
        if trust is not None:
            report.differ(READABLE, where, f"It cannot be read: {error}.")
        elif not isinstance(error, Missing):
            report.note(STAMPED, where, f"The time stamps cannot be read: {error}.")
        return None
    if trust is None:
        found = "The time stamps were not verified: no certificate of their authority was given."
        report.note(STAMPED, where, found)
        return None
    wrong = _why_no_list(listed, log)
    if wrong is not None:
        report.differ(STAMPED, where, wrong)
        return None
    gaps = [each.day for each in listed if each.time is None]
    if gaps:
        report.note(STAMPED, where, f"Of {len(listed)} days {_said(gaps)} no stamp yet.")
    found_stamps = list(_read(source, log, policy, trust, listed, report))
    return Stamps({each.day: each.size for each in listed}, found_stamps)


def _why_no_list(listed: Sequence[_Listed], log: Named) -> str | None:
    if len(listed) > MOST_DAYS:
        return f"It has {len(listed)} days, and a log has at most {MOST_DAYS}."
    if any(later.day <= each.day for each, later in pairwise(listed)):
        return "Its days are not in their order."
    last = min(log.year + 1, LAST_YEAR - 1)
    if listed and not log.year <= listed[0].day.year <= listed[-1].day.year <= last:
        return "It has days of other years than that of the log."
    return None


def _read(
    source: Source,
    log: Named,
    policy: Policy,
    trust: Trust,
    listed: Iterable[_Listed],
    report: Report,
) -> Iterator[Stamped]:
    """Yield the stamps that hold by themselves; report the others."""
    stamped = [each for each in listed if each.time is not None]
    paths = [
        (f"{log.year}/stamps/{each.day}.{kind}", most)
        for each in stamped
        for kind, most in (("tsr", LARGEST_TOKEN), ("note", MAX_SIZE))
    ]
    files = read_all(source, paths)
    for each, token, note in zip(stamped, files, files, strict=True):
        where = f"{log.origin}, stamps/{each.day}"
        if isinstance(token, Unreadable) or isinstance(note, Unreadable):
            why = token if isinstance(token, Unreadable) else note
            report.differ(READABLE, where, f"It cannot be read: {why!s}.")
            continue
        sighting = checked(note, where, log.origin, policy, report)
        if sighting is None:
            continue
        try:
            at = time_of(token, hashlib.sha256(note).digest(), trust)
        except TokenError as error:
            report.differ(STAMPED, where, f"It is no stamp of this head: {error}.")
            continue
        found = Stamped(each.day, at, sighting)
        wrong = _why_not_listed(each, found)
        if wrong is not None:
            report.differ(STAMPED, where, wrong)
        yield found


def _why_not_listed(each: _Listed, found: Stamped) -> str | None:
    if each.size != found.size:
        return f"The stamped head has {found.size} entries, and the list says {each.size}."
    if each.time is None or abs(each.time - found.time) >= timedelta(seconds=1):
        return f"It is of {moment(found.time.timestamp())}, and the list says another time."
    return None


def check_stamps(
    stamps: Stamps,
    size: int,
    leaves: Mapping[int, bytes],
    sightings: Iterable[Sighting],
    now: float,
    report: Report,
) -> None:
    """Compare the stamps with the log: its entries, its history, and the time of the audit.

    `size` is that of its newest head; `leaves` holds the last entries of the stamped heads, as far
    as they were read now.
    """
    for each in stamps.found:
        where = each.sighting.where
        wrong = _why_wrong_time(each, leaves.get(each.size - 1), now)
        if wrong is not None:
            report.differ(STAMPED, where, wrong)
        elif each.time > _end(each.day) + USUAL_DAYS_LATE * _DAY:
            report.note(STAMPED, where, f"It was made late: {moment(each.time.timestamp())}.")
        if each.size > size:
            found = f"It has {size} entries now, and a head of {each.size} was stamped."
            report.differ(FORWARD, where, found)
    _check_days(stamps.days, sightings, now, report)


def _why_wrong_time(stamp: Stamped, last: bytes | None, now: float) -> str | None:
    at = moment(stamp.time.timestamp())
    if stamp.time.timestamp() > now + MOST_SECONDS_APART:
        return f"It is of {at}, which is yet to come here."
    if stamp.time < _end(stamp.day) - _APART:
        return f"It is of {at}, before the day was over."
    if stamp.time > _end(stamp.day) + MOST_DAYS_LATE * _DAY:
        return f"It is of {at}, more than {MOST_DAYS_LATE} days after the day that it is for."
    if last is not None:
        logged = int.from_bytes(last[1:9], "big") / 1000
        if logged > stamp.time.timestamp() + MOST_SECONDS_APART:
            return f"It is of {at}, and the last entry of the head says {moment(logged)}."
    return None


def _check_days(
    listed: Mapping[date, int], sightings: Iterable[Sighting], now: float, report: Report
) -> None:
    """Check that each day with a head is listed, since the first one, and with its last head."""
    last: dict[date, Sighting] = {}
    for each in sightings:
        if each.day is not None:
            before = last.get(each.day, each)
            last[each.day] = max(before, each, key=lambda seen: seen.head.checkpoint.size)
    today = (datetime.fromtimestamp(now, UTC) - timedelta(seconds=SECONDS_TO_LIST)).date()
    for day, sighting in sorted(last.items()):
        if day >= today or not listed or day < min(listed):
            continue
        size = sighting.head.checkpoint.size
        if day not in listed:
            found = f"This day has a head of {size} entries, and is not in the list of stamps."
            report.differ(STAMPED, sighting.where, found)
        elif listed[day] < size:
            found = (
                f"The last head of this day has {size} entries; that to be stamped {listed[day]}."
            )
            report.differ(STAMPED, sighting.where, found)


def _end(day: date) -> datetime:
    """Return when a day is over; the list has no day near the end of all days."""
    return datetime.combine(day, time.min, UTC) + _DAY


def _said(days: Sequence[date]) -> str:
    """Return days as the subject of a sentence, not too many."""
    shown = ", ".join(map(str, days[:_SHOWN]))
    more = f" and {len(days) - _SHOWN} more" if len(days) > _SHOWN else ""
    return f"{shown}{more} {'has' if len(days) == 1 else 'have'}"
