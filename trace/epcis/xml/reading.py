"""EPCIS in XML, 2.0 or 1.x, as the EPCIS 2.0 JSON-LD that says the same.

What comes out is read and checked as any JSON document is (reader.py), so both forms obey the
same rules; `Converted.place_of` says where in the XML a problem lies.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from lxml import etree

from foodtrace.trace.epcis.context import PERSONAL
from foodtrace.trace.epcis.problems import Problems, told
from foodtrace.trace.epcis.strict_json import MAX_EVENTS
from foodtrace.trace.epcis.xml.events import read_event
from foodtrace.trace.epcis.xml.fields import Fields
from foodtrace.trace.epcis.xml.header import read_header
from foodtrace.trace.epcis.xml.names import FIELDS, LEGACY_NAMESPACES, QUANTITY_EVENT
from foodtrace.trace.epcis.xml.namespaces import Namespaces
from foodtrace.trace.epcis.xml.parsing import parse
from foodtrace.trace.epcis.xml.places import Items, Origins, is_epcis, local_name, place, unwrapped
from foodtrace.trace.epcis.xml.values import trimmed
from foodtrace.trace.errors import Invalid, Problem, TooLarge, mark

_EVENTS = frozenset({*FIELDS, QUANTITY_EVENT})
# The name of lxml for the element in which persons are named.
_PERSONAL = "{{{}/}}{}".format(*PERSONAL.rsplit("/", 1))
_DOCUMENTS = frozenset({"EPCISDocument", "EPCISQueryDocument"})
_DOCUMENT = frozenset({"EPCISHeader", "EPCISBody"})
_NAMING = ("type", "eventID")
_RESULTS = frozenset({"queryName", "subscriptionID", "resultsBody"})


@dataclass(frozen=True, slots=True)
class Converted:
    """An XML document as JSON-LD: an EPCISDocument, an EPCISQueryDocument or a bare event."""

    body: bytes
    origins: Origins
    # Of a document that proceeds: what is wrong with events that cannot be converted, by their
    # numbers. In `body` such an event has no more than its type and eventID, so that it is
    # refused there as well.
    refused: Mapping[int, tuple[Problem, ...]] = field(default_factory=dict)
    # Somewhere in the XML, perhaps in an event that cannot be converted, persons are named.
    names_persons: bool = False

    def place_of(self, pointer: str) -> str:
        """Return where in the XML the thing lies that a JSON pointer into `body` names."""
        return self.origins.place_of(pointer)


def read_xml(body: bytes, *, proceed: bool = False) -> Converted:
    """Return an EPCIS document or bare event as JSON-LD. Raises Invalid or TooLarge.

    To proceed is to leave out what is wrong with single events.
    """
    parsed = parse(body)
    root = parsed.root
    kind = local_name(root)
    if not is_epcis(root) or kind not in _DOCUMENTS | _EVENTS:
        raise Invalid(_no_document(root))
    namespaces = Namespaces(parsed)
    problems = Problems()
    origins = Origins(root)
    fields = Fields(namespaces, origins, problems, legacy=_is_legacy(root), proceed=proceed)
    made = read_event(fields, root) if kind in _EVENTS else _document(fields, root)
    problems.check()
    made = {"@context": namespaces.context(), **made}
    origins.remember(made, root)
    origins.document = made
    names_persons = next(root.iter(_PERSONAL), None) is not None
    return Converted(msgspec.json.encode(made), origins, fields.refused, names_persons)


def _is_legacy(root: etree._Element) -> bool:
    """Say whether a document is of EPCIS 1: by its version, or else by its namespace."""
    version = trimmed(root.get("schemaVersion"))
    namespace = etree.QName(root).namespace
    return version.startswith("1") or namespace in LEGACY_NAMESPACES


def _document(fields: Fields, root: etree._Element) -> dict[str, Any]:
    kind = local_name(root)
    made: dict[str, Any] = {"type": kind, "schemaVersion": _version(fields, root)}
    created = root.get("creationDate")
    if created is not None:
        made["creationDate"] = trimmed(created)
    fields.extensions.add_attributes(root, made, None)
    for name, child in fields.children(root, _DOCUMENT, made):
        if name == "EPCISHeader":
            read_header(fields, child, made)
        elif kind == "EPCISDocument":
            made["epcisBody"] = _body(fields, child)
        else:
            made["epcisBody"] = _query_body(fields, child)
    return made


def _version(fields: Fields, root: etree._Element) -> str:
    """Return the version that the document has as JSON: 2.0 whatever was before it."""
    version = trimmed(root.get("schemaVersion"))
    return "2.0" if fields.legacy or version in ("", "2") else version


def _body(fields: Fields, element: etree._Element) -> dict[str, Any]:
    made = fields.object(element)
    made["eventList"] = []
    for _, child in fields.children(element, frozenset({"EventList"}), made):
        made["eventList"] = _events(fields, child)
    return made


def _query_body(fields: Fields, element: etree._Element) -> dict[str, Any]:
    made = fields.object(element)
    for _, child in fields.children(element, frozenset({"QueryResults"}), made):
        made["queryResults"] = _results(fields, child)
    return made


def _results(fields: Fields, element: etree._Element) -> dict[str, Any]:
    made = fields.object(element)
    for name, child in fields.children(element, _RESULTS, made):
        if name != "resultsBody":
            made[name] = fields.word(child)
            continue
        made[name] = fields.object(child)
        for _, events in fields.children(child, frozenset({"EventList"}), None):
            made[name]["eventList"] = _events(fields, events)
    return made


def _events(fields: Fields, element: etree._Element) -> list[dict[str, Any]]:
    children = list(unwrapped(element))
    if len(children) > MAX_EVENTS:
        raise TooLarge(
            Problem(
                place(element),
                mark("The document has more than %(limit)s events"),
                mark("Send it in several documents"),
                {"limit": MAX_EVENTS},
            )
        )
    made = []
    for index, child in enumerate(children):
        if not fields.problems.room:
            break
        made.append(_event(fields, index, child))
    fields.origins.remember(made, Items(element, children))
    return made


def _event(fields: Fields, index: int, element: etree._Element) -> dict[str, Any]:
    found = fields.problems.found
    before = len(found)
    event: dict[str, Any] = {"type": local_name(element)}
    if is_epcis(element) and local_name(element) in _EVENTS:
        event = read_event(fields, element)
    else:
        fields.problems.extend([_no_event_type(element)])
    if fields.proceed and len(found) > before:
        fields.refused[index] = told(found[before:], len(fields.refused))
        del found[before:]
        event = {name: event[name] for name in _NAMING if name in event}
        fields.origins.remember(event, element)
    return event


def _no_event_type(element: etree._Element) -> Problem:
    return Problem(
        place(element),
        mark("%(type)s is no EPCIS event type"),
        mark("Write one of %(types)s"),
        {"type": local_name(element)[:100], "types": ", ".join(FIELDS)},
    )


def _no_document(root: etree._Element) -> Problem:
    return Problem(
        place(root),
        mark("%(name)s is no EPCIS document or event"),
        mark("Send an EPCISDocument in the namespace urn:epcglobal:epcis:xsd:2"),
        {"name": str(root.tag)[:200]},
    )
