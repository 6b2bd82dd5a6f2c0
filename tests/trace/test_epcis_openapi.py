"""The description of the EPCIS binding: valid, of all that is served, and held against answers."""

import pytest
from flask import Response
from openapi_spec_validator import validate

from ..described import DESCRIPTION, PREFIX, check, template_of
from ..web import staff_app

METHODS = ("get", "post", "delete", "options")


@pytest.fixture
def app(sqlite_store):
    return staff_app(sqlite_store)


def test_it_is_served_to_everybody(app):
    answer = app.test_client().get("/epcis/openapi.json")
    assert answer.status_code == 200
    assert answer.json == DESCRIPTION


def test_it_is_valid_openapi():
    validate(DESCRIPTION)
    assert DESCRIPTION["openapi"].startswith("3.1")


def test_it_describes_what_is_served_and_nothing_else(app):
    served = {
        (method.lower(), template_of(rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD"}
        if rule.endpoint.startswith("epcis.")
    }
    described = {
        (method, path)
        for path, item in DESCRIPTION["paths"].items()
        for method in item
        if method in METHODS
    }
    assert described == served


def test_every_parameter_of_an_address_is_described(app):
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("epcis."):
            item = DESCRIPTION["paths"][template_of(rule.rule)]
            named = {each.get("name") for each in item["parameters"] if each.get("in") == "path"}
            assert named == rule.arguments


@pytest.mark.parametrize(
    ("status", "body", "mimetype", "reason"),
    [
        (418, "{}", "application/json", "418 is not described"),
        (200, "[]", "text/html", "text/html is not described"),
        (200, '["nonsense"]', "application/json", "nonsense"),
    ],
)
def test_an_answer_that_is_not_described_fails_its_test(app, status, body, mimetype, reason):
    with app.test_request_context(f"{PREFIX}/"):
        response = Response(body, status, mimetype=mimetype)
        response.headers.update(
            {name: value for name, value in _told(app).items() if name.startswith("GS1-")}
        )
        with pytest.raises(AssertionError, match=reason):
            check(response)


@pytest.mark.parametrize(
    "change", [("GS1-EPCIS-Version", None), ("GS1-EPCIS-Version", "9"), ("GS1-Surprise", "1")]
)
def test_headers_are_held_against_it_too(app, change):
    with app.test_request_context(f"{PREFIX}/"):
        response = Response('["events"]', 200, mimetype="application/json")
        told = {name: value for name, value in _told(app).items() if name.startswith("GS1-")}
        name, value = change
        told |= {name: value}
        response.headers.update({each: text for each, text in told.items() if text is not None})
        with pytest.raises(AssertionError, match=name):
            check(response)


def _told(app):
    return app.test_client().get("/epcis/openapi.json").headers
