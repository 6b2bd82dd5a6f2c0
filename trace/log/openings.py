"""Opened statements as JSON: what is shown of one, and the digests of what is not. Pure.

    {"time": 1795000000000, "salt": "…", "fields": [
        {"name": "kind", "value": "key", "salt": "…"}, {"digest": "…"}, …]}

Salts and digests are in base64. The leaf follows from it: version, time and the commitment that
the fields give. Whoever has the entry of the log compares the two.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from foodtrace.trace.log.leaves import Field, Leaf, LeafError, Opening, Shown
from foodtrace.trace.log.notes import NoteError, strict_base64

_SALT_SIZE, _DIGEST_SIZE = 16, 32
_LARGEST_TIME = 2**63 - 1


def dump_opening(time: int, opening: Opening) -> dict[str, Any]:
    """Return an opening as JSON values; `time` is that of the leaf, in milliseconds since 1970."""
    return {
        "time": time,
        "salt": _text(opening.salt),
        "fields": [
            {"digest": _text(part)}
            if isinstance(part, bytes)
            else {"name": part.field.name, "value": part.field.value, "salt": _text(part.salt)}
            for part in opening.parts
        ],
    }


def load_opening(values: object) -> tuple[Leaf, Opening]:
    """Return the leaf and the opening that `dump_opening` wrote; other members are not looked at.

    Raises LeafError where something is missing, or is no such value.
    """
    whole = _object(values)
    time, parts = whole.get("time"), whole.get("fields")
    if type(time) is not int or not 0 <= time <= _LARGEST_TIME:
        raise LeafError("an opening has a time in milliseconds since 1970")
    if not isinstance(parts, Sequence) or isinstance(parts, str):
        raise LeafError("an opening has a list of fields")
    opening = Opening(_octets(whole, "salt", _SALT_SIZE), tuple(map(_part, parts)))
    return Leaf(time, opening.commitment), opening


def _part(value: object) -> Shown | bytes:
    part = _object(value)
    if "digest" in part:
        return _octets(part, "digest", _DIGEST_SIZE)
    field = Field(_string(part, "name"), _string(part, "value"))
    return Shown(_octets(part, "salt", _SALT_SIZE), field)


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise LeafError("an opening, and each field of it, is an object")
    return value


def _string(part: Mapping[str, object], name: str) -> str:
    value = part.get(name)
    if not isinstance(value, str):
        raise LeafError(f"a field that is shown has its {name} as a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise LeafError(f"the {name} of a field holds half a character") from None
    return value


def _octets(part: Mapping[str, object], name: str, size: int) -> bytes:
    value = part.get(name)
    try:
        found = strict_base64(value) if isinstance(value, str) else b""
    except NoteError as error:
        raise LeafError(f"{name}: {error}") from None
    if len(found) != size:
        raise LeafError(f"a {name} has {size} bytes in base64")
    return found


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
