"""One event of EPCIS 2.0 JSON as XML, in the order of the schema (EPCISEvent, XSD 2.0)."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from foodtrace.trace.epcis import vocabulary
from foodtrace.trace.epcis.context import CBV, GS1_VOCABULARY, expanded
from foodtrace.trace.epcis.vocabulary import Vocabulary
from foodtrace.trace.epcis.xml.extension_writing import ExtensionWriter
from foodtrace.trace.epcis.xml.markup import in_attribute, in_text
from foodtrace.trace.epcis.xml.names import (
    FIELDS,
    QUANTITY_LISTS,
    SENSOR_METADATA,
    SENSOR_REPORT,
    TEXT_LISTS,
    TYPED_LISTS,
)

_WORDS: Mapping[str, Vocabulary] = {
    "bizStep": vocabulary.BIZ_STEP,
    "disposition": vocabulary.DISPOSITION,
    "set": vocabulary.DISPOSITION,
    "unset": vocabulary.DISPOSITION,
    "reason": vocabulary.ERROR_REASON,
    "bizTransaction": vocabulary.BIZ_TRANSACTION,
    "source": vocabulary.SOURCE_OR_DESTINATION,
    "destination": vocabulary.SOURCE_OR_DESTINATION,
}


def event_xml(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> bytes:
    """Return the element of an event, with all namespaces that it needs declared on it.

    `event` has the shape of the schema (schema.json), `prefixes` are the namespaces in force in
    it. A bare standard word becomes its URN, a CURIE the whole URI: XML knows no other words.
    """
    writer = _EventWriter(prefixes)
    content = writer.content(event)
    kind = event["type"]
    return f"<{kind}{writer.extensions.declarations()}>{content}</{kind}>".encode()


class _EventWriter:
    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self.prefixes = prefixes
        self.extensions = ExtensionWriter(prefixes)

    def content(self, event: Mapping[str, Any]) -> str:
        fields = FIELDS[event["type"]]
        parts = [
            _WRITERS.get(name, _EventWriter.text)(self, name, event[name])
            for name in fields
            if name in event
        ]
        parts.append(self.rest(event))
        return "".join(parts)

    def rest(self, value: Mapping[str, Any]) -> str:
        """Return the extensions of an object."""
        return "".join(
            self.extensions.element(name, part) for name, part in value.items() if ":" in name
        )

    def uri(self, text: str) -> str:
        return expanded(text, self.prefixes)

    def word(self, name: str, text: str) -> str:
        """Return a word of the CBV as a URI."""
        if ":" in text:
            return self.uri(text)
        words = _WORDS.get(name)
        return words.urn + text if words else text

    def text(self, name: str, value: Any) -> str:
        return f"<{name}>{in_text(self.word(name, value))}</{name}>"

    def certifications(self, name: str, value: Any) -> str:
        return "".join(
            self.text(name, each) for each in ([value] if isinstance(value, str) else value)
        )

    def texts(self, name: str, value: Any) -> str:
        item = TEXT_LISTS.get(name, "correctiveEventID")
        return _element(name, "".join(self.text(item, each) for each in value))

    def typed(self, name: str, value: Any) -> str:
        item = TYPED_LISTS[name]
        parts = []
        for entry in value:
            kind = entry.get("type")
            attribute = "" if kind is None else f' type="{in_attribute(self.word(item, kind))}"'
            parts.append(f"<{item}{attribute}>{in_text(self.uri(entry[item]))}</{item}>")
        return _element(name, "".join(parts))

    def quantities(self, name: str, value: Any) -> str:
        parts = []
        for entry in value:
            fields = [f"<epcClass>{in_text(self.uri(entry['epcClass']))}</epcClass>"]
            if "quantity" in entry:
                fields.append(f"<quantity>{_decimal(entry['quantity'])}</quantity>")
            if "uom" in entry:
                fields.append(f"<uom>{in_text(entry['uom'])}</uom>")
            parts.append(_element("quantityElement", "".join(fields)))
        return _element(name, "".join(parts))

    def location(self, name: str, value: Any) -> str:
        return _element(name, self.text("id", value["id"]) + self.rest(value))

    def persistent_disposition(self, name: str, value: Any) -> str:
        words = "".join(
            self.text(each, word) for each in ("unset", "set") for word in value.get(each, ())
        )
        content = words + self.rest(value)
        # Lists without words say nothing, and the schema has no element for them.
        return _element(name, content) if content else ""

    def error_declaration(self, name: str, value: Any) -> str:
        parts = [self.text("declarationTime", value["declarationTime"])]
        if "reason" in value:
            parts.append(self.text("reason", value["reason"]))
        if "correctiveEventIDs" in value:
            parts.append(self.texts("correctiveEventIDs", value["correctiveEventIDs"]))
        return _element(name, "".join(parts) + self.rest(value))

    def sensor_elements(self, name: str, value: Any) -> str:
        parts = []
        for entry in value:
            content = ""
            if "sensorMetadata" in entry:
                content = self.sensor("sensorMetadata", entry["sensorMetadata"], SENSOR_METADATA)
            content += "".join(
                self.sensor("sensorReport", report, SENSOR_REPORT)
                for report in entry["sensorReport"]
            )
            parts.append(_element("sensorElement", content + self.rest(entry)))
        return _element(name, "".join(parts))

    def sensor(self, name: str, value: Mapping[str, Any], known: tuple[str, ...]) -> str:
        """Return sensorMetadata or a sensorReport: fields and extensions are attributes."""
        written: list[str] = []
        literal: list[str] = []
        content = ""
        for field in known:
            if field in value:
                made, json_name = self.sensor_value(field, value[field])
                written.append(made)
                literal += [json_name] if json_name else []
        for field, part in value.items():
            if ":" in field:
                attribute = self.extensions.attribute(field, part)
                if attribute is None:
                    content += self.extensions.element(field, part)
                else:
                    written.append(attribute[0])
                    literal += [attribute[1]] if attribute[1] else []
        head = f"<{name}{''.join(written)}{self.extensions.literal(literal)}"
        return f"{head}>{content}</{name}>" if content else f"{head}/>"

    def sensor_value(self, name: str, value: Any) -> tuple[str, str]:
        if name == "stringValue":
            return self.extensions.valued(name, value)
        if isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, str):
            text = self.sensor_word(name, value)
        else:
            text = str(value)
        return f' {name}="{in_attribute(text)}"', ""

    def sensor_word(self, name: str, text: str) -> str:
        if name in ("type", "exception"):
            if ":" not in text:
                text = f"gs1:{text}"
                return text if self.means_gs1() else GS1_VOCABULARY + text[4:]
            if text.startswith("gs1:") and self.means_gs1():
                return text
        elif name == "component" and ":" not in text:
            return f"{CBV}Comp-{text}"
        return self.uri(text)

    def means_gs1(self) -> bool:
        """Say whether ``gs1:`` is what every reader takes it for."""
        return self.prefixes.get("gs1") == GS1_VOCABULARY

    def ilmd(self, name: str, value: Any) -> str:
        return _element(name, self.rest(value))


def _element(name: str, content: str) -> str:
    return f"<{name}>{content}</{name}>" if content else f"<{name}/>"


def _decimal(number: Any) -> str:
    """Return a number as xsd:decimal, which has no exponents."""
    return f"{number:f}" if isinstance(number, Decimal) else str(number)


_Writer = Callable[[_EventWriter, str, Any], str]

_WRITERS: Mapping[str, _Writer] = {
    "certificationInfo": _EventWriter.certifications,
    **dict.fromkeys(TEXT_LISTS, _EventWriter.texts),
    **dict.fromkeys(TYPED_LISTS, _EventWriter.typed),
    **dict.fromkeys(QUANTITY_LISTS, _EventWriter.quantities),
    "readPoint": _EventWriter.location,
    "bizLocation": _EventWriter.location,
    "persistentDisposition": _EventWriter.persistent_disposition,
    "errorDeclaration": _EventWriter.error_declaration,
    "sensorElementList": _EventWriter.sensor_elements,
    "ilmd": _EventWriter.ilmd,
}
