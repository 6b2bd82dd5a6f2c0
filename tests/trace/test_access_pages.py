"""The administrator's pages: accounts of people, and API keys."""

import re

import pytest

from foodtrace.trace.access.keys import actor_of_key

from ..web import PASSWORD, Browser, add_key, add_party, add_person, bearer, staff_app


@pytest.fixture
def app(sqlite_store):
    add_person(sqlite_store, "admin-wang", "administrator")
    return staff_app(sqlite_store)


@pytest.fixture
def browser(app):
    browser = Browser(app)
    browser.sign_in("admin-wang")
    return browser


def secret_on(page):
    return re.search(r'id="secret">([^<]+)<', page.text)[1]


def make_person(browser, **fields):
    values = {"username": "li.na", "display_name": "李娜", "role": "inspector", "party": ""}
    return browser.post("/account/people", values | fields)


def test_a_new_person_signs_in_with_the_password_that_was_shown(app, browser):
    password = secret_on(make_person(browser))
    assert Browser(app).sign_in("li.na", password).status_code == 302
    assert "李娜" in browser.get("/account/people").text
    assert password not in browser.page.text


def test_a_refused_form_comes_back_with_what_was_typed(browser):
    page = make_person(browser, username="x y", role="")
    assert page.status_code == 400
    assert "<title>错误：" in page.text
    assert '<a href="#field-role">' in page.text
    assert 'value="x y"' in page.text
    assert 'value="李娜"' in page.text


def test_a_user_name_that_is_taken_is_said_beside_its_field(browser):
    make_person(browser)
    page = make_person(browser)
    assert page.status_code == 409
    assert 'id="error-username"' in page.text


def test_an_organisation_that_nobody_registered_is_not_made_in_passing(sqlite_store, browser):
    page = make_person(browser, role="producer", party="青山农场")
    assert page.status_code == 400
    assert 'id="error-party"' in page.text
    add_party(sqlite_store, "青山农场")
    assert make_person(browser, role="producer", party="青山农场").status_code == 200


def test_fields_that_nobody_offered_are_refused(browser):
    page = make_person(browser, active="false", fs_uniquifier="x")
    assert page.status_code == 400


def test_a_closed_account_is_signed_out_and_can_be_opened_again(app, sqlite_store, browser):
    number = add_person(sqlite_store, "li.na", "inspector")
    other = Browser(app)
    other.sign_in("li.na")
    change = f"/account/people/{number}"
    assert browser.post(change, {"change": "close"}, form_on="/account/people").status_code == 303
    assert other.get("/account").status_code == 303
    assert other.sign_in("li.na").status_code == 200
    browser.post(change, {"change": "open"}, form_on="/account/people")
    assert other.sign_in("li.na").status_code == 302


def test_a_lost_password_is_replaced(app, sqlite_store, browser):
    number = add_person(sqlite_store, "li.na", "inspector")
    page = browser.post(
        f"/account/people/{number}", {"change": "password"}, form_on="/account/people"
    )
    assert Browser(app).sign_in("li.na", PASSWORD).status_code == 200
    assert Browser(app).sign_in("li.na", secret_on(page)).status_code == 302


def test_an_administrator_who_closes_her_own_account_is_told_why_not(browser):
    number = re.search(r"/account/people/(\d+)", browser.get("/account/people").text)[1]
    page = browser.post(f"/account/people/{number}", {"change": "close"}, form_on="/account/people")
    assert page.status_code == 409
    assert "不能停用自己的账号" in page.text


def test_a_new_key_is_shown_once_and_works(app, sqlite_store, browser):
    add_party(sqlite_store, "市食品检验研究院")
    fields = {"role": "laboratory", "party": "市食品检验研究院", "note": "LIMS"}
    key = secret_on(browser.post("/account/keys", fields))
    assert "LIMS" in browser.get("/account/keys").text
    assert key not in browser.page.text
    with sqlite_store.reading() as session:
        assert actor_of_key(session, key).roles == {"laboratory"}


@pytest.mark.parametrize("day", ["2020-01-01", "tomorrow"])
def test_a_key_needs_a_day_to_come_if_it_has_one(browser, day):
    page = browser.post("/account/keys", {"role": "regulator", "expires_on": day})
    assert page.status_code == 400
    assert "错误：" in page.text


def test_the_first_request_after_withdrawing_a_key_is_refused(app, sqlite_store, browser):
    key = add_key(sqlite_store, "regulator")
    client = app.test_client()
    assert client.get("/api/v1/parties", headers=bearer(key)).status_code == 200
    withdraw = f"/account/keys/{key[8:24]}/withdraw"
    assert browser.post(withdraw, form_on="/account/keys").status_code == 303
    assert client.get("/api/v1/parties", headers=bearer(key)).status_code == 401


@pytest.mark.parametrize(("language", "way"), [("en", "error declaration"), ("zh-CN", "错误声明")])
def test_every_page_says_how_a_wrong_event_is_declared_wrong(browser, language, way):
    foot = browser.get(f"/account?lang={language}").text.rsplit("<footer", 1)[1]
    assert way in foot
