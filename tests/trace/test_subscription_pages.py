"""The pages of subscriptions: what those see who are told, and what they can do."""

import re

import pytest

from foodtrace.trace.subscriptions import pages, sending

from ..web import Browser, add_person, staff_app
from .receiver import receiving
from .subscribing import SECRET, Partner, now

ADDRESS = "/account/subscriptions"


@pytest.fixture
def receiver(tmp_path):
    with receiving(tmp_path) as receiver:
        yield receiver


@pytest.fixture
def alba(sqlite_store, receiver):
    partner = Partner(sqlite_store, receiver)
    add_person(sqlite_store, "li.na", "producer", party_id=partner.party_id)
    return partner


@pytest.fixture
def browser(alba):
    browser = Browser(staff_app(alba.store))
    browser.sign_in("li.na")
    return browser


def subscribed(alba, answers=(), **body):
    alba.ask()
    made = alba.subscribe(**body)
    alba.receiver.answers[:] = answers
    alba.capture("A")
    alba.look()
    alba.send()
    return made


def english(browser, address):
    return browser.get(f"{address}?lang=en").text


def test_it_works(alba, browser):
    made = subscribed(alba)
    page = english(browser, ADDRESS)
    assert alba.receiver.url in page
    assert "active" in page
    assert "delivered" in english(browser, f"{ADDRESS}/{made.id}")


def test_without_a_subscription_the_page_says_so(browser):
    assert "There is no subscription yet" in english(browser, ADDRESS)


def test_the_navigation_leads_there(browser):
    assert f'href="{ADDRESS}"' in browser.get("/account").text


def test_a_dead_message_is_shown_with_its_answer_and_sent_again(alba, browser, monkeypatch):
    monkeypatch.setattr(sending, "MOST_ATTEMPTS", 1)
    made = subscribed(alba, [(500, {}, b"<b>out of paper</b>")])
    assert "1 not delivered" in english(browser, ADDRESS)
    page = english(browser, f"{ADDRESS}/{made.id}")
    assert "500 &lt;b&gt;out of paper&lt;/b&gt;" in page
    (form,) = re.findall(r'action="([^"]+/messages/[^"]+)"', page)
    answer = browser.post(form, form_on=f"{ADDRESS}/{made.id}")
    assert answer.status_code == 303
    alba.send()
    assert len(alba.receiver.received) == 2
    assert "not delivered" not in english(browser, ADDRESS)


def test_a_message_that_waits_shows_when_it_is_tried_again(alba, browser):
    made = subscribed(alba, [500])
    page = english(browser, f"{ADDRESS}/{made.id}")
    assert "Next attempt" in page
    assert "Send again" not in page
    assert "1 waiting" in english(browser, ADDRESS)


def test_a_message_that_is_delivered_is_not_sent_again(alba, browser):
    made = subscribed(alba)
    (done,) = alba.deliveries()
    page = browser.post(f"{ADDRESS}/{made.id}/messages/{done.id}", form_on=f"{ADDRESS}/{made.id}")
    assert page.status_code == 409


def test_a_subscription_is_ended(alba, browser):
    made = subscribed(alba)
    answer = browser.post(f"{ADDRESS}/{made.id}/end", form_on=f"{ADDRESS}/{made.id}")
    assert answer.status_code == 303
    assert alba.subscriptions() == []
    assert browser.get(f"{ADDRESS}/{made.id}").status_code == 404


def test_one_that_ended_by_itself_says_why(alba, browser):
    made = subscribed(alba, [410])
    assert "wants no more messages" in english(browser, ADDRESS)
    page = english(browser, f"{ADDRESS}/{made.id}")
    assert "wants no more messages" in page
    assert "Send again" not in page


def test_a_schedule_is_shown(alba, browser):
    made = subscribed(alba, schedule={"hour": "1", "minute": "5"})
    page = english(browser, f"{ADDRESS}/{made.id}")
    assert "hour 1 · minute 5" in page
    assert "Next time" in page


def test_the_secret_is_nowhere(alba, browser):
    made = subscribed(alba)
    for address in (ADDRESS, f"{ADDRESS}/{made.id}"):
        assert SECRET not in browser.get(address).text


def test_another_organisation_sees_nothing(alba, sqlite_store, receiver):
    made = subscribed(alba)
    bruno = Partner(sqlite_store, receiver, "Bruno")
    add_person(sqlite_store, "bruno", "producer", party_id=bruno.party_id)
    browser = Browser(staff_app(sqlite_store))
    browser.sign_in("bruno")
    assert made.id not in browser.get(ADDRESS).text
    assert browser.get(f"{ADDRESS}/{made.id}").status_code == 404


def test_an_administrator_sees_all(alba, sqlite_store):
    made = subscribed(alba)
    add_person(sqlite_store, "admin", "administrator")
    browser = Browser(staff_app(sqlite_store))
    browser.sign_in("admin")
    assert made.id in browser.get(ADDRESS).text
    assert "Alba" in browser.get(f"{ADDRESS}/{made.id}").text


def test_only_the_last_messages_are_shown(alba, browser, monkeypatch):
    monkeypatch.setattr(pages, "MOST_MESSAGES", 3)
    made = subscribed(alba)
    for name in ("B", "C", "D"):
        alba.capture(name)
        alba.look()
    page = english(browser, f"{ADDRESS}/{made.id}")
    assert page.count('<h3 id="m-') == 3
    assert "Only the last 3 messages" in page


def test_times_of_messages_are_told_for_programs_too(alba, browser):
    made = subscribed(alba)
    assert f'<time datetime="{now():%Y-%m}' in browser.get(f"{ADDRESS}/{made.id}").text
