"""What parameters ask for, from values that were read. Pure.

The values are those of `readings.py`: checked, without prefixes, as JSON has them.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from foodtrace.trace.epcis.context import STANDARD_PREFIXES, expanded
from foodtrace.trace.epcis.model import Role
from foodtrace.trace.epcis.validation import EVENT_TYPES
from foodtrace.trace.errors import mark
from foodtrace.trace.query.fields import party_or_place
from foodtrace.trace.query.keys import (
    TIMES,
    field_name,
    field_of,
    key_of,
    thing,
    time_in,
    wanted_by_number,
    wanted_by_text,
)
from foodtrace.trace.query.model import (
    Attributed,
    Compares,
    Comparison,
    DeclaredWrong,
    During,
    Identified,
    Names,
    OfType,
    Place,
    Says,
    Time,
    WithAction,
    Within,
)
from foodtrace.trace.query.patterns import patterns_of
from foodtrace.trace.query.readings import Prefixes, Refused, moment
from foodtrace.trace.query.sensors import measured_field
from foodtrace.trace.query.units import in_base_unit

PLACES: Sequence[Place] = ("readPoint", "bizLocation")
TIMES_OF_EVENTS: Sequence[Time] = ("eventTime", "recordTime")
ACTIONS = ("ADD", "OBSERVE", "DELETE")
# Fields that name things which master data may describe.
DESCRIBED = (
    "readPoint",
    "bizLocation",
    "source",
    "destination",
    "bizTransaction",
    "epcClass",
    "epc",
)
_LISTED = frozenset({Role.EPC, Role.CHILD})
_ALL = frozenset(Role)
MATCHES: Mapping[str, tuple[frozenset[Role], bool]] = {
    "MATCH_epc": (_LISTED, False),
    "MATCH_parentID": (frozenset({Role.PARENT}), False),
    "MATCH_inputEPC": (frozenset({Role.INPUT}), False),
    "MATCH_outputEPC": (frozenset({Role.OUTPUT}), False),
    "MATCH_anyEPC": (_ALL, False),
    "MATCH_epcClass": (_LISTED, True),
    "MATCH_inputEPCClass": (frozenset({Role.INPUT}), True),
    "MATCH_outputEPCClass": (frozenset({Role.OUTPUT}), True),
    "MATCH_anyEPCClass": (_ALL, True),
}

# The forms in which a field may hold what a text asks for.
Forms = Callable[[str], str]


def as_it_is(text: str) -> str:
    """Return the text."""
    return text


def as_identifier(text: str) -> str:
    """Return a GS1 identifier in its canonical form."""
    return thing(text)


def as_hex(text: str) -> str:
    """Return hexadecimal digits in one case."""
    return text.upper()


def as_party_or_place(kind: str) -> Forms:
    """Return how a source or destination of this type is held."""
    return lambda text: party_or_place(thing(text), kind)


def event_type(text: str, prefixes: Prefixes) -> str:
    """Read a type of event: a standard one, or the URI of one's own."""
    full = expanded(text, prefixes)
    bare = full.removeprefix(STANDARD_PREFIXES["epcis"])
    if bare in EVENT_TYPES or ":" in bare:
        return bare
    raise _no_word(text, EVENT_TYPES)


def action(text: str, _prefixes: Prefixes) -> str:
    """Read an action."""
    if text not in ACTIONS:
        raise _no_word(text, ACTIONS)
    return text


def _no_word(text: str, words: Iterable[str]) -> Refused:
    near = difflib.get_close_matches(text[:50], list(words), 1, 0.5)
    return Refused(
        mark("%(value)s cannot be asked for here"),
        mark("Write one of %(words)s"),
        value=text[:100],
        words=", ".join(near or words),
    )


def of_type(types: list[str]) -> OfType:
    """Ask for events of these types."""
    return OfType(frozenset(types))


def with_action(actions: list[str]) -> WithAction:
    """Ask for events with these actions."""
    return WithAction(frozenset(actions))


