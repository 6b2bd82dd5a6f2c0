"""A lot number of any characters that GS1 allows has one address, escaped once."""

import html
import re

import pytest

from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.capture.services import record_event

from .web import Browser, add_key, add_party, add_person, bearer, staff_app

# Escaped as it stands in a path; GS1 allows ! " % & ' ( ) * + , - . / : ; < = > ? and _.
ESCAPED = ["A%2FB", "A%22B", "100%25", "A%3CB%3E", "A%3FB", "A%2FB%252F", "A%2BB%2FC"]


@pytest.fixture(params=ESCAPED)
def recorded(request, sqlite_store):
    """The escaped number of a recorded lot, its party, and the application."""
    lot = f"/01/09506000134352/10/{request.param}"
    party_id = add_party(sqlite_store, "Alba")
    with sqlite_store.transaction() as session:
        record_event(
            session,
            Actor("key:alba", party_id, frozenset({Role.PRODUCER})),
            {
                "type": "ObjectEvent",
                "action": "ADD",
                "bizStep": "commissioning",
                "eventTime": "2026-05-01T08:00:00+08:00",
                "eventTimeZoneOffset": "+08:00",
                "quantityList": [{"epcClass": f"https://id.gs1.org{lot}", "quantity": 5}],
            },
        )
    return lot, party_id, sqlite_store, staff_app(sqlite_store)


def test_the_api_finds_the_lot(recorded):
    lot, party_id, store, app = recorded
    regulator = bearer(add_key(store, "regulator", add_party(store, "Office")))
    producer = bearer(add_key(store, "producer", party_id))
    client = app.test_client()
    chain = client.get(f"/api/v1/lots{lot}/chain", headers=regulator)
    assert chain.json["lot"] == lot
    page = client.get(f"/api/v1/lots{lot}", headers=producer)
    assert page.status_code == 200
    assert client.get(f"/api/v1/lots{lot}/qr.svg", headers=producer).status_code == 200


@pytest.mark.parametrize(
    ("role", "root"), [("producer", "producers"), ("regulator", "inspections")]
)
def test_the_links_of_the_console_lead_to_the_lot(recorded, role, root):
    lot, party_id, store, app = recorded
    add_person(store, "somebody", role, party_id=party_id)
    browser = Browser(app)
    browser.sign_in("somebody")
    page = browser.get(f"/{root}/lots{lot}")
    assert page.status_code == 200
    links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', page.text)]
    ours = [link for link in links if re.match(r"/(producers|inspections)/.*/01/0950", link)]
    assert ours
    assert {link: browser.get(link).status_code for link in ours} == dict.fromkeys(ours, 200)
