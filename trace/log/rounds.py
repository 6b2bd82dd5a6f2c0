"""Whom to ask for a cosignature now, and of which head. Pure.

Witnesses that answer are asked together and for the same head: a quorum is of one head, and if
each were asked for the newest at a moment of its own, a log that grows all the time would have
none. One that does not answer makes nobody wait: it is asked apart, less and less often, for
the head that the others were asked for.
"""

from collections.abc import Sequence
from typing import NamedTuple

# Milliseconds, as all times here. Heads are cosigned at least once a minute, whether there is
# a new one or not: the time of a cosignature bounds those of the leaves.
REFRESH = 45_000
# Heads come each second while many record: not every one needs its own cosignatures.
PAUSE = 5_000
FIRST_REST, LONGEST_REST = 2_000, 60_000
# Longer than any exchange takes: whoever asked and was killed leaves it to others after that.
LEASE = 40_000


class Asked(NamedTuple):
    """How it stands with a witness: for which size it was asked, when, and what came of it."""

    name: str
    target: int | None
    asked_at: int
    busy_until: int
    failures: int


def to_ask(witnesses: Sequence[Asked], newest: int, now: int) -> dict[str, int]:
    """Return the names of those to ask now, and the size of the head to ask each for."""
    answering = [each for each in witnesses if each.failures == 0]
    asks = {each.name: newest for each in answering} if _is_due(answering, newest, now) else {}
    agreed = newest if asks or not answering else max(each.target or 0 for each in answering)
    for each in witnesses:
        if each.failures and not _is_busy(each, now) and _since(each, now) >= rest(each.failures):
            asks[each.name] = agreed or newest
    return asks


def rest(failures: int) -> int:
    """Return how long a witness is left alone that failed so often in a row."""
    return int(min(FIRST_REST * 2 ** min(failures - 1, 16), LONGEST_REST))


def _is_due(answering: Sequence[Asked], newest: int, now: int) -> bool:
    if not answering or any(_is_busy(each, now) for each in answering):
        return False
    is_new = any(each.target is None or each.target < newest for each in answering)
    longest = max(_since(each, now) for each in answering)
    shortest = min(_since(each, now) for each in answering)
    return longest >= REFRESH or (is_new and shortest >= PAUSE)


def _since(each: Asked, now: int) -> int:
    """Return how long ago a witness was asked.

    It counts as long ago where nothing came of it, or where the clock has gone back since.
    """
    is_lost = 0 < each.busy_until <= now
    return LONGEST_REST if is_lost or now < each.asked_at else now - each.asked_at


def _is_busy(each: Asked, now: int) -> bool:
    return now < each.busy_until <= now + LEASE
