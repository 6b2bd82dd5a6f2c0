"""Where in an XML document a thing stands, in words that its sender understands."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from foodtrace.trace.epcis.problems import Problems
from foodtrace.trace.epcis.xml.names import EPCIS_NAMESPACES, FIELDS, QUANTITY_EVENT, WRAPPERS
from foodtrace.trace.errors import Problem

# Steps of a path that are shown, and letters of a name.
_STEPS = 12
_LETTERS = 100
# EPCIS 1.2 nests three; each one costs every child in it a step.
_WRAPPERS_DEEP = 8
_EVENTS = frozenset({*FIELDS, QUANTITY_EVENT})
_AS_XML = {"epcisHeader": "EPCISHeader", "epcisBody": "EPCISBody", "eventList": "EventList"}


@dataclass(frozen=True, slots=True)
class Items:
    """The elements that became a JSON list, and the element that they stand in."""

    parent: etree._Element
    items: list[etree._Element]


@dataclass(slots=True)
class Origins:
    """From which element each JSON object and list was made."""

    root: etree._Element
    document: Any = None
    # By identity; the container is kept, or another one might get the same.
    _of: dict[int, tuple[Any, etree._Element | Items]] = field(default_factory=dict)

    def remember(self, container: Any, origin: etree._Element | Items) -> None:
        """Note from what a JSON object or list was made."""
        self._of[id(container)] = (container, origin)

    def origin(self, container: Any) -> etree._Element | Items | None:
        """Return from what a JSON object or list was made; None for anything else."""
        known = self._of.get(id(container))
        return known[1] if known else None

    def place_of(self, pointer: str) -> str:
        """Return the place of a JSON pointer: ``line 17, ObjectEvent/action``.

        What is not there is named in its parent's place. A place that is no pointer is
        returned as it is.
        """
        if pointer and not pointer.startswith("/"):
            return pointer
        parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        element, value = self.root, self.document
        for index, part in enumerate(parts):
            child = _child(value, part)
            origin = self.origin(child)
            if origin is None:
                return _place_in(self.origin(value), element, parts[index:])
            element, value = _parent(origin), child
        return place(element)


def place(element: etree._Element, more: Sequence[str] = ()) -> str:
    """Return the line of an element and its path, from the event on if it stands in one."""
    names = [local_name(element)]
    for ancestor in element.iterancestors():
        if names[0] in _EVENTS:
            break
        names.insert(0, local_name(ancestor))
    shown = [*names[-_STEPS:], *(_AS_XML.get(part, part) for part in more)]
    path = "/".join(name[:_LETTERS] for name in shown)
    return f"line {element.sourceline}, {path}"


def refuse(
    problems: Problems,
    element: etree._Element,
    rule: str,
    fix: str,
    values: Mapping[str, object] | None = None,
    *,
    at: Sequence[str] = (),
) -> None:
    """Note a problem at an element, or at something in it."""
    # A place costs a walk up the tree, and only a few problems are kept.
    if problems.room:
        problems.extend([Problem(place(element, at), rule, fix, values or {})])


def local_name(element: etree._Element) -> str:
    """Return the name of an element without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def unwrapped(element: etree._Element, depth: int = 0) -> Iterator[etree._Element]:
    """Yield the children of an element; those of EPCIS 1's wrappers in place of a wrapper.

    A wrapper in too many others comes as it is.
    """
    for child in element:
        if depth < _WRAPPERS_DEEP and is_epcis(child) and local_name(child) in WRAPPERS:
            yield from unwrapped(child, depth + 1)
        else:
            yield child


def has_text(element: etree._Element) -> bool:
    """Say whether an element holds text that is not in its children."""
    text = element.text
    if text and not text.isspace():
        return True
    return any(tail and not tail.isspace() for tail in (child.tail for child in element))


def is_epcis(element: etree._Element) -> bool:
    """Say whether an element is one of EPCIS itself and no extension."""
    tag = str(element.tag)
    return tag[0] != "{" or tag[1:].partition("}")[0] in EPCIS_NAMESPACES


def _child(value: Any, part: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(part)
    if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
        return value[int(part)]
    return None


def _parent(origin: etree._Element | Items) -> etree._Element:
    return origin.parent if isinstance(origin, Items) else origin


def _place_in(
    origin: etree._Element | Items | None, element: etree._Element, parts: Sequence[str]
) -> str:
    """Return the place of a value that is no container, or of one that is missing."""
    part, *rest = parts
    if isinstance(origin, Items):
        at = int(part) if part.isdecimal() else len(origin.items)
        return place(origin.items[at], rest) if at < len(origin.items) else place(element, parts)
    name = part.rpartition(":")[2]
    if local_name(element) == name:
        return place(element, rest)
    if any(each.rpartition("}")[2] == name for each in map(str, element.attrib)):
        return place(element, [f"@{name}", *rest])
    found = next((each for each in unwrapped(element) if local_name(each) == name), None)
    return place(element, parts) if found is None else place(found, rest)
