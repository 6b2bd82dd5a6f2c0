"""The shape of documents and events: our JSON schema, run by jsonschema-rs, in our own words."""

import itertools
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import jsonschema_rs

from foodtrace.trace.epcis.json_values import pointer
from foodtrace.trace.errors import Problem, mark

EVENT_TYPES = (
    "ObjectEvent",
    "AggregationEvent",
    "TransactionEvent",
    "TransformationEvent",
    "AssociationEvent",
)

_SCHEMA: dict[str, Any] = json.loads(
    (files("foodtrace.trace.epcis") / "schema.json").read_text("utf-8")
)


def _validator(name: str) -> jsonschema_rs.Validator:
    schema = {**_SCHEMA, "$ref": f"#/$defs/{name}"}
    # The linear regex engine: no pattern can be made to run for long.
    return jsonschema_rs.validator_for(schema, pattern_options=jsonschema_rs.RegexOptions())


DOCUMENT_TYPES = ("EPCISDocument", "EPCISQueryDocument")

_VALIDATORS = {name: _validator(name) for name in (*EVENT_TYPES, *DOCUMENT_TYPES)}

# What a broken pattern means, by the definition whose pattern it is.
_PATTERNS: Mapping[str, tuple[str, str]] = {
    _SCHEMA["$defs"][name]["pattern"]: texts
    for name, texts in {
        "uri": (
            mark("This is no absolute URI"),
            mark("Write a GS1 Digital Link, an EPC URN or another complete URI"),
        ),
        "time": (
            mark("This is no time with a time zone"),
            mark("Write it as 2026-07-22T06:45:00+08:00 or 2026-07-21T22:45:00Z"),
        ),
        "offset": (
            mark("This is no time zone offset"),
            mark("Write it as +08:00, at most 14:00"),
        ),
        "version": (
            mark("Only EPCIS 2 is read here"),
            mark('Write "schemaVersion": "2.0"'),
        ),
        "uom": (
            mark("This is no unit code of UN/CEFACT Recommendation 20"),
            mark("Use two or three capitals or digits, for example KGM, GRM, LTR, H87"),
        ),
        "hex": (
            mark("This is no hexadecimal value"),
            mark("Write pairs of the digits 0 to 9 and A to F"),
        ),
    }.items()
}

_RULES: Mapping[str, tuple[str, str]] = {
    "enum": (mark("The value is not one of %(options)s"), mark("Use one of these words")),
    "constant": (mark("The value is not %(expected_value)s"), mark("Write exactly that")),
    "type": (mark("The value is not of type %(types)s"), mark("Send JSON of that type")),
    "minItems": (mark("The list has fewer than %(limit)s entries"), mark("Add what is missing")),
    "maxItems": (mark("The list has more than %(limit)s entries"), mark("Shorten it")),
    "minLength": (mark("The text is empty"), mark("Write a value, or leave the name out")),
    "maxLength": (mark("The text has more than %(limit)s characters"), mark("Shorten it")),
    "minimum": (mark("The number is below %(limit)s"), mark("Correct the number")),
    "exclusiveMaximum": (mark("The number is not below %(limit)s"), mark("Correct the number")),
    "minProperties": (mark("The object is empty"), mark("Fill it, or leave the name out")),
}


def shape_problems(name: str, value: Any, place: str, limit: int) -> list[Problem]:
    """Return up to `limit` problems of a document or event of this type; none is the rule."""
    validator = _VALIDATORS[name]
    if validator.is_valid(value):
        return []
    problems = (
        problem for error in validator.iter_errors(value) for problem in _problems_of(error, place)
    )
    return list(itertools.islice(problems, limit))


def _problems_of(error: jsonschema_rs.ValidationError, place: str) -> Iterator[Problem]:
    where = place + pointer(*error.instance_path)
    name = error.kind.name
    values = error.kind.as_dict()
    if name == "required":
        missing = where + pointer(values["property"])
        yield Problem(missing, mark("%(property)s is missing"), mark("Add it"), values)
    elif name == "additionalProperties":
        for unexpected in values["unexpected"]:
            yield _unknown_name(where, unexpected)
    elif name == "pattern" and values["pattern"] in _PATTERNS:
        yield Problem(where, *_PATTERNS[values["pattern"]])
    else:
        rule, fix = _RULES.get(name, (mark("The value breaks the rule %(name)s"), ""))
        yield Problem(where, rule, fix, {"name": name} | _printed(values))


def _printed(values: Mapping[str, Any]) -> dict[str, object]:
    return {
        key: ", ".join(map(str, value)) if isinstance(value, list) else value
        for key, value in values.items()
    }


def _unknown_name(place: str, name: str) -> Problem:
    return Problem(
        place + pointer(name),
        mark("EPCIS has no field %(name)s here"),
        mark("Remove it, or where extensions are allowed put a declared prefix before it"),
        {"name": name[:100]},
    )
