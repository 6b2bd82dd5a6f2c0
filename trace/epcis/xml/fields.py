"""What reading any part of an EPCIS document in XML is made of: children, texts and lists."""

from collections.abc import Callable, Iterator
from typing import Any

from lxml import etree

from foodtrace.trace.epcis.problems import Problems
from foodtrace.trace.epcis.xml.extensions import Extensions
from foodtrace.trace.epcis.xml.namespaces import Namespaces
from foodtrace.trace.epcis.xml.places import (
    Items,
    Origins,
    has_text,
    is_epcis,
    local_name,
    refuse,
    unwrapped,
)
from foodtrace.trace.epcis.xml.values import trimmed
from foodtrace.trace.errors import Problem, mark

NONE: frozenset[str] = frozenset()


class Fields:
    """One document being read. What is wrong is kept in `problems`, and reading goes on.

    `legacy` says that it is of EPCIS 1. To proceed is to keep what is wrong with an event by
    its number, in `refused`.
    """

    def __init__(
        self,
        namespaces: Namespaces,
        origins: Origins,
        problems: Problems,
        *,
        legacy: bool,
        proceed: bool = False,
    ) -> None:
        self.namespaces, self.origins, self.problems = namespaces, origins, problems
        self.legacy, self.proceed = legacy, proceed
        self.refused: dict[int, tuple[Problem, ...]] = {}
        self.extensions = Extensions(namespaces, origins, problems)

    def object(self, element: etree._Element, known: frozenset[str] = NONE) -> dict[str, Any]:
        """Return a new JSON object for an element, with its attributes of other namespaces.

        `known` are the attributes that the caller reads.
        """
        made: dict[str, Any] = {}
        self.origins.remember(made, element)
        if element.attrib:
            self.extensions.add_attributes(element, made, known)
        return made

    def children(
        self,
        element: etree._Element,
        known: frozenset[str],
        target: dict[str, Any] | None,
        repeated: frozenset[str] = NONE,
    ) -> Iterator[tuple[str, etree._Element]]:
        """Yield the known fields of an element; put its extensions into the target.

        Without a target there may be none. Only the names in `repeated` may come twice.
        """
        self._check_no_text(element)
        seen: set[str] = set()
        for child in unwrapped(element):
            if not is_epcis(child):
                self._extension(child, target)
                continue
            name = local_name(child)
            if name not in known:
                self.refuse_unknown(child)
            elif name in seen:
                refuse(
                    self.problems,
                    child,
                    mark("The name %(name)s stands there twice"),
                    mark("Give each name once"),
                    {"name": name},
                )
            else:
                if name not in repeated:
                    seen.add(name)
                yield name, child

    def word(self, element: etree._Element) -> str:
        """Return the text of a field that holds nothing else."""
        if element.attrib:
            self.extensions.add_attributes(element, {}, NONE)
        return self.text(element)

    def text(self, element: etree._Element) -> str:
        """Return the text of a field that may have attributes."""
        if len(element):
            self.refuse_unknown(element[0])
        return self.namespaces.word(trimmed(element.text), element)

    def texts(self, element: etree._Element, item: str) -> list[str]:
        """Return the texts of a list's elements."""
        made: list[str] = []
        items: list[etree._Element] = []
        known = frozenset({item})
        for _, child in self.children(element, known, None, known):
            made.append(self.word(child))
            items.append(child)
        self.origins.remember(made, Items(element, items))
        return made

    def objects(
        self,
        element: etree._Element,
        item: str,
        read: Callable[["Fields", etree._Element], dict[str, Any]],
    ) -> list[dict[str, Any]]:
        """Return the JSON objects of a list's elements."""
        known = frozenset({item})
        made = [read(self, child) for _, child in self.children(element, known, None, known)]
        self.origins.remember(made, Items(element, []))
        return made

    def refuse_unknown(self, element: etree._Element) -> None:
        """Note that an element has no place in EPCIS here."""
        refuse(
            self.problems,
            element,
            mark("EPCIS has no field %(name)s here"),
            mark("Remove it, or put it into a namespace of your own"),
            {"name": local_name(element)[:100]},
        )

    def _extension(self, element: etree._Element, target: dict[str, Any] | None) -> None:
        if target is None:
            self.refuse_unknown(element)
        else:
            self.extensions.add(element, target)

    def _check_no_text(self, element: etree._Element) -> None:
        if has_text(element):
            refuse(
                self.problems,
                element,
                mark("Text stands beside elements"),
                mark("Put the text into an element of its own"),
            )
