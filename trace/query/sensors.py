"""What sensor elements say (EPCIS 2.0, section 7.3.7). Pure.

Whatever stands in the metadata or in a report counts alike: the metadata only say once what
holds for all reports of the element.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from foodtrace.trace.epcis.context import expanded
from foodtrace.trace.epcis.vocabulary import COMPONENT, MEASUREMENT, SENSOR_ALERT, Vocabulary
from foodtrace.trace.errors import Invalid
from foodtrace.trace.query.extensions import (
    SENSOR_ELEMENT,
    SENSOR_METADATA,
    SENSOR_REPORT,
    collect_extensions,
)
from foodtrace.trace.query.keys import Collection, thing, time_in
from foodtrace.trace.query.units import base_unit, in_base_unit

_Prefixes = Mapping[str, str]

SENSOR_WORDS: Mapping[str, Vocabulary] = {
    "type": MEASUREMENT,
    "exception": SENSOR_ALERT,
    "component": COMPONENT,
}
SENSOR_THINGS = (
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
    "microorganism",
    "chemicalSubstance",
    "coordinateReferenceSystem",
    "uriValue",
)
SENSOR_TIMES = ("time", "startTime", "endTime")
# In the unit of the report, which is part of the name of the field: value_CEL.
MEASURED = ("value", "minValue", "maxValue", "meanValue", "percValue")
DEVIATION = "sDev"
RANK = "percRank"

_GS1_WORD = re.compile(
    r"https?://(?:www\.|ref\.)?gs1\.org/voc/(?:MeasurementType-|SensorAlertType-)?(\w+)", re.ASCII
)


def sensor_word(words: Vocabulary, text: str, prefixes: _Prefixes) -> str:
    """Return the bare standard word however it is written, or the URI. Raises Invalid."""
    if text in words.words:
        return text
    found = _GS1_WORD.fullmatch(expanded(text, prefixes))
    return words.word(found.group(1) if found else text, prefixes, "")


def measured_field(name: str, unit: str | None) -> str:
    """Return the field of a measured value: its unit counts as the base unit of the kind."""
    return f"{name}_{base_unit(unit)}"


def collect_sensors(
    found: Collection, elements: Sequence[Mapping[str, Any]], prefixes: _Prefixes
) -> None:
    """Take note of what the sensor elements of an event say."""
    found.say("sensorElementList", None)
    for element in elements:
        collect_extensions(found, SENSOR_ELEMENT, element, prefixes)
        metadata = element.get("sensorMetadata")
        if metadata:
            _collect_part(found, metadata, prefixes)
            collect_extensions(found, SENSOR_METADATA, metadata, prefixes)
        for report in element.get("sensorReport", ()):
            _collect_part(found, report, prefixes)
            _collect_values(found, report)
            collect_extensions(found, SENSOR_REPORT, report, prefixes)


def _collect_part(found: Collection, part: Mapping[str, Any], prefixes: _Prefixes) -> None:
    for name, value in part.items():
        if name in SENSOR_THINGS:
            found.say(name, thing(expanded(value, prefixes)))
        elif name in SENSOR_TIMES:
            time = time_in(value)
            if time is not None:
                found.count(name, time)
        elif name in SENSOR_WORDS:
            found.say(name, _word(SENSOR_WORDS[name], value, prefixes))


def _collect_values(found: Collection, report: Mapping[str, Any]) -> None:
    unit = report.get("uom")
    for name, value in report.items():
        if name in MEASURED:
            found.count(measured_field(name, unit), in_base_unit(value, unit))
        elif name == DEVIATION:
            found.count(measured_field(name, unit), in_base_unit(value, unit, difference=True))
        elif name == RANK:
            found.count(name, value)
        elif name == "stringValue":
            found.say(name, value)
        elif name == "booleanValue":
            found.say(name, "true" if value else "false")
        elif name == "hexBinaryValue":
            found.say(name, value.upper())


def _word(words: Vocabulary, text: str, prefixes: _Prefixes) -> str:
    try:
        return sensor_word(words, text, prefixes)
    except Invalid:  # sensors may report words that nobody standardised
        return expanded(text, prefixes)
