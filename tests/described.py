"""Every answer under /epcis that a test gets is held against /epcis/openapi.json."""

import json
import re
from functools import cache
from pathlib import Path

import jsonschema_rs
from flask import request

import foodtrace.trace.api

PREFIX = "/epcis"
DESCRIPTION = json.loads(
    Path(foodtrace.trace.api.__file__).with_name("openapi.json").read_text("utf-8")
)
PROBLEM = {"$ref": "#/components/schemas/Problem"}
_PROBLEM_TYPES = ("application/problem+json", "application/problem+xml")
_NAMED = ("GS1-", "Link", "Location", "Allow", "Idempotent-", "Preference-", "WWW-", "Retry-")


def template_of(rule):
    """The path of a rule as the description writes it."""
    return re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule)[len(PREFIX) :]


def check_answers(app):
    """Have an application fail where it answers what is not described.

    Functions that look at answers run from the last to the first: this one must see what
    the others did.
    """
    app.after_request_funcs.setdefault(None, []).insert(0, check)


def check(response):
    rule = request.url_rule
    if not f"{request.path}/".startswith(f"{PREFIX}/"):
        return response
    if rule is None:  # no such address, or not this method
        assert response.status_code in (404, 405)
        assert response.mimetype in _PROBLEM_TYPES
        _check_content(response, {each: {"schema": PROBLEM} for each in _PROBLEM_TYPES})
    elif rule.endpoint.startswith("epcis."):  # tests may add views of their own
        _check_described(response, described(template_of(rule.rule), response.status_code))
    return response


def described(template, status):
    """What the description says of an answer. HEAD is GET without a body."""
    method = "get" if request.method == "HEAD" else request.method.lower()
    operation = DESCRIPTION["paths"][template][method]
    answers = {code: resolved(answer) for code, answer in operation["responses"].items()}
    assert str(status) in answers, f"{method} {template}: {status} is not described"
    return answers[str(status)]


def resolved(part):
    while "$ref" in part:
        found = DESCRIPTION
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name.replace("~1", "/")]
        part = found
    return part


def _check_described(response, description):
    known = {name: resolved(header) for name, header in description.get("headers", {}).items()}
    for name, header in known.items():
        value = response.headers.get(name)
        assert value is not None or not header.get("required"), f"{name} is missing"
        if value is not None:
            _valid(header["schema"], value, name)
    told = {name for name, _ in response.headers if name.startswith(_NAMED)}
    assert told <= set(known), f"headers that are not described: {told - set(known)}"
    content = description.get("content")
    if content is None:
        assert response.get_data() == b""
    else:
        assert response.mimetype in content, f"{response.mimetype} is not described"
        _check_content(response, content)


def _check_content(response, content):
    if request.method == "HEAD" or response.is_streamed:
        return
    if response.mimetype.endswith("json"):
        _valid(content[response.mimetype]["schema"], response.get_json(force=True), request.path)


def _valid(schema, value, place):
    errors = [
        f"{error.instance_path}: {error.message}"
        for error in _validator(_key(schema)).iter_errors(value)
    ]
    assert not errors, f"{place}: {'; '.join(errors)[:2000]}"


def _key(schema):
    return json.dumps(schema)


@cache
def _validator(schema):
    components = {"components": DESCRIPTION["components"]}
    return jsonschema_rs.Draft202012Validator(
        json.loads(schema) | components, validate_formats=True
    )
