"""Facts as numbers: where something is said, and what, in 64 bits each. Pure.

A field is named as the parameters of a query name it, without the comparison in front:
``bizStep``, ``source_owning_party``, ``ILMD_urn:epcglobal:cbv:mda#lotNumber``,
``INNER_https://example.com/ns#colour``. A name in a namespace is written ``namespace#local``, as
in the queries of EPCIS 1.2, however the namespace ends: JSON and XML declare one and the same
with and without a ``/``, ``:`` or ``#`` behind it.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Context, Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.identifiers import parse_identifier

# Behind a field: the times that it holds, which are no numbers to compare with numbers.
TIMES = "@time"

_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,3})?", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_DIGITS_OF_A_YEAR = 4
# Longer texts are not kept in memory: thousands of them would fill it.
_LONG = 300
# What may stand between a namespace and a name in it.
_BETWEEN = "#/:"
# No traps: a number beyond all others has a writing too.
_WRITING = Context(prec=40, traps=[])


def key_of(field: str, value: str | None) -> int:
    """Return the key of a fact, a signed integer of 64 bits; None: the field is there."""
    if len(field) > _LONG or (value is not None and len(value) > _LONG):
        return _key_of.__wrapped__(field, value)
    return _key_of(field, value)


# The same fields, steps and places stand in event after event.
@lru_cache(maxsize=16_384)
def _key_of(field: str, value: str | None) -> int:
    said = field if value is None else f"{field}\0{value}"
    digest = blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def field_of(field: str) -> int:
    """Return the key of a field that numbers or times are said of."""
    return key_of(field, None)


def field_name(name: str, prefixes: Mapping[str, str]) -> str:
    """Return the full name of an extension as it stands in a field.

    >>> field_name("ex:colour", {"ex": "https://example.com/ns/"})
    'https://example.com/ns#colour'
    """
    prefix, _, local = name.partition(":")
    namespace = prefixes.get(prefix)
    if namespace is None or local.startswith("//"):
        namespace, local = "", name
    if len(local) > _LONG:
        return _field_name.__wrapped__(namespace, local)
    return _field_name(namespace, local)


@lru_cache(maxsize=4096)
def _field_name(namespace: str, local: str) -> str:
    full = full_name(namespace, local)
    start = max(full.rfind(sign) for sign in _BETWEEN)
    return f"{full[:start].rstrip(_BETWEEN)}#{full[start + 1 :]}" if start > 0 else full


def full_name(namespace: str, local: str) -> str:
    """Return a name in a namespace as an IRI that tells one from the other."""
    between = "" if namespace[-1:] in _BETWEEN else "#"
    return f"{namespace}{between}{local}"


def thing(text: str) -> str:
    """Return a text as facts hold it: GS1 keys in their canonical form, all else as it is.

    >>> thing("urn:epc:id:sgln:9506000.00001.0")
    '/414/9506000000015'
    >>> thing("No. 5")
    'No. 5'
    """
    if not text.startswith(("urn:", "http", "URN:", "HTTP", "/")):
        return text
    try:
        return parse_identifier(text).canonical
    except Invalid:
        return text


@dataclass(frozen=True, slots=True)
class Text:
    """What a text says: its forms, and the number or the time that it looks like."""

    forms: tuple[str, ...]
    number: Decimal | None = None
    time: float | None = None


def read_text(text: str) -> Text:
    """Return what an event says by a text."""
    return _read_text(text) if len(text) <= _LONG else Text((thing(text),))


@lru_cache(maxsize=16_384)
def _read_text(text: str) -> Text:
    start = text[:1]
    if start.isdigit() or start in ("+", "-"):
        number = number_in(text)
        if number is not None:
            return Text((text, f"\0text {_exact(number)}"), number=number)
        time = time_in(text)
        if time is not None:
            return Text((text, f"\0time {time!r}"), time=time)
    return Text((thing(text),))


def form_of_number(number: Decimal | int | float) -> str:
    """Return what an event says by a number."""
    return f"\0number {_exact(number)}"


def wanted_by_text(text: str) -> tuple[str, ...]:
    """Return what a query for a text finds: that text, and the number or time that it means."""
    said = read_text(text)
    return said.forms if said.number is None else (text, form_of_number(said.number))


def wanted_by_number(number: Decimal | int | float) -> tuple[str, ...]:
    """Return what a query for a number finds: the number, and texts that look like it."""
    return form_of_number(number), f"\0text {_exact(number)}"


def number_in(text: str) -> Decimal | None:
    """Return the number that a text is; None if it is none."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def time_in(text: str) -> float | None:
    """Return the seconds since 1970 of an ISO 8601 date or time; None if it is none.

    Without a zone it is UTC; a date is its first moment.

    >>> time_in("2026-05-01T08:00:00+08:00") == time_in("2026-05-01")
    True
    """
    if len(text) <= _DIGITS_OF_A_YEAR or text[_DIGITS_OF_A_YEAR] != "-":
        return None
    if not _TIME.fullmatch(text):
        return None
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def finite(number: Decimal | int | float) -> float | None:
    """Return a number as the index holds it; None where it is beyond all of them."""
    try:
        value = float(number)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


@dataclass(slots=True)
class Collection:
    """The facts of one event, as they are found."""

    keys: set[int] = field(default_factory=set)
    numbers: set[tuple[int, float]] = field(default_factory=set)

    def say(self, field: str, value: str | None) -> None:
        """Take note that a field says a value; None: that it is there."""
        self.keys.add(key_of(field, value))

    def count(self, field: str, number: Decimal | int | float) -> None:
        """Take note of a number, or of a time in seconds since 1970."""
        value = finite(number)
        if value is not None:
            self.numbers.add((field_of(field), value))

    def say_all(self, field: str, value: Any) -> None:
        """Take note of a value of JSON in all its forms; null says nothing."""
        if isinstance(value, str):
            text = read_text(value)
            for form in text.forms:
                self.keys.add(key_of(field, form))
            if text.number is not None:
                self.count(field, text.number)
            elif text.time is not None:
                self.count(field + TIMES, text.time)
        elif isinstance(value, bool):
            self.say(field, "true" if value else "false")
        elif value is not None:
            self.say(field, form_of_number(value))
            self.count(field, value)


def _exact(number: Decimal | int | float) -> str:
    """Return one writing for all writings of a number."""
    exact = number if isinstance(number, Decimal) else Decimal(str(number))
    return str(exact.normalize(_WRITING)) if exact else "0"
