"""The parameters of a SimpleEventQuery: what each is called, may say and asks for. Pure.

EPCIS 2.0, section 8.2.7.1. A name is a comparison and a field: ``GE_eventTime``,
``EQ_bizTransaction_po``, ``LT_value_CEL``, ``EXISTS_INNER_ILMD_example:grade``.
"""

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from foodtrace.trace.epcis import master_data
from foodtrace.trace.epcis.context import CBV_MASTER_DATA, STANDARD_PREFIXES, is_extension_name
from foodtrace.trace.epcis.vocabulary import (
    BIZ_STEP,
    BIZ_TRANSACTION,
    DISPOSITION,
    ERROR_REASON,
    SOURCE_OR_DESTINATION,
    Vocabulary,
)
from foodtrace.trace.errors import mark
from foodtrace.trace.query import criteria, readings
from foodtrace.trace.query.extensions import AREAS, INNER
from foodtrace.trace.query.keys import full_name
from foodtrace.trace.query.model import Comparison, Criterion
from foodtrace.trace.query.readings import Entry, Prefixes, Reading, Refused
from foodtrace.trace.query.sensors import (
    DEVIATION,
    MEASURED,
    RANK,
    SENSOR_THINGS,
    SENSOR_TIMES,
    SENSOR_WORDS,
    sensor_word,
)

MAX_NAME = 600

