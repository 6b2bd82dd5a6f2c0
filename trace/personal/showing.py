"""Personal values put beside their commitments, in events as their owner reads them. Pure.

What stood as ``"foodtrace:driver": "ni:///sha-256;…"`` is shown as an object of
``foodtrace:commitment``, ``foodtrace:value`` and ``foodtrace:salt``, by which anybody to whom it is
passed on can check the commitment.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from foodtrace.trace.epcis.context import STANDARD_PREFIXES
from foodtrace.trace.personal.commitments import PersonalValue, read_commitment, written_salt
from foodtrace.trace.personal.naming import beginning, personal_paths


def commitments_in(events: Iterable[Mapping[str, Any]]) -> set[bytes]:
    """Return the commitments in the personal places of these events."""
    return {
        digest
        for event in events
        for path in personal_paths(event, STANDARD_PREFIXES)
        for digest in _digests(_at(event, path))
    }


def with_values(
    event: Mapping[str, Any], values: Mapping[bytes, PersonalValue]
) -> Mapping[str, Any]:
    """Return an event with these values beside their commitments; it is not changed itself."""
    shown: Any = event
    for path in personal_paths(event, STANDARD_PREFIXES):
        prefix = beginning(str(path[-1]))
        if prefix is not None:
            shown = _replaced(shown, path, _opened(_at(event, path), prefix, values))
    return shown  # type: ignore[no-any-return]


def _at(value: Any, path: Iterable[str | int]) -> Any:
    for part in path:
        value = value[part]
    return value


def _digests(value: Any) -> Iterator[bytes]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _digests(part)
    elif isinstance(value, str) and (digest := read_commitment(value)) is not None:
        yield digest


def _opened(value: Any, prefix: str, values: Mapping[bytes, PersonalValue]) -> Any:
    if isinstance(value, Mapping):
        return {name: _opened(part, prefix, values) for name, part in value.items()}
    if isinstance(value, list):
        return [_opened(part, prefix, values) for part in value]
    known = values.get(read_commitment(value) or b"") if isinstance(value, str) else None
    if known is None:
        return value
    return {
        f"{prefix}commitment": value,
        f"{prefix}value": known.value,
        f"{prefix}salt": written_salt(known.salt),
    }


def _replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """Return a copy of a value with another part at a path."""
    if not path:
        return new
    first, rest = path[0], path[1:]
    if isinstance(value, list):
        return [
            _replaced(each, rest, new) if index == first else each
            for index, each in enumerate(value)
        ]
    return {
        name: _replaced(each, rest, new) if name == first else each for name, each in value.items()
    }
