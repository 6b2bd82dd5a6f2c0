"""What an event says, as queries ask for it: facts that are equal or not, and numbers. Pure.

EPCIS 2.0, section 8.2.7.1. How values compare:

* GS1 identifiers by what they name: an EPC URN, a Digital Link of any host and a plain path are
  one (`gs1/identifiers.py`). Words of the CBV by the word, bare or as CURIE, URN or web URI.
* Texts of extension fields as texts, to the letter. A text that is a number or an ISO 8601
  time compares as one with GT, GE, LT and LE; so ``EQ_`` with a number finds the number 12 and
  the text "12", ``EQ_`` with a text finds that text, the number it is, and the same instant
  however it is written. Times without a zone are UTC, a date is its first moment.
* Measured values in the base unit of their kind (`units.py`).
* ``quantity`` is the number of a quantity element whatever its unit; ``quantity_KGM`` converts.
* ``INNER_`` is any depth below the top of its place, and not the top itself.
* Each parameter holds if anything in the event fulfils it: two of them need not be fulfilled by
  the same entry of a list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foodtrace.trace.epcis.context import expanded
from foodtrace.trace.epcis.model import Event
from foodtrace.trace.epcis.vocabulary import (
    BIZ_TRANSACTION,
    DISPOSITION,
    ERROR_REASON,
    SOURCE_OR_DESTINATION,
    Vocabulary,
)
from foodtrace.trace.query.extensions import (
    BIZ_LOCATION,
    ERROR_DECLARATION,
    ILMD,
    READ_POINT,
    collect_extensions,
)
from foodtrace.trace.query.keys import Collection, field_of, key_of, thing
from foodtrace.trace.query.sensors import collect_sensors, measured_field
from foodtrace.trace.query.units import in_base_unit

__all__ = ["Facts", "facts_of", "field_of", "key_of", "party_or_place", "thing"]

_Prefixes = Mapping[str, str]

QUANTITY_LISTS = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")


@dataclass(frozen=True, slots=True)
class Facts:
    """What an event says: keys of facts (key_of), and numbers with their field (field_of)."""

    keys: frozenset[int]
    numbers: frozenset[tuple[int, float]]


def facts_of(event: Event) -> Facts:
    """Return all that the event says and that a query may ask for."""
    found = Collection()
    body, prefixes = event.body, event.prefixes
    _collect_words(found, event)
    _collect_lists(found, body, prefixes)
    collect_extensions(found, "", body, prefixes)
    for name, area in (("ilmd", ILMD), ("readPoint", READ_POINT), ("bizLocation", BIZ_LOCATION)):
        if name in body:
            collect_extensions(found, area, body[name], prefixes)
    if "errorDeclaration" in body:
        _collect_declaration(found, event, body["errorDeclaration"])
    if "sensorElementList" in body:
        collect_sensors(found, body["sensorElementList"], prefixes)
    return Facts(frozenset(found.keys), frozenset(found.numbers))


def party_or_place(canonical: str, kind: str) -> str:
    """Return a source or destination as facts of its type hold it.

    A party that is named by the GLN of a location, as EPCIS 1 did, is that party.
    """
    named_by_place = kind != "location" and canonical.startswith("/414/")
    if named_by_place and canonical.count("/") == 2:
        return canonical.replace("/414/", "/417/", 1)
    return canonical


def _collect_words(found: Collection, event: Event) -> None:
    for field, value in (
        ("bizStep", event.biz_step),
        ("disposition", event.disposition),
        ("readPoint", event.read_point),
        ("bizLocation", event.biz_location),
        ("transformationID", event.transformation_id),
    ):
        if value is not None:
            found.say(field, value)
    for name, words in event.body.get("persistentDisposition", {}).items():
        if name in ("set", "unset"):
            for word in words:
                found.say(f"persistentDisposition_{name}", _word(DISPOSITION, word, event.prefixes))


def _collect_lists(found: Collection, body: Mapping[str, Any], prefixes: _Prefixes) -> None:
    for entry in body.get("bizTransactionList", ()):
        named = thing(expanded(entry["bizTransaction"], prefixes))
        found.say("bizTransaction", named)
        if "type" in entry:
            found.say(f"bizTransaction_{_word(BIZ_TRANSACTION, entry['type'], prefixes)}", named)
    for name in ("source", "destination"):
        for entry in body.get(f"{name}List", ()):
            kind = _word(SOURCE_OR_DESTINATION, entry["type"], prefixes)
            named = thing(expanded(entry[name], prefixes))
            found.say(name, named)
            found.say(f"{name}_{kind}", party_or_place(named, kind))
    for name in QUANTITY_LISTS:
        for entry in body.get(name, ()):
            if "quantity" in entry:
                amount, unit = entry["quantity"], entry.get("uom")
                found.count("quantity", amount)
                found.count(measured_field("quantity", unit), in_base_unit(amount, unit))


def _collect_declaration(found: Collection, event: Event, declaration: Mapping[str, Any]) -> None:
    found.say("errorDeclaration", None)
    if event.declared_at is not None:
        found.count("errorDeclarationTime", event.declared_at.timestamp())
    if "reason" in declaration:
        found.say("errorReason", _word(ERROR_REASON, declaration["reason"], event.prefixes))
    for event_id in declaration.get("correctiveEventIDs", ()):
        found.say("correctiveEventID", event_id)
    collect_extensions(found, ERROR_DECLARATION, declaration, event.prefixes)


def _word(words: Vocabulary, text: str, prefixes: _Prefixes) -> str:
    return text if text in words.words else words.word(text, prefixes, "")
