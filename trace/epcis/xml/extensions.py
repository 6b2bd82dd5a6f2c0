"""Extensions of EPCIS XML as JSON: elements of other namespaces, whatever they hold.

An element with text becomes that text, one with elements an object, a repeated one a list.
A number or boolean is one only where ``xsi:type`` says so: XML knows text only, and a lot
number must keep its zeros. Attributes become ``@name``, text beside them ``#text``. Where JSON
said what XML has no words for, the writer left a mark in our own namespace (writing side).
"""

import json
from typing import Any

import msgspec
from lxml import etree

from foodtrace.trace.epcis.json_values import depth_of
from foodtrace.trace.epcis.problems import Problems
from foodtrace.trace.epcis.strict_json import MAX_DEPTH
from foodtrace.trace.epcis.xml.names import JSON, XML, XSI
from foodtrace.trace.epcis.xml.namespaces import Namespaces
from foodtrace.trace.epcis.xml.places import Items, Origins, has_text, refuse
from foodtrace.trace.epcis.xml.values import boolean, number, prose, raw_json
from foodtrace.trace.errors import Invalid, mark

_TYPE = f"{{{XSI}}}type"
_NIL = f"{{{XSI}}}nil"
_SPACE = f"{{{XML}}}space"
LITERAL = f"{{{JSON}}}literal"
LIST = f"{{{JSON}}}list"
NAME = f"{{{JSON}}}name"
MEMBER = f"{{{JSON}}}member"
_LAYOUT = (f"{{{XSI}}}", f"{{{XML}}}", f"{{{JSON}}}")
NUMBER_TYPES = frozenset(
    [
        "integer",
        "int",
        "long",
        "short",
        "byte",
        "nonNegativeInteger",
        "positiveInteger",
        "nonPositiveInteger",
        "negativeInteger",
        "unsignedInt",
        "unsignedLong",
        "unsignedShort",
        "unsignedByte",
        "decimal",
        "double",
        "float",
    ]
)


