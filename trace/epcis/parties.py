"""From whom and to whom: the sources and destinations of an event (CBV 2.0, section 7.4)."""

from collections.abc import Mapping
from typing import Any

from foodtrace.trace.epcis.context import expanded
from foodtrace.trace.epcis.problems import Problems, identifier_at
from foodtrace.trace.epcis.vocabulary import SOURCE_OR_DESTINATION
from foodtrace.trace.gs1.model import Identifier, ItemKind

# Who holds the goods says more about where they are than who owns them.
_BY_WEIGHT = ("possessing_party", "owning_party", "location")


def place_of(
    event: Mapping[str, Any],
    name: str,
    prefixes: Mapping[str, str],
    place: str,
    problems: Problems,
) -> str | None:
    """Return the canonical identifier of ``readPoint`` or ``bizLocation``."""
    if name not in event:
        return None
    text = expanded(event[name]["id"], prefixes)
    identifier = problems.tried(identifier_at, text, f"{place}/{name}/id")
    return identifier.canonical if identifier else None


def party_of(
    event: Mapping[str, Any],
    name: str,
    prefixes: Mapping[str, str],
    place: str,
    problems: Problems,
) -> str | None:
    """Return the canonical identifier of the ``source`` or ``destination`` that weighs most.

    A party that is named by the GLN of a location, as EPCIS 1 did, is that party.
    """
    found: dict[str, str] = {}
    for index, entry in enumerate(event.get(f"{name}List", ())):
        where = f"{place}/{name}List/{index}"
        kind = SOURCE_OR_DESTINATION.word(entry["type"], prefixes, f"{where}/type")
        text = expanded(entry[name], prefixes)
        identifier = problems.tried(identifier_at, text, f"{where}/{name}")
        if identifier is not None:
            found.setdefault(kind, _canonical(identifier, kind))
    return next((found[kind] for kind in _BY_WEIGHT if kind in found), None)


def _canonical(identifier: Identifier, kind: str) -> str:
    named_by_place = kind != "location" and identifier.kind is ItemKind.PLACE
    if named_by_place and "/254/" not in identifier.canonical:
        return identifier.canonical.replace("/414/", "/417/", 1)
    return identifier.canonical
