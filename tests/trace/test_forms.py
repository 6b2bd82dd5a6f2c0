"""Forms: what was typed comes back, and each message stands beside its field."""

import pytest
from flask import Blueprint, render_template_string
from marshmallow import Schema, fields, validate

from foodtrace.trace.errors import Conflict, Invalid, Problem
from foodtrace.trace.forms import form_page, load_form, nested_form
from foodtrace.trace.web import open_to_all

from ..web import Browser, staff_app

PAGE = """{% extends "trace/base.html" %}{% import "trace/fields.html" as fields %}
{% block title %}Ship{% endblock %}{% block content %}
<form method="post">{{ fields.csrf() }}{{ fields.text("document", "Document", required=true) }}
{{ fields.text("items.0.amount", "Amount", value="5") }}{{ fields.textarea("note", "Note") }}
{{ fields.select("uom", "Unit", [("KGM", "kg"), ("GRM", "g")], value="KGM") }}
{{ fields.radios("how", "How", [("cold", "Cold"), ("warm", "Warm")]) }}</form>{% endblock %}"""


class Row(Schema):
    identifier = fields.String()
    amount = fields.Decimal(validate=validate.Range(min=1))


class ShipForm(Schema):
    document = fields.String(required=True, validate=validate.Length(max=5))
    items = fields.List(fields.Nested(Row), load_default=list)
    tags = fields.List(fields.String(), load_default=list)
    uom = fields.String()
    how = fields.String()
    note = fields.String()


@pytest.fixture
def app(sqlite_store):
    app = staff_app(sqlite_store)
    bp = Blueprint("try", __name__)

    @bp.get("/account/try")
    @open_to_all
    def show():
        return render_template_string(PAGE)

    @bp.post("/account/try")
    @open_to_all
    @form_page(show)
    def send():
        values = load_form(ShipForm())
        if values["document"] == "taken":
            raise Conflict(Problem("document", "%(name)s is taken", values={"name": "<taken>"}))
        if values["document"] == "rule":
            raise Invalid(Problem("items/0/amount", "There is too little"), Problem("", "No"))
        return values

    app.register_blueprint(bp)
    return app


@pytest.fixture
def browser(app):
    return Browser(app)


def send(browser, **values):
    return browser.post("/account/try?lang=en", {"document": "W-1"} | values)


def test_a_good_form_is_loaded(browser):
    assert send(browser).json == {"items": [], "tags": [], "document": "W-1"}


def test_an_empty_field_counts_as_not_given(browser):
    page = send(browser, document="  ")
    assert page.status_code == 400
    assert "<title>Error: Ship" in page.text
    assert '<a href="#field-document">Document: This must be filled in.</a>' in page.text
    assert 'aria-describedby="error-document" aria-invalid="true"' in page.text


def test_what_was_typed_comes_back(browser):
    page = send(
        browser,
        document="far too long",
        note="a & <b>",
        uom="GRM",
        how="warm",
        **{"items.0.amount": "0"},
    ).text
    assert 'value="far too long"' in page
    assert "a &amp; &lt;b&gt;</textarea>" in page
    assert '<option value="GRM" selected>' in page
    assert 'value="warm" checked' in page
    assert "Write at most 5 characters." in page
    assert '<a href="#field-items.0.amount">Amount: The value is too small.' in page
    assert 'name="items.0.amount" type="text" value="0"' in page


def test_a_fresh_form_shows_the_defaults_and_no_error(browser):
    page = browser.get("/account/try?lang=en").text
    assert 'name="items.0.amount" type="text" value="5"' in page
    assert "Error:" not in page


def test_a_conflict_is_said_beside_its_field_and_escaped(browser):
    page = send(browser, document="taken")
    assert page.status_code == 409
    assert "&lt;taken&gt; is taken" in page.text
    assert "<taken>" not in page.text


def test_a_rule_of_a_service_finds_its_field_too(browser):
    page = send(browser, document="rule").text
    assert '<a href="#field-items.0.amount">Amount: There is too little.</a>' in page
    assert "<li>No.</li>" in page


@pytest.mark.parametrize(
    ("form", "nested"),
    [
        ({"a": " x "}, {"a": "x"}),
        (
            {"items.0.amount": "1", "items.0.identifier": "A"},
            {"items": [{"amount": "1", "identifier": "A"}]},
        ),
        (
            {"items.10.amount": "2", "items.9.amount": "1"},
            {"items": [{"amount": "1"}, {"amount": "2"}]},
        ),
        ({"items.0.amount": "", "items.1.amount": "2"}, {"items": [{"amount": "2"}]}),
        ({"items.0.amount": " "}, {}),
        ({"tags": ["a", "b"]}, {"tags": ["a", "b"]}),
        ({"tags": "a"}, {"tags": ["a"]}),
        ({"a": "1", "a.b": "2"}, {"a": "1"}),
        ({"csrf_token": "x"}, {}),
    ],
)
def test_dotted_names_become_lists_and_objects(app, form, nested):
    with app.test_request_context(method="POST", data=form):
        assert nested_form(ShipForm()) == nested


@pytest.mark.parametrize(
    "name",
    ["items." + "9" * 5000 + ".amount", "items" + ".0" * 5000, "items.²", "items.-1.amount", "."],
)
def test_a_field_that_no_form_of_ours_has_is_refused(browser, name):
    response = send(browser, **{name: "1"})
    assert response.status_code == 400


@pytest.mark.parametrize("name", ["document", "note", "items.0.identifier"])
@pytest.mark.parametrize("character", ["\0", "\x1b", "\x7f"])
def test_a_control_character_is_refused_beside_its_field(browser, name, character):
    response = send(browser, **{name: f"a{character}b"})
    assert response.status_code == 400
    assert f"U+{ord(character):04X}" in response.text


def test_lines_and_tabs_are_text(browser):
    assert send(browser, note="a\r\n\tb").json["note"] == "a\r\n\tb"
