"""A record that does not fit what was signed of it is read, says why, and takes nothing."""

import pytest

from foodtrace.trace.access.actor import Role
from foodtrace.trace.errors import Problem

from ..trace.acts import capture, document, make
from ..web import add_key, add_party, bearer, public_app, staff_app

REASON = Problem(
    "",
    "The log %(year)s was signed up to number %(signed)s, and this database has only "
    "%(size)s: it was set back",
    "Restore the newest backup, then bring back what it lacks: foodtrace log repair",
    {"year": 2026, "signed": 40, "size": 30},
)
LOT = "/01/09506000134352/10/A"


@pytest.fixture
def stopped(store):
    capture(store, make(1, {"A": 10}))
    store.standing.stop(REASON)
    return store


def test_it_works(stopped):
    page = public_app(stopped).test_client().get(LOT, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "当前只能查询" in page.text


@pytest.mark.parametrize("path", [LOT, "/", "/recalls", "/01/09506000134352"])
def test_every_public_page_says_why(stopped, path):
    page = public_app(stopped).test_client().get(f"{path}?lang=en", headers={"Accept": "text/html"})
    assert "This record is read-only for now." in page.text
    assert "signed up to number 40, and this database has only 30" in page.text
    assert "Newer entries may be missing, even a recall" in page.text
    assert "foodtrace log" not in page.text  # what to do is not for readers


def test_a_kept_page_is_made_anew_when_the_standing_changes(store):
    capture(store, make(1, {"A": 10}))
    client = public_app(store).test_client()

    def says_it():
        page = client.get(LOT, headers={"Accept": "text/html"})
        return "当前只能查询" in page.text

    assert not says_it()
    store.standing.stop(REASON)
    assert says_it()
    store.standing.resume()
    assert not says_it()


def test_staff_pages_say_why_and_what_to_do(stopped):
    page = staff_app(stopped).test_client().get("/login?lang=en")
    assert "This record is read-only for now." in page.text
    assert "foodtrace log repair" in page.text


def test_ready_says_why_and_is_served_all_the_same(stopped):
    ready = public_app(stopped).test_client().get("/readyz")
    assert ready.status_code == 200
    assert ready.json["status"] == "read-only"
    assert ready.json["checks"]["record"] == REASON.text


def test_captures_are_refused_with_the_reason_and_read_on(store):
    party = add_party(store, "Alba")
    key = bearer(add_key(store, Role.PRODUCER, party))
    client = staff_app(store).test_client()

    def send(event):
        return client.post(
            "/epcis/capture", data=document(event), content_type="application/ld+json", headers=key
        )

    assert send(make(1, {"A": 10})).status_code == 202
    store.standing.stop(REASON)
    refused = send(make(2, {"B": 10}))
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]
    assert "only 30: it was set back" in refused.text
    assert client.get("/epcis/events", headers=key).status_code == 200
    store.standing.resume()
    assert send(make(2, {"B": 10})).status_code == 202