_Build = Callable[[Any], Criterion]
_Kind = tuple[Reading, _Build | None]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: its name without prefixes, how its value is read, and what it asks for.

    `criterion` takes the value as it was read; it is None where the parameter says of the
    answer how it is to be, and not of the events which.
    """

    name: str
    read: Reading
    criterion: _Build | None


def parameter_of(name: str, prefixes: Prefixes) -> Parameter:
    """Return the parameter of this name. Raises Refused."""
    fixed = _FIXED.get(name)
    if fixed is not None:
        return Parameter(name, *fixed)
    comparison, _, field = name.partition("_")
    for family in (_typed, _measured, _extension, _attribute):
        found = family(comparison, field, prefixes) if len(name) <= MAX_NAME else None
        if found is not None:
            return found
    near = difflib.get_close_matches(name[:MAX_NAME], _KNOWN, 1, 0.6)
    raise Refused(
        mark("There is no parameter of this name"),
        mark("Did you mean %(near)s?") if near else mark("Leave it out"),
        near=near[0] if near else "",
    )


def _word_of(words: Vocabulary) -> Entry:
    return lambda text, prefixes: words.word(text, prefixes, "")


def _sensor_word_of(words: Vocabulary) -> Entry:
    return lambda text, prefixes: sensor_word(words, text, prefixes)


def _says(entry: Entry, field: str, forms: criteria.Forms = criteria.as_it_is) -> _Kind:
    return readings.list_of(entry), lambda texts: criteria.says(field, texts, forms)


def _compares(field: str, comparison: Comparison) -> _Build:
    return lambda value: criteria.compares(field, comparison, value)


def _fixed() -> dict[str, _Kind]:
    found: dict[str, _Kind] = {
        "eventType": (readings.list_of(criteria.event_type), criteria.of_type),
        "EQ_action": (readings.list_of(criteria.action), criteria.with_action),
        "EQ_bizStep": _says(_word_of(BIZ_STEP), "bizStep"),
        "EQ_disposition": _says(_word_of(DISPOSITION), "disposition"),
        "EQ_transformationID": _says(
            readings.identifier, "transformationID", criteria.as_identifier
        ),
        "EQ_bizTransaction": _says(readings.reference, "bizTransaction", criteria.as_identifier),
        "EQ_eventID": (readings.list_of(readings.plain_text), criteria.identified),
        "EQ_errorReason": _says(_word_of(ERROR_REASON), "errorReason"),
        "EQ_correctiveEventID": _says(readings.plain_text, "correctiveEventID"),
        "EXISTS_errorDeclaration": (readings.nothing, criteria.declared_wrong),
        "EXISTS_sensorElementList": (readings.nothing, criteria.exists("sensorElementList")),
        "EQ_stringValue": _says(readings.plain_text, "stringValue"),
        "EQ_hexBinaryValue": _says(readings.plain_text, "hexBinaryValue", criteria.as_hex),
        "orderBy": (readings.one_of("eventTime", "recordTime"), None),
        "orderDirection": (readings.one_of("ASC", "DESC"), None),
        "eventCountLimit": (readings.count, None),
        "maxEventCount": (readings.count, None),
        "EQ_booleanValue": (readings.truth, criteria.is_true("booleanValue")),
    }
    for name in ("set", "unset"):
        field = f"persistentDisposition_{name}"
        found[f"EQ_{field}"] = _says(_word_of(DISPOSITION), field)
    for place in criteria.PLACES:
        found[f"EQ_{place}"] = _says(readings.identifier, place, criteria.as_identifier)
        found[f"WD_{place}"] = (readings.list_of(readings.identifier), criteria.within(place))
    for match in criteria.MATCHES:
        found[match] = (readings.list_of(readings.pattern), criteria.names(match))
    for sensor_field, words in SENSOR_WORDS.items():
        found[f"EQ_{sensor_field}"] = _says(_sensor_word_of(words), sensor_field)
    for sensor_field in SENSOR_THINGS:
        found[f"EQ_{sensor_field}"] = _says(
            readings.reference, sensor_field, criteria.as_identifier
        )
    return found | _fixed_comparisons()


def _fixed_comparisons() -> dict[str, _Kind]:
    found: dict[str, _Kind] = {}
    for time in criteria.TIMES_OF_EVENTS:
        for comparison in ("GE", "LT"):
            found[f"{comparison}_{time}"] = (readings.time, criteria.during(time, comparison))
    for comparison in _COMPARISONS:
        read = readings.numbers if comparison == "EQ" else readings.number
        for field in ("quantity", RANK):
            found[f"{comparison}_{field}"] = (read, _compares(field, comparison))
    for comparison in _SPANS:
        for field in SENSOR_TIMES:
            found[f"{comparison}_{field}"] = (readings.time, _compares(field, comparison))
        for spelling in ("errorDeclaration_Time", "errorDeclarationTime"):
            build = _compares("errorDeclarationTime", comparison)
            found[f"{comparison}_{spelling}"] = (readings.time, build)
    return found


_COMPARISONS: Sequence[Comparison] = ("EQ", "GT", "GE", "LT", "LE")
_SPANS: Sequence[Comparison] = ("GE", "LT")


def _typed(comparison: str, field: str, prefixes: Prefixes) -> Parameter | None:
    """``EQ_bizTransaction_po``, ``EQ_source_location``: the type of the entry is in the name."""
    list_name, _, kind = field.partition("_")
    if comparison != "EQ" or not kind or list_name not in _TYPES:
        return None
    words = _TYPES[list_name]
    kind = readings.tried(_word_of(words), kind, prefixes)
    forms: criteria.Forms = criteria.as_identifier
    if words is SOURCE_OR_DESTINATION:
        forms = criteria.as_party_or_place(kind)
    field = f"{list_name}_{kind}"
    return Parameter(f"EQ_{field}", *_says(readings.reference, field, forms))


_TYPES = {
    "bizTransaction": BIZ_TRANSACTION,
    "source": SOURCE_OR_DESTINATION,
    "destination": SOURCE_OR_DESTINATION,
}
_MEASURED = re.compile(
    rf"({'|'.join((*MEASURED, DEVIATION, 'quantity'))})(?:_([A-Z0-9]{{2,4}}))?", re.ASCII
)


def _measured(comparison: str, field: str, _prefixes: Prefixes) -> Parameter | None:
    """``GE_value_CEL``, ``EQ_quantity_KGM``: the unit is in the name."""
    found = _MEASURED.fullmatch(field)
    if not found or comparison not in _COMPARISONS:
        return None
    name, unit = found.groups()
    if unit is None:
        raise Refused(
            mark("The unit of the value is missing"),
            mark("Write it behind the name, for example %(name)s_CEL for degrees Celsius"),
            name=f"{comparison}_{name}",
        )
    read = readings.numbers if comparison == "EQ" else readings.number
    kind: Comparison = comparison  # type: ignore[assignment]
    build = criteria.measures(name, unit, kind, difference=name == DEVIATION)
    return Parameter(f"{comparison}_{field}", read, build)


def _extension(comparison: str, field: str, prefixes: Prefixes) -> Parameter | None:
    """``GE_ILMD_example:weight``, ``EXISTS_INNER_example:box``: a field of one's own."""
    if comparison not in (*_COMPARISONS, "EXISTS") or ":" not in field:
        return None
    where, name = split_field(field)
    name = _full(name, prefixes)
    held = f"{comparison}_{where}{name}"
    field = criteria.extension_field(where, name)
    if comparison == "EXISTS":
        return Parameter(held, readings.nothing, criteria.exists(field))
    if comparison == "EQ":
        return Parameter(held, readings.mixed, lambda values: criteria.equals(field, values))
    kind: Comparison = comparison  # type: ignore[assignment]
    build = lambda value: criteria.compares_extension(field, kind, value)  # noqa: E731
    return Parameter(held, readings.number_or_time, build)


