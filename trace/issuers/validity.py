"""Whether a key was good for a signature: by their places in the log, never by a clock. Pure.

Whoever holds a key could write any time into what it signs, and whoever runs the service any
time into the record. The order of the log is the one thing that neither can change.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Statements that wait for their place come after all that have one, in the order of their ids.
_WAITING = 1_000_000


class Place(NamedTuple):
    """Where a statement stands: the year of the log, and the index in it."""

    year: int
    idx: int


class Standing(StrEnum):
    """What a signature is worth."""

    SIGNED = "signed"
    RECONFIRM = "reconfirm"  # somebody else may have had the key
    VOID = "void"  # the key was not good at its place


def place_of(statement_id: int, year: int | None, idx: int | None) -> Place:
    """Return the place of a statement; one without a leaf waits behind all others.

    >>> place_of(7, 2026, 900) < place_of(8, 2027, 0) < place_of(5, None, None)
    True
    """
    if year is None or idx is None:
        return Place(_WAITING, statement_id)
    return Place(year, idx)


def standing_of(
    signature: Place,
    *,
    active: Place | None,
    revoked: Place | None,
    time: int | None,
    compromised_since: int | None,
) -> Standing:
    """Judge a signature by the places of itself, its key's activation and its revocation.

    `time` is that of the signature's leaf, None while it waits, and `compromised_since` when
    the key may have come into other hands; both in milliseconds since 1970.
    """
    if active is None or signature <= active:
        return Standing.VOID
    if revoked is not None and signature >= revoked:
        return Standing.VOID
    if compromised_since is not None and (time is None or time >= compromised_since):
        return Standing.RECONFIRM
    return Standing.SIGNED


def milliseconds(at: datetime) -> int:
    """Return a time as the log counts it: milliseconds since 1970, rounded down."""
    return (at - _EPOCH) // timedelta(milliseconds=1)
