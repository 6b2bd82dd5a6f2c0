"""Events as lines of JSON (NDJSON): read in parts, each the EPCIS document of its lines.

So a file of any length needs the memory of one part, and the bytes of each event stay as they
are.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

import msgspec

from foodtrace.trace.epcis.context import EPCIS_CONTEXT
from foodtrace.trace.epcis.model import EventDocument
from foodtrace.trace.epcis.strict_json import MAX_BYTES, MAX_EVENT_CHARS, MAX_EVENTS
from foodtrace.trace.errors import Invalid, Problem, mark

# Half of what a document may hold.
MOST_EVENTS = MAX_EVENTS // 2
MOST_BYTES = MAX_BYTES // 2

_EVENT_PLACE = re.compile(r"/epcisBody/eventList/(\d+)")


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines as an EPCISDocument, and the number of the line of each event."""

    body: bytes
    numbers: tuple[int, ...]


def document_head(created: datetime) -> bytes:
    """Return what stands before the events of a document in JSON, each on a line of its own."""
    return (
        f'{{"@context":["{EPCIS_CONTEXT}"],"type":"EPCISDocument","schemaVersion":"2.0",'
        f'"creationDate":"{created.isoformat(timespec="seconds")}",'
        '"epcisBody":{"eventList":[\n'
    ).encode()


DOCUMENT_TAIL = b"\n]}}\n"


def is_lines(file: BinaryIO) -> bool:
    """Answer whether a file holds lines of JSON: a whole object on the first, and more lines.

    The file is read from here on; a document on one line is no line of many.
    """
    first = file.readline(MAX_BYTES)
    return _is_object(first) and any(line.strip() for line in file)


def parts_of(file: BinaryIO, created: datetime) -> Iterator[Part]:
    """Yield the parts of a file of lines that was made at `created`. Raises Invalid.

    Empty lines are skipped.
    """
    lines: list[bytes] = []
    numbers: list[int] = []
    size = number = 0
    while line := file.readline(MOST_BYTES):
        number += 1
        if not line.strip():
            continue
        if not _is_object(line):
            raise Invalid(_no_event(number))
        if lines and (len(lines) == MOST_EVENTS or size + len(line) > MOST_BYTES):
            yield _part(lines, numbers, created)
            lines, numbers, size = [], [], 0
        lines.append(line.strip())
        numbers.append(number)
        size += len(line)
    if lines:
        yield _part(lines, numbers, created)


def read_part(part: Part, read: Callable[[bytes], EventDocument]) -> EventDocument:
    """Return the events of a part, read as any document. The places in Invalid begin with the
    line."""
    try:
        return read(part.body)
    except Invalid as error:
        raise Invalid(
            *(replace(each, place=_line_of(each.place, part)) for each in error.problems)
        ) from None


def _part(lines: list[bytes], numbers: list[int], created: datetime) -> Part:
    body = document_head(created) + b",\n".join(lines) + DOCUMENT_TAIL
    return Part(body, tuple(numbers))


def _line_of(place: str, part: Part) -> str:
    found = _EVENT_PLACE.match(place)
    if found is None:
        return place
    return f"line {part.numbers[int(found[1])]}{place[found.end() :]}"


def _is_object(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def _no_event(number: int) -> Problem:
    return Problem(
        f"line {number}",
        mark("The line is no JSON object of at most %(limit)s characters"),
        mark("Write one event on each line"),
        {"limit": MAX_EVENT_CHARS},
    )
