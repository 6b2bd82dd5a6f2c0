"""One event: parsed JSON in, a checked event out, all its problems named."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from foodtrace.trace.epcis.context import VISIBILITY, expanded, prefixes_of
from foodtrace.trace.epcis.event_hash import event_hash
from foodtrace.trace.epcis.items import participations_of
from foodtrace.trace.epcis.model import Event
from foodtrace.trace.epcis.parties import party_of, place_of
from foodtrace.trace.epcis.problems import Problems, identifier_at
from foodtrace.trace.epcis.rules import event_problems
from foodtrace.trace.epcis.strict_json import Slice
from foodtrace.trace.epcis.temperatures import temperature_range
from foodtrace.trace.epcis.times import utc_time
from foodtrace.trace.epcis.validation import EVENT_TYPES, shape_problems
from foodtrace.trace.epcis.vocabulary import BIZ_STEP, DISPOSITION, Vocabulary
from foodtrace.trace.errors import Problem, mark

_Prefixes = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Around:
    """What a document says once for all its events: namespaces, and what no hash covers."""

    prefixes: _Prefixes
    ignored: frozenset[str] = frozenset()


def read_part(
    part: Slice,
    place: str,
    around: Around | None,
    now: datetime,
    problems: Problems,
) -> Event | None:
    """Return the event of a slice; None, and the problems, if it has any.

    With nothing around it, because the head of the document is broken, only the shape is
    checked.
    """
    before = problems.room
    event: dict[str, Any] = part.value
    inside = read_shape(event, place, around, problems)
    if inside is None:
        return None
    problems.extend(event_problems(event, inside.prefixes, place, now))
    if problems.room < before:
        return None
    made = _event_of(part, inside, place, problems)
    return made if problems.room == before else None


def read_shape(
    event: Mapping[str, Any], place: str, around: Around | None, problems: Problems
) -> Around | None:
    """Check that this is an event by its shape, and return what holds inside it.

    None, and the problems, if it is none, and also if nothing is around it.
    """
    before = problems.room
    if event.get("type") not in EVENT_TYPES:
        problems.extend([_no_event_type(place, event)])
        return None
    problems.extend(shape_problems(event["type"], event, place, problems.room))
    if problems.room < before or around is None:
        return None
    if "@context" not in event:
        return around
    where = f"{place}/@context"
    prefixes = problems.tried(prefixes_of, event["@context"], around.prefixes, where)
    return None if prefixes is None else Around(prefixes, around.ignored)


def _event_of(part: Slice, around: Around, place: str, problems: Problems) -> Event:
    """Return the event; every rule but those on identifiers and temperatures is checked."""
    event: dict[str, Any] = part.value
    prefixes = around.prefixes
    low, high = problems.tried(temperature_range, event, prefixes, place) or (None, None)
    declaration = event.get("errorDeclaration")
    return Event(
        start=part.start,
        length=part.length,
        event_id=event.get("eventID") or event_hash(event, prefixes, around.ignored),
        type=event["type"],
        action=event.get("action"),
        event_time=utc_time(event["eventTime"], place),
        time_zone_offset=event["eventTimeZoneOffset"],
        biz_step=_word(event, "bizStep", BIZ_STEP, prefixes),
        disposition=_word(event, "disposition", DISPOSITION, prefixes),
        read_point=place_of(event, "readPoint", prefixes, place, problems),
        biz_location=place_of(event, "bizLocation", prefixes, place, problems),
        source=party_of(event, "source", prefixes, place, problems),
        destination=party_of(event, "destination", prefixes, place, problems),
        transformation_id=_transformation_id(event, prefixes, place, problems),
        participations=participations_of(event, prefixes, place, problems),
        temperature_low=low,
        temperature_high=high,
        declared_at=utc_time(declaration["declarationTime"], place) if declaration else None,
        ilmd=_expanded_names(event["ilmd"], prefixes) if "ilmd" in event else None,
        body=event,
        prefixes=prefixes,
        hidden=_is_hidden(event, prefixes),
    )


def _is_hidden(event: Mapping[str, Any], prefixes: _Prefixes) -> bool:
    """Say whether the event's party keeps it from the public."""
    return any(
        value == "hidden" and expanded(name, prefixes) == VISIBILITY
        for name, value in event.items()
    )


def _word(
    event: Mapping[str, Any], name: str, vocabulary: Vocabulary, prefixes: _Prefixes
) -> str | None:
    return vocabulary.word(event[name], prefixes, name) if name in event else None


def _transformation_id(
    event: Mapping[str, Any], prefixes: _Prefixes, place: str, problems: Problems
) -> str | None:
    if "transformationID" not in event:
        return None
    text = expanded(event["transformationID"], prefixes)
    identifier = problems.tried(identifier_at, text, f"{place}/transformationID")
    return identifier.canonical if identifier else None


def _expanded_names(value: Any, prefixes: _Prefixes) -> Any:
    """Return the value with full IRIs for names, as plain JSON: fractions become floats."""
    if isinstance(value, dict):
        return {
            expanded(name, prefixes): _expanded_names(part, prefixes)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [_expanded_names(part, prefixes) for part in value]
    return float(value) if isinstance(value, Decimal) else value


def _no_event_type(place: str, event: Mapping[str, Any]) -> Problem:
    return Problem(
        f"{place}/type",
        mark("%(type)s is no EPCIS event type"),
        mark("Write one of %(types)s"),
        {"type": str(event.get("type"))[:100], "types": ", ".join(EVENT_TYPES)},
    )
