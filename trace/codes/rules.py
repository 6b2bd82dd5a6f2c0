"""The scan rule: which scans fit one single thing, and which do not. Pure.

A code that names one thing is looked at by few people, at one place at a time. More than
that is worth a warning, and is no proof: a package is passed on, a page is sent to a
friend, a telephone's network exits in another province.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from itertools import pairwise

from foodtrace.trace.codes.provinces import distance_km

CHINA = timezone(timedelta(hours=8))

# The same reader within this time is one look at the page.
SAME_LOOK = timedelta(minutes=10)
# So many looks a package has in a shop and in a family; the next one makes the warning.
MOST_LOOKS = 30
# So many different readers within the hour: a tasting, a school class.
MOST_READERS = 12
READERS_WITHIN = timedelta(hours=1)
# A jump is two looks too far apart for the time between. One telephone makes some: its own
# network exits in another province than the wireless network of the house.
FLIGHT_KMH = 900.0
# Provinces are wide, and people live at their borders.
SLACK_KM = 400.0
PROVINCES_OF_JUMPS = 3
PROVINCES_WITHIN = timedelta(hours=1)
MOST_JUMPS = 3
JUMPS_WITHIN = timedelta(days=1)
# What is sold is scanned at home as well: that is what the code is for.
AT_HOME = timedelta(days=30)


class Kind(StrEnum):
    """What does not fit. The first three speak of copies, the others of what came before."""

    COUNT = "count"  # looked at more often than one package is
    CROWD = "crowd"  # by many readers within an hour
    TRAVEL = "travel"  # at places too far apart for the time between
    SOLD = "sold"  # long after it was recorded as sold
    EXPIRED = "expired"  # after its date
    RECALLED = "recalled"  # while it is recalled
    ENDED = "ended"  # after it was taken out of use


OF_COPIES = frozenset({Kind.COUNT, Kind.CROWD, Kind.TRAVEL})


@dataclass(frozen=True, slots=True)
class Look:
    """A look at the page of a code: when, by whom (a hash), in which province if known."""

    at: datetime
    client: bytes
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A kind of warning, and the moment of the look that made it."""

    kind: Kind
    since: datetime


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is recorded of the thing behind a code, as far as it makes a look late."""

    ended_at: datetime | None = None
    sold_at: datetime | None = None
    expiry: date | None = None
    is_recalled: bool = False


def find_copies(looks: Sequence[Look], total: int) -> list[Finding]:
    """Return what speaks of copies. `looks` are the newest, oldest first; `total` counts all."""
    found = []
    if total > MOST_LOOKS and looks:
        found.append(Finding(Kind.COUNT, looks[-max(1, min(total - MOST_LOOKS, len(looks)))].at))
    for kind, moments in ((Kind.CROWD, _crowds(looks)), (Kind.TRAVEL, _travels(looks))):
        since = next(moments, None)
        if since is not None:
            found.append(Finding(kind, since))
    return found


def find_late(at: datetime, circumstances: Circumstances) -> list[Kind]:
    """Return why a look comes too late, if it does."""
    found = []
    if circumstances.ended_at is not None and at > circumstances.ended_at:
        found.append(Kind.ENDED)
    if circumstances.is_recalled:
        found.append(Kind.RECALLED)
    if circumstances.expiry is not None and at.astimezone(CHINA).date() > circumstances.expiry:
        found.append(Kind.EXPIRED)
    if circumstances.sold_at is not None and at > circumstances.sold_at + AT_HOME:
        found.append(Kind.SOLD)
    return found


def is_jump(before: Look, after: Look) -> bool:
    """Tell whether nobody could carry a thing from one look to the other, even by plane.

    >>> noon = datetime(2026, 11, 2, 12, tzinfo=CHINA)
    >>> home, away = Look(noon, b"a", "11"), Look(noon + timedelta(hours=2), b"b", "31")
    >>> is_jump(home, away), is_jump(home, Look(noon, b"b", "31"))
    (False, True)
    """
    if before.region is None or after.region is None or before.region == after.region:
        return False
    hours = abs((after.at - before.at).total_seconds()) / 3600
    return distance_km(before.region, after.region) - SLACK_KM > FLIGHT_KMH * hours


def _crowds(looks: Iterable[Look]) -> Iterator[datetime]:
    """Yield when there were too many readers within the hour."""
    recent: deque[Look] = deque()
    readers: Counter[bytes] = Counter()
    for look in looks:
        recent.append(look)
        readers[look.client] += 1
        while look.at - recent[0].at > READERS_WITHIN:
            gone = recent.popleft().client
            readers[gone] -= 1
            if not readers[gone]:
                del readers[gone]
        if len(readers) > MOST_READERS:
            yield look.at


def _travels(looks: Iterable[Look]) -> Iterator[datetime]:
    """Yield when jumps were among too many provinces within the hour, or too many in a day."""
    jumps: deque[tuple[Look, Look]] = deque()
    placed = (look for look in looks if look.region is not None)
    for before, after in pairwise(placed):
        if not is_jump(before, after):
            continue
        jumps.append((before, after))
        while after.at - jumps[0][1].at > JUMPS_WITHIN:
            jumps.popleft()
        places = {
            look.region
            for jump in jumps
            if after.at - jump[1].at <= PROVINCES_WITHIN
            for look in jump
        }
        if len(places) >= PROVINCES_OF_JUMPS or len(jumps) > MOST_JUMPS:
            yield after.at