def identified(event_ids: list[str]) -> Identified:
    """Ask for the events with these eventIDs."""
    return Identified(tuple(dict.fromkeys(event_ids)))


def declared_wrong(_nothing: None) -> DeclaredWrong:
    """Ask for error declarations."""
    return DeclaredWrong()


def says(field: str, texts: list[str], form: Forms) -> Says:
    """Ask for events that say one of these texts at the field."""
    return Says(frozenset(key_of(field, form(text)) for text in texts))


def is_true(field: str) -> Callable[[bool], Says]:
    """Ask for events that say yes, or no, at the field."""
    return lambda value: Says(frozenset({key_of(field, "true" if value else "false")}))


def exists(field: str) -> Callable[[None], Says]:
    """Ask for events that have the field."""
    return lambda _nothing: Says(frozenset({key_of(field, None)}))


def extension_field(where: str, name: str) -> str:
    """Return an extension as a field: where it stands, and its full IRI."""
    return where + field_name(name, STANDARD_PREFIXES)


def equals(field: str, values: list[Any]) -> Says:
    """Ask for events whose extension field is one of these texts, numbers, yes or no."""
    keys: set[int] = set()
    for value in values:
        if isinstance(value, bool):
            keys.add(key_of(field, "true" if value else "false"))
        else:
            forms = wanted_by_text(value) if isinstance(value, str) else wanted_by_number(value)
            keys.update(key_of(field, form) for form in forms)
    return Says(frozenset(keys))


def compares_extension(field: str, comparison: Comparison, value: int | float | str) -> Compares:
    """Ask for events whose extension field compares so with a number or a time."""
    if isinstance(value, str):
        return Compares(field_of(field + TIMES), comparison, (_seconds(value),))
    return Compares(field_of(field), comparison, (float(value),))


def compares(field: str, comparison: Comparison, value: Any) -> Compares:
    """Ask for events with a number (or some, to be equal to one) or time at the field."""
    values = value if isinstance(value, list) else [value]
    found = [_seconds(each) if isinstance(each, str) else float(each) for each in values]
    return Compares(field_of(field), comparison, tuple(found))


def measures(
    name: str, unit: str, comparison: Comparison, *, difference: bool
) -> Callable[[Any], Compares]:
    """Ask for events with a measured value in any unit of the kind."""
    field = field_of(measured_field(name, unit))

    def build(value: Any) -> Compares:
        values = value if isinstance(value, list) else [value]
        found = [in_base_unit(each, unit, difference=difference) for each in values]
        return Compares(field, comparison, tuple(found))

    return build


def during(time: Time, comparison: str) -> Callable[[str], During]:
    """Ask for events from a time on, or before it."""
    if comparison == "GE":
        return lambda text: During(time, moment(text), None)
    return lambda text: During(time, None, moment(text))


def within(place: Place) -> Callable[[list[str]], Within]:
    """Ask for events at one of these places or within it."""
    return lambda texts: Within(place, tuple(dict.fromkeys(map(thing, texts))))


def names(match: str) -> Callable[[list[str]], Names]:
    """Ask for events that name one of these items."""
    roles, of_classes = MATCHES[match]

    def build(texts: list[str]) -> Names:
        found = (each for text in texts for each in patterns_of(text, of_classes=of_classes))
        return Names(roles, of_classes, tuple(dict.fromkeys(found)))

    return build


def attributed(
    field: str, attributes: Iterable[str], values: Iterable[str] | None = None
) -> Attributed:
    """Ask for events with a thing in the field of which master data say this."""
    said = None if values is None else tuple(dict.fromkeys(values))
    return Attributed(field, tuple(dict.fromkeys(attributes)), said)


def _seconds(text: str) -> float:
    """Return a time that was read, in seconds since 1970."""
    seconds = time_in(text)
    return moment(text).timestamp() if seconds is None else seconds
