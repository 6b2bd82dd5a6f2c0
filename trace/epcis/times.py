"""Times as EPCIS writes them: ISO 8601 with a time zone."""

from datetime import UTC, datetime, timedelta

from foodtrace.trace.errors import Invalid, Problem, mark

# The clock of a sender may be wrong by this much.
CLOCK_TOLERANCE = timedelta(minutes=5)


def utc_time(text: str, place: str) -> datetime:
    """Return a time of the schema's shape in UTC. Raises Invalid for days that do not exist."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise Invalid(
            Problem(
                place,
                mark("%(text)s is no day of the calendar"),
                mark("Correct the date"),
                {"text": text},
            )
        ) from None


def past_time(text: str, place: str, now: datetime) -> datetime:
    """Return a time that is not more than five minutes in the future. Raises Invalid."""
    time = utc_time(text, place)
    if time > now + CLOCK_TOLERANCE:
        raise Invalid(
            Problem(
                place,
                mark("%(text)s lies in the future"),
                mark("Correct the time or the clock that made it"),
                {"text": text},
            )
        )
    return time


def written_time(moment: datetime) -> str:
    """Return a time as answers say it: in UTC, with milliseconds.

    >>> written_time(datetime(2026, 5, 1, 8, tzinfo=UTC))
    '2026-05-01T08:00:00.000Z'
    """
    utc = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return utc.removesuffix("+00:00") + "Z"
