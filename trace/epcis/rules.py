"""The rules of EPCIS 2.0 and CBV 2.0 that a schema cannot say.

`event_problems` takes an event that already has the right shape (validation.py).
Section numbers are those of EPCIS 2.0.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from foodtrace.trace.epcis import vocabulary
from foodtrace.trace.epcis.context import VISIBILITY, expanded, is_extension_name
from foodtrace.trace.epcis.json_values import pointer
from foodtrace.trace.epcis.times import past_time, utc_time
from foodtrace.trace.epcis.vocabulary import Vocabulary
from foodtrace.trace.errors import Invalid, Problem, mark

_Event = Mapping[str, Any]
_Prefixes = Mapping[str, str]
# Made into a JSON pointer only where something is wrong.
_Path = tuple[str | int, ...]


def event_problems(
    event: _Event, prefixes: _Prefixes, place: str, now: datetime
) -> Iterator[Problem]:
    """Yield every broken rule of one event."""
    yield from _time_problems(event, place, now)
    yield from _word_problems(event, prefixes, place)
    yield from name_problems(event, prefixes, place)
    yield from _TYPE_RULES[event["type"]](event, place)
    if "ilmd" in event and event.get("action", "ADD") != "ADD":
        yield Problem(
            place + "/ilmd",
            mark("Master data of a lot (ilmd) may only stand in an event that adds it"),
            mark("Use action ADD, or leave ilmd out"),
        )


def _time_problems(event: _Event, place: str, now: datetime) -> Iterator[Problem]:
    yield from _tried(past_time, event["eventTime"], place + "/eventTime", now)
    if "recordTime" in event:
        yield from _tried(utc_time, event["recordTime"], place + "/recordTime")
    if "errorDeclaration" in event:
        declared = event["errorDeclaration"]["declarationTime"]
        where = place + "/errorDeclaration/declarationTime"
        yield from _tried(past_time, declared, where, now)


def _word_problems(event: _Event, prefixes: _Prefixes, place: str) -> Iterator[Problem]:
    for words, text, path in _words(event):
        if text not in words.words:
            yield from _tried(words.word, text, prefixes, place + pointer(*path))


def _words(event: _Event) -> Iterator[tuple[Vocabulary, str, _Path]]:
    """Yield every word of the event, the vocabulary it is from, and its path."""
    if "bizStep" in event:
        yield vocabulary.BIZ_STEP, event["bizStep"], ("bizStep",)
    if "disposition" in event:
        yield vocabulary.DISPOSITION, event["disposition"], ("disposition",)
    for name, words in event.get("persistentDisposition", {}).items():
        if name in ("set", "unset"):
            for index, word in enumerate(words):
                yield vocabulary.DISPOSITION, word, ("persistentDisposition", name, index)
    for name, words in _TYPED_LISTS:
        for index, entry in enumerate(event.get(name, ())):
            if "type" in entry:
                yield words, entry["type"], (name, index, "type")
    reason = event.get("errorDeclaration", {}).get("reason")
    if reason is not None:
        yield vocabulary.ERROR_REASON, reason, ("errorDeclaration", "reason")


_TYPED_LISTS = (
    ("bizTransactionList", vocabulary.BIZ_TRANSACTION),
    ("sourceList", vocabulary.SOURCE_OR_DESTINATION),
    ("destinationList", vocabulary.SOURCE_OR_DESTINATION),
)


def name_problems(event: _Event, prefixes: _Prefixes, place: str) -> Iterator[Problem]:
    """Refuse extension names whose prefix nobody declared, and bare names in the ilmd."""
    for part, path in _extensible_parts(event):
        for name in part:
            if ":" in name and not is_extension_name(name, prefixes):
                yield Problem(
                    place + pointer(*path, name),
                    mark("The prefix of %(name)s is not declared"),
                    mark('Declare it in "@context", or write the complete IRI'),
                    {"name": name[:100]},
                )
    for name, value in event.items():
        # A misspelt wish to hide a step must not show it.
        if expanded(name, prefixes) == VISIBILITY and value not in ("hidden", "public"):
            yield Problem(
                place + pointer(name),
                mark("The visibility of a step is hidden or public"),
                mark("Write one of the two words"),
            )
    for name in event.get("ilmd", ()):
        if not is_extension_name(name, prefixes):
            yield Problem(
                place + pointer("ilmd", name),
                mark("The field %(name)s of the ilmd has no namespace"),
                mark("Put a declared prefix before it, for example cbvmda:%(name)s"),
                {"name": name[:100]},
            )


def _extensible_parts(event: _Event) -> Iterator[tuple[_Event, _Path]]:
    yield event, ()
    for name in ("readPoint", "bizLocation", "persistentDisposition", "errorDeclaration"):
        if name in event:
            yield event[name], (name,)
    for index, element in enumerate(event.get("sensorElementList", ())):
        path = ("sensorElementList", index)
        yield element, path
        if "sensorMetadata" in element:
            yield element["sensorMetadata"], (*path, "sensorMetadata")
        for number, report in enumerate(element["sensorReport"]):
            yield report, (*path, "sensorReport", number)


def _object_problems(event: _Event, place: str) -> Iterator[Problem]:
    # 7.4.2: a sensor may report on a place alone.
    if not _any(event, "epcList", "quantityList", "sensorElementList"):
        yield Problem(
            place,
            mark("The event names no object: epcList and quantityList are empty"),
            mark("Add the objects, or the sensor readings, that it is about"),
        )


def _aggregation_problems(event: _Event, place: str) -> Iterator[Problem]:
    # 7.4.3 and 7.4.6. A DELETE without children takes everything out of the parent.
    action = event["action"]
    if action != "OBSERVE" and "parentID" not in event:
        yield Problem(
            place,
            mark("parentID is missing: %(action)s says nothing without the container"),
            mark("Add parentID, for example the SSCC of the pallet"),
            {"action": action},
        )
    if action != "DELETE" and not _any(event, "childEPCs", "childQuantityList"):
        yield Problem(
            place,
            mark("The event names no content: childEPCs and childQuantityList are empty"),
            mark("Add what lies in the container"),
        )


def _transaction_problems(event: _Event, place: str) -> Iterator[Problem]:
    # 7.4.4
    if not event["bizTransactionList"]:
        yield Problem(
            place + "/bizTransactionList",
            mark("A TransactionEvent names at least one business transaction"),
            mark("Add the order, waybill or invoice"),
        )
    if not _any(event, "epcList", "quantityList", "sensorElementList") and (
        event["action"] != "DELETE"
    ):
        yield Problem(
            place,
            mark("The event names no object: epcList and quantityList are empty"),
            mark("Add the objects that the transaction is about"),
        )


def _transformation_problems(event: _Event, place: str) -> Iterator[Problem]:
    # 7.4.5: one transformation may be told in several events that share its id.
    if "transformationID" in event:
        if not _any(event, *_INPUTS, *_OUTPUTS):
            yield Problem(
                place,
                mark("The event names neither inputs nor outputs"),
                mark("Add what went in or what came out"),
            )
        return
    if not _any(event, *_INPUTS):
        yield Problem(
            place,
            mark("The transformation names no inputs"),
            mark("Add what went in, or a transformationID that other events share"),
        )
    if not _any(event, *_OUTPUTS):
        yield Problem(
            place,
            mark("The transformation names no outputs"),
            mark("Add what came out, or a transformationID that other events share"),
        )


_INPUTS = ("inputEPCList", "inputQuantityList")
_OUTPUTS = ("outputEPCList", "outputQuantityList")

_TYPE_RULES: Mapping[str, Callable[[_Event, str], Iterator[Problem]]] = {
    "ObjectEvent": _object_problems,
    "AggregationEvent": _aggregation_problems,
    "AssociationEvent": _aggregation_problems,
    "TransactionEvent": _transaction_problems,
    "TransformationEvent": _transformation_problems,
}


def _any(event: _Event, *names: str) -> bool:
    return any(event.get(name) for name in names)


def _tried(check: Callable[..., object], *arguments: object) -> Iterator[Problem]:
    try:
        check(*arguments)
    except Invalid as error:
        yield from error.problems
