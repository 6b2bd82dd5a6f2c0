"""Who is asking: keys for machines, sessions for people, and never the one for the other."""

import pytest
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from ..web import Browser, add_key, add_person, bearer, staff_app

API = "/api/v1/parties"


@pytest.fixture
def app(sqlite_store):
    return staff_app(sqlite_store)


def test_a_machine_shows_its_key(app, sqlite_store):
    key = add_key(sqlite_store, "regulator")
    assert app.test_client().get(API, headers=bearer(key)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer ft_live_x_y"},
        {"Authorization": "Basic YWRtaW46YWRtaW4="},
        {"Authorization": "\u00e9"},
        {"Authentication-Token": "x"},
    ],
)
def test_without_a_valid_key_a_machine_is_told_to_show_one(app, headers):
    response = app.test_client().get(API, headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.content_type == "application/problem+json"
    assert response.json["status"] == 401


def test_the_session_of_a_person_opens_no_api(app, sqlite_store):
    add_person(sqlite_store, "admin-wang", "administrator")
    browser = Browser(app)
    browser.sign_in("admin-wang")
    assert browser.get("/account").status_code == 200
    assert browser.get(API).status_code == 401


def test_a_key_opens_no_page(app, sqlite_store):
    key = add_key(sqlite_store, "administrator")
    response = app.test_client().get("/account/people", headers=bearer(key))
    assert response.status_code == 303


def test_the_api_sets_no_cookie(app, sqlite_store):
    key = add_key(sqlite_store, "regulator")
    assert "Set-Cookie" not in app.test_client().get(API, headers=bearer(key)).headers


def test_a_page_that_does_not_exist_is_the_same_for_everybody(app):
    assert app.test_client().get("/account/none").status_code == 404
    assert app.test_client().get("/api/v1/none").status_code == 404


def test_an_address_with_a_control_character_is_refused_before_any_query(store):
    app = staff_app(store)
    headers = bearer(add_key(store, "producer"))
    client = app.test_client()
    for address in (f"{API}?search=%00", "/api/v1/lots?search=a%1bb"):
        assert client.get(address, headers=headers).status_code == 400, address
    add_person(store, "admin-wang", "administrator")
    browser = Browser(app)
    browser.sign_in("admin-wang")
    assert browser.get("/inspections/lots?q=%00").status_code == 400
    answer = browser.post("/account/keys/%00/withdraw", form_on="/account")
    assert answer.status_code == 404


def test_a_machine_that_gets_no_connection_is_told_to_come_again(store, monkeypatch):
    app = staff_app(store)
    headers = bearer(add_key(store, "regulator"))

    def none_free():
        raise NoFreeConnection

    monkeypatch.setattr(store.readers, "connect", none_free)
    answer = app.test_client().get(API, headers=headers)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
