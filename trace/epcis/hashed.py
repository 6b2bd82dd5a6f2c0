"""The event hashes of a whole document, JSON or XML, that nobody wants to capture."""

from dataclasses import replace
from typing import Any

from foodtrace.trace.epcis import strict_json
from foodtrace.trace.epcis.context import STANDARD_PREFIXES
from foodtrace.trace.epcis.event_hash import pre_hash
from foodtrace.trace.epcis.events import Around, read_shape
from foodtrace.trace.epcis.problems import Problems
from foodtrace.trace.epcis.reader import around_of
from foodtrace.trace.epcis.rules import name_problems
from foodtrace.trace.epcis.validation import DOCUMENT_TYPES, EVENT_TYPES, shape_problems
from foodtrace.trace.epcis.xml.reading import read_xml
from foodtrace.trace.errors import Invalid, Problem, mark

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def pre_hashes(body: bytes) -> list[str]:
    """Return the texts to hash of the events of an EPCIS document, query document or bare event.

    The document must have the right shape; whether the events make sense is not asked.
    Raises Invalid (at most 20 problems) or TooLarge.
    """
    if not _is_xml(body):
        return _of_json(body)
    converted = read_xml(body)
    try:
        return _of_json(converted.body)
    except Invalid as error:
        raise Invalid(
            *(replace(each, place=converted.place_of(each.place)) for each in error.problems)
        ) from None


def _is_xml(body: bytes) -> bool:
    return body.startswith(_BYTE_ORDER_MARKS[1:]) or body.removeprefix(
        _BYTE_ORDER_MARKS[0]
    ).lstrip().startswith(b"<")


def _of_json(body: bytes) -> list[str]:
    parts = strict_json.read_document(body)
    problems = Problems()
    kind = parts.head.get("type")
    if kind in EVENT_TYPES:
        text = _text_of(parts.head, "", Around(STANDARD_PREFIXES), problems)
        problems.check()
        return [text]
    if kind not in DOCUMENT_TYPES:
        raise Invalid(_no_document(kind))
    problems.extend(shape_problems(kind, parts.head, "", problems.room))
    around = None if problems.found else around_of(parts.head, problems)
    texts = [
        _text_of(part.value, f"{parts.place}/{index}", around, problems)
        for index, part in enumerate(parts.events)
        if problems.room
    ]
    problems.check()
    return texts


def _text_of(event: dict[str, Any], place: str, around: Around | None, problems: Problems) -> str:
    """Return the text of one event, or any text if it has problems."""
    inside = read_shape(event, place, around, problems)
    if inside is None:
        return ""
    problems.extend(name_problems(event, inside.prefixes, place))
    return pre_hash(event, inside.prefixes, inside.ignored)


def _no_document(kind: Any) -> Problem:
    return Problem(
        "/type",
        mark("%(type)s is neither a document nor an event of EPCIS"),
        mark("Write one of %(types)s"),
        {"type": str(kind)[:100], "types": ", ".join((*DOCUMENT_TYPES, *EVENT_TYPES))},
    )
