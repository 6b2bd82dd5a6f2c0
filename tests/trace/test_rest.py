"""The JSON API's frame: strict bodies, problems with places, and its own description."""

import io

import pytest
from marshmallow import Schema, fields, validate

from foodtrace.trace.capture.once import LONGEST_KEY
from foodtrace.trace.problems import register_error_handlers
from foodtrace.trace.rest import PREFIX, ApiBlueprint, make_api
from foodtrace.trace.shell import set_up_shell
from foodtrace.trace.web import LARGEST_BODY, Application, prepare

from ..web import settings_of, staff_app


class Crate(Schema):
    name = fields.String(required=True, validate=validate.Length(max=5))
    amount = fields.Decimal()


class Search(Schema):
    limit = fields.Integer(validate=validate.Range(max=9))


@pytest.fixture
def app(sqlite_store):
    app = Application(__name__)
    app.testing = True
    prepare(app, sqlite_store, settings_of(sqlite_store))
    set_up_shell(app)
    register_error_handlers(app, "trace/error.html")
    api = make_api(app)
    bp = ApiBlueprint("crates", __name__, url_prefix=f"{PREFIX}/crates")

    @bp.post("")
    @bp.arguments(Crate)
    @bp.response(201, Crate)
    def make(crate):
        return crate

    @bp.get("")
    @bp.arguments(Search, location="query")
    @bp.response(200, Crate(many=True))
    def find(search):
        return []

    api.register_blueprint(bp)
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def post(client, body, content_type="application/json"):
    return client.post("/api/v1/crates", data=body, content_type=content_type)


def test_a_good_body_is_taken(client):
    response = post(client, '{"name": "A1", "amount": 1.50}')
    assert response.status_code == 201
    assert response.json == {"name": "A1", "amount": "1.50"}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('{"name": "too long"}', "/name"),
        ("{}", "/name"),
        ("", "/name"),
        ('{"name": "a", "colour": "red"}', "/colour"),
        ('{"name": "a", "amount": "NaN"}', "/amount"),
        ('{"name": "a\\u0000"}', "/name"),
        ('{"name": "e\\u0301"}', "/name"),
    ],
)
def test_a_bad_field_is_named(client, body, place):
    response = post(client, body)
    assert response.status_code == 400
    assert response.content_type == "application/problem+json"
    assert [error["place"] for error in response.json["errors"]] == [place]


@pytest.mark.parametrize(
    "body",
    [
        '{"name": "a", "name": "b"}',
        '{"name": NaN}',
        '{"name": "a"} {}',
        '["a"]',
        "name",
        b"\xff\xfe",
        '{"amount": ' + "9" * 5000 + "}",
        '{"name": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_parsers_disagree_about_is_refused(client, body):
    assert post(client, body).status_code == 400


def test_a_body_that_does_not_say_it_is_json_is_415(client):
    assert post(client, '{"name": "a"}', "text/plain").status_code == 415


def test_a_bad_query_is_named(client):
    response = client.get("/api/v1/crates?limit=10&strange=1")
    assert response.status_code == 400
    assert {error["place"] for error in response.json["errors"]} == {"/limit"} | {
        error["place"] for error in response.json["errors"] if error["place"] == "/strange"
    }


def test_the_description_names_the_key_and_documents_problems(client):
    text = client.get("/api/v1/openapi.json").json
    assert text["openapi"] == "3.1.0"
    assert text["components"]["securitySchemes"]["key"] == {"type": "http", "scheme": "bearer"}
    answer = text["paths"]["/api/v1/crates"]["post"]["responses"]["400"]
    name = answer["$ref"].rsplit("/", 1)[1]
    assert "application/problem+json" in text["components"]["responses"][name]["content"]


def test_the_description_of_the_whole_api_is_open_to_all(sqlite_store):
    response = staff_app(sqlite_store).test_client().get("/api/v1/openapi.json")
    assert response.status_code == 200
    assert response.json["paths"]


def test_the_description_names_the_longest_key_that_is_taken(sqlite_store):
    text = staff_app(sqlite_store).test_client().get("/api/v1/openapi.json").json
    keys = [
        parameter
        for path in text["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict)
        for parameter in operation.get("parameters", ())
        if parameter.get("name") == "Idempotency-Key"
    ]
    assert len(keys) > 10
    assert {key["schema"]["maxLength"] for key in keys} == {LONGEST_KEY}


@pytest.mark.parametrize("length", [None, LARGEST_BODY + 1])
def test_a_body_over_the_limit_is_too_large_however_it_is_sent(client, length):
    body = b'{"name": "' + b"a" * LARGEST_BODY + b'"}'
    response = client.post(
        f"{PREFIX}/crates",
        input_stream=io.BytesIO(body),
        content_type="application/json",
        content_length=length,
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.status_code == 413
