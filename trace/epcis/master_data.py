"""Master data in the header of a document: what its sender says of places, parties and products.

EPCIS 2.0, sections 6.5 and 10.2: vocabularies of elements, each with attributes and children.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from foodtrace.trace.epcis.context import CBV_MASTER_DATA, expanded
from foodtrace.trace.epcis.problems import Problems, identifier_at
from foodtrace.trace.epcis.strict_json import Slice
from foodtrace.trace.errors import Problem, mark

PLACE = "/epcisHeader/epcisMasterData"

MAX_ENTRIES = 10_000
MAX_VALUE_CHARS = 10_000

# The CBV writes its attributes as urn:epcglobal:cbv:mda#name, the JSON-LD context with a colon.
_CBV_MASTER_DATA_IN_XML = "urn:epcglobal:cbv:mda#"

_encoder = msgspec.json.Encoder(decimal_format="number", order="deterministic")


@dataclass(frozen=True, slots=True)
class MasterElement:
    """One thing, and what is said of it.

    `element` and `children` are canonical as in events; `attributes` are pairs of full IRI
    and value, in which an IRI may come several times.
    """

    vocabulary: str
    element: str
    attributes: tuple[tuple[str, str], ...]
    children: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MasterData:
    """The master data of a document; `start` and `length` give its bytes."""

    start: int
    length: int
    elements: tuple[MasterElement, ...]


def read_master_data(
    part: Slice, prefixes: Mapping[str, str], problems: Problems
) -> MasterData | None:
    """Return the master data of a document whose shape is checked; None if nothing is said."""
    vocabularies = part.value.get("vocabularyList", [])
    if _entries(vocabularies) > MAX_ENTRIES:
        problems.extend([_too_much()])
        return None
    elements = tuple(_elements(vocabularies, prefixes, problems))
    return MasterData(part.start, part.length, elements) if elements else None


def attribute_name(text: str, prefixes: Mapping[str, str]) -> str:
    """Return the full IRI of an attribute.

    >>> attribute_name("urn:epcglobal:cbv:mda#name", {})
    'urn:epcglobal:cbv:mda:name'
    """
    name = expanded(text, prefixes)
    if name.startswith(_CBV_MASTER_DATA_IN_XML):
        return CBV_MASTER_DATA + name.removeprefix(_CBV_MASTER_DATA_IN_XML)
    return name


def _entries(vocabularies: list[dict[str, Any]]) -> int:
    """Return how many attributes and children there are, and elements."""
    elements = [each for one in vocabularies for each in one.get("vocabularyElementList", [])]
    inside = (len(each.get("attributes", [])) + len(each.get("children", [])) for each in elements)
    return len(elements) + sum(inside)


def _elements(
    vocabularies: list[dict[str, Any]], prefixes: Mapping[str, str], problems: Problems
) -> Iterator[MasterElement]:
    for number, vocabulary in enumerate(vocabularies):
        for index, element in enumerate(vocabulary.get("vocabularyElementList", [])):
            place = f"{PLACE}/vocabularyList/{number}/vocabularyElementList/{index}"
            named = problems.tried(identifier_at, expanded(element["id"], prefixes), f"{place}/id")
            if named is not None:
                yield MasterElement(
                    vocabulary=expanded(vocabulary["type"], prefixes),
                    element=named.canonical,
                    attributes=tuple(_attributes(element, prefixes, place, problems)),
                    children=tuple(_children(element, prefixes, place, problems)),
                )


def _attributes(
    element: Mapping[str, Any], prefixes: Mapping[str, str], place: str, problems: Problems
) -> Iterator[tuple[str, str]]:
    for index, each in enumerate(element.get("attributes", [])):
        value = _text_of(each.get("attribute", ""))
        if len(value) > MAX_VALUE_CHARS:
            problems.extend([_too_long(f"{place}/attributes/{index}/attribute")])
        yield attribute_name(each["id"], prefixes), value


def _children(
    element: Mapping[str, Any], prefixes: Mapping[str, str], place: str, problems: Problems
) -> Iterator[str]:
    for index, each in enumerate(element.get("children", [])):
        where = f"{place}/children/{index}"
        named = problems.tried(identifier_at, expanded(each, prefixes), where)
        if named is not None:
            yield named.canonical


def _text_of(value: Any) -> str:
    """Return a value as a text: numbers as they were written, what has parts as JSON."""
    if isinstance(value, str):
        return value
    is_number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    return str(value) if is_number else _encoder.encode(value).decode()


def _too_much() -> Problem:
    return Problem(
        f"{PLACE}/vocabularyList",
        mark("The master data have more than %(limit)s elements, attributes and children"),
        mark("Send them in several documents"),
        {"limit": MAX_ENTRIES},
    )


def _too_long(place: str) -> Problem:
    return Problem(
        place,
        mark("The text has more than %(limit)s characters"),
        mark("Shorten it"),
        {"limit": MAX_VALUE_CHARS},
    )
