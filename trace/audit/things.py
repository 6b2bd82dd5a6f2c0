"""What is shown of one thing, held against the log: proofs, numbers, files."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

import msgspec

from foodtrace.trace.audit.decoding import decoded
from foodtrace.trace.audit.heads import Head, open_head
from foodtrace.trace.audit.keys import SIGNATURE, Keys, check_signature
from foodtrace.trace.audit.published import Sighting
from foodtrace.trace.audit.report import Report
from foodtrace.trace.audit.rules import (
    BUNDLE,
    FILE,
    INCLUSION,
    OPENING,
    PINNED,
    SERIES,
    SERIES_STAYS,
    SIGNED,
)
from foodtrace.trace.audit.sources import Missing, Source, Unreadable
from foodtrace.trace.issuers.validity import Place
from foodtrace.trace.log.leaves import Leaf, LeafError, Opening
from foodtrace.trace.log.merkle import ProofError, leaf_hash, verify_inclusion
from foodtrace.trace.log.notes import NoteError, strict_base64
from foodtrace.trace.log.openings import load_opening
from foodtrace.trace.log.policies import Policy
from foodtrace.trace.log.series import gaps_of

FORMAT = "foodtrace-proof/1"
LARGEST_PART = 16 * 1024 * 1024
LARGEST_BUNDLE = 256 * 1024 * 1024
MOST_PARTS = 1_000
FILE_MEMBER = "/file"

# Of one thing: the last number of each series that was shown.
Last = dict[str, int]


class _Shown(msgspec.Struct):
    """A statement in a bundle; its opening stands beside these."""

    log: str
    year: int
    index: int
    proof: list[str] | None = None


class _File(msgspec.Struct):
    """The file that a statement names."""

    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    name: str
    size: int
    is_public: bool = False


class _Bundle(msgspec.Struct):
    """A proof bundle, or a part of one; `next` is where the part after it is served."""

    format: str
    thing: str
    statements: list[dict[str, Any]]
    things: list[str] = []
    checkpoints: dict[str, str] = {}
    next: str | None = None


_bundle = msgspec.json.Decoder(_Bundle)
_file = msgspec.json.Decoder(_File)


@dataclass(frozen=True)
class Statement:
    """A statement that a bundle shows, or a blank in its place; `head` is what proves it."""

    shown: _Shown
    leaf: Leaf
    opening: Opening
    head: Head | None
    where: str

    @property
    def fields(self) -> dict[str, str]:
        """The fields that are shown; of several with one name the first counts."""
        return dict(reversed(self.opening.fields))


@dataclass
class Thing:
    """A bundle that was read: what it shows, and of which heads."""

    name: str
    source: Source
    things: set[str] = field(default_factory=set)
    statements: list[Statement] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)

    def sightings(self, origin: str) -> Iterator[Sighting]:
        """Yield the heads of a log that it shows."""
        for head in self.heads:
            if head.checkpoint.origin == origin:
                yield Sighting(head, f"the proof bundle of {self.name}")


def read_thing(source: Source, path: str, policy: Policy, report: Report) -> Thing | None:
    """Read a bundle with its parts; None, and a difference, where it is none."""
    thing: Thing | None = None
    where = path or getattr(source, "base", path)
    left = LARGEST_BUNDLE
    try:
        data = source.read(path, LARGEST_PART)
        part = _part(data)
        thing = Thing(part.thing, source)
        if source.is_live and not unquote(urlsplit(where).path).endswith(unquote(thing.name)):
            report.note(BUNDLE, where, f"What was shown there is a bundle of {thing.name}.")
        for _ in range(MOST_PARTS):
            left -= len(data)
            if left < 0:
                raise Unreadable(f"it has more than {LARGEST_BUNDLE} bytes")
            if part.thing != thing.name:
                raise Unreadable(f"a part of it is of another thing, {part.thing}")
            _add_part(thing, part, policy, report)
            if part.next is None:
                return thing
            data = source.following(part.next, LARGEST_PART)
            part = _part(data)
        raise Unreadable(f"it has more than {MOST_PARTS} parts")
    except Missing as error:
        if thing is not None and not source.is_live:
            report.note(BUNDLE, where, f"It is only a part: {error}.")
            return thing
        report.differ(BUNDLE, where, f"It cannot be read: {error}.")
    except (Unreadable, ValueError) as error:
        report.differ(BUNDLE, where, f"It is none: {error}.")
    return thing


def _part(data: bytes) -> _Bundle:
    part = decoded(_bundle, data)
    if part.format != FORMAT:
        raise ValueError(f"its format is {part.format[:80]!r}")
    return part


def _add_part(thing: Thing, part: _Bundle, policy: Policy, report: Report) -> None:
    thing.things.update(part.things)
    heads = {}
    for origin, note in part.checkpoints.items():
        where = f"{thing.name}, checkpoint of {origin}"
        try:
            head = open_head(note.encode(), policy)
            if head.checkpoint.origin != origin:
                raise NoteError(f"it is of the log {head.checkpoint.origin!r}")
            heads[origin] = head
        except NoteError as error:
            report.differ(SIGNED, where, f"It is no checkpoint of a log in the policy: {error}.")
    thing.heads += heads.values()
    for each in part.statements:
        where = f"{thing.name}, statement {len(thing.statements) + 1}"
        try:
            shown = msgspec.convert(each, _Shown)
            leaf, opening = load_opening(each)
            if shown.log.rpartition("/")[2] != str(shown.year):
                raise LeafError(f"the log {shown.log!r} is not that of {shown.year}")
        except (msgspec.ValidationError, LeafError) as error:
            report.differ(BUNDLE, where, f"It is no statement: {error}.")
            continue
        thing.statements.append(Statement(shown, leaf, opening, heads.get(shown.log), where))


def check_thing(
    thing: Thing,
    keys: Keys,
    entries: Mapping[str, Mapping[int, bytes]],
    last: Mapping[str, int],
    report: Report,
) -> Last:
    """Check all that a bundle shows; return the last number of each of its series.

    `entries` are leaves that the logs were seen to hold, `last` the numbers shown before.
    """
    for each in thing.statements:
        _check_statement(each, entries.get(each.shown.log, {}), report)
        _check_file(thing, each, report)
        if each.fields.get("kind") == SIGNATURE:
            place = Place(each.shown.year, each.shown.index)
            check_signature(keys, place, each.leaf.time, each.fields, each.where, report)
    return _check_series(thing, last, report)


def _check_statement(each: Statement, entries: Mapping[int, bytes], report: Report) -> None:
    origin, index = each.shown.log, each.shown.index
    entry = entries.get(index)
    if entry is not None and entry != each.leaf.entry:
        report.differ(
            OPENING, each.where, f"What is shown is not what entry {index} of {origin} commits to."
        )
        return
    head = each.head
    if each.shown.proof is None:
        if head is not None and index < head.checkpoint.size:
            report.differ(INCLUSION, each.where, "It has no proof, though it could have one.")
        else:
            report.note(INCLUSION, each.where, "It is in no published checkpoint yet.")
        return
    if head is None:
        report.differ(PINNED, each.where, f"There is no checkpoint of the log {origin!r}.")
        return
    try:
        proof = [strict_base64(hash_) for hash_ in each.shown.proof]
        size, root = head.checkpoint.size, head.checkpoint.root
        verify_inclusion(leaf_hash(each.leaf.entry), index, size, proof, root)
    except (NoteError, ProofError) as error:
        report.differ(
            INCLUSION, each.where, f"What is shown is not proved to be entry {index}: {error}."
        )


def _check_series(thing: Thing, last: Mapping[str, int], report: Report) -> Last:
    things = {thing.name, *thing.things}
    # In the order of the log, whatever that of the bundle: else an entry made up later could stand
    # in the place of the one that has its number.
    ordered = sorted(thing.statements, key=lambda each: (each.shown.year, each.shown.index))
    numbers = [value for each in ordered for name, value in each.opening.fields if name == "number"]
    for gap in gaps_of(numbers, things):
        report.differ(SERIES, thing.name, f"Its numbers have a hole: {gap}.")
    shown = _last(numbers, things)
    if not thing.things:
        report.note(SERIES, thing.name, "What is shown of it is not numbered.")
    elif not shown and thing.statements:
        report.differ(SERIES, thing.name, "None of the statements that are shown has its number.")
    for series, number in last.items():
        if shown.get(series, 0) < number:
            report.differ(
                SERIES_STAYS,
                thing.name,
                f"At the audit before, series {series} went to number {number}; now it goes to "
                f"{shown.get(series, 0)}.",
            )
    return shown | {series: max(number, shown.get(series, 0)) for series, number in last.items()}


def _last(numbers: Sequence[str], things: set[str]) -> Last:
    """Return the last number of each series of these things; what is no number is not looked at."""
    last: Last = {}
    for value in numbers:
        series, number, thing = [*value.split(" ", 2), "", ""][:3]
        if thing in things and number.isascii() and number.isdecimal() and len(number) < 19:
            last[series] = max(int(number), last.get(series, 0))
    return last


def _check_file(thing: Thing, each: Statement, report: Report) -> None:
    """Compare the file that a statement names, where everybody may have it."""
    said = each.fields.get(FILE_MEMBER)
    if said is None:
        return
    try:
        file = decoded(_file, said)
    except msgspec.DecodeError as error:
        report.differ(OPENING, each.where, f"It does not say what a file is: {error}.")
        return
    if not file.is_public:
        return
    where = f"{thing.name}, file {file.name}"
    try:
        data = thing.source.file(file.sha256, file.name, file.size)
    except Unreadable as error:
        if isinstance(error, Missing) and not thing.source.is_live:
            report.note(FILE, where, "It does not lie beside the bundle: it was not compared.")
        else:
            report.differ(FILE, where, f"It cannot be read: {error}.")
        return
    found = hashlib.sha256(data).hexdigest()
    if found != file.sha256:
        report.differ(FILE, where, f"Its SHA-256 is {found}, and {file.sha256} was logged.")
