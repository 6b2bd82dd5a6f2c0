"""The values of query parameters: read, checked, and free of prefixes. Pure.

Each reading takes a value of JSON, or the text of a web address or of XML, and returns a value
of JSON that means the same wherever it stands. All raise Refused, which says what is wrong.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from foodtrace.trace.epcis.context import expanded
from foodtrace.trace.errors import Invalid, Problem, QueryTooComplex, mark
from foodtrace.trace.query.keys import finite, number_in, time_in
from foodtrace.trace.query.patterns import is_pattern

MAX_VALUES = 1000
MAX_TEXT = 2000
MAX_COUNT = 1_000_000_000

Prefixes = Mapping[str, str]
Reading = Callable[[Any, Prefixes], Any]
# How one entry of a list is read.
Entry = Callable[[str, Prefixes], str]

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:|/)\S+", re.ASCII)
_LOST_PLUS = re.compile(r".*\d \d\d:\d\d", re.ASCII)


class Refused(Exception):
    """A value that a parameter cannot have. The parameter that has it is not known here."""

    def __init__(self, rule: str, fix: str = "", **values: object) -> None:
        super().__init__(rule)
        self.rule = rule
        self.fix = fix
        self.values = values

    def at(self, parameter: str) -> Problem:
        """Return it as a problem of this parameter."""
        return Problem(parameter, self.rule, self.fix, self.values)


def list_of(entry: Entry) -> Reading:
    """Return the reading of a list of texts; a single one is a list of one."""

    def read(value: Any, prefixes: Prefixes) -> list[str]:
        return [tried(entry, _text(each), prefixes) for each in entries(value)]

    return read


def entries(value: Any) -> list[Any]:
    """Return the entries of a list that is neither empty nor too long."""
    found = value if isinstance(value, list) else [value]
    if len(found) > MAX_VALUES:
        raise QueryTooComplex(
            Problem(
                "",
                mark("A parameter has %(count)s values, and at most %(limit)s are looked up"),
                mark("Ask in several queries"),
                {"count": len(found), "limit": MAX_VALUES},
            )
        )
    if not found:
        raise Refused(mark("The list of values is empty"), mark("Name a value, or leave it out"))
    return found


def tried(entry: Entry, text: str, prefixes: Prefixes) -> str:
    """Return what the entry means; what is wrong with it by the rules of events is refused."""
    try:
        return entry(text, prefixes)
    except Invalid as error:
        problem = error.problems[0]
        fix = mark("Separate several values by |") if "," in text else problem.fix
        raise Refused(problem.rule, fix, **problem.values) from None


def identifier(text: str, prefixes: Prefixes) -> str:
    """Read an identifier. One with a wrong check digit may be asked for: no event has it."""
    full = expanded(text, prefixes)
    if not _URI.fullmatch(full):
        raise Refused(
            mark("An identifier is a web address, a URN or the path of a GS1 key"),
            mark("Write it as /01/GTIN/10/LOT, or the complete address of the code"),
        )
    return full


def pattern(text: str, prefixes: Prefixes) -> str:
    """Read an identifier or a pattern of EPCs; whether the pattern is one is seen later."""
    return text if is_pattern(text) else identifier(text, prefixes)


def reference(text: str, prefixes: Prefixes) -> str:
    """Read an identifier that may be any text."""
    return expanded(text, prefixes)


def plain_text(text: str, _prefixes: Prefixes) -> str:
    """Read a text that means itself."""
    return text


def mixed(value: Any, _prefixes: Prefixes) -> list[Any]:
    """Read what an extension field may be equal to: texts, numbers, yes or no."""
    found: list[Any] = []
    for each in entries(value):
        is_number = isinstance(each, (int, float, Decimal)) and not isinstance(each, bool)
        if is_number:
            found.append(_json_number(each))
        else:
            found.append(each if isinstance(each, bool) else _text(each))
    return found


def numbers(value: Any, _prefixes: Prefixes) -> list[Any]:
    """Read a list of numbers."""
    return [number(each, _prefixes) for each in entries(value)]


def number(value: Any, _prefixes: Prefixes) -> int | float:
    """Read a number, or the text of one."""
    found = number_in(value) if isinstance(value, str) else value
    if not isinstance(found, (int, float, Decimal)) or isinstance(found, bool):
        raise Refused(
            mark("%(value)s is no number"), mark("Write it as 4 or 4.5"), value=_shown(value)
        )
    return _json_number(found)


def number_or_time(value: Any, prefixes: Prefixes) -> int | float | str:
    """Read what an extension field compares with: a number, or a time as text."""
    if isinstance(value, str) and time_in(value) is not None:
        return value
    try:
        return number(value, prefixes)
    except Refused:
        raise Refused(
            mark("%(value)s is neither a number nor a time"),
            mark("Write a number such as 4.5, or a time such as 2026-05-01T08:00:00Z"),
            value=_shown(value),
        ) from None


def time(value: Any, _prefixes: Prefixes) -> str:
    """Read a moment: date, time and zone."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        else:
            return value
    fix = mark("Write date, time and zone, for example 2026-05-01T08:00:00Z")
    if isinstance(value, str) and _LOST_PLUS.fullmatch(value):
        fix = mark("A plus sign in a web address is a blank: write it as %%2B")
    raise Refused(mark("%(value)s is no time"), fix, value=_shown(value))


