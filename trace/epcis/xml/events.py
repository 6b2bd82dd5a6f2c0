"""An event in XML, of EPCIS 2.0 or 1.x, as the EPCIS 2.0 JSON that says the same.

What a field may hold is left to the rules of JSON (schema.json, rules.py): here stands which
elements an event has, and how they become JSON. EPCIS 1 wrapped later fields in ``extension``
and ``baseExtension``; they are taken out of them.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from lxml import etree

from foodtrace.trace.epcis.xml.fields import NONE, Fields
from foodtrace.trace.epcis.xml.names import (
    EPCIS_1,
    FIELDS,
    QUANTITY_EVENT,
    QUANTITY_EVENT_FIELDS,
    QUANTITY_LISTS,
    SENSOR_METADATA,
    SENSOR_NUMBERS,
    SENSOR_REPORT,
    TEXT_LISTS,
    TYPED_LISTS,
)
from foodtrace.trace.epcis.xml.places import Items, local_name, refuse, unwrapped
from foodtrace.trace.epcis.xml.values import boolean, number, trimmed
from foodtrace.trace.errors import mark

_KNOWN: Mapping[str, frozenset[str]] = {
    **{name: frozenset(fields) for name, fields in FIELDS.items()},
    QUANTITY_EVENT: frozenset(QUANTITY_EVENT_FIELDS),
}
# Of a bare event, which is its own document.
_DOCUMENT_ATTRIBUTES = frozenset({"schemaVersion", "creationDate"})
_CERTIFICATION = "certificationInfo"
_TYPE = frozenset({"type"})
_QUANTITY = frozenset({"epcClass", "quantity", "uom"})
_LOCATION = frozenset({"id"})
_PERSISTENT = frozenset({"set", "unset"})
_DECLARATION = frozenset({"declarationTime", "reason", "correctiveEventIDs"})
_SENSOR = frozenset({"sensorMetadata", "sensorReport"})
_METADATA = frozenset(SENSOR_METADATA)
_REPORT = frozenset(SENSOR_REPORT)
_ACTIONS = ("ADD", "OBSERVE", "DELETE")
_KEPT = EPCIS_1 + ":"
_NO_SECONDS = re.compile(r"^([0-9-]{10}T[0-9]{2}:[0-9]{2})(Z|[+-][0-9]{2}:[0-9]{2})$")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+")


_REPEATED = frozenset({_CERTIFICATION})
_REPORTS = frozenset({"sensorReport"})


def read_event(fields: Fields, element: etree._Element) -> dict[str, Any]:
    """Return one event as JSON; its element must be one of the event types."""
    kind = local_name(element)
    event = fields.object(element, _DOCUMENT_ATTRIBUTES)
    event["type"] = kind
    certifications: list[etree._Element] = []
    for name, child in fields.children(element, _KNOWN[kind], event, _REPEATED):
        if name == _CERTIFICATION:
            certifications.append(child)
        else:
            read = _READERS.get(name)
            event[name] = read(fields, child) if read else fields.word(child)
    if certifications:
        _add_certifications(fields, event, element, certifications)
    if fields.legacy and "ilmd" in event and event.get("action", "ADD") != "ADD":
        event[_of_epcis_1(fields, "ilmd")] = event.pop("ilmd")
    if not fields.legacy and "action" in event:
        _check_order(fields, element, event)
    return _without_quantity_event(event) if kind == QUANTITY_EVENT else event


def _check_order(fields: Fields, element: etree._Element, event: Mapping[str, Any]) -> None:
    """Refuse an action that comes before the time of its event.

    The schema derives each type of event from the one that holds when: what every event must
    say comes before what its own type must say. Only this much of the order is wanted, for
    published documents leave the rest of it, and nothing depends on it. Documents of EPCIS 1
    leave even this, and are taken as they are.
    """
    names = list(event)
    action = names.index("action")
    for name in ("eventTime", "eventTimeZoneOffset"):
        if name in event and names.index(name) > action:
            late = next(each for each in unwrapped(element) if local_name(each) == name)
            order = ", ".join(FIELDS[event["type"]])
            refuse(
                fields.problems,
                late,
                mark("%(name)s stands after action"),
                mark("Write the elements in the order of the EPCIS schema: %(order)s"),
                {"name": name, "order": order},
            )
            return


def _add_certifications(
    fields: Fields,
    event: dict[str, Any],
    element: etree._Element,
    certifications: list[etree._Element],
) -> None:
    """Add certificationInfo: one is a text in JSON, several are a list.

    EPCIS 1 has no such field, so what its senders write need not be the URI that 2.0 wants.
    """
    texts = [fields.word(each) for each in certifications]
    name = _CERTIFICATION
    if fields.legacy and not all(map(_URI.fullmatch, texts)):
        name = _of_epcis_1(fields, name)
    event[name] = texts[0] if len(texts) == 1 else texts
    fields.origins.remember(texts, Items(element, certifications))


def _of_epcis_1(fields: Fields, name: str) -> str:
    """Return a name in a namespace that stands for EPCIS 1.

    Under it is kept, as an extension, what documents of EPCIS 1 say where EPCIS 2.0 has no
    place for it: master data of a lot in an event that adds nothing, for one.
    """
    return f"{fields.namespaces.prefix(_KEPT, 'epcis1')}:{name}"


def _time(fields: Fields, element: etree._Element) -> str:
    """Return a time; EPCIS 1 is sent with times that leave the seconds out."""
    text = fields.word(element)
    return _NO_SECONDS.sub(r"\1:00\2", text) if fields.legacy else text


def _action(fields: Fields, element: etree._Element) -> str:
    text = fields.word(element)
    if text not in _ACTIONS:
        refuse(
            fields.problems,
            element,
            mark("The value is not one of %(options)s"),
            mark("Use one of these words"),
            {"options": ", ".join(_ACTIONS)},
        )
    return text


def _amount(fields: Fields, element: etree._Element) -> Any:
    return number(fields.word(element))


def _quantity(fields: Fields, element: etree._Element) -> dict[str, Any]:
    made = fields.object(element)
    for name, child in fields.children(element, _QUANTITY, None):
        text = fields.word(child)
        # EPCIS 1 writes an unknown quantity as an empty element.
        if name != "quantity":
            made[name] = text
        elif text:
            made[name] = number(text)
    return made


def _typed(fields: Fields, element: etree._Element) -> dict[str, Any]:
    made = fields.object(element, _TYPE)
    kind = element.get("type")
    if kind is not None:
        made["type"] = fields.namespaces.word(trimmed(kind), element)
    made[local_name(element)] = fields.text(element)
    return made


def _location(fields: Fields, element: etree._Element) -> dict[str, Any]:
    made = fields.object(element)
    for name, child in fields.children(element, _LOCATION, made):
        made[name] = fields.word(child)
    return made


def _persistent_disposition(fields: Fields, element: etree._Element) -> dict[str, Any]:
    made = fields.object(element)
    items: dict[str, Items] = {}
    for name, child in fields.children(element, _PERSISTENT, made, _PERSISTENT):
        if name not in made:
            made[name] = []
            items[name] = Items(element, [])
            fields.origins.remember(made[name], items[name])
        made[name].append(fields.word(child))
        items[name].items.append(child)
    return made


def _error_declaration(fields: Fields, element: etree._Element) -> dict[str, Any]:
    made = fields.object(element)
    for name, child in fields.children(element, _DECLARATION, made):
        if name == "correctiveEventIDs":
            made[name] = fields.texts(child, "correctiveEventID")
        else:
            made[name] = (_time if name == "declarationTime" else Fields.word)(fields, child)
    return made


def _sensor_element(fields: Fields, element: etree._Element) -> dict[str, Any]:
    made = fields.object(element)
    reports: list[dict[str, Any]] = []
    fields.origins.remember(reports, Items(element, []))
    for name, child in fields.children(element, _SENSOR, made, _REPORTS):
        if name == "sensorMetadata":
            made[name] = _sensor(fields, child, _METADATA)
        else:
            reports.append(_sensor(fields, child, _REPORT))
            made[name] = reports
    return made


def _sensor(fields: Fields, element: etree._Element, known: frozenset[str]) -> dict[str, Any]:
    """Return sensorMetadata or a sensorReport, whose fields are attributes."""
    made = fields.object(element, known)
    for name, text in element.attrib.items():
        if name in known and name not in made:
            made[str(name)] = _sensor_value(fields, element, str(name), trimmed(str(text)))
    for _ in fields.children(element, NONE, made):
        pass
    return made


def _sensor_value(fields: Fields, element: etree._Element, name: str, text: str) -> Any:
    if name in SENSOR_NUMBERS:
        return number(text)
    if name == "booleanValue":
        return boolean(text)
    return fields.namespaces.word(text, element)


def _ilmd(fields: Fields, element: etree._Element) -> dict[str, Any]:
    made = fields.object(element)
    for _ in fields.children(element, NONE, made):
        pass
    return made


def _without_quantity_event(event: dict[str, Any]) -> dict[str, Any]:
    """Turn a QuantityEvent into the ObjectEvent that replaced it (EPCIS 1.1, 7.4.5)."""
    names = ("epcClass", "quantity")
    event["quantityList"] = [{name: event.pop(name) for name in names if name in event}]
    event["type"] = "ObjectEvent"
    event["action"] = "OBSERVE"
    return event


_Reader = Callable[[Fields, etree._Element], Any]


def _texts_of(item: str) -> _Reader:
    return lambda fields, element: fields.texts(element, item)


def _objects_of(item: str, read: Callable[[Fields, etree._Element], dict[str, Any]]) -> _Reader:
    return lambda fields, element: fields.objects(element, item, read)


_READERS: Mapping[str, _Reader] = {
    **{name: _texts_of(item) for name, item in TEXT_LISTS.items()},
    **{name: _objects_of(item, _typed) for name, item in TYPED_LISTS.items()},
    **dict.fromkeys(QUANTITY_LISTS, _objects_of("quantityElement", _quantity)),
    "sensorElementList": _objects_of("sensorElement", _sensor_element),
    "eventTime": _time,
    "recordTime": _time,
    "action": _action,
    "readPoint": _location,
    "bizLocation": _location,
    "persistentDisposition": _persistent_disposition,
    "errorDeclaration": _error_declaration,
    "ilmd": _ilmd,
    "quantity": _amount,
}
