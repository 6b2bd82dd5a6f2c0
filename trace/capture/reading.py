"""What arrives, in JSON or XML, as checked events; problems name places in what was received.

Here, at the door, personal values are taken out: nothing behind it reads, hashes or keeps them
but the table that is made for them.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

from foodtrace.trace.epcis.model import EventDocument
from foodtrace.trace.epcis.reader import read_document, read_document_or_event, read_event
from foodtrace.trace.epcis.xml.reading import Converted, read_xml
from foodtrace.trace.errors import Invalid, Problem, TooLarge
from foodtrace.trace.personal.taking import Taken, taken_out

JSON_TYPE = "application/json"
LD_JSON_TYPE = "application/ld+json"
XML_TYPE = "application/xml"
TEXT_XML_TYPE = "text/xml"
JSON_TYPES = (JSON_TYPE, LD_JSON_TYPE)
XML_TYPES = (XML_TYPE, TEXT_XML_TYPE)

# How XML begins: with a mark of its encoding, or at once.
_XML_STARTS = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe<\x00", b"\xfe\xff\x00<")

_Read = Callable[[bytes], EventDocument]


def read_capture(
    body: bytes, content_type: str, *, now: datetime, proceed: bool = False
) -> EventDocument:
    """Return a document or query document. Raises Invalid or TooLarge.

    To proceed is to leave out the events that break a rule, each with its problems, instead
    of refusing the document.
    """
    read = partial(read_document, now=now, proceed=proceed)
    return _read(body, content_type, read, proceed=proceed)


def read_capture_event(body: bytes, content_type: str, *, now: datetime) -> EventDocument:
    """Return one bare event. Raises Invalid or TooLarge."""
    return _read(body, content_type, partial(read_event, now=now))


def read_file(body: bytes, *, now: datetime) -> EventDocument:
    """Return a document or bare event, as JSON or XML by how it begins.

    Raises Invalid or TooLarge.
    """
    return _read(body, content_type_of(body), partial(read_document_or_event, now=now))


def content_type_of(body: bytes) -> str:
    """Return the content type of a file by how it begins."""
    return XML_TYPE if body.lstrip().startswith(_XML_STARTS) else LD_JSON_TYPE


def in_received(document: EventDocument) -> EventDocument:
    """Return a document that was read from its JSON, with the places of what was received."""
    if document.original is None or not document.refused:
        return document
    return _relocated(document, read_xml(document.original, proceed=True))


def _read(body: bytes, content_type: str, read: _Read, *, proceed: bool = False) -> EventDocument:
    if content_type not in XML_TYPES:
        taken = taken_out(body)
        return _with_persons(read(taken.body), taken, body)
    converted = read_xml(body, proceed=proceed)
    try:
        taken = taken_out(converted.body)
        document = read(taken.body)
    except (Invalid, TooLarge) as error:
        raise type(error)(*_places(error.problems, converted)) from None
    # XML that names persons is not kept: of it stays what it says, without them.
    is_kept = taken.digest is None and not converted.names_persons
    document = replace(document, original=body if is_kept else None)
    return _relocated(_with_persons(document, taken, body), converted)


def _with_persons(document: EventDocument, taken: Taken, received: bytes) -> EventDocument:
    """Return a document with the values that were taken out, and how to know it again.

    The bytes received are what it was known by before personal values were taken out.
    """
    if taken.digest is None:
        return document
    digests = taken.digest, hashlib.sha256(received).digest()
    return replace(document, personal=taken.values, digests=digests)


def _relocated(document: EventDocument, converted: Converted) -> EventDocument:
    refused = []
    for each in document.refused:
        # What could not even be converted says why; its JSON only looks incomplete.
        reasons = converted.refused.get(each.index) or _places(each.problems, converted)
        refused.append(replace(each, problems=reasons))
    return replace(document, refused=tuple(refused))


def _places(problems: Iterable[Problem], converted: Converted) -> tuple[Problem, ...]:
    return tuple(replace(each, place=converted.place_of(each.place)) for each in problems)
