"""JSON as RFC 8259 and RFC 7493 (I-JSON) want it, read in one pass, with the bytes of each event.

Two programs must never read one statement differently. So everything is refused that
parsers are known to disagree about: names given twice, NaN, numbers beyond double precision,
lone surrogates, text that is not in normal form C, control characters. And nothing may cost more
than its size: depth, names and digits have limits that are checked while reading.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from foodtrace.trace.epcis.json_values import check_texts, depth_of, is_clean, parts_of, pointer
from foodtrace.trace.errors import Invalid, Problem, TooLarge, mark

MAX_BYTES = 10 * 1024 * 1024
MAX_VALUES = 500_000
MAX_EVENTS = 10_000
MAX_EVENT_CHARS = 1024 * 1024
MAX_DEPTH = 64
MAX_KEYS = 10_000
MAX_DIGITS = 40

# Reads what stands at a position and a place; or which names inside have readers of their own.
_Read = Callable[[int, str], tuple[Any, int]]
_Readers = Mapping[str, "_Read | _Readers"]

_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Slice:
    """A JSON value and where its bytes stand in the body."""

    value: Any
    start: int
    length: int


class _Refused(ValueError):
    """Raised inside the decoder, where the place is not known yet."""

    def __init__(self, rule: str, fix: str) -> None:
        super().__init__(rule)
        self.rule, self.fix = rule, fix


def read_object(body: bytes) -> Slice:
    """Return the one JSON object that the body is. Raises Invalid or TooLarge."""
    reader = _Reader(body)
    start = reader.skip(0)
    value, end = reader.object(start, "")
    reader.check_end(end)
    return reader.slice(value, start, end)


@dataclass(slots=True)
class Parts:
    """A document taken apart.

    `head` is the document with an empty ``eventList`` and `events` what stood in it; `place` is
    where. `master_data` is ``epcisMasterData`` of its header, which the head holds too.
    """

    head: dict[str, Any]
    events: list[Slice]
    place: str = "/epcisBody/eventList"
    master_data: Slice | None = None


def read_document(body: bytes) -> Parts:
    """Return an EPCIS document or query document, taken apart. Raises Invalid or TooLarge."""
    reader = _Reader(body)
    parts = Parts({}, [])

    def read_events(at: int, place: str) -> tuple[Any, int]:
        if reader.text[at : at + 1] != "[":
            return reader.value(at, place)
        parts.place = place
        return [], reader.items(at, place, parts.events)

    def read_master_data(at: int, place: str) -> tuple[Any, int]:
        value, end = reader.value(at, place)
        parts.master_data = reader.slice(value, at, end)
        return value, end

    events: _Readers = {"eventList": read_events}
    readers: _Readers = {
        "epcisHeader": {"epcisMasterData": read_master_data},
        "epcisBody": {**events, "queryResults": {"resultsBody": events}},
    }
    parts.head, end = reader.members(reader.skip(0), "", readers)
    reader.check_end(end)
    return parts


class _Reader:
    """One body, read once. Positions are characters; `slice` turns them into bytes."""

    def __init__(self, body: bytes) -> None:
        self.text = _text_of(body)
        # Faults that show in the raw text cost one scan; only then, or where escapes may
        # hide them, is every string looked at for itself.
        self._suspect = "\\" in self.text or not is_clean(self.text)
        self._ascii = len(self.text) == len(body)
        self._chars, self._bytes = 0, 0
        self._faults: list[tuple[dict[str, Any], Problem]] = []
        decoder = json.JSONDecoder(
            object_pairs_hook=self._object_of,
            parse_float=_decimal_of,
            parse_int=_integer_of,
            parse_constant=_refuse_constant,
        )
        self._scan: Callable[[str, int], tuple[Any, int]] = decoder.scan_once  # type: ignore[attr-defined]

    def skip(self, at: int) -> int:
        """Return the position of the next character that is not white space."""
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def check_end(self, at: int) -> None:
        if self.skip(at) != len(self.text):
            raise self._syntax(self.skip(at))

    def object(self, at: int, place: str) -> tuple[dict[str, Any], int]:
        """Read a value that must be an object, with all its checks."""
        if self.text[at : at + 1] != "{":
            raise Invalid(
                Problem(
                    place,
                    mark("This is no JSON object"),
                    mark("Write it as name and value pairs in braces"),
                )
            )
        value, end = self.value(at, place)
        return value, end

    def value(self, at: int, place: str) -> tuple[Any, int]:
        """Read any value and check its depth, names and texts."""
        try:
            value, end = self._scan(self.text, at)
        except _Refused as error:
            raise Invalid(Problem(place, error.rule, error.fix)) from None
        except StopIteration as stop:
            raise self._syntax(stop.value) from None
        except json.JSONDecodeError as error:
            raise self._syntax(error.pos) from None
        except RecursionError:
            raise Invalid(_too_deep(place)) from None
        if end - at > MAX_EVENT_CHARS:
            raise TooLarge(
                Problem(
                    place,
                    mark("One event, or one part of the head, has more than %(limit)s characters"),
                    mark("Split it into several events"),
                    {"limit": MAX_EVENT_CHARS},
                )
            )
        self._check(value, at, end, place)
        return value, end

    def members(self, at: int, place: str, readers: _Readers) -> tuple[dict[str, Any], int]:
        """Read an object name by name, so that some names can have a reader of their own."""
        if self.text[at : at + 1] != "{":
            return self.object(at, place)
        pairs: dict[str, Any] = {}
        at = self.skip(at + 1)
        if self.text[at : at + 1] == "}":
            return pairs, at + 1
        while True:
            if self.text[at : at + 1] != '"':
                raise self._syntax(at)
            name, at = self.value(at, place)
            at = self.skip(at)
            if self.text[at : at + 1] != ":":
                raise self._syntax(at)
            at = self.skip(at + 1)
            if name in pairs:
                raise Invalid(_twice(place, name))
            pairs[name], at = self._member(at, place + pointer(name), readers.get(name))
            at = self.skip(at)
            if self.text[at : at + 1] == "}":
                return pairs, at + 1
            if self.text[at : at + 1] != ",":
                raise self._syntax(at)
            if len(pairs) == MAX_KEYS:
                raise Invalid(_too_many_names(place))
            at = self.skip(at + 1)

    def _member(self, at: int, place: str, read: "_Read | _Readers | None") -> tuple[Any, int]:
        if isinstance(read, Mapping):
            is_object = self.text[at : at + 1] == "{"
            return self.members(at, place, read) if is_object else self.value(at, place)
        return read(at, place) if read else self.value(at, place)

    def items(self, at: int, place: str, slices: list[Slice]) -> int:
        """Read the events of a list; return the position behind it."""
        at = self.skip(at + 1)
        if self.text[at : at + 1] == "]":
            return at + 1
        while True:
            if len(slices) == MAX_EVENTS:
                raise TooLarge(
                    Problem(
                        place,
                        mark("The document has more than %(limit)s events"),
                        mark("Send it in several documents"),
                        {"limit": MAX_EVENTS},
                    )
                )
            value, end = self.object(at, f"{place}/{len(slices)}")
            slices.append(self.slice(value, at, end))
            at = self.skip(end)
            if self.text[at : at + 1] == "]":
                return at + 1
            if self.text[at : at + 1] != ",":
                raise self._syntax(at)
            at = self.skip(at + 1)

    def slice(self, value: Any, start: int, end: int) -> Slice:
        """Return the slice between two characters. Calls must come in the order of the text."""
        if self._ascii:
            return Slice(value, start, end - start)
        first = self._bytes + len(self.text[self._chars : start].encode())
        length = len(self.text[start:end].encode())
        self._chars, self._bytes = end, first + length
        return Slice(value, first, length)

    def _object_of(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            self._faults.append((value, _twice("", _first_repeated(pairs))))
        elif len(value) > MAX_KEYS:
            self._faults.append((value, _too_many_names("")))
        return value

    def _check(self, value: Any, start: int, end: int, place: str) -> None:
        brackets = self.text.count("{", start, end) + self.text.count("[", start, end)
        if brackets > MAX_DEPTH and depth_of(value, MAX_DEPTH) > MAX_DEPTH:
            raise Invalid(_too_deep(place))
        if self._suspect:
            check_texts(value, place)
        # After the texts: a name that is shown is one that can be shown.
        if self._faults:
            faulty, problem = self._faults[0]
            path = next((path for path, part in parts_of(value) if part is faulty), ())
            raise Invalid(
                Problem(place + pointer(*path), problem.rule, problem.fix, problem.values)
            )

    def _syntax(self, at: int) -> Invalid:
        line = self.text.count("\n", 0, at) + 1
        column = at - self.text.rfind("\n", 0, at)
        return Invalid(
            Problem(
                f"line {line}, column {column}",
                mark("The JSON is broken at line %(line)s, column %(column)s"),
                mark("Check quotes, commas and brackets before this place"),
                {"line": line, "column": column},
            )
        )


def _text_of(body: bytes) -> str:
    if len(body) > MAX_BYTES:
        raise TooLarge(
            Problem(
                "",
                mark("The body has %(size)s bytes, the limit is %(limit)s"),
                mark("Send it in several documents"),
                {"size": len(body), "limit": MAX_BYTES},
            )
        )
    if body.startswith(b"\xef\xbb\xbf"):
        raise Invalid(
            Problem("", mark("The body starts with a byte order mark"), mark("Leave it out"))
        )
    # Counted in strings too, so a little too many: published documents have one in 20 bytes.
    if sum(map(body.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise TooLarge(
            Problem(
                "",
                mark("The body has more than %(limit)s values"),
                mark("Send it in several documents"),
                {"limit": MAX_VALUES},
            )
        )
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Invalid(
            Problem(
                "",
                mark("The body is not UTF-8: byte %(at)s"),
                mark("Send it as UTF-8"),
                {"at": error.start},
            )
        ) from None


def _decimal_of(text: str) -> Decimal:
    number = Decimal(text) if len(text) <= MAX_DIGITS else None
    # 1e400 has three digits and is still no number that a double holds.
    if number is None or abs(number.adjusted()) > MAX_DIGITS:
        raise _long_number()
    return number


def _integer_of(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _long_number()
    return int(text)


def _long_number() -> _Refused:
    return _Refused(mark("A number has more than 40 digits"), mark("Round the number"))


def _refuse_constant(name: str) -> None:
    raise _Refused(mark("NaN and Infinity are no JSON numbers"), mark("Leave the value out"))


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _twice(place: str, name: str) -> Problem:
    return Problem(
        place,
        mark("The name %(name)s stands there twice"),
        mark("Give each name once"),
        {"name": name[:100]},
    )


def _too_many_names(place: str) -> Problem:
    return Problem(
        place,
        mark("The object has more than %(limit)s names"),
        mark("Split it"),
        {"limit": MAX_KEYS},
    )


def _too_deep(place: str) -> Problem:
    return Problem(
        place,
        mark("The JSON is nested deeper than %(limit)s levels"),
        mark("Write it flatter"),
        {"limit": MAX_DEPTH},
    )