def split_field(field: str) -> tuple[str, str]:
    """Return where an extension stands, and its name: ``INNER_ILMD_``, ``example:grade``."""
    where = INNER if field.startswith(INNER) else ""
    for area in AREAS:
        if field.startswith(area, len(where)):
            where += area
            break
    return where, field[len(where) :]


def _full(name: str, prefixes: Prefixes) -> str:
    """Return the full IRI of an extension field. Raises Refused."""
    if not is_extension_name(name, prefixes):
        raise Refused(
            mark("The prefix of %(name)s is not declared"),
            mark('Declare it in "@context" or in the header GS1-Extensions, or write the full IRI'),
            name=name[:100],
        )
    prefix, _, local = name.partition(":")
    is_short = prefix in prefixes and not local.startswith("//")
    full = full_name(prefixes[prefix], local) if is_short else name
    if not is_extension_name(full, STANDARD_PREFIXES):
        raise Refused(
            mark("The namespace of %(name)s is no absolute IRI"),
            mark("Write it as https://example.com/ns/"),
            name=name[:100],
        )
    return full


def _attribute(comparison: str, field: str, prefixes: Prefixes) -> Parameter | None:
    """``HASATTR_bizLocation``, ``EQATTR_bizLocation_cbvmda:site``: what master data say of it."""
    if comparison == "HASATTR":
        name, held = _attributed(field, prefixes)
        return Parameter(
            f"HASATTR_{held}",
            readings.list_of(attribute_name),
            lambda attributes: criteria.attributed(name, attributes),
        )
    if comparison != "EQATTR":
        return None
    name, held, attribute = _field_and_attribute(field, prefixes)
    return Parameter(
        f"EQATTR_{held}_{attribute}",
        readings.list_of(readings.plain_text),
        lambda values: criteria.attributed(name, (attribute,), values),
    )


def attribute_name(text: str, prefixes: Prefixes) -> str:
    """Read the name of an attribute: a bare word is one of the CBV."""
    full = text if ":" in text else CBV_MASTER_DATA + text
    return master_data.attribute_name(full, prefixes)


def _attributed(field: str, prefixes: Prefixes) -> tuple[str, str]:
    """Return a field that master data may say something of, and its name in a parameter."""
    if field in criteria.DESCRIBED:
        return field, field
    if ":" not in field:
        raise Refused(
            mark("%(value)s cannot be asked for here"),
            mark("Write one of %(words)s"),
            value=field[:100],
            words=", ".join(criteria.DESCRIBED),
        )
    where, name = split_field(field)
    name = _full(name, prefixes)
    return criteria.extension_field(where, name), where + name


def _field_and_attribute(text: str, prefixes: Prefixes) -> tuple[str, str, str]:
    """Split ``field_attribute`` where both are names; either may hold an underscore itself."""
    for field in criteria.DESCRIBED:
        if text.startswith(f"{field}_"):
            return field, field, attribute_name(text[len(field) + 1 :], prefixes)
    for cut in (index for index, sign in enumerate(text) if sign == "_"):
        _, name = split_field(text[:cut])
        if is_extension_name(name, prefixes) and is_extension_name(text[cut + 1 :], prefixes):
            return *_attributed(text[:cut], prefixes), attribute_name(text[cut + 1 :], prefixes)
    raise Refused(
        mark("The name does not say which attribute of which field is meant"),
        mark("Write it as EQATTR_bizLocation_cbvmda:site"),
    )


_FIXED = _fixed()
_KNOWN = (
    *_FIXED,
    "EQ_bizTransaction_po",
    "EQ_source_owning_party",
    "EQ_destination_owning_party",
    "EQ_value_CEL",
    "EQ_quantity_KGM",
    "HASATTR_bizLocation",
    "EQATTR_bizLocation_cbvmda:site",
)
