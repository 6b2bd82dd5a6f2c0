"""Schema errors as problems: the same words for the API and, translated, for the pages.

marshmallow builds its sentences before anybody could translate them. They are few, so
each is recognised again here and said in our words, with its values kept apart.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from foodtrace.trace.errors import Invalid, Problem, mark

_SENTENCES = [
    (r"Missing data for required field\.", mark("This must be filled in"), ""),
    (r"Field may not be null\.", mark("This must be filled in"), ""),
    (
        r"Unknown field\.",
        mark("There is no field of this name"),
        mark("Check the spelling, or leave it out"),
    ),
    (
        r"Not a valid number\.|Special numeric values.*|Number too large\.",
        mark("This is not a number"),
        mark("Write digits, with a full stop before decimals"),
    ),
    (r"Not a valid integer\.", mark("This is not a whole number"), mark("Write digits only")),
    (r"Not a valid date\.", mark("This is not a date"), mark("Write it like 2026-11-22")),
    (
        r"Not a valid datetime\.|Not a valid aware datetime\.|Not a valid naive datetime\.",
        mark("This is not a time"),
        mark("Write it like 2026-11-22T14:00:00+08:00"),
    ),
    (
        r"Not a valid signed time\.",
        mark("This is not a time in UTC, to the second"),
        mark("Write it like 2026-11-22T06:30:00Z"),
    ),
    (
        r"Not the base64 of (?P<size>\d+) bytes\.",
        mark("This is not the base64 of %(size)s bytes"),
        mark("Encode exactly these bytes, on one line"),
    ),
    (r"Not a valid (?:utf-8 )?string\.", mark("This is not a text"), ""),
    (r"Not a valid boolean\.", mark("This is neither true nor false"), ""),
    (r"Not a valid list\.", mark("This is not a list"), ""),
    (r"Not a valid mapping type\.|Invalid (?:input )?type\.", mark("This is not an object"), ""),
    (r"Not a valid UUID\.", mark("This is not a UUID"), ""),
    (r"Not a valid email address\.", mark("This is not an e-mail address"), ""),
    (r"Not a valid URL\.", mark("This is not a web address"), mark("Begin with https://")),
    (
        r"Shorter than minimum length 1\.",
        mark("This must be filled in"),
        "",
    ),
    (
        r"Shorter than minimum length (?P<min>\d+)\.",
        mark("This is too short"),
        mark("Write at least %(min)s characters"),
    ),
    (
        r"Longer than maximum length (?P<max>\d+)\.",
        mark("This is too long"),
        mark("Write at most %(max)s characters"),
    ),
    (
        r"Length must be between (?P<min>\d+) and (?P<max>\d+)\.",
        mark("The length does not fit"),
        mark("Write %(min)s to %(max)s characters"),
    ),
    (
        r"Length must be (?P<equal>\d+)\.",
        mark("The length does not fit"),
        mark("Write exactly %(equal)s characters"),
    ),
    (
        r"Must be greater than or equal to (?P<min>\S+)"
        r" and less than or equal to (?P<max>\S+)\.",
        mark("The value does not fit"),
        mark("Choose a value from %(min)s to %(max)s"),
    ),
    (
        r"Must be greater than or equal to (?P<min>\S+)\.",
        mark("The value is too small"),
        mark("Choose %(min)s or more"),
    ),
    (
        r"Must be greater than (?P<min>\S+)\.",
        mark("The value is too small"),
        mark("Choose more than %(min)s"),
    ),
    (
        r"Must be less than or equal to (?P<max>\S+)\.",
        mark("The value is too large"),
        mark("Choose %(max)s or less"),
    ),
    (
        r"Must be less than (?P<max>\S+)\.",
        mark("The value is too large"),
        mark("Choose less than %(max)s"),
    ),
    (
        r"Must be one of: (?P<choices>.*)\.",
        mark("This is not one of the choices"),
        mark("Choose one of: %(choices)s"),
    ),
    (r"String does not match expected pattern\.", mark("This does not have the right form"), ""),
    (
        r"Invalid (?:value|input)\.",
        mark("This value does not fit"),
        "",
    ),
]
_RULES = [(re.compile(pattern, re.DOTALL), rule, fix) for pattern, rule, fix in _SENTENCES]
_SCHEMA_ITSELF = "_schema"


def invalid_from(messages: Any) -> Invalid:
    """Return the refusal for the messages of a marshmallow ValidationError."""
    return Invalid(*problems_from(messages))


def problems_from(messages: Any, place: str = "") -> Iterator[Problem]:
    """Yield a problem for every message, each with the JSON pointer of its place."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            deeper = place if name == _SCHEMA_ITSELF else f"{place}/{_token(name)}"
            yield from problems_from(inner, deeper)
    elif isinstance(messages, list | tuple):
        for message in messages:
            yield from problems_from(message, place)
    else:
        yield _problem(str(messages), place)


def _problem(message: str, place: str) -> Problem:
    for pattern, rule, fix in _RULES:
        match = pattern.fullmatch(message)
        if match is not None:
            return Problem(place, rule, fix, match.groupdict())
    return Problem(place, "%(message)s", "", {"message": message})


def _token(name: object) -> str:
    """Escape a name for a JSON pointer (RFC 6901, section 3)."""
    return str(name).replace("~", "~0").replace("/", "~1")
