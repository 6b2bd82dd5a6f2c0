"""Where an EPCIS document names persons: below ``foodtrace:personal``, at any depth. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from foodtrace.trace.epcis.context import PERSONAL, expanded

Prefixes = Mapping[str, str]
Path = tuple[str | int, ...]

_WORD = "personal"
# How everybody writes it; so it is ours even where the prefix is declared nowhere.
_USUAL = "foodtrace:personal"


def is_personal(name: str, prefixes: Prefixes) -> bool:
    """Tell whether a member of this name holds personal values."""
    if ":" not in name:
        return False
    return expanded(name, prefixes) == PERSONAL or (name == _USUAL and "foodtrace" not in prefixes)


def beginning(name: str) -> str | None:
    """Return what names of ours begin with where `name` is that of personal values."""
    return name.removesuffix(_WORD) if name.endswith(_WORD) else None


def prefixes_inside(value: Mapping[str, Any], prefixes: Prefixes) -> Prefixes:
    """Return the namespaces in force in an object, as far as its context can be understood."""
    context = value.get("@context")
    if context is None:
        return prefixes
    parts = context if isinstance(context, list) else [context]
    declared = {
        name: namespace
        for part in parts
        if isinstance(part, dict)
        for name, namespace in part.items()
        if isinstance(namespace, str)
    }
    return {**prefixes, **declared}


def personal_paths(value: Any, prefixes: Prefixes, path: Path = ()) -> Iterator[Path]:
    """Yield the paths of all that holds personal values, outermost only."""
    if isinstance(value, dict):
        inside = prefixes_inside(value, prefixes)
        for name, part in value.items():
            if is_personal(name, inside):
                yield (*path, name)
            elif isinstance(part, (dict, list)):
                yield from personal_paths(part, inside, (*path, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            if isinstance(part, (dict, list)):
                yield from personal_paths(part, prefixes, (*path, index))


def impersonal(value: Any, prefixes: Prefixes) -> Any:
    """Return a value without the members that hold personal values."""
    if isinstance(value, dict):
        inside = prefixes_inside(value, prefixes)
        return {
            name: impersonal(part, inside)
            for name, part in value.items()
            if not is_personal(name, inside)
        }
    if isinstance(value, list):
        return [impersonal(part, prefixes) for part in value]
    return value
