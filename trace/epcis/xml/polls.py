"""A Poll: a query sent as an EPCISQueryDocument in XML (EPCIS 2.0, 11.1)."""

from decimal import Decimal
from typing import Any

from lxml import etree

from foodtrace.trace.epcis.problems import Problems
from foodtrace.trace.epcis.xml.extensions import NUMBER_TYPES
from foodtrace.trace.epcis.xml.fields import Fields
from foodtrace.trace.epcis.xml.names import XSI
from foodtrace.trace.epcis.xml.namespaces import Namespaces
from foodtrace.trace.epcis.xml.parsing import parse
from foodtrace.trace.epcis.xml.places import Origins, is_epcis, local_name, place, refuse, unwrapped
from foodtrace.trace.epcis.xml.values import Number, boolean, number, trimmed
from foodtrace.trace.errors import Invalid, Problem, mark

_TYPE = f"{{{XSI}}}type"
_NAME = "queryName"
# Digits of a number; more are not counted with anywhere else either.
_DIGITS = 40


def read_poll(body: bytes) -> dict[str, Any]:
    """Return the query of a Poll as ``{"name": …, "query": {parameter: value}}``.

    A value is a list of texts, a text, and where ``xsi:type`` says so an int, a Decimal or a
    bool; the empty value of a parameter that asks whether something exists is True. A number
    without type is a text. Raises Invalid or TooLarge.
    """
    parsed = parse(body)
    poll = _poll_of(parsed.root)
    problems = Problems()
    fields = Fields(Namespaces(parsed), Origins(parsed.root), problems, legacy=False)
    made: dict[str, Any] = {"name": "", "query": {}}
    for name, child in fields.children(poll, frozenset({_NAME, "params"}), None):
        if name == _NAME:
            made["name"] = fields.word(child)
        else:
            made["query"] = _parameters(fields, child)
    if not made["name"]:
        _refuse_without(fields, poll, _NAME)
    problems.check()
    return made


def _poll_of(root: etree._Element) -> etree._Element:
    """Return the Poll of a query document, or the root if it is one."""
    if is_epcis(root) and local_name(root) == "Poll":
        return root
    if is_epcis(root) and local_name(root) == "EPCISQueryDocument":
        bodies = [each for each in unwrapped(root) if local_name(each) == "EPCISBody"]
        polls = [each for one in bodies for each in unwrapped(one) if local_name(each) == "Poll"]
        if len(polls) == 1 and is_epcis(polls[0]):
            return polls[0]
    raise Invalid(
        Problem(
            place(root),
            mark("The document holds no query"),
            mark("Send an EPCISQueryDocument with one Poll"),
        )
    )


def _parameters(fields: Fields, element: etree._Element) -> dict[str, Any]:
    made: dict[str, Any] = {}
    known = frozenset({"param"})
    for _, child in fields.children(element, known, None, known):
        parts = dict(fields.children(child, frozenset({"name", "value"}), None))
        missing = [name for name in ("name", "value") if name not in parts]
        if missing:
            for each in missing:
                _refuse_without(fields, child, each)
            continue
        name = trimmed(parts["name"].text)
        if name in made:
            refuse(
                fields.problems,
                child,
                mark("The name %(name)s stands there twice"),
                mark("Give each name once"),
                {"name": name[:100]},
            )
        made[name] = _value(fields, parts["value"], name)
    return made


def _value(fields: Fields, element: etree._Element, name: str) -> Any:
    kind = (element.get(_TYPE) or "").strip().rpartition(":")[2]
    if len(element) or kind == "ArrayOfString":
        return fields.texts(element, "string")
    text = trimmed(element.text)
    if not text and name.startswith("EXISTS_"):
        return True
    if kind == "boolean":
        return boolean(text)
    return _number(text) if kind in NUMBER_TYPES else text


def _number(text: str) -> int | Decimal | str:
    found = number(text)
    if not isinstance(found, Number) or len(text) > _DIGITS:
        return text
    written = bytes(found).decode()
    return int(written) if written.lstrip("-").isdecimal() else Decimal(written)


def _refuse_without(fields: Fields, element: etree._Element, name: str) -> None:
    rule, fix = mark("%(property)s is missing"), mark("Add it")
    refuse(fields.problems, element, rule, fix, {"property": name}, at=[name])
