"""Forms of the pages: refused input comes back in the form, with the message beside the field."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf import FlaskForm
from marshmallow import Schema, ValidationError

from foodtrace.trace.errors import Conflict, Invalid, Problem, mark
from foodtrace.trace.validation import invalid_from

View = Callable[..., ResponseReturnValue]
CSRF_FIELD = "csrf_token"
# Names of fields have few parts, and the rows of a form few digits: the rest is made up.
_MOST_PARTS = 5
_ROW = re.compile(r"[0-9]{1,4}")
# Tabs and line ends are what people type; the others no database has to keep.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class FieldError:
    """A message for one field (`name` is empty for the whole form), in the reader's words."""

    name: str
    text: str


def form_page(show: View) -> Callable[[View], View]:
    """Answer a refused form (Invalid, Conflict) with the page of `show`, messages included.

    `show` is the view that draws the empty form; it is called with the same arguments and
    takes what was typed from `field_value()`. Its status is that of the refusal::

        @pages.get("/products/new")
        def product_form(): ...

        @pages.post("/products/new")
        @form_page(product_form)
        def register_product(): ...
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(**arguments: Any) -> ResponseReturnValue:
            try:
                return view(**arguments)
            except (Invalid, Conflict) as refusal:
                g.form_problems = refusal.problems or (Problem("", refusal.title),)
                response: Response = make_response(show(**arguments))
                response.status_code = refusal.status
                return response

        return answer

    return decorate


def load_form(schema: Schema) -> dict[str, Any]:
    """Return the sent form as the schema loads it; raise Invalid with every problem.

    An empty field counts as not given. ``inputs.0.amount`` means the amount of the first
    of the inputs; a row of which nothing is filled in does not count.
    """
    try:
        loaded: dict[str, Any] = schema.load(nested_form(schema))
    except ValidationError as error:
        raise invalid_from(error.messages) from None
    return loaded


def load_query(schema: Schema) -> Any:
    """Return the address's fields as the schema loads them; raise Invalid with every problem.

    An empty field counts as not given.
    """
    given = {name: value.strip() for name, value in request.args.items() if value.strip()}
    for name, value in given.items():
        refuse_control_characters(value, name)
    try:
        return schema.load(given)
    except ValidationError as error:
        raise invalid_from(error.messages) from None


def nested_form(schema: Schema) -> dict[str, Any]:
    """Return the sent form as nested objects, without empty fields."""
    tree: dict[str, Any] = {}
    for name in request.form:
        if name == CSRF_FIELD:
            continue
        values = [value.strip() for value in request.form.getlist(name) if value.strip()]
        for value in values:
            refuse_control_characters(value, name.replace(".", "/"))
        if values:
            parts = name.split(".")
            path = parts if len(parts) <= _MOST_PARTS else [name]
            _put(tree, path, values if len(values) > 1 else values[0])
    result: dict[str, Any] = _rows_as_lists(tree)
    for name, field in schema.load_fields.items():
        given = result.get(field.data_key or name)
        if given is not None and _is_list(field) and not isinstance(given, list):
            result[field.data_key or name] = [given]
    return result


def refuse_control_characters(text: str, place: str) -> None:
    """Raise Invalid for a text with characters that no keyboard writes and PostgreSQL refuses."""
    found = _CONTROL.search(text)
    if found:
        raise Invalid(
            Problem(
                place,
                mark("The text holds the invisible or control character %(code)s"),
                mark("Remove it"),
                {"code": f"U+{ord(found.group()):04X}"},
            )
        )


def is_row_number(name: str) -> bool:
    """Answer whether a part of a field's name numbers a row, as the 0 of ``items.0.amount``."""
    return _ROW.fullmatch(name) is not None


def field_errors() -> list[FieldError]:
    """Return the messages of the refused form, in the reader's language."""
    if "wtf_errors" in g:
        found: list[FieldError] = g.wtf_errors
        return found
    return [
        FieldError(_field_name(problem.place), translated(problem))
        for problem in g.get("form_problems", ())
    ]


def render_wtf(template: str, **context: Any) -> str:
    """Render a page of Flask-Security; its forms' messages appear as those of our own."""
    g.wtf_errors = [
        FieldError(name or "", str(message))
        for form in context.values()
        if isinstance(form, FlaskForm)
        for name, messages in form.errors.items()
        for message in messages
    ]
    return render_template(template, **context)


def field_error(name: str) -> str:
    """Return the message for one field, or an empty text."""
    return " ".join(error.text for error in field_errors() if error.name == name)


def note_label(name: str, label: str) -> str:
    """Remember that the page has this field, for the summary of errors; draw nothing."""
    g.setdefault("field_labels", {})[name] = label
    return ""


def field_label(name: str) -> str:
    """Return the label of a field that the page has drawn, else an empty text."""
    return str(g.get("field_labels", {}).get(name, ""))


def field_value(name: str, default: object = "") -> str:
    """Return what was typed into a field of a refused form, else the default."""
    given = request.form.get(name) if "form_problems" in g else None
    return str(default if default is not None else "") if given is None else given


def translated(problem: Problem) -> str:
    """Return the rule and the fix of a problem in the reader's language."""
    rule = gettext(problem.rule) % problem.values
    if not problem.fix:
        return str(gettext("%(rule)s.", rule=rule))
    fix = gettext(problem.fix) % problem.values
    return str(gettext("%(rule)s. %(fix)s.", rule=rule, fix=fix))


def _field_name(place: str) -> str:
    """Return the form's name for a place: ``/inputs/0/amount`` is ``inputs.0.amount``."""
    return place.removeprefix("/").replace("/", ".")


def _put(tree: dict[str, Any], path: list[str], value: object) -> None:
    for step in path[:-1]:
        inner = tree.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        tree = inner
    tree[path[-1]] = value


def _rows_as_lists(tree: dict[str, Any]) -> Any:
    """Turn objects whose names are all numbers into lists, in the order of the numbers."""
    filled = {
        name: _rows_as_lists(value) if isinstance(value, dict) else value
        for name, value in tree.items()
    }
    if filled and all(is_row_number(name) for name in filled):
        return [filled[name] for name in sorted(filled, key=int)]
    return filled


def _is_list(field: Any) -> bool:
    return hasattr(field, "inner") or bool(getattr(field, "many", False))
