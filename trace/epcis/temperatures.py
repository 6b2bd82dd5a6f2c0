"""The coldest and warmest temperature that an event reports, in degrees Celsius."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from foodtrace.trace.epcis.context import GS1_VOCABULARY, expanded
from foodtrace.trace.epcis.json_values import pointer
from foodtrace.trace.errors import Invalid, Problem, mark

_NAMES = frozenset(
    {
        "Temperature",
        f"{GS1_VOCABULARY}Temperature",
        f"{GS1_VOCABULARY}MeasurementType-Temperature",
        "https://gs1.org/voc/Temperature",
        "https://gs1.org/voc/MeasurementType-Temperature",
    }
)
_VALUES = ("value", "minValue", "maxValue", "meanValue")
_ABSOLUTE_ZERO = Decimal("-273.15")
_HOTTEST = Decimal(10_000)
_HUNDREDTH = Decimal("0.01")

# By unit code of UN/CEFACT Recommendation 20.
_TO_CELSIUS: Mapping[str | None, Callable[[Decimal], Decimal]] = {
    "CEL": lambda degrees: degrees,
    "FAH": lambda degrees: (degrees - 32) * 5 / 9,
    "KEL": lambda degrees: degrees + _ABSOLUTE_ZERO,
}


def temperature_range(
    event: Mapping[str, Any], prefixes: Mapping[str, str], place: str
) -> tuple[Decimal | None, Decimal | None]:
    """Return the lowest and highest temperature, or None twice. Raises Invalid."""
    degrees = list(_degrees(event, prefixes, place))
    return (min(degrees), max(degrees)) if degrees else (None, None)


def _degrees(
    event: Mapping[str, Any], prefixes: Mapping[str, str], place: str
) -> Iterator[Decimal]:
    for index, element in enumerate(event.get("sensorElementList", ())):
        for number, report in enumerate(element["sensorReport"]):
            to_celsius = _TO_CELSIUS.get(report.get("uom"))
            # A reading in a unit that nobody here can convert is kept, but says nothing.
            if to_celsius is None or expanded(report.get("type", ""), prefixes) not in _NAMES:
                continue
            where = place + pointer("sensorElementList", index, "sensorReport", number)
            for name in _VALUES:
                if name in report:
                    degrees = to_celsius(Decimal(report[name]))
                    yield _checked(degrees, where + pointer(name))


def _checked(degrees: Decimal, place: str) -> Decimal:
    if not _ABSOLUTE_ZERO <= degrees <= _HOTTEST:
        raise Invalid(
            Problem(
                place,
                mark("%(degrees)s degrees Celsius is no temperature that food can have"),
                mark("Correct the reading or its unit"),
                {"degrees": round(degrees, 2)},
            )
        )
    return degrees.quantize(_HUNDREDTH)
