"""What an EPCIS event says, however it is written: for comparing its JSON and XML forms."""

import json
from decimal import Decimal

from foodtrace.trace.epcis import vocabulary
from foodtrace.trace.epcis.context import (
    CBV,
    GS1_VOCABULARY,
    STANDARD_PREFIXES,
    expanded,
    prefixes_of,
)
from foodtrace.trace.epcis.hash_values import name_of

WORDS = {
    "bizStep": vocabulary.BIZ_STEP,
    "disposition": vocabulary.DISPOSITION,
    "set": vocabulary.DISPOSITION,
    "unset": vocabulary.DISPOSITION,
    "reason": vocabulary.ERROR_REASON,
    "bizTransactionList": vocabulary.BIZ_TRANSACTION,
    "sourceList": vocabulary.SOURCE_OR_DESTINATION,
    "destinationList": vocabulary.SOURCE_OR_DESTINATION,
}


def parsed(body):
    return json.loads(body, parse_float=Decimal)


def events_of(document):
    """Return each event of a document, or the bare event, with the namespaces in force in it."""
    prefixes = prefixes_of(document["@context"], STANDARD_PREFIXES, "")
    if "epcisBody" not in document:
        events = [document]
    elif "eventList" in document["epcisBody"]:
        events = document["epcisBody"]["eventList"]
    else:
        events = document["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return [
        (
            {name: value for name, value in event.items() if name != "@context"},
            prefixes_of(event.get("@context", []), prefixes, ""),
        )
        for event in events
    ]


def said(value, prefixes, path=()):
    """Return a value with full names and URIs; standard words bare; texts and numbers apart."""
    if isinstance(value, dict):
        return {
            name_of(name, prefixes) if ":" in name else name: said(
                [part] if name == "certificationInfo" and isinstance(part, str) else part,
                prefixes,
                (*path, name),
            )
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [said(part, prefixes, path) for part in value]
    if isinstance(value, str):
        is_extension = "ilmd" in path or any(":" in name for name in path)
        return value if is_extension else said_word(value, prefixes, path)
    if isinstance(value, bool) or value is None:
        return ("JSON", value)
    return Decimal(value)


def said_word(text, prefixes, path):
    words = WORDS.get(path[-1]) or (path[-1] == "type" and WORDS.get(path[0]))
    if words:
        return words.word(text, prefixes, "")
    if path[-1] == "stringValue":
        return text
    if ":" not in text and path[-1] in ("type", "exception") and "sensorReport" in path:
        return GS1_VOCABULARY + text
    if ":" not in text and path[-1] == "component":
        return f"{CBV}Comp-{text}"
    return expanded(text, prefixes)
