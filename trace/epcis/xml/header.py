"""The header of an EPCIS document in XML: who sent it, and master data."""

from typing import Any

from lxml import etree

from foodtrace.trace.epcis.xml.fields import Fields
from foodtrace.trace.epcis.xml.names import SBDH
from foodtrace.trace.epcis.xml.places import is_epcis, local_name, unwrapped
from foodtrace.trace.epcis.xml.values import trimmed

_BUSINESS_HEADER = f"{{{SBDH}}}StandardBusinessDocumentHeader"
# What JSON has room for of it.
_SAID = {
    "sender": f"{{{SBDH}}}Sender/{{{SBDH}}}Identifier",
    "receiver": f"{{{SBDH}}}Receiver/{{{SBDH}}}Identifier",
    "instanceIdentifier": f"{{{SBDH}}}DocumentIdentification/{{{SBDH}}}InstanceIdentifier",
}
_MASTER_DATA = frozenset({"VocabularyList"})
_VOCABULARIES = frozenset({"Vocabulary"})
_VOCABULARY = frozenset({"VocabularyElementList"})
_ELEMENTS = frozenset({"VocabularyElement"})
_ELEMENT = frozenset({"attribute", "children"})
_TYPE = frozenset({"type"})
_ID = frozenset({"id"})


def read_header(fields: Fields, element: etree._Element, document: dict[str, Any]) -> None:
    """Put what a header says into the document."""
    header = fields.object(element)
    for child in unwrapped(element):
        if child.tag == _BUSINESS_HEADER:
            _read_business_header(child, document)
        elif not is_epcis(child):
            fields.extensions.add(child, header)
        elif local_name(child) == "EPCISMasterData":
            header["epcisMasterData"] = _master_data(fields, child)
        else:
            fields.refuse_unknown(child)
    if header:
        document["epcisHeader"] = header


def _read_business_header(element: etree._Element, document: dict[str, Any]) -> None:
    for name, path in _SAID.items():
        found = element.findall(path)
        if len(found) == 1 and trimmed(found[0].text):
            document[name] = trimmed(found[0].text)


def _master_data(fields: Fields, element: etree._Element) -> dict[str, Any]:
    made = fields.object(element)
    for _, child in fields.children(element, _MASTER_DATA, made):
        made["vocabularyList"] = fields.objects(child, "Vocabulary", _vocabulary)
    return made


def _vocabulary(fields: Fields, element: etree._Element) -> dict[str, Any]:
    made = fields.object(element, _TYPE)
    if element.get("type") is not None:
        made["type"] = trimmed(element.get("type"))
    for _, child in fields.children(element, _VOCABULARY, made):
        made["vocabularyElementList"] = fields.objects(child, "VocabularyElement", _element)
    return made


def _element(fields: Fields, element: etree._Element) -> dict[str, Any]:
    made = fields.object(element, _ID)
    if element.get("id") is not None:
        made["id"] = trimmed(element.get("id"))
    for name, child in fields.children(element, _ELEMENT, made, frozenset({"attribute"})):
        if name == "children":
            made["children"] = fields.texts(child, "id")
        else:
            made.setdefault("attributes", []).append(_attribute(fields, child))
    return made


def _attribute(fields: Fields, element: etree._Element) -> dict[str, Any]:
    made: dict[str, Any] = {"id": trimmed(element.get("id"))}
    fields.origins.remember(made, element)
    made["attribute"] = fields.extensions.attribute(element)
    return made
