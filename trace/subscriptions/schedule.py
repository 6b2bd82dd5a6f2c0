"""When a subscription is due: the query schedule of EPCIS 2.0 (section 8.2.5.3). Pure.

A schedule names seconds, minutes, hours, days and months; a moment matches when it fits
every field. Elements are separated by commas; each is a number (``5``), a range (``1-5``
or ``[1-5]``), all (``*``), or one of these with a step (``0/30``, ``*/5``, ``8-18/2``).

* As with cron, a field that is finer than all that are given stands at its first value:
  hour 1 and minute 5 is 01:05:00, day 1 of the month is its midnight. Any other field that
  is not given matches everything.
* `dayOfMonth` and `dayOfWeek` must both fit, as the standard says, unlike with cron.
* Two runs are at least SHORTEST_INTERVAL_SECONDS apart.
"""

import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from foodtrace.trace.errors import Problem, SubscriptionControls, mark

# The smallest and the largest value of each field, from fine to coarse.
FIELDS = {
    "second": (0, 59),
    "minute": (0, 59),
    "hour": (0, 23),
    "dayOfMonth": (1, 31),
    "month": (1, 12),
    "dayOfWeek": (1, 7),
}
_RANKS = {"second": 0, "minute": 1, "hour": 2, "dayOfMonth": 3, "dayOfWeek": 3, "month": 4}
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
SHORTEST_INTERVAL_SECONDS = 10
LONGEST_TEXT = 200
# 29 February falls on a given weekday every 28 years, or 40 where a century is no leap year.
_YEARS_AHEAD = 40
_NUMBER = "([0-9]{1,2})"
_ELEMENT = re.compile(
    rf"(?:(\*)|{_NUMBER}(?:-{_NUMBER})?|\[{_NUMBER}-{_NUMBER}\])(?:/([1-9][0-9]?))?"
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The values that match, rising, field by field; `weekdays` counts from Monday, 1."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    def matches(self, moment: datetime) -> bool:
        """Answer whether the clock of this moment's own zone shows a time that fits."""
        return (
            moment.second in self.seconds
            and moment.minute in self.minutes
            and moment.hour in self.hours
            and moment.day in self.days
            and moment.month in self.months
            and moment.isoweekday() in self.weekdays
        )


def schedule_of(fields: Mapping[str, Any]) -> Schedule:
    """Return the schedule that the fields describe; raise SubscriptionControls with all faults."""
    problems = [_unknown(name) for name in fields if name not in FIELDS]
    if not fields:
        problems.append(
            Problem(
                "/schedule",
                mark("The schedule names no time"),
                mark("Give at least one of %(fields)s"),
                {"fields": ", ".join(FIELDS)},
            )
        )
    values: dict[str, tuple[int, ...]] = {}
    for name, (low, high) in FIELDS.items():
        read = _values_of(fields[name], low, high) if name in fields else _unsaid(name, fields)
        if read is None:
            problems.append(_unreadable(name, low, high))
        values[name] = read or (low,)
    schedule = Schedule(*values.values())
    problems = problems or _impossible(schedule)
    if problems:
        raise SubscriptionControls(*problems)
    return schedule


def next_time(schedule: Schedule, after: datetime, zone: tzinfo) -> datetime | None:
    """Return the first moment after `after` that fits, in UTC; None if it is past year 9999.

    `zone` is whose clock counts; it must have no summer time, or an hour would come twice.
    """
    earliest = after.astimezone(zone).replace(microsecond=0, tzinfo=None) + timedelta(seconds=1)
    for day in _days(schedule, earliest.date()):
        begin = earliest.time() if day == earliest.date() else time.min
        clock = _clock_from(schedule, begin)
        if clock is not None:
            return datetime.combine(day, clock, zone).astimezone(UTC)
    return None


def _unsaid(name: str, fields: Mapping[str, Any]) -> tuple[int, ...]:
    """Return what a field that is not given stands for, beside those that are."""
    low, high = FIELDS[name]
    finest = min((_RANKS[given] for given in fields if given in _RANKS), default=0)
    # Days are counted by the month: a weekday that is not asked for is any.
    is_finer = _RANKS[name] < finest and name != "dayOfWeek"
    return (low,) if is_finer else tuple(range(low, high + 1))


def _values_of(value: Any, low: int, high: int) -> tuple[int, ...] | None:
    """Return the values that a field names, rising; None if it cannot be read."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return None
    found: set[int] = set()
    for element in value.replace(" ", "").split(","):
        named = _element(element, low, high)
        if not named:
            return None
        found.update(named)
    return tuple(sorted(found))


def _element(text: str, low: int, high: int) -> range:
    """Return the values of one element; none where it is not one, or out of bounds."""
    match = _ELEMENT.fullmatch(text)
    if match is None:
        return range(0)
    everything, one, end, first, last, step = match.groups()
    if everything:
        start, stop = low, high
    elif first:
        start, stop = int(first), int(last)
    else:
        start = int(one)
        # A number alone with a step goes on to the end, as in 0/30.
        stop = int(end) if end else high if step else start
    return range(start, stop + 1, int(step or 1)) if low <= start and stop <= high else range(0)


def _impossible(schedule: Schedule) -> list[Problem]:
    """Name what keeps a readable schedule from being kept: no such day, or too often."""
    seconds = schedule.seconds
    gaps = [
        later - earlier
        for earlier, later in zip(seconds, [*seconds[1:], seconds[0] + 60], strict=True)
    ]
    if min(gaps) < SHORTEST_INTERVAL_SECONDS:
        return [
            Problem(
                "/schedule/second",
                mark("Two times are less than %(least)s seconds apart"),
                mark('Leave more time between them, or subscribe with "stream": true'),
                {"least": SHORTEST_INTERVAL_SECONDS},
            )
        ]
    if all(_MONTH_DAYS[month - 1] < schedule.days[0] for month in schedule.months):
        return [
            Problem(
                "/schedule/dayOfMonth",
                mark("None of the months named has such a day"),
                mark("Choose another day or month"),
            )
        ]
    return []


def _days(schedule: Schedule, first: date) -> Iterator[date]:
    """Yield the days that fit, from `first` on."""
    for year in range(first.year, min(first.year + _YEARS_AHEAD, MAXYEAR) + 1):
        for month in schedule.months:
            if (year, month) < (first.year, first.month):
                continue
            length = monthrange(year, month)[1]
            for number in schedule.days:
                if number > length:
                    break
                day = date(year, month, number)
                if day >= first and day.isoweekday() in schedule.weekdays:
                    yield day


def _clock_from(schedule: Schedule, begin: time) -> time | None:
    """Return the first time of a day that fits, not before `begin`."""
    for hour in schedule.hours[bisect_left(schedule.hours, begin.hour) :]:
        for minute in schedule.minutes:
            if (hour, minute) < (begin.hour, begin.minute):
                continue
            for second in schedule.seconds:
                clock = time(hour, minute, second)
                if clock >= begin:
                    return clock
    return None


def _unknown(name: str) -> Problem:
    return Problem(
        f"/schedule/{name}"[:LONGEST_TEXT],
        mark("A schedule has no such field"),
        mark("Use %(fields)s"),
        {"fields": ", ".join(FIELDS)},
    )


def _unreadable(name: str, low: int, high: int) -> Problem:
    return Problem(
        f"/schedule/{name}",
        mark("The field names no values from %(low)s to %(high)s"),
        mark("Write a number, a range as 1-5, a step as 0/30, *, or several with commas"),
        {"low": low, "high": high},
    )
