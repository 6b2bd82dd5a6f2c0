"""Events in the notation that a reader asks for: EPC URN or Digital Link, and which CBV words.

The headers GS1-EPC-Format and GS1-CBV-XML-Format of the EPCIS 2.0 REST binding ask for it. What
was received stays as it was received; this is for answers.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from foodtrace.trace.epcis import vocabulary
from foodtrace.trace.epcis.context import expanded
from foodtrace.trace.epcis.vocabulary import Vocabulary
from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.epc_writing import epc_urn_of
from foodtrace.trace.gs1.identifiers import parse_identifier


class EpcFormat(StrEnum):
    """How identifiers are written: the values of the header GS1-EPC-Format."""

    NO_PREFERENCE = "No_Preference"
    ALWAYS_GS1_DIGITAL_LINK = "Always_GS1_Digital_Link"
    ALWAYS_EPC_URN = "Always_EPC_URN"
    NEVER_TRANSLATES = "Never_Translates"


class CbvFormat(StrEnum):
    """How standard words are written: the values of the header GS1-CBV-XML-Format.

    In JSON they are bare (``shipping``), which is what NO_PREFERENCE gives.
    """

    NO_PREFERENCE = "No_Preference"
    ALWAYS_WEB_URI = "Always_Web_URI"
    ALWAYS_URN = "Always_URN"
    NEVER_TRANSLATES = "Never_Translates"


# A place of an event: what stands there, or the places within. A list is its entries.
_Place = Vocabulary | None | Mapping[str, "_Place"]


def translated(
    event: Mapping[str, Any],
    prefixes: Mapping[str, str],
    *,
    epc_format: EpcFormat,
    cbv_format: CbvFormat,
) -> dict[str, Any]:
    """Return the event in these formats; `prefixes` are the namespaces in force in it.

    A Digital Link becomes a URN where the company prefix is known, and stays where it is
    not. It loses what a URN has no place for: its domain, its query, the lot of a serial
    number. Identifiers that are no GS1 keys, words of one's own, extensions and the ILMD
    stay as they are.
    """

    def write(text: str, words: Vocabulary | None) -> str:
        if words is None:
            return identifier_in(text, prefixes, epc_format)
        return word_in(text, words, prefixes, cbv_format)

    written: dict[str, Any] = _walked(event, _EVENT, write)
    return written


def identifier_in(text: str, prefixes: Mapping[str, str], epc_format: EpcFormat) -> str:
    """Return an identifier in this format; what is no GS1 key, or is in it already, unchanged."""
    if epc_format in (EpcFormat.NO_PREFERENCE, EpcFormat.NEVER_TRANSLATES):
        return text
    uri = expanded(text, prefixes)
    is_urn = uri[:8].lower() == "urn:epc:"
    if is_urn is (epc_format is EpcFormat.ALWAYS_EPC_URN):
        return text
    try:
        identifier = parse_identifier(uri)
    except Invalid:
        return text
    if is_urn:
        return identifier.uri
    return epc_urn_of(identifier.canonical) or text


def word_in(
    text: str, words: Vocabulary, prefixes: Mapping[str, str], cbv_format: CbvFormat
) -> str:
    """Return a standard word in this format; a word of one's own unchanged."""
    if cbv_format is CbvFormat.NEVER_TRANSLATES:
        return text
    bare = text if text in words.words else _bare(expanded(text, prefixes), words)
    if bare not in words.words:
        return text
    if cbv_format is CbvFormat.NO_PREFERENCE:
        return bare
    return (words.urn if cbv_format is CbvFormat.ALWAYS_URN else words.web) + bare


def _bare(uri: str, words: Vocabulary) -> str:
    return uri.removeprefix(words.web) if uri.startswith(words.web) else uri.removeprefix(words.urn)


def _walked(value: Any, place: _Place, write: Callable[[str, Vocabulary | None], str]) -> Any:
    """Return the value with all texts in their places written anew; it is not changed itself."""
    if isinstance(value, list):
        return [_walked(each, place, write) for each in value]
    if isinstance(place, Mapping):
        if not isinstance(value, Mapping):
            return value
        return {
            name: _walked(each, place[name], write) if name in place else each
            for name, each in value.items()
        }
    return write(value, place) if isinstance(value, str) else value


_EPC = None
_QUANTITIES = {"epcClass": _EPC}
# Devices are assets or products, data and rules are documents: all may be named by GS1 keys.
_OBSERVATION: dict[str, _Place] = dict.fromkeys(
    ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"), _EPC
)
_EVENT: Mapping[str, _Place] = {
    "bizStep": vocabulary.BIZ_STEP,
    "disposition": vocabulary.DISPOSITION,
    "persistentDisposition": {
        "set": vocabulary.DISPOSITION,
        "unset": vocabulary.DISPOSITION,
    },
    "readPoint": {"id": _EPC},
    "bizLocation": {"id": _EPC},
    "bizTransactionList": {"type": vocabulary.BIZ_TRANSACTION, "bizTransaction": _EPC},
    "sourceList": {"type": vocabulary.SOURCE_OR_DESTINATION, "source": _EPC},
    "destinationList": {"type": vocabulary.SOURCE_OR_DESTINATION, "destination": _EPC},
    "errorDeclaration": {"reason": vocabulary.ERROR_REASON},
    "sensorElementList": {
        "sensorMetadata": _OBSERVATION,
        "sensorReport": _OBSERVATION
        | {
            "type": vocabulary.MEASUREMENT,
            "exception": vocabulary.SENSOR_ALERT,
            "component": vocabulary.COMPONENT,
            "uriValue": _EPC,
        },
    },
    "transformationID": _EPC,
    "parentID": _EPC,
    **dict.fromkeys(("epcList", "childEPCs", "inputEPCList", "outputEPCList"), _EPC),
    **dict.fromkeys(
        ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"),
        _QUANTITIES,
    ),
}
