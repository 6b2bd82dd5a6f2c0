"""Signing in and out in the pages: passwords, codes, sessions, forged forms, guessing."""

import re
from datetime import timedelta

import pytest
from passlib.totp import TOTP
from sqlalchemy import select

from foodtrace.trace.access.accounts import set_active
from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.access.models import SignIn, User
from foodtrace.trace.store.session import Store

from ..web import PASSWORD, Browser, add_party, add_person, staff_app, token_of

NAME = "li.na"
COOKIE = "foodtrace"


@pytest.fixture
def store(sqlite_store):
    """Most of this has nothing to do with the database: one is enough, and it is faster."""
    return sqlite_store


@pytest.fixture
def person(store):
    return add_person(store, NAME, "inspector")


@pytest.fixture
def browser(store, person):
    return Browser(staff_app(store))


def is_signed_in(browser):
    return browser.get("/account").status_code == 200


def test_on_both_databases_a_person_signs_in_sets_codes_up_and_signs_out(database_url):
    store = Store(database_url)
    add_person(store, NAME, "inspector")
    browser = Browser(staff_app(store))
    browser.sign_in(NAME)
    app = set_up_codes(browser)
    sign_out(browser)
    browser.sign_in(NAME)
    assert browser.post("/login/code", {"code": next_code(app)}).status_code == 302
    assert is_signed_in(browser)
    store.close()


def test_a_person_signs_in_with_user_name_and_password(browser):
    response = browser.sign_in(NAME)
    assert response.status_code == 302
    assert response.headers["Location"] == "/account/start"
    assert NAME in browser.get("/account").text


def test_the_user_name_may_be_typed_in_capitals_and_full_width(browser):
    assert browser.sign_in("Ｌi.NA").status_code == 302


@pytest.mark.parametrize(
    ("name", "password"),
    [(NAME, "wrong password"), ("nobody", PASSWORD), (NAME, ""), ("", ""), ("<script>", PASSWORD)],
)
def test_a_wrong_name_and_a_wrong_password_look_the_same(browser, name, password):
    page = browser.sign_in(name, password)
    assert page.status_code == 200
    assert "<title>错误：" in page.text
    assert "<script>" not in page.text
    if name and password:
        assert "用户名或密码不正确" in page.text
    assert not is_signed_in(browser)


def test_a_closed_account_cannot_sign_in(store, browser, person):
    with store.transaction() as session:
        set_active(session, SYSTEM, user_id=person, active=False)
    assert "用户名或密码不正确" in browser.sign_in(NAME).text


def test_a_page_that_needs_somebody_leads_to_the_sign_in_and_back(browser):
    response = browser.get("/account/password?lang=en")
    assert response.status_code == 303
    there = response.headers["Location"]
    assert there == "/login?next=%2Faccount%2Fpassword%3Flang%3Den"
    token = token_of(browser.get(there).text)
    response = browser.client.post(
        there, data={"csrf_token": token, "username": NAME, "password": PASSWORD}
    )
    assert response.headers["Location"] == "/account/password?lang=en"


@pytest.mark.parametrize("evil", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_the_way_back_never_leads_to_another_site(browser, evil):
    response = browser.post("/login", {"username": NAME, "password": PASSWORD, "next": evil})
    assert re.match(r"(?!//|/\\)/|$", response.headers.get("Location", ""))


def test_signing_in_begins_a_new_session(browser):
    browser.get("/login")
    before = browser.client.get_cookie(COOKIE).value
    browser.sign_in(NAME)
    assert browser.client.get_cookie(COOKIE).value != before


def test_the_form_token_of_before_does_not_count_after_signing_in(browser):
    token = token_of(browser.get("/login").text)
    browser.sign_in(NAME)
    assert browser.client.post("/logout", data={"csrf_token": token}).status_code != 302


def test_after_signing_out_the_old_cookie_opens_nothing(browser):
    browser.sign_in(NAME)
    stolen = browser.client.get_cookie(COOKIE).value
    browser.post("/logout", form_on="/account")
    assert not is_signed_in(browser)
    browser.client.set_cookie(COOKIE, stolen)
    assert not is_signed_in(browser)


def test_a_session_ends_after_seven_days_whatever_happens(store, browser):
    browser.sign_in(NAME)
    assert is_signed_in(browser)
    with store.transaction() as session:
        session.scalars(select(SignIn)).one().created_at -= timedelta(days=7)
    assert not is_signed_in(browser)


def test_closing_an_account_signs_it_out(store, browser, person):
    browser.sign_in(NAME)
    with store.transaction() as session:
        set_active(session, SYSTEM, user_id=person, active=False)
    assert not is_signed_in(browser)


def test_changing_the_password_signs_out_everywhere_else(store, browser):
    elsewhere = Browser(browser.client.application)
    elsewhere.sign_in(NAME)
    browser.sign_in(NAME)
    new = "a longer sentence than before"
    response = browser.post(
        "/account/password",
        {"password": PASSWORD, "new_password": new, "new_password_confirm": new},
    )
    assert response.status_code == 302
    assert is_signed_in(browser)
    assert not is_signed_in(elsewhere)
    assert Browser(browser.client.application).sign_in(NAME, new).status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "again", "message"),
    [
        ("wrong", "a good new sentence", "a good new sentence", "密码不正确"),
        (PASSWORD, "short", "short", "密码太短"),
        (PASSWORD, "a good new sentence", "another sentence", "两次输入的密码不一致"),
        (PASSWORD, PASSWORD, PASSWORD, "新密码与原密码相同"),
        (PASSWORD, "my name is li.na", "my name is li.na", "容易被猜到"),
    ],
)
def test_a_new_password_that_does_not_fit_is_refused_beside_its_field(
    browser, old, new, again, message
):
    browser.sign_in(NAME)
    page = browser.post(
        "/account/password",
        {"password": old, "new_password": new, "new_password_confirm": again},
    ).text
    assert message in page
    assert "<title>错误：" in page
    assert 'aria-invalid="true"' in page


