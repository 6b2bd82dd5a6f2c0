"""The canonical order of the fields of an event for its hash (event hash ID, CBV 2.0).

Each field has a writer, which returns its text. Fields that the order does not name come late,
at the end of the event. Business transactions, sources and destinations come at
the end too, before the extensions, as in the published examples.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from foodtrace.trace.epcis.context import CBV, STANDARD_PREFIXES
from foodtrace.trace.epcis.hash_values import (
    bare_of,
    name_of,
    string_value_of,
    text_of,
    time_of,
    word_of,
)

_Prefixes = Mapping[str, str]
_Text = Callable[[Any, _Prefixes], str]
# Returns a field's text where it stands, and adds the text that ends the event to a list.
_Writer = Callable[[Any, _Prefixes, list[str]], str]
_Order = Mapping[str, _Writer]

_COMMENT = f"{{{STANDARD_PREFIXES['rdfs']}}}comment"


def in_order(
    value: Mapping[str, Any], order: _Order, prefixes: _Prefixes, late: list[str]
) -> list[str]:
    """Return the texts of the fields that the order names; `late` gets what ends the event."""
    return [write(value[name], prefixes, late) for name, write in order.items() if name in value]


def extension_texts(
    value: Mapping[str, Any], names: Iterable[str], prefixes: _Prefixes
) -> list[str]:
    """Return the texts of these members, each with all that it holds, in order."""
    texts: list[str] = []
    for name in names:
        _add_texts(texts, name_of(name, prefixes), value[name], prefixes)
    return sorted(texts)


def _add_texts(texts: list[str], name: str, value: Any, prefixes: _Prefixes) -> None:
    if name == _COMMENT:
        return
    if isinstance(value, list):
        for part in value:
            _add_texts(texts, name, part, prefixes)
        return
    inside = ""
    if isinstance(value, dict):
        # An element with attributes has its text under this name.
        own = value.get("#text", "")
        is_text = not isinstance(own, (dict, list))
        members = (member for member in value if member != "#text" or not is_text)
        inside = "".join(extension_texts(value, members, prefixes))
        value = own if is_text else ""
    text = text_of(value, prefixes)
    texts.append(f"{name}={text}{inside}" if text else name + inside)


def _leaf(name: str, text: _Text = text_of) -> _Writer:
    """A value, or several: then they are sorted."""
    start = name + "="

    def write(value: Any, prefixes: _Prefixes, late: list[str]) -> str:
        if isinstance(value, list):
            written_all = sorted(text(part, prefixes) for part in value)
            return "".join(start + written for written in written_all if written)
        written = text(value, prefixes)
        return start + written if written else ""

    return write


def _list(name: str, item: str) -> _Writer:
    """A list of values under one name."""
    items = _leaf(item)

    def write(value: Any, prefixes: _Prefixes, late: list[str]) -> str:
        text = items(value, prefixes, late)
        return name + text if text else ""

    return write


def _element(name: str, order: _Order) -> _Writer:
    """An element with fields and, behind them, its extensions."""

    def write(value: Any, prefixes: _Prefixes, late: list[str]) -> str:
        left: list[str] = []
        texts = in_order(value, order, prefixes, left)
        if len(texts) < len(value):
            others = [other for other in value if other not in order]
            texts += extension_texts(value, (each for each in others if ":" in each), prefixes)
            left += extension_texts(value, (each for each in others if ":" not in each), prefixes)
        if left:
            late.append(name + "".join(sorted(left)))
        text = "".join(texts)
        return name + text if text else ""

    return write


def _elements(name: str, item: str, order: _Order) -> _Writer:
    """A list of elements, sorted, under one name (which may be empty)."""
    one = _element(item, order)

    def write(value: Any, prefixes: _Prefixes, late: list[str]) -> str:
        left: list[str] = []
        text = "".join(sorted([one(part, prefixes, left) for part in value]))
        if left:
            late.append(name + "".join(sorted(left)))
        return name + text if text else ""

    return write


def _typed(name: str, item: str, vocabulary: str) -> _Writer:
    """A list of identifiers that have a type: all at the end of the event."""
    one = {"type": _leaf("type", partial(word_of, CBV + vocabulary)), item: _leaf(item)}
    items = _elements(name, "", one)

    def write(value: Any, prefixes: _Prefixes, late: list[str]) -> str:
        text = items(value, prefixes, late)
        if text:
            late.append(text)
        return ""

    return write


def _ilmd(value: Any, prefixes: _Prefixes, late: list[str]) -> str:
    late.append("ilmd" + "".join(extension_texts(value, value, prefixes)))
    return ""


def _words(name: str, start: str) -> _Writer:
    return _leaf(name, partial(word_of, start))


_GS1 = "https://gs1.org/voc/"
_QUANTITY: _Order = {name: _leaf(name) for name in ("epcClass", "quantity", "uom")}
_PLACE: _Order = {"id": _leaf("id")}
_METADATA: _Order = {
    **{name: _leaf(name, time_of) for name in ("time", "startTime", "endTime")},
    **{
        name: _leaf(name)
        for name in ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules")
    },
}
_REPORT: _Order = {
    "type": _words("type", _GS1),
    "exception": _words("exception", _GS1),
    **{
        name: _leaf(name)
        for name in ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod")
    },
    "time": _leaf("time", time_of),
    **{name: _leaf(name) for name in ("microorganism", "chemicalSubstance", "value")},
    "component": _words("component", CBV + "Comp-"),
    "stringValue": _leaf("stringValue", string_value_of),
    **{
        name: _leaf(name)
        for name in (
            "booleanValue",
            "hexBinaryValue",
            "uriValue",
            "minValue",
            "maxValue",
            "meanValue",
            "sDev",
            "percRank",
            "percValue",
            "uom",
            "coordinateReferenceSystem",
        )
    },
}
_SENSOR: _Order = {
    "sensorMetadata": _element("sensorMetadata", _METADATA),
    "sensorReport": _elements("", "sensorReport", _REPORT),
}

EVENT_ORDER: _Order = {
    "eventTime": _leaf("eventTime", time_of),
    "eventTimeZoneOffset": _leaf("eventTimeZoneOffset", bare_of),
    "certificationInfo": _leaf("certificationInfo"),
    "parentID": _leaf("parentID"),
    "epcList": _list("epcList", "epc"),
    "inputEPCList": _list("inputEPCList", "epc"),
    "childEPCs": _list("childEPCs", "epc"),
    **{
        name: _elements(name, "quantityElement", _QUANTITY)
        for name in ("quantityList", "childQuantityList", "inputQuantityList")
    },
    "outputEPCList": _list("outputEPCList", "epc"),
    "outputQuantityList": _elements("outputQuantityList", "quantityElement", _QUANTITY),
    "action": _leaf("action", bare_of),
    "transformationID": _leaf("transformationID"),
    "bizStep": _words("bizStep", CBV + "BizStep-"),
    "disposition": _words("disposition", CBV + "Disp-"),
    "persistentDisposition": _element(
        "persistentDisposition",
        {name: _words(name, CBV + "Disp-") for name in ("set", "unset")},
    ),
    "readPoint": _element("readPoint", _PLACE),
    "bizLocation": _element("bizLocation", _PLACE),
    "bizTransactionList": _typed("bizTransactionList", "bizTransaction", "BTT-"),
    "sourceList": _typed("sourceList", "source", "SDT-"),
    "destinationList": _typed("destinationList", "destination", "SDT-"),
    "sensorElementList": _elements("sensorElementList", "sensorElement", _SENSOR),
    "ilmd": _ilmd,
}
