"""Exported events as documents in JSON or XML, or as lines of JSON, piece by piece."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from typing import Any

import msgspec

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.capture.export import Matching, Reading, each_event
from foodtrace.trace.epcis.context import STANDARD_PREFIXES, prefixes_of
from foodtrace.trace.epcis.lines import DOCUMENT_TAIL, document_head
from foodtrace.trace.epcis.xml.event_writing import event_xml
from foodtrace.trace.epcis.xml.writing import DOCUMENT_END, document_start

_log = logging.getLogger(__name__)

# What is sent at once: smaller pieces cost more than they carry.
BLOCK = 64 * 1024

# Numbers are written as exactly as they were received.
_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Format:
    """How exported events are written: `head`, the `piece` of each with `between`, `tail`.

    `head` is given when the export is made; `piece` is given an event as JSON that says all
    by itself. A file of documents is one document; lines have no end, so that `broken` has to
    say where they broke off.
    """

    media_types: tuple[str, ...]
    head: Callable[[datetime], bytes]
    piece: Callable[[bytes], bytes]
    between: bytes
    tail: bytes
    is_document: bool = True
    broken: bytes = b""


def written(pieces: Iterable[bytes], file_format: Format, made_at: datetime) -> Iterator[bytes]:
    """Yield what a file of these pieces holds."""
    yield file_format.head(made_at)
    between = b""
    for piece in pieces:
        yield between + piece
        between = file_format.between
    yield file_format.tail


def stream(
    reading: Reading, actor: Actor, *, file_format: Format, matching: Matching | None = None
) -> Iterator[bytes]:
    """Return the file of all events that match and that the actor may see, block by block.

    Each event says when it was recorded. `reading` opens a session whenever one is needed:
    none stays open while a block is sent. What is refused is refused before the first block;
    what breaks off later has no end, or a last line that says so.
    """
    events = each_event(reading, actor, matching=matching, with_record_time=True)
    pieces = map(file_format.piece, _begun(events))
    return _ended(_blocks(written(pieces, file_format, datetime.now(UTC))), file_format.broken)


def _begun(events: Iterator[bytes]) -> Iterator[bytes]:
    """Return the events with the first portion already read: a refusal still gets its status."""
    first = next(events, None)
    return events if first is None else chain([first], events)


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= BLOCK:
            yield b"".join(held)
            held, size = [], 0
    if size:
        yield b"".join(held)


def _ended(blocks: Iterator[bytes], broken: bytes) -> Iterator[bytes]:
    """Yield the blocks. Where they break off the status has gone out, and nothing else tells."""
    try:
        yield from blocks
    except Exception:
        _log.exception("an export broke off")
        yield broken


def _as_it_is(event: bytes) -> bytes:
    return event


def _as_xml(event: bytes) -> bytes:
    said = _decoder.decode(event)
    prefixes = prefixes_of(said.pop("@context"), STANDARD_PREFIXES, "/@context")
    return b"\n" + event_xml(said, prefixes)


_JSON = Format(
    media_types=("application/ld+json", "application/json"),
    head=document_head,
    piece=_as_it_is,
    between=b",\n",
    tail=DOCUMENT_TAIL,
)
_XML = Format(
    media_types=("application/xml", "text/xml"),
    head=document_start,
    piece=_as_xml,
    between=b"",
    tail=DOCUMENT_END,
)
_LINES = Format(
    media_types=("application/x-ndjson", "application/jsonl"),
    head=lambda _: b"",
    piece=lambda event: event + b"\n",
    between=b"",
    tail=b"",
    is_document=False,
    broken=b'{"type":"about:blank","title":"This file is not whole: ask again","status":503}\n',
)

FORMATS: Mapping[str, Format] = {"json": _JSON, "xml": _XML, "ndjson": _LINES}


def format_of(media_type: str) -> Format | None:
    """Return the format of a media type, if it is one of ours."""
    return next((each for each in FORMATS.values() if media_type in each.media_types), None)
