"""What a log says of itself: its heads, their history, its public statements."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import msgspec

from foodtrace.trace.audit.decoding import decoded
from foodtrace.trace.audit.heads import (
    LARGEST_HISTORIES,
    LARGEST_HISTORY,
    Head,
    Witnesses,
    claimed_head,
    notes_of,
    open_head,
)
from foodtrace.trace.audit.report import Report
from foodtrace.trace.audit.rules import OPENING, PINNED, READABLE, SIGNED
from foodtrace.trace.audit.sources import Missing, Source, Unreadable, read_all
from foodtrace.trace.log.leaves import Leaf, LeafError, Opening
from foodtrace.trace.log.notes import MAX_SIZE, NoteError
from foodtrace.trace.log.openings import load_opening
from foodtrace.trace.log.policies import Policy

LISTING = "logs.json"
LARGEST_LISTING = 1024 * 1024
LARGEST_PUBLIC = 64 * 1024 * 1024
LARGEST_STATEMENT = 1024 * 1024
FIRST_YEAR, LAST_YEAR = 1970, 9999
# A log that was to end with its year is closed when the service runs again.
_DAYS_AFTER = 31


@dataclass(frozen=True, slots=True)
class Named:
    """A log that the policy names, and the year below which it is published."""

    year: int
    origin: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """A head, and where it was seen; `is_checked` is False while its signatures are not.

    `day` is that of the history (UTC) in which it stands.
    """

    head: Head
    where: str
    is_checked: bool = True
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Public:
    """A statement that everybody may read, at its place."""

    index: int
    leaf: Leaf
    opening: Opening

    @property
    def fields(self) -> dict[str, str]:
        """The fields that are shown; of several with one name the first counts."""
        return dict(reversed(self.opening.fields))

    @property
    def kind(self) -> str:
        """Its kind; empty where it is hidden."""
        return self.fields.get("kind", "")


class _Listed(msgspec.Struct):
    """A log in the listing; what else it says there is not looked at."""

    year: Annotated[int, msgspec.Meta(ge=FIRST_YEAR, lt=LAST_YEAR)]
    origin: str
    vkey: str


_listing = msgspec.json.Decoder(list[_Listed])
_anything = msgspec.json.Decoder()


def named_logs(source: Source, policy: Policy, report: Report) -> list[Named]:
    """Return the logs that are both listed and in the policy, the oldest first."""
    try:
        listed = decoded(_listing, source.read(LISTING, LARGEST_LISTING))
    except (Unreadable, msgspec.DecodeError) as error:
        report.differ(READABLE, LISTING, f"It cannot be read: {error}.")
        return []
    pinned = {log.verifier.name for log in policy.logs}
    found: list[Named] = []
    for each in sorted(listed, key=lambda each: each.year):
        wrong = _why_not(each, found, policy)
        if wrong is None:
            found.append(Named(each.year, each.origin))
        else:
            report.differ(PINNED, each.origin, wrong)
    for origin in sorted(pinned - {each.origin for each in listed}):
        report.differ(PINNED, origin, "The policy names it, and it is not published.")
    return found


def _why_not(each: _Listed, before: Sequence[Named], policy: Policy) -> str | None:
    """Say why a log in the listing is none that is to be audited."""
    keys = [log.verifier.vkey for log in policy.logs if log.verifier.name == each.origin]
    if not keys:
        return (
            f"It is published, and the policy does not name it. Its key is said to be "
            f"{each.vkey}: compare it with what you are told by another way, and add it."
        )
    if each.vkey not in keys:
        return f"It is said to have another key: {each.vkey}."
    if each.origin.rpartition("/")[2] != str(each.year):
        return f"It is said to be the log of {each.year}, and its name says another year."
    if any(each.year == other.year for other in before):
        return f"There is more than one log of {each.year}."
    return None


def current_heads(source: Source, log: Named, policy: Policy, report: Report) -> list[Sighting]:
    """Return the newest heads: the newest of all, and the newest that the quorum has cosigned."""
    found = []
    for name in ("checkpoint", "witnessed"):
        where = f"{log.origin}, {name}"
        try:
            note = source.read(f"{log.year}/{name}", MAX_SIZE)
        except Unreadable as error:
            if name == "checkpoint" or not isinstance(error, Missing):
                report.differ(READABLE, where, f"It cannot be read: {error}.")
            continue
        sighting = checked(note, where, log.origin, policy, report)
        if sighting is not None:
            found.append(sighting)
    return found


def history(
    source: Source, log: Named, policy: Policy, report: Report, *, since: date, until: date
) -> Iterator[Sighting]:
    """Yield the heads that were published on these days, their signatures not checked yet."""
    witnesses = Witnesses(policy)
    last = min(until, date(log.year + 1, 1, 1) + timedelta(days=_DAYS_AFTER))
    count = (last - since).days + 1
    days = [since + timedelta(days=day) for day in range(count)]
    files = read_all(source, ((f"{log.year}/history/{day}", LARGEST_HISTORY) for day in days))
    left = LARGEST_HISTORIES
    for day, data in zip(days, files, strict=True):
        where = f"{log.origin}, history/{day}"
        if isinstance(data, Missing):
            continue
        if not isinstance(data, bytes):
            report.differ(READABLE, where, f"It cannot be read: {data}.")
            continue
        left -= len(data)
        if left < 0:
            found = "The histories are too large: from this day on they were not compared."
            report.note(READABLE, where, found)
            return
        try:
            for note in notes_of(data):
                head = claimed_head(note, witnesses)
                if head.checkpoint.origin != log.origin:
                    raise NoteError(f"there is a checkpoint of {head.checkpoint.origin!r} in it")
                yield Sighting(head, where, is_checked=False, day=day)
        except NoteError as error:
            report.differ(READABLE, where, f"It is no history: {error}.")


def verified(each: Sighting, policy: Policy, report: Report) -> Sighting | None:
    """Return a sighting whose signatures are right; None, and a difference, for any other."""
    if each.is_checked:
        return each
    return checked(each.head.note, each.where, each.head.checkpoint.origin, policy, report)


def checked(
    note: bytes, where: str, origin: str, policy: Policy, report: Report
) -> Sighting | None:
    """Return a head whose signatures are right; None, and a difference, for any other."""
    try:
        head = open_head(note, policy)
        if head.checkpoint.origin != origin:
            raise NoteError(f"it is of the log {head.checkpoint.origin!r}")
    except NoteError as error:
        report.differ(SIGNED, where, f"It is no checkpoint of this log: {error}.")
        return None
    return Sighting(head, where)


def public_statements(source: Source, log: Named, report: Report) -> dict[int, Public]:
    """Return the public statements of a log by their indexes."""
    where = f"{log.origin}, keys"
    try:
        lines = source.read(f"{log.year}/keys", LARGEST_PUBLIC).splitlines()
    except Unreadable as error:
        report.differ(READABLE, where, f"It cannot be read: {error}.")
        return {}
    found = {}
    for number, line in enumerate(lines, start=1):
        try:
            public = read_public(line)
        except LeafError as error:
            report.differ(OPENING, f"{where}, line {number}", f"It is no statement: {error}.")
            continue
        if public.index in found:
            report.differ(
                OPENING, f"{where}, line {number}", f"The index {public.index} is there twice."
            )
        found[public.index] = public
    return found


def read_public(line: bytes) -> Public:
    """Return the statement that a line shows. Raises LeafError."""
    if len(line) > LARGEST_STATEMENT:
        raise LeafError(f"it has more than {LARGEST_STATEMENT} bytes")
    try:
        said = decoded(_anything, line)
    except msgspec.DecodeError as error:
        raise LeafError(str(error)) from None
    leaf, opening = load_opening(said)
    index = said.get("index")
    if type(index) is not int or index < 0:
        raise LeafError("it has no index")
    public = Public(index, leaf, opening)
    if not public.kind:
        raise LeafError("its kind is hidden")
    return public


def day_of(seconds: float) -> date:
    """Return the day of a time in POSIX seconds, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).date()


def moment(seconds: float) -> str:
    """Return a time as the report writes it; whoever signs it may have written any number."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} seconds after 1970"
