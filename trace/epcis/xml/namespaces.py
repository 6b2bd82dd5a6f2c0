"""Namespaces of XML as prefixes of JSON-LD: one prefix for one namespace in a whole document."""

from collections.abc import Mapping
from typing import Any

from lxml import etree

from foodtrace.trace.epcis.context import STANDARD_PREFIXES, prefixes_of
from foodtrace.trace.epcis.xml.names import EPCIS_NAMESPACES, JSON, SBDH, XML, XSD, XSI
from foodtrace.trace.errors import Invalid

EPCIS_CONTEXT = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld"

# Nothing that events speak of lives in these.
_OF_XML = EPCIS_NAMESPACES | {SBDH, XSI, XSD, XML, JSON}


class Namespaces:
    """The prefixes of one document, in the order in which they were first needed.

    A namespace keeps the first prefix that it comes with. Where that stands for another
    namespace already, it gets the next free one of ns1, ns2 and so on.
    """

    def __init__(self, declared: Mapping[str, set[str]]) -> None:
        self._declared = declared
        self._prefix_of: dict[str, str] = {}
        self._namespace_of: dict[str, str] = {}

    def prefix(self, namespace: str, wanted: str | None) -> str:
        """Return the prefix of a namespace. Raises Invalid (with no place) if JSON-LD has none."""
        known = self._prefix_of.get(namespace)
        if known is not None:
            return known
        made = wanted if wanted and self._is_free(wanted) else self._next()
        prefixes_of({made: namespace}, {}, "")
        self._prefix_of[namespace] = made
        self._namespace_of[made] = namespace
        return made

    def name(self, tag: str, prefix: str | None) -> str:
        """Return the JSON name of an element or attribute, given lxml's ``{namespace}local``."""
        if tag[0] != "{":
            return tag
        namespace, _, local = tag[1:].partition("}")
        return f"{self.prefix(namespace, prefix)}:{local}"

    def word(self, text: str, element: etree._Element) -> str:
        """Return a text that may be a CURIE, with the prefix that the document gives it here."""
        prefix, colon, local = text.partition(":")
        if not colon or prefix not in self._declared or local.startswith("//"):
            return text
        meant = self._declared[prefix]
        namespace = next(iter(meant)) if len(meant) == 1 else element.nsmap.get(prefix)
        if namespace is None or namespace in _OF_XML or not _is_prefix(prefix):
            return text
        return f"{self.prefix(namespace, prefix)}:{local}"

    def context(self) -> list[Any]:
        """Return the ``@context`` that declares them: that of EPCIS, and what it lacks."""
        own = {
            prefix: namespace
            for prefix, namespace in self._namespace_of.items()
            if STANDARD_PREFIXES.get(prefix) != namespace
        }
        return [EPCIS_CONTEXT, own] if own else [EPCIS_CONTEXT]

    def _is_free(self, prefix: str) -> bool:
        return prefix not in self._namespace_of and _is_prefix(prefix)

    def _next(self) -> str:
        number = 1
        while f"ns{number}" in self._namespace_of or f"ns{number}" in self._declared:
            number += 1
        return f"ns{number}"


def _is_prefix(prefix: str) -> bool:
    """Say whether JSON-LD here takes this prefix: ASCII, and no scheme of addresses."""
    try:
        prefixes_of({prefix: EPCIS_CONTEXT}, {}, "")
    except Invalid:
        return False
    return True
