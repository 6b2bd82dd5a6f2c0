"""What extension fields say, at the top of their place and at any depth below it. Pure."""

from collections.abc import Mapping
from typing import Any

from foodtrace.trace.query.keys import Collection, field_name

# Where extensions stand, as parameters spell it; directly in the event there is no such word.
ILMD = "ILMD_"
ERROR_DECLARATION = "ERROR_DECLARATION_"
SENSOR_ELEMENT = "SENSORELEMENT_"
SENSOR_METADATA = "SENSORMETADATA_"
SENSOR_REPORT = "SENSORREPORT_"
READ_POINT = "readPoint_"
BIZ_LOCATION = "bizLocation_"
AREAS = (
    ILMD,
    ERROR_DECLARATION,
    SENSOR_ELEMENT,
    SENSOR_METADATA,
    SENSOR_REPORT,
    READ_POINT,
    BIZ_LOCATION,
)
# Before the area: somewhere within its extensions, not directly at its top.
INNER = "INNER_"

# So much of what the extensions of one event say can be asked for, in the order in which it
# stands there. A list of a million numbers would be a million rows.
MOST_FACTS = 10_000

# The members of an object that are the value of the field itself: of JSON-LD, and of an
# element of XML that has attributes as well.
_OWN_VALUE = ("@value", "@id", "#text")


def collect_extensions(
    found: Collection, area: str, values: Mapping[str, Any], prefixes: Mapping[str, str]
) -> None:
    """Take note of the extension fields among these: those whose name has a namespace."""
    for name, value in values.items():
        if ":" in name:
            _collect(found, area + field_name(name, prefixes), value, area, prefixes)


def _collect(
    found: Collection, field: str, value: Any, area: str, prefixes: Mapping[str, str]
) -> None:
    found.say(field, None)
    waiting = [value]
    while waiting and len(found.keys) < MOST_FACTS:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(reversed(part))
        elif not isinstance(part, dict):
            found.say_all(field, part)
        else:
            waiting.extend(part[name] for name in _OWN_VALUE if name in part)
            for name, child in part.items():
                if name[:1] not in ("@", "#"):
                    inner = INNER + area + field_name(name, prefixes)
                    _collect(found, inner, child, area, prefixes)
