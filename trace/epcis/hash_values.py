"""The values and names of an event as the event hash writes them (event hash ID, CBV 2.0)."""

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from foodtrace.trace.epcis.context import CBV, CBV_MASTER_DATA, GS1_VOCABULARY, expanded
from foodtrace.trace.gs1.constrained import constrained_uri
from foodtrace.trace.gs1.identifiers import MAX_LENGTH

_HASHED_GS1 = "https://gs1.org/voc/"
# The JSON-LD context and the XML schema spell these namespaces differently.
_NAMESPACES = {GS1_VOCABULARY: _HASHED_GS1, CBV_MASTER_DATA: CBV_MASTER_DATA.removesuffix(":")}
_CBV_URN = "urn:epcglobal:cbv:"
_CBV_WORDS = {"bizstep": "BizStep", "disp": "Disp", "btt": "BTT", "sdt": "SDT", "er": "ER"}

_NUMBER = re.compile(r"([+-]?)(?:([0-9]+)|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_NUMBER_STARTS = frozenset("0123456789+-.")
_HALF_MILLISECOND = timedelta(microseconds=500)
_END_OF_NAMESPACE = re.compile(r"[/#:](?=[^/#:]*$)")


def text_of(value: Any, prefixes: Mapping[str, str]) -> str:
    """Return a JSON value as text: trimmed, numbers shortest, URIs in their one form.

    A text that is a number counts as one, for XML has only texts. Fractions are doubles;
    a whole number keeps every digit, for in truth it may be a code of twenty.
    """
    if isinstance(value, str):
        text = value.strip()
        if ":" in text:
            text = expanded(text, prefixes)
            # Nothing longer is an identifier, and the cache shall stay small.
            return _uri_of(text) if len(text) <= MAX_LENGTH else text
        return _number_of(text) if text[:1] in _NUMBER_STARTS else text
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else _number_of(str(value))


def string_value_of(value: Any, prefixes: Mapping[str, str]) -> str:
    """Return the stringValue of a sensor report: as any value, but numbers always as doubles.

    So do the published examples of the hash have it (111100001111000003641344).
    """
    text = text_of(value, prefixes)
    return _double_of(text) if text.isascii() and text.isdigit() else text


def word_of(start: str, value: Any, prefixes: Mapping[str, str]) -> str:
    """Return a word of a vocabulary, bare or in whatever form, as its web URI."""
    word: str = value.strip()
    return text_of(word, prefixes) if ":" in word else start + word


def bare_of(value: Any, prefixes: Mapping[str, str]) -> str:
    """Return a text that has one form only."""
    return str(value)


def time_of(value: Any, prefixes: Mapping[str, str]) -> str:
    """Return a time in UTC with milliseconds, halves rounded up.

    >>> time_of("2023-02-02T12:04:03.1415+01:00", {})
    '2023-02-02T11:04:03.142Z'
    """
    text: str = value.strip()
    try:
        moment = datetime.fromisoformat(text)
        offset = moment.utcoffset()
        if offset is None:
            return text
        utc = moment.replace(tzinfo=None) - offset + _HALF_MILLISECOND
    except (ValueError, OverflowError):  # no day of the calendar, which other rules refuse
        return text
    return utc.isoformat(timespec="milliseconds") + "Z"


def name_of(name: str, prefixes: Mapping[str, str]) -> str:
    """Return the name of an extension with its namespace in braces.

    The name of an XML attribute comes with an at sign, which says nothing here.

    >>> name_of("ex:grade", {"ex": "https://example.com/ns/"})
    '{https://example.com/ns/}grade'
    """
    name = name.removeprefix("@")
    prefix, colon, local = name.partition(":")
    if not colon:
        return name
    namespace = prefixes.get(prefix)
    if namespace is None:
        end = _END_OF_NAMESPACE.search(name)
        if end is None or not local:
            return name
        namespace, local = name[: end.end()], name[end.end() :]
    return f"{{{_NAMESPACES.get(namespace, namespace)}}}{local}"


@lru_cache(maxsize=8192)
def _uri_of(text: str) -> str:
    if text.startswith(_CBV_URN):
        kind, _, word = text[len(_CBV_URN) :].partition(":")
        return f"{CBV}{_CBV_WORDS[kind]}-{word}" if kind in _CBV_WORDS else text
    if text.startswith(GS1_VOCABULARY):
        return _HASHED_GS1 + text[len(GS1_VOCABULARY) :]
    return constrained_uri(text) or text


def _number_of(text: str) -> str:
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    sign, digits = number.groups()
    if digits is None:
        return _double_of(text)
    digits = digits.lstrip("0") or "0"
    return "-" + digits if sign == "-" and digits != "0" else digits


def _double_of(text: str) -> str:
    number = float(text)
    if not math.isfinite(number):
        return text
    return str(int(number)) if number.is_integer() else repr(number)
