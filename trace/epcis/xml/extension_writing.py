"""Extensions of JSON as XML that says the same, so that reading it gives the same JSON again.

Where XML has no words for what JSON says, an attribute in our own namespace adds it:
``json:list`` an array of one, ``json:literal`` a value that is written as JSON, ``json:member``
with ``json:name`` a name that XML cannot have, and ``json:prefixes`` the prefixes that stand in
texts. Other readers may leave them aside.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from foodtrace.trace.epcis.context import STANDARD_PREFIXES, expanded, prefixes_of
from foodtrace.trace.epcis.xml.markup import in_attribute, in_text, is_name, is_xml
from foodtrace.trace.epcis.xml.names import EPCIS_NAMESPACES, JSON, SBDH, XML, XSD, XSI
from foodtrace.trace.epcis.xml.values import prose
from foodtrace.trace.errors import Invalid

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_UNBINDABLE = frozenset({XML, "http://www.w3.org/2000/xmlns/"})
_XML_PREFIXES = frozenset({"xml", "xmlns"})
_RESERVED = EPCIS_NAMESPACES | {SBDH, XSD, XSI, JSON}
# Namespaces of the writer's own attributes, by the prefixes that they get where these are free.
_OURS = {"xsi": XSI, "xs": XSD, "json": JSON}
_ENDS = ("/", "#", ":")


class ExtensionWriter:
    """Writes the extensions of one event; afterwards it knows the namespaces that they need."""

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self._prefixes = prefixes
        self._ours = {name: _free(name, prefixes) for name in _OURS}
        self._declared: dict[str, str] = {}
        self._marked: dict[str, None] = {}
        self._names: dict[str, str | None] = {}

    def declarations(self) -> str:
        """Return the attributes that the event's element needs for what was written."""
        marks = " ".join(self._marked)
        marked = f' {self._our("json")}:prefixes="{marks}"' if marks else ""
        return marked + "".join(
            f' xmlns:{prefix}="{in_attribute(namespace)}"'
            for prefix, namespace in self._declared.items()
        )

    def element(self, name: str, value: Any) -> str:
        """Return an extension as an element, or as several if it is a list."""
        if isinstance(value, list) and value:
            if len(value) == 1:
                return self._one(name, value[0], f' {self._our("json")}:list="true"')
            return "".join(self._one(name, each, "") for each in value)
        return self._one(name, value, "")

    def attribute(self, name: str, value: Any) -> tuple[str, str] | None:
        """Return an extension as an attribute, and the attribute's name if its text is JSON.

        None if XML cannot have it as an attribute.
        """
        tag = self._tag(name)
        if tag is None or ":" not in tag:
            return None
        return self.valued(tag, value)

    def valued(self, tag: str, value: Any) -> tuple[str, str]:
        """Return an attribute with any value, and its name if its text is JSON."""
        if isinstance(value, str) and _is_plain(value):
            self._mark(value)
            return f' {tag}="{in_attribute(value)}"', ""
        return f' {tag}="{in_attribute(self._json(value))}"', tag

    def literal(self, names: list[str]) -> str:
        """Return the mark for the attributes of an element whose text is JSON."""
        # With at signs: a value that begins with a prefix would be taken for a text.
        tokens = " ".join(f"@{name}" for name in names)
        return f' {self._our("json")}:literal="{tokens}"' if names else ""

    def _one(self, name: str, value: Any, attributes: str) -> str:
        tag = self._tag(name)
        if tag is None:
            name = self._bindable_name(name)
            self._mark(name)
            ours = self._our("json")
            tag, attributes = f"{ours}:member", f'{attributes} {ours}:name="{in_attribute(name)}"'
        more, content = self._content(value)
        if not content:
            return f"<{tag}{attributes}{more}/>"
        return f"<{tag}{attributes}{more}>{content}</{tag}>"

    def _content(self, value: Any) -> tuple[str, str]:
        """Return the attributes and the content of an element."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bool):
            return self._typed("boolean", "true" if value else "false")
        if isinstance(value, int):
            return self._typed("integer", str(value))
        if isinstance(value, (Decimal, float)):
            text = str(value)
            return self._typed("double" if "E" in text.upper() else "decimal", text)
        if value is None:
            return f' {self._our("xsi")}:nil="true"', ""
        if isinstance(value, dict) and value and not any(each[:1] in "@#" for each in value):
            return "", "".join(self.element(name, part) for name, part in value.items())
        return self._with_attributes(value) or self._written_as_json(value)

    def _text(self, text: str) -> tuple[str, str]:
        if not is_xml(text):
            return self._written_as_json(text)
        self._mark(text)
        return "" if prose(text) == text else ' xml:space="preserve"', in_text(text)

    def _typed(self, kind: str, text: str) -> tuple[str, str]:
        return f' {self._our("xsi")}:type="{self._our("xs")}:{kind}"', in_text(text)

    def _with_attributes(self, value: Any) -> tuple[str, str] | None:
        """Return an object of attributes, and of text or elements; None if it is none."""
        if not isinstance(value, dict) or not value or value.get("#text") == "":
            return None
        written = ""
        elements = dict(value)
        for name, text in value.items():
            if name[0:1] != "@":
                continue
            tag = self._tag(name[1:])
            if tag is None or not isinstance(text, str) or not _is_plain(text):
                return None
            self._mark(text)
            written += f' {tag}="{in_attribute(text)}"'
            del elements[name]
        if not written or ("#text" in elements and len(elements) > 1):
            return None
        if "#text" in elements:
            text = elements["#text"]
            if isinstance(text, (dict, list)):
                return None
            more, content = self._content(text)
            return written + more, content
        return written, "".join(self.element(name, part) for name, part in elements.items())

    def _written_as_json(self, value: Any) -> tuple[str, str]:
        return f' {self._our("json")}:literal="true"', in_text(self._json(value))

    def _json(self, value: Any) -> str:
        value = self._bindable(value)
        self._mark_all(value)
        text = _ENCODER.encode(value).decode()
        if is_xml(text):
            return text
        return "".join(each if is_xml(each) else f"\\u{ord(each):04x}" for each in text)

    def _bindable(self, value: Any) -> Any:
        """Return a JSON value without the prefixes that XML keeps for itself."""
        if _XML_PREFIXES.isdisjoint(self._prefixes):
            return value
        if isinstance(value, list):
            return [self._bindable(each) for each in value]
        if isinstance(value, dict):
            return {self._bindable_name(name): self._bindable(each) for name, each in value.items()}
        return value

    def _bindable_name(self, name: str) -> str:
        prefix = name.partition(":")[0]
        return expanded(name, self._prefixes) if prefix in _XML_PREFIXES else name

    def _mark_all(self, value: Any) -> None:
        if isinstance(value, str):
            self._mark(value)
        elif isinstance(value, dict):
            for name, part in value.items():
                self._mark(name.removeprefix("@"))
                self._mark_all(part)
        elif isinstance(value, list):
            for part in value:
                self._mark_all(part)

    def _mark(self, text: str) -> None:
        prefix, colon, local = text.partition(":")
        if not colon or prefix not in self._prefixes or local.startswith("//"):
            return
        namespace = self._prefixes[prefix]
        is_known = STANDARD_PREFIXES.get(prefix) == namespace
        if not is_known and prefix not in _XML_PREFIXES and _is_namespace(namespace):
            self._declared[prefix] = namespace
            self._marked[prefix] = None

    def _tag(self, name: str) -> str | None:
        """Return the qualified name of an element or attribute; None if XML has none for it."""
        if name not in self._names:
            self._names[name] = self._made_tag(name)
        return self._names[name]

    def _made_tag(self, name: str) -> str | None:
        prefix, colon, local = name.partition(":")
        if not colon:
            return name if is_name(name) and not name.lower().startswith("xml") else None
        namespace = self._prefixes.get(prefix)
        if namespace is None:
            end = max(map(name.rfind, _ENDS)) + 1
            namespace, local = name[:end], name[end:]
            prefix = ""
        if not is_name(local) or namespace in _RESERVED or not _is_namespace(namespace):
            return None
        return f"{self._declare(prefix, namespace)}:{local}"

    def _declare(self, prefix: str, namespace: str) -> str:
        if not prefix or prefix in _XML_PREFIXES:
            known = (each for each, uri in self._declared.items() if uri == namespace)
            prefix = next(known, "") or self._next()
        self._declared[prefix] = namespace
        return prefix

    def _next(self) -> str:
        number = 1
        while f"ns{number}" in self._declared or f"ns{number}" in self._prefixes:
            number += 1
        return f"ns{number}"

    def _our(self, name: str) -> str:
        prefix = self._ours[name]
        self._declared[prefix] = _OURS[name]
        return prefix


def _free(name: str, prefixes: Mapping[str, str]) -> str:
    """Return a prefix that means nothing in the event."""
    while name in prefixes:
        name = f"_{name}"
    return name


@lru_cache(maxsize=1024)
def _is_namespace(text: str) -> bool:
    """Say whether JSON-LD can declare this namespace, and XML too."""
    if text in _UNBINDABLE or not is_xml(text):
        return False
    try:
        prefixes_of({"a": text}, {}, "")
    except Invalid:
        return False
    return True


def _is_plain(text: str) -> bool:
    """Say whether a text comes back from an attribute as it is."""
    return is_xml(text) and prose(text) == text