def test_a_cookie_is_for_this_host_over_https_only(store, person):
    browser = Browser(staff_app(store, base_url="https://localhost", secure_cookies=True))
    cookies = browser.get("/login", base_url="https://localhost").headers.getlist("Set-Cookie")
    (cookie,) = (text for text in cookies if text.startswith("__Host-foodtrace="))
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; ")[1:])


def test_a_form_without_its_token_is_refused(browser):
    browser.sign_in(NAME)
    response = browser.client.post("/account/password", data={"password": PASSWORD})
    assert response.status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_form_sent_by_another_site_is_refused(browser, headers):
    browser.sign_in(NAME)
    token = token_of(browser.get("/account").text)
    response = browser.client.post("/logout", data={"csrf_token": token}, headers=headers)
    assert response.status_code == 403
    assert is_signed_in(browser)


def test_after_ten_wrong_passwords_the_eleventh_try_has_to_wait(browser):
    for _ in range(10):
        assert browser.sign_in(NAME, "wrong password").status_code == 200
    page = browser.sign_in(NAME)
    assert page.status_code == 429
    assert "尝试次数过多" in page.text


@pytest.mark.parametrize("spelling", ["ｌi.na", "LI.NA", "li．na"])
def test_another_spelling_of_the_name_buys_no_more_guesses(browser, spelling):
    for _ in range(10):
        assert browser.sign_in(NAME, "wrong password").status_code == 200
    assert browser.sign_in(spelling, "wrong password").status_code == 429


def test_one_who_guesses_does_not_lock_out_another_account(store, browser):
    add_person(store, "wang", "inspector")
    for _ in range(11):
        browser.sign_in(NAME, "wrong password")
    assert browser.sign_in("wang").status_code == 302


def test_signing_in_often_is_not_guessing(browser):
    for _ in range(12):
        assert browser.sign_in(NAME).status_code == 302
        browser.post("/logout", form_on="/account")


def set_up_codes(browser):
    """Turn codes on as a person does, and return the authenticator app."""
    page = browser.post("/account/totp", {"setup": "authenticator"}).text
    key = page.split('class="secret">')[1].split("<")[0]
    address = page.split('action="/account/totp/')[1].split('"')[0]
    app = TOTP(key=key.replace("-", ""))
    data = {"csrf_token": token_of(page), "code": app.generate().token}
    response = browser.client.post(f"/account/totp/{address}", data=data)
    assert response.status_code == 302
    return app


def next_code(app):
    """Return the code of the next half minute, which is taken already."""
    return app.generate(time=app.normalize_time(app.now()) + 30).token


def sign_out(browser):
    browser.post("/logout", form_on="/account")


def test_with_codes_turned_on_the_password_alone_opens_nothing(browser):
    browser.sign_in(NAME)
    app = set_up_codes(browser)
    sign_out(browser)
    response = browser.sign_in(NAME)
    assert response.headers["Location"].startswith("/login/code")
    assert not is_signed_in(browser)
    response = browser.post("/login/code", {"code": next_code(app)})
    assert response.headers["Location"] == "/account/start"
    assert is_signed_in(browser)


def test_a_wrong_code_is_refused(browser):
    browser.sign_in(NAME)
    app = set_up_codes(browser)
    sign_out(browser)
    browser.sign_in(NAME)
    wrong = "000000" if next_code(app) != "000000" else "111111"
    assert "验证码不正确" in browser.post("/login/code", {"code": wrong}).text
    assert not is_signed_in(browser)


def test_a_code_counts_once(browser):
    browser.sign_in(NAME)
    app = set_up_codes(browser)
    sign_out(browser)
    code = next_code(app)
    browser.sign_in(NAME)
    assert browser.post("/login/code", {"code": code}).status_code == 302
    sign_out(browser)
    browser.sign_in(NAME)
    assert "验证码不正确" in browser.post("/login/code", {"code": code}).text


def test_the_secret_of_the_codes_is_encrypted_in_the_database(store, browser, person):
    browser.sign_in(NAME)
    app = set_up_codes(browser)
    with store.reading() as session:
        kept = session.get(User, person).tf_totp_secret
    assert app.base32_key not in kept.replace("-", "")


def test_codes_can_be_turned_off_again(browser):
    browser.sign_in(NAME)
    set_up_codes(browser)
    assert browser.post("/account/totp", {"setup": "disable"}).status_code == 302
    sign_out(browser)
    assert browser.sign_in(NAME).headers["Location"] == "/account/start"


def test_the_language_is_kept_once_it_was_chosen(browser):
    assert '<html lang="zh-CN">' in browser.get("/login").text
    assert '<html lang="en">' in browser.get("/login?lang=en").text
    assert '<html lang="en">' in browser.get("/login").text
    assert '<html lang="zh-CN">' in browser.get("/login?lang=zh-CN").text


def test_the_browser_says_the_language_of_who_never_chose(browser):
    english = {"Accept-Language": "en-GB,en;q=0.9,zh;q=0.1"}
    assert '<html lang="en">' in browser.get("/login", headers=english).text


def test_a_person_without_a_party_and_one_with_see_who_they_are(store, browser):
    add_person(store, "zhang", "producer", party_id=add_party(store, "青山农场"))
    browser.sign_in("zhang")
    assert "青山农场" in browser.get("/account").text
