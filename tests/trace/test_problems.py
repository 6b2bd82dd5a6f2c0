"""Refusals as answers: problem documents for machines, pages for people."""

import pytest
from flask import Blueprint, request
from sqlalchemy.exc import OperationalError

from foodtrace.trace.access.models import ApiKey
from foodtrace.trace.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NoSuchName,
    NotFound,
    Problem,
    QueryParameter,
    QueryTooComplex,
    QueryTooLarge,
    QueryValidation,
    SubscriptionControls,
    TooLarge,
    Unavailable,
    Unprocessable,
)
from foodtrace.trace.web import body_limit, open_to_all

from ..web import staff_app

REFUSALS = {
    "invalid": Invalid(Problem("gtin", "%(n)s digits", "Write 14", {"n": 13}), Problem("", "No")),
    "forbidden": Forbidden(),
    "not-found": NotFound(),
    "conflict": Conflict(Problem("", "It is sold")),
    "too-large": TooLarge(),
    "unprocessable": Unprocessable(),
    "unavailable": Unavailable(),
    "query-parameter": QueryParameter(),
    "query-validation": QueryValidation(),
    "subscription-controls": SubscriptionControls(),
    "query-too-large": QueryTooLarge(),
    "query-too-complex": QueryTooComplex(),
    "no-such-name": NoSuchName(),
}


@pytest.fixture
def app(sqlite_store):
    app = staff_app(sqlite_store)
    bp = Blueprint("try", __name__)

    @open_to_all
    def refuse(kind):
        if kind == "full":
            raise Unavailable(Problem("", "Busy")) from OSError("disk is full")
        if kind == "database":
            raise OperationalError("SELECT secret", {}, Exception("server closed"))
        if kind.startswith("crash"):
            raise ZeroDivisionError("secret")
        raise REFUSALS[kind]

    @open_to_all
    def take():
        return {"bytes": len(request.get_data())}

    for prefix in ("/api/v1", "/epcis", "/account"):
        bp.add_url_rule(f"{prefix}/try/<kind>", prefix, refuse)
    bp.add_url_rule("/api/v1/take", "take", take, methods=["POST"])
    more = body_limit(2_000_000)(open_to_all(lambda: take()))
    bp.add_url_rule("/api/v1/take-more", "more", more, methods=["POST"])
    app.register_blueprint(bp)
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def test_a_refusal_is_a_problem_document(client):
    response = client.get("/api/v1/try/invalid")
    assert response.status_code == 400
    assert response.content_type == "application/problem+json"
    assert response.json == {
        "type": "https://foodtrace.example/problems/invalid",
        "title": "The input breaks a rule",
        "status": 400,
        "detail": "/gtin: 13 digits. Write 14. No.",
        "instance": "/api/v1/try/invalid",
        "errors": [
            {"place": "/gtin", "rule": "13 digits", "fix": "Write 14"},
            {"place": "", "rule": "No", "fix": ""},
        ],
    }


@pytest.mark.parametrize(
    ("kind", "status", "epcis"),
    [
        ("invalid", 400, "ValidationException"),
        ("forbidden", 403, "SecurityException"),
        ("not-found", 404, "NoSuchResourceException"),
        ("conflict", 409, "ResourceAlreadyExistsException"),
        ("too-large", 413, "CaptureLimitExceededException"),
        ("unprocessable", 422, "ValidationException"),
        ("unavailable", 503, "ImplementationException"),
        ("query-parameter", 400, "QueryParameterException"),
        ("query-validation", 400, "QueryValidationException"),
        ("subscription-controls", 400, "SubscriptionControlsException"),
        ("query-too-large", 413, "QueryTooLargeException"),
        ("query-too-complex", 413, "QueryTooComplexException"),
        ("no-such-name", 404, "NoSuchNameException"),
    ],
)
def test_each_refusal_has_its_status_its_type_and_under_epcis_the_standards_name(
    client, kind, status, epcis
):
    ours = client.get(f"/api/v1/try/{kind}")
    assert (ours.status_code, ours.json["status"]) == (status, status)
    assert ours.json["type"] == f"https://foodtrace.example/problems/{kind}"
    standard = client.get(f"/epcis/try/{kind}")
    assert (standard.status_code, standard.json["type"]) == (status, f"epcisException:{epcis}")


def test_who_is_refused_for_now_is_told_when_to_come_back(client):
    assert client.get("/api/v1/try/unavailable").headers["Retry-After"] == "1"


def test_people_get_a_page_in_their_language(client):
    page = client.get("/account/try/conflict")
    assert page.status_code == 409
    assert "<h1>与已有记录不符</h1>" in page.text
    assert "It is sold" in page.text
    assert "not fit what" in client.get("/account/try/conflict?lang=en").text


def test_a_lost_database_is_503_and_tells_nothing(client):
    response = client.get("/api/v1/try/database")
    assert response.status_code == 503
    assert "secret" not in response.text


@pytest.mark.parametrize(("kind", "cause"), [("full", "disk is full"), ("database", "closed")])
def test_why_the_service_cannot_take_more_is_for_the_log_alone(client, caplog, kind, cause):
    response = client.get(f"/api/v1/try/{kind}")
    assert response.status_code == 503
    assert cause not in response.text
    assert cause in caplog.records[-1].getMessage()


def test_a_crash_has_a_number_and_tells_nothing(app, caplog):
    app.testing = False
    for path in ("/api/v1/try/crash", "/account/try/crash"):
        response = app.test_client().get(path)
        assert response.status_code == 500
        assert "secret" not in response.text
        assert "Traceback" not in response.text
        number = caplog.records[-1].getMessage().rsplit(" ", 1)[-1]
        assert number in response.text


def test_a_wrong_method_is_a_problem_document_and_names_the_right_ones(client):
    response = client.delete("/api/v1/take")
    assert response.status_code == 405
    assert response.content_type == "application/problem+json"
    assert "POST" in response.headers["Allow"]


def test_a_body_over_the_limit_is_413(client):
    assert client.post("/api/v1/take", data=b"x" * 1024 * 1024).json == {"bytes": 1024 * 1024}
    response = client.post("/api/v1/take", data=b"x" * (1024 * 1024 + 1))
    assert response.status_code == 413
    assert response.json["type"] == "about:blank"


def test_a_view_may_take_more(client):
    assert client.post("/api/v1/take-more", data=b"x" * 2_000_000).json == {"bytes": 2_000_000}
    assert client.post("/api/v1/take-more", data=b"x" * 2_000_001).status_code == 413


def test_a_stranger_may_not_make_us_read_much(client):
    response = client.post("/login", data={"username": "x" * 20_000})
    assert response.status_code == 413


def test_a_key_that_is_not_there_is_not_looked_for_in_text(client, sqlite_store):
    """An open route answers without a key; a bad key is refused all the same."""
    headers = {"Authorization": "Bearer nonsense"}
    assert client.get("/api/v1/try/conflict", headers=headers).status_code == 401
    with sqlite_store.reading() as session:
        assert session.query(ApiKey).count() == 0


def test_an_address_cannot_write_lines_of_its_own_into_the_log(app, caplog):
    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = app.test_client().get("/api/v1/try/crash%0AERROR%20all%20is%20lost%1b%5B2J")
    assert answer.status_code == 500
    said = caplog.records[-1].getMessage()
    assert "\n" not in said
    assert "\x1b" not in said
