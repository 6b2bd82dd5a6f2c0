"""Namespaces of XML as prefixes of JSON-LD: one prefix for one namespace in a whole document."""

from typing import Any

from lxml import etree

from foodtrace.trace.epcis.context import STANDARD_PREFIXES, prefixes_of
from foodtrace.trace.epcis.xml.names import EPCIS_NAMESPACES, JSON, SBDH, XML, XSD, XSI
from foodtrace.trace.epcis.xml.parsing import Parsed
from foodtrace.trace.errors import Invalid

EPCIS_CONTEXT = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld"

# Nothing that events speak of lives in these.
_OF_XML = EPCIS_NAMESPACES | {SBDH, XSI, XSD, XML, JSON}
# On an event: the prefixes that stand in texts below it as they do in JSON-LD (writing.py).
PREFIXES = f"{{{JSON}}}prefixes"


class Namespaces:
    """The prefixes of one document, in the order in which they were first needed.

    A namespace keeps the first prefix that it comes with. Where that stands for another
    namespace already, it gets the next free one of ns1, ns2 and so on.

    In JSON-LD ``ex:a`` is a name wherever ``ex`` is declared; in XML it is one in a tag and
    just a text in a value (xsd:anyURI). So a prefix with which a value begins is not taken for
    names either, but for those that EPCIS itself declares (``gs1:Temperature``): a text must not
    come to mean something else, and the event hash of both forms is the same.
    """

    def __init__(self, parsed: Parsed) -> None:
        self._declared = parsed.namespaces
        self._marked = _marked_prefixes(parsed)
        self._texts = parsed.in_values - self._marked
        self._prefix_of: dict[str, str] = {}
        self._namespace_of: dict[str, str] = {}

    def prefix(self, namespace: str, wanted: str | None) -> str:
        """Return the prefix of a namespace. Raises Invalid (with no place) if JSON-LD has none."""
        known = self._prefix_of.get(namespace)
        if known is not None:
            return known
        made = wanted if wanted and self._is_free(wanted, namespace) else self._next()
        prefixes_of({made: namespace}, {}, "")
        self._prefix_of[namespace] = made
        self._namespace_of[made] = namespace
        return made

    def knows(self, namespace: str) -> bool:
        """Say whether a namespace has its prefix already, whatever prefix is wanted."""
        return namespace in self._prefix_of

    def name(self, tag: str, prefix: str | None) -> str:
        """Return the JSON name of an element or attribute, given lxml's ``{namespace}local``."""
        if tag[0] != "{":
            return tag
        namespace, _, local = tag[1:].partition("}")
        return f"{self.prefix(namespace, prefix)}:{local}"

    def word(self, text: str, element: etree._Element) -> str:
        """Return a text; if our own writer marked its prefix as one, with that of this document."""
        if not self._marked:
            return text
        prefix, colon, local = text.partition(":")
        if not colon or prefix not in self._marked or local.startswith("//"):
            return text
        meant = self._declared.get(prefix, set())
        # Asking the element costs as much as there are namespaces in force.
        namespace = next(iter(meant)) if len(meant) == 1 else element.nsmap.get(prefix)
        return f"{self.prefix(namespace, prefix)}:{local}" if namespace else text

    def context(self) -> list[Any]:
        """Return the ``@context`` that declares them: that of EPCIS, and what it lacks."""
        own = {
            prefix: namespace
            for prefix, namespace in self._namespace_of.items()
            if STANDARD_PREFIXES.get(prefix) != namespace
        }
        return [EPCIS_CONTEXT, own] if own else [EPCIS_CONTEXT]

    def _is_free(self, prefix: str, namespace: str) -> bool:
        if prefix in self._namespace_of or not _is_prefix(prefix):
            return False
        return prefix not in self._texts or STANDARD_PREFIXES.get(prefix) == namespace

    def _next(self) -> str:
        number = 1
        while f"ns{number}" in self._namespace_of or f"ns{number}" in self._declared:
            number += 1
        return f"ns{number}"


def _marked_prefixes(parsed: Parsed) -> frozenset[str]:
    if not any(JSON in uris for uris in parsed.namespaces.values()):
        return frozenset()
    marks = (element.get(PREFIXES) for element in parsed.root.iter())
    return frozenset(prefix for mark in marks if mark for prefix in mark.split())


def _is_prefix(prefix: str) -> bool:
    """Say whether JSON-LD here takes this prefix: ASCII, and no scheme of addresses."""
    try:
        prefixes_of({prefix: EPCIS_CONTEXT}, {}, "")
    except Invalid:
        return False
    return True