def moment(text: str) -> datetime:
    """Return a time that was read, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def count(value: Any, _prefixes: Prefixes) -> int:
    """Read how many events: a whole number from 1 on."""
    found = number_in(value) if isinstance(value, str) else value
    if (
        not isinstance(found, (int, Decimal))
        or isinstance(found, bool)
        or not 1 <= found <= MAX_COUNT
        or found != int(found)
    ):
        raise Refused(
            mark("%(value)s is no number of events"),
            mark("Write a whole number from 1 to %(limit)s"),
            value=_shown(value),
            limit=MAX_COUNT,
        )
    return int(found)


def truth(value: Any, _prefixes: Prefixes) -> bool:
    """Read yes or no."""
    found = {"true": True, "false": False}.get(value) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise Refused(
            mark("%(value)s is neither true nor false"),
            mark("Write one of the two words"),
            value=_shown(value),
        )
    return found


def nothing(value: Any, _prefixes: Prefixes) -> None:
    """Read the value of a parameter that has none. Some clients cannot send none: they send 1."""
    if value not in (None, "", "true", "1") and value is not True and value != 1:
        raise Refused(
            mark("The parameter asks that something is there: it has no value"),
            mark("Leave the value empty; what is not there cannot be asked for"),
        )


def one_of(*words: str) -> Reading:
    """Return the reading of one of some words."""

    def read(value: Any, _prefixes: Prefixes) -> str:
        if value not in words:
            raise Refused(
                mark("%(value)s cannot be asked for here"),
                mark("Write one of %(words)s"),
                value=_shown(value),
                words=", ".join(words),
            )
        return str(value)

    return read


def _text(value: Any) -> str:
    if value == "":
        raise Refused(mark("The list of values is empty"), mark("Name a value, or leave it out"))
    if not isinstance(value, str):
        raise Refused(
            mark("%(value)s is no text"),
            mark("Write a list of texts"),
            value=_shown(value),
        )
    if len(value) > MAX_TEXT:
        raise QueryTooComplex(
            Problem(
                "",
                mark("A value has more than %(limit)s characters"),
                mark("Shorten it"),
                {"limit": MAX_TEXT},
            )
        )
    if "\0" in value:
        raise Refused(
            mark("The text holds the invisible or control character %(code)s"),
            mark("Remove it"),
            code="U+0000",
        )
    return value


def _json_number(value: int | float | Decimal) -> int | float:
    as_float = finite(value)
    if as_float is None:
        raise Refused(mark("A number has more than 40 digits"), mark("Round the number"))
    return value if isinstance(value, int) else as_float


def _shown(value: Any) -> str:
    return str(value)[:100]
