"""EPCIS 2.0 JSON documents and events: bytes in, checked events out, all problems named."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from foodtrace.trace.epcis import strict_json
from foodtrace.trace.epcis.context import STANDARD_PREFIXES, has_epcis_context, prefixes_of
from foodtrace.trace.epcis.event_hash import ignored_names
from foodtrace.trace.epcis.events import Around, read_part
from foodtrace.trace.epcis.master_data import MasterData, read_master_data
from foodtrace.trace.epcis.model import Event, EventDocument, RefusedEvent
from foodtrace.trace.epcis.problems import Problems, told
from foodtrace.trace.epcis.strict_json import Parts, Slice
from foodtrace.trace.epcis.validation import DOCUMENT_TYPES, EVENT_TYPES, shape_problems
from foodtrace.trace.errors import Problem, mark


def read_document(body: bytes, *, now: datetime, proceed: bool = False) -> EventDocument:
    """Return an EPCISDocument or EPCISQueryDocument with its events and master data.

    Raises Invalid (at most 20 problems) or TooLarge. To proceed is to leave out the events
    that break a rule, each with its problems, instead of refusing the document.
    """
    return _document(body, strict_json.read_document(body), now, proceed=proceed)


def read_document_or_event(body: bytes, *, now: datetime) -> EventDocument:
    """Return a document's events, or the one event that a file holds bare.

    What is neither is refused as a document is. Raises Invalid or TooLarge.
    """
    parts = strict_json.read_document(body)
    if parts.head.get("type") in EVENT_TYPES:
        return read_event(body, now=now)
    return _document(body, parts, now, proceed=False)


def read_event(body: bytes, *, now: datetime) -> EventDocument:
    """Return one bare event, which must have its own ``@context``. Raises Invalid or TooLarge."""
    part = strict_json.read_object(body)
    problems = Problems()
    if "@context" not in part.value:
        problems.extend([_no_context()])
    event = read_part(part, "", Around(STANDARD_PREFIXES), now, problems)
    if not problems.found and not has_epcis_context(part.value["@context"]):
        problems.extend([_no_epcis_context()])
    problems.check()
    return EventDocument(body, (event,) if event else ())


def _document(body: bytes, parts: Parts, now: datetime, *, proceed: bool) -> EventDocument:
    problems = Problems()
    around, master_data = _read_head(parts, problems)
    if proceed:
        problems.check()
        events, refused = _each_by_itself(parts, around, now)
        return EventDocument(body, events, refused, master_data)
    events = _all_or_none(parts, around, now, problems)
    problems.check()
    return EventDocument(body, events, (), master_data)


def _read_head(parts: Parts, problems: Problems) -> tuple[Around | None, MasterData | None]:
    """Return what the head says for all events, and the master data; both None if it is broken."""
    type_ = parts.head.get("type")
    name = type_ if type_ in DOCUMENT_TYPES else "EPCISDocument"
    problems.extend(shape_problems(name, parts.head, "", problems.room))
    around = None if problems.found else around_of(parts.head, problems)
    if around is None:
        return None, None
    master_data = None
    if parts.master_data is not None:
        master_data = read_master_data(parts.master_data, around.prefixes, problems)
    if not parts.events and master_data is None and not problems.found:
        problems.extend([_no_events(parts.place)])
    return around, master_data


def _all_or_none(
    parts: Parts, around: Around | None, now: datetime, problems: Problems
) -> tuple[Event, ...]:
    events = []
    for index, part in enumerate(parts.events):
        if not problems.room:
            break
        events.append(read_part(part, f"{parts.place}/{index}", around, now, problems))
    return tuple(event for event in events if event)


def _each_by_itself(
    parts: Parts, around: Around | None, now: datetime
) -> tuple[tuple[Event, ...], tuple[RefusedEvent, ...]]:
    events: list[Event] = []
    refused: list[RefusedEvent] = []
    for index, part in enumerate(parts.events):
        problems = Problems()
        event = read_part(part, f"{parts.place}/{index}", around, now, problems)
        if event is not None:
            events.append(event)
        else:
            reasons = told(problems.found, len(refused))
            refused.append(RefusedEvent(index, _id_of(part), reasons))
    return tuple(events), tuple(refused)


def _id_of(part: Slice) -> str | None:
    """Return the eventID of an event that is refused, if it has one."""
    event_id = part.value.get("eventID")
    return event_id[:500] if isinstance(event_id, str) else None


def around_of(head: Mapping[str, Any], problems: Problems) -> Around | None:
    """Return what a head of the right shape says for all events; None if its context is wrong."""
    context = head["@context"]
    if not has_epcis_context(context):
        problems.extend([_no_epcis_context()])
        return None
    prefixes = problems.tried(prefixes_of, context, STANDARD_PREFIXES, "/@context")
    return None if prefixes is None else Around(prefixes, ignored_names(head, prefixes))


def _no_events(place: str) -> Problem:
    return Problem(
        place,
        mark("The document holds no events"),
        mark("Send at least one event"),
    )


def _no_context() -> Problem:
    return Problem(
        "/@context",
        mark("@context is missing"),
        mark("Add https://ref.gs1.org/standards/epcis/epcis-context.jsonld"),
    )


def _no_epcis_context() -> Problem:
    return Problem(
        "/@context",
        mark("The context of EPCIS is missing"),
        mark("Add https://ref.gs1.org/standards/epcis/epcis-context.jsonld"),
    )
