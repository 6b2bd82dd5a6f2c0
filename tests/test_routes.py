"""Every route x every role: what each gets is written in route_matrix.py."""

import re

import pytest

from .route_matrix import ALL_ROLES, ANYONE, LOGIN, NO, OK, PARTS, PUBLIC, REST, STAFF
from .web import Browser, add_key, add_party, add_person, bearer, public_app, staff_app, token_of

MACHINE = ("/api/", "/epcis")
NEVER_TOLD = {"HEAD", "OPTIONS"}


def routes_of(app):
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods - NEVER_TOLD
    }


def address_of(path):
    return re.sub(r"<(?:[^:>]+:)?([^>]+)>", lambda part: PARTS[part[1]], path)


def expected(outcomes, who):
    return outcomes if isinstance(outcomes, str) else outcomes.get(who, outcomes[REST])


def outcome_of(response):
    if response.status_code == 401:
        return LOGIN
    if response.status_code in (302, 303) and "/login" in response.headers["Location"]:
        return LOGIN
    return NO if response.status_code == 403 else OK


def test_every_route_of_the_staff_application_has_a_row(sqlite_store):
    assert routes_of(staff_app(sqlite_store)) == set(STAFF)


def test_every_route_of_the_public_application_has_a_row(sqlite_store):
    assert routes_of(public_app(sqlite_store)) == set(PUBLIC)


@pytest.mark.parametrize("who", [ANYONE, *ALL_ROLES])
def test_each_role_gets_what_the_matrix_says(sqlite_store, who):
    staff = staff_app(sqlite_store)
    key = None
    if who != ANYONE:
        party = add_party(sqlite_store, "An organisation")
        add_person(sqlite_store, who, who, party_id=party)
        key = add_key(sqlite_store, who, party)
    browser = Browser(staff)
    found, wanted = {}, {}
    for (method, path), outcomes in STAFF.items():
        # Signing out is one of the routes: whoever is out signs in again for the next one.
        if who != ANYONE and browser.get("/account").status_code != 200:
            browser = Browser(staff)
            assert browser.sign_in(who).status_code == 302
        token = token_of(browser.get("/login" if who == ANYONE else "/account").text)
        if path.startswith(MACHINE):
            headers = {} if key is None else bearer(key)
            response = staff.test_client().open(address_of(path), method=method, headers=headers)
        else:
            data = {"csrf_token": token} if method == "POST" else None
            response = browser.client.open(address_of(path), method=method, data=data)
        found[method, path] = outcome_of(response)
        wanted[method, path] = expected(outcomes, who)
        # What is not supported is answered so (501).
        assert response.status_code < 500 or response.status_code == 501, (method, path)
        response.close()
    assert found == wanted


@pytest.mark.parametrize("route", PUBLIC, ids=" ".join)
def test_the_public_application_sets_no_cookie_and_asks_nobody_to_sign_in(sqlite_store, route):
    method, path = route
    response = public_app(sqlite_store).test_client().open(address_of(path), method=method)
    assert response.status_code < 500
    assert outcome_of(response) == PUBLIC[route]
    assert "Set-Cookie" not in response.headers
    assert "Cookie" not in response.headers.get("Vary", "")


def test_pages_of_the_staff_application_are_never_cached_and_never_framed(sqlite_store):
    add_person(sqlite_store, "producer", "producer", party_id=add_party(sqlite_store, "Farm"))
    browser = Browser(staff_app(sqlite_store))
    browser.sign_in("producer")
    page = browser.get("/account")
    assert page.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
