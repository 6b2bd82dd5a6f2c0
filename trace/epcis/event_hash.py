"""The event hash ID of CBV 2.0: one name for an event, whoever writes it down.

The same event has the same hash in JSON and XML, whatever the order of its members and
however its identifiers, words and times are written.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from foodtrace.trace.epcis.hash_order import EVENT_ORDER, extension_texts, in_order
from foodtrace.trace.epcis.hash_values import name_of
from foodtrace.trace.personal.naming import impersonal

# What says nothing about what happened, and what comes later than the event.
_LEFT_OUT = frozenset({"@context", "type", "eventID", "recordTime", "errorDeclaration"})
_IGNORED = ":ignoreFields"


def event_hash(
    event: Mapping[str, Any], prefixes: Mapping[str, str], ignored: Collection[str] = ()
) -> str:
    """Return the event hash ID of an event that has the shape of the schema.

    `prefixes` are the namespaces in force, `ignored` the extensions to leave out, as
    `ignored_names` returns them.
    """
    return hash_of(pre_hash(event, prefixes, ignored))


def hash_of(text: str) -> str:
    """Return the event hash ID that a text to hash makes (RFC 6920)."""
    return f"ni:///sha-256;{hashlib.sha256(text.encode()).hexdigest()}?ver=CBV2.0"


def pre_hash(
    event: Mapping[str, Any], prefixes: Mapping[str, str], ignored: Collection[str] = ()
) -> str:
    """Return the text that is hashed.

    Who is named below ``foodtrace:personal`` is left out: a hash of it could be guessed, and the
    event is the same before and after a name is erased.
    """
    event = impersonal(event, prefixes)
    late: list[str] = []
    texts = in_order(event, EVENT_ORDER, prefixes, late)
    others = event.keys() - EVENT_ORDER.keys() - _LEFT_OUT
    if ignored:
        others = {name for name in others if name_of(name, prefixes) not in ignored}
    late += extension_texts(event, others, prefixes)
    return f"eventType={event['type']}{''.join(texts)}{''.join(sorted(late))}"


def ignored_names(head: Mapping[str, Any], prefixes: Mapping[str, str]) -> frozenset[str]:
    """Return the extensions of events that a document wants left out of their hashes.

    Repositories add fields of their own to events. A document may name them in an extension
    of its head, or of its query results: ``{"repo:ignoreFields": ["repo:captureID"]}``.
    """
    body = head.get("epcisBody")
    results = body.get("queryResults") if isinstance(body, dict) else None
    parts = [part for part in (head, body, results) if isinstance(part, dict)]
    return frozenset(
        name_of(field, prefixes)
        for part in parts
        for name, fields in part.items()
        if name.endswith(_IGNORED)
        for field in _names_in(fields)
    )


def _names_in(fields: Any) -> Iterator[str]:
    if isinstance(fields, str):
        yield fields
    elif isinstance(fields, (list, dict)):  # in XML these are empty elements
        yield from (field for field in fields if isinstance(field, str))