class Extensions:
    """Reads the extensions of one document; what is wrong with them is kept in `problems`."""

    def __init__(self, namespaces: Namespaces, origins: Origins, problems: Problems) -> None:
        self.namespaces, self.origins, self.problems = namespaces, origins, problems

    def add(self, element: etree._Element, target: dict[str, Any], depth: int = 1) -> None:
        """Put one extension element into the JSON object of the element that it stands in."""
        name = self._name(element)
        if name is None:
            return
        value = self._value(element, depth)
        if name not in target:
            single = element.get(LIST) is None
            target[name] = value if single else self._list([value], [element])
            if single and isinstance(value, dict):
                self.origins.remember(value, element)
            return
        held = target[name]
        origin = self.origins.origin(held)
        if isinstance(held, list) and isinstance(origin, Items):
            held.append(value)
            origin.items.append(element)
        else:
            first = self._first(element)
            target[name] = self._list([held, value], [first, element])

    def add_attributes(
        self, element: etree._Element, target: dict[str, Any], known: frozenset[str] | None
    ) -> None:
        """Put the attributes of other namespaces into an object; refuse unknown bare ones.

        `known` is None where the schema allows any, such as on a document: those are left out.
        """
        literal = _literal_names(element)
        for name, text in element.attrib.items():
            plain = str(name)
            if plain.startswith(_LAYOUT):
                continue
            if plain[0] != "{" and plain not in literal:
                if known is not None and plain not in known:
                    self._refuse_attribute(element, plain)
                continue
            made = self._attribute_name(element, plain)
            if made is not None:
                read = self._literal if plain in literal else self._prose
                target[made] = read(element, str(text))

    def attribute(self, element: etree._Element) -> Any:
        """Return the value of an element that may hold text or elements, such as master data."""
        return self._value(element, 1, frozenset({"id"}))

    def _value(
        self, element: etree._Element, depth: int, known: frozenset[str] = frozenset()
    ) -> Any:
        if depth > MAX_DEPTH:
            refuse(
                self.problems,
                element,
                mark("The XML is nested deeper than %(limit)s levels"),
                mark("Write it flatter"),
                {"limit": MAX_DEPTH},
            )
            return None
        attributes = [str(name) for name in element.attrib if str(name) not in known]
        if not len(element) and not attributes:
            return self._prose(element, element.text or "")
        if element.get(LITERAL) is not None:
            return self._literal(element, element.text or "")
        made: dict[str, Any] = {}
        for name in attributes:
            if not name.startswith(_LAYOUT):
                plain = self._attribute_name(element, name)
                made[f"@{plain}"] = self._prose(element, str(element.attrib[name]))
        if not len(element):
            text = self._text(element)
            if not made:
                return text
            return {**made, "#text": text} if text != "" else made
        self._check_unmixed(element)
        for child in element:
            self.add(child, made, depth + 1)
        self.origins.remember(made, element)
        return made

    def _prose(self, element: etree._Element, text: str) -> str:
        return self.namespaces.word(prose(text), element)

    def _text(self, element: etree._Element) -> Any:
        if element.get(_NIL) in ("true", "1"):
            return None
        if element.get(_SPACE) == "preserve":
            return self.namespaces.word(element.text or "", element)
        kind = (element.get(_TYPE) or "").strip().rpartition(":")[2]
        text = prose(element.text)
        if kind in NUMBER_TYPES:
            return number(text)
        return boolean(text) if kind == "boolean" else self.namespaces.word(text, element)

    def _literal(self, element: etree._Element, text: str) -> Any:
        """Return a value that was written as JSON; None, and a problem, if it is none."""
        try:
            value = json.loads(
                text, parse_float=raw_json, parse_int=raw_json, parse_constant=_no_number
            )
            # Lone surrogates come to light here.
            msgspec.json.encode(value)
        except (ValueError, RecursionError):
            value = self
        if value is not self and depth_of([value], MAX_DEPTH) <= MAX_DEPTH:
            return self._with_names(value, element)
        refuse(
            self.problems,
            element,
            mark("The text is said to be JSON and is not"),
            mark("Correct it, or remove the attribute that says so"),
        )
        return None

    def _with_names(self, value: Any, element: etree._Element) -> Any:
        """Return a JSON value with the prefixes of this document."""
        word = self.namespaces.word
        if isinstance(value, list):
            return [self._with_names(each, element) for each in value]
        if isinstance(value, dict):
            made = {}
            for name, each in value.items():
                at = "@" if name.startswith("@") else ""
                made[at + word(name.removeprefix(at), element)] = self._with_names(each, element)
            return made
        return word(value, element) if isinstance(value, str) else value

    def _check_unmixed(self, element: etree._Element) -> None:
        if has_text(element):
            refuse(
                self.problems,
                element,
                mark("Text stands beside elements"),
                mark("Put the text into an element of its own"),
            )

    def _list(self, values: list[Any], elements: list[etree._Element]) -> list[Any]:
        parent = elements[0].getparent()
        self.origins.remember(values, Items(elements[0] if parent is None else parent, elements))
        return values

    def _first(self, element: etree._Element) -> etree._Element:
        """Return the first of the elements that are called as this one is."""
        parent = element.getparent()
        first = None if parent is None else parent.find(str(element.tag))
        return element if first is None else first

    def _name(self, element: etree._Element) -> str | None:
        if element.tag == MEMBER:
            return self.namespaces.word(element.get(NAME) or "", element)
        return self._named(element, str(element.tag), element.prefix)

    def _attribute_name(self, element: etree._Element, name: str) -> str | None:
        namespace = name[1:].partition("}")[0]
        wanted = None
        if name[0] == "{" and not self.namespaces.knows(namespace):
            wanted = next((p for p, uri in element.nsmap.items() if p and uri == namespace), None)
        return self._named(element, name, wanted)

    def _named(self, element: etree._Element, name: str, prefix: str | None) -> str | None:
        try:
            return self.namespaces.name(name, prefix)
        except Invalid as error:
            for each in error.problems:
                refuse(self.problems, element, each.rule, each.fix, each.values)
            return None

    def _refuse_attribute(self, element: etree._Element, name: str) -> None:
        refuse(
            self.problems,
            element,
            mark("EPCIS has no field %(name)s here"),
            mark("Remove it, or put it into a namespace of your own"),
            {"name": name[:100]},
            at=[f"@{name}"],
        )


def _no_number(name: str) -> Any:
    raise ValueError(name)


def _literal_names(element: etree._Element) -> frozenset[str]:
    """Return the attributes of an element that our own writer wrote as JSON."""
    mark = element.get(LITERAL)
    if not mark:
        return frozenset()
    tokens = [token.removeprefix("@").rpartition(":") for token in mark.split()]
    spaces = element.nsmap
    return frozenset(
        f"{{{spaces.get(prefix)}}}{local}" if colon else local for prefix, colon, local in tokens
    )
