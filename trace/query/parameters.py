"""Queries from the parameters that ask them: of a web address, of JSON or of XML. Pure.

EPCIS 2.0, sections 8.2.7.1 and 12.7. A query is refused with all its problems at once, each with
the name of its parameter.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from foodtrace.trace.epcis.context import STANDARD_PREFIXES, prefixes_of
from foodtrace.trace.epcis.problems import Problems
from foodtrace.trace.errors import (
    Invalid,
    Problem,
    QueryParameter,
    QueryTooComplex,
    QueryValidation,
    mark,
)
from foodtrace.trace.query.grammar import Parameter, parameter_of
from foodtrace.trace.query.model import Criterion, During, Query
from foodtrace.trace.query.patterns import is_pattern
from foodtrace.trace.query.readings import Prefixes, Refused

MAX_PARAMETERS = 100
# Values of all lists together, and patterns among them: each is looked up by itself.
MAX_VALUES = 2000
MAX_PATTERNS = 50
# Between the values of a list in a web address (OpenAPI: style pipeDelimited, explode false).
SEPARATOR = "|"
# Said of the answer, not of the events that are asked for.
PAGING = frozenset({"perPage", "nextPageToken"})

_CONTEXT = "@context"
_QUERY_CONTEXT = "query-schema.json"


def parameters_of(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the parameters of a web address, given its decoded names and values.

    Lists are separated by ``|``; perPage and nextPageToken are left out. A parameter that stands
    there twice raises QueryParameter: whether both must hold, or one of them, nobody said.
    """
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in PAGING:
            continue
        if name in found:
            raise QueryParameter(_twice(name))
        found[name] = value.split(SEPARATOR) if SEPARATOR in value else value
    return found


def query_of(parameters: Mapping[str, Any], prefixes: Prefixes) -> Query:
    """Return the query that these parameters ask.

    Values are those of JSON; numbers may be texts, and a text a list of one. `prefixes` are the
    namespaces in force besides those of the query's own ``@context``. Raises QueryParameter,
    QueryValidation or QueryTooComplex.
    """
    problems = Problems()
    asked: list[Criterion] = []
    controls: dict[str, Any] = {}
    for given, parameter, value in _read(parameters, prefixes, problems):
        if parameter.criterion is None:
            controls[parameter.name] = value
            continue
        try:
            asked.append(parameter.criterion(value))
        except Invalid as error:  # a pattern of EPCs that is none
            problems.extend(_at(given, error))
    _check_controls(controls, problems)
    if problems.found:
        raise QueryParameter(*problems.found)
    return Query(
        criteria=tuple(_joined(asked)),
        order_by=controls.get("orderBy", "recordTime"),
        descending=controls.get("orderDirection") != "ASC",
        limit=controls.get("eventCountLimit"),
        most=controls.get("maxEventCount"),
    )


def stored(parameters: Mapping[str, Any], prefixes: Prefixes) -> dict[str, Any]:
    """Return the parameters so that they mean the same without any prefixes, as JSON.

    The query that they ask is checked. Raises what `query_of` raises.
    """
    query_of(parameters, prefixes)
    return {
        parameter.name: value for _, parameter, value in _read(parameters, prefixes, Problems())
    }


def _read(
    parameters: Mapping[str, Any], prefixes: Prefixes, problems: Problems
) -> Iterator[tuple[str, Parameter, Any]]:
    """Yield each parameter as it was named, what it is, and its value as it was read."""
    _check_size(parameters)
    prefixes = prefixes_in(parameters, prefixes)
    seen: set[str] = set()
    for given, value in parameters.items():
        if given == _CONTEXT:
            continue
        try:
            parameter = parameter_of(given, prefixes)
            result = parameter.read(value, prefixes)
        except Refused as refused:
            problems.extend([refused.at(given[:200])])
            continue
        except QueryTooComplex as error:
            raise QueryTooComplex(*_at(given, error)) from None
        if parameter.name in seen:
            problems.extend([_twice(given)])
        seen.add(parameter.name)
        yield given, parameter, result


def _check_size(parameters: Mapping[str, Any]) -> None:
    if not isinstance(parameters, Mapping):
        raise QueryValidation(
            Problem(
                "",
                mark("A query is an object of parameters"),
                mark('Write it as {"EQ_bizStep": ["shipping"]}'),
            )
        )
    values = [
        each
        for value in parameters.values()
        for each in (value if isinstance(value, list) else [value])
    ]
    patterns = sum(1 for each in values if isinstance(each, str) and is_pattern(each))
    for count, limit, rule in (
        (len(parameters), MAX_PARAMETERS, _MANY_PARAMETERS),
        (len(values), MAX_VALUES, _MANY_VALUES),
        (patterns, MAX_PATTERNS, _MANY_PATTERNS),
    ):
        if count > limit:
            numbers = {"count": count, "limit": limit}
            raise QueryTooComplex(Problem("", rule, mark("Ask in several queries"), numbers))


_MANY_PARAMETERS = mark("A query has at most %(limit)s parameters, this has %(count)s")
_MANY_VALUES = mark("The parameters of a query have at most %(limit)s values, these %(count)s")
_MANY_PATTERNS = mark("A query has at most %(limit)s patterns with stars, this has %(count)s")


def prefixes_in(parameters: Mapping[str, Any], prefixes: Prefixes) -> Prefixes:
    """Return the namespaces in force, those of its own ``@context`` included.

    Raises QueryValidation.
    """
    in_force = {**STANDARD_PREFIXES, **prefixes}
    context = parameters.get(_CONTEXT)
    if context is None:
        return in_force
    parts = context if isinstance(context, list) else [context]
    # The schema of queries may stand where the context of events does: it declares the same.
    parts = [each for each in parts if not (_is_text(each) and each.endswith(_QUERY_CONTEXT))]
    if not all(isinstance(each, (str, dict)) for each in parts):
        raise QueryValidation(
            Problem(
                _CONTEXT,
                mark("A context here may only declare prefixes for namespaces"),
                mark('Write it as {"example": "https://example.com/ns/"}'),
            )
        )
    try:
        return prefixes_of(parts, in_force, _CONTEXT)
    except Invalid as error:
        raise QueryValidation(*error.problems) from None


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _check_controls(controls: Mapping[str, Any], problems: Problems) -> None:
    if "eventCountLimit" in controls and "maxEventCount" in controls:
        problems.extend(
            [
                Problem(
                    "maxEventCount",
                    mark("eventCountLimit and maxEventCount exclude each other"),
                    mark("Leave one of them out"),
                )
            ]
        )
    if "eventCountLimit" in controls and "orderBy" not in controls:
        problems.extend(
            [
                Problem(
                    "eventCountLimit",
                    mark("The first events are asked for, but not in which order"),
                    mark("Add orderBy: eventTime or recordTime"),
                )
            ]
        )


def _joined(asked: Sequence[Criterion]) -> Iterator[Criterion]:
    """Yield the criteria, the two ends of a span of time as one."""
    spans: dict[str, During] = {}
    for each in asked:
        if not isinstance(each, During):
            yield each
            continue
        other = spans.get(each.time)
        if other is None:
            spans[each.time] = each
        else:
            since, until = each.since or other.since, each.until or other.until
            spans[each.time] = During(each.time, since, until)
    yield from spans.values()


def _at(parameter: str, error: Invalid | QueryTooComplex) -> list[Problem]:
    return [Problem(parameter[:200], each.rule, each.fix, each.values) for each in error.problems]


def _twice(name: str) -> Problem:
    return Problem(
        name[:200],
        mark("The parameter stands there twice"),
        mark("Write it once, with its values separated by |"),
    )
