"""GET /epcis/export: files of events for partners, sent while they are read."""

import json
from datetime import UTC, datetime

import pytest

from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.capture import export as export_module
from foodtrace.trace.capture.export_formats import FORMATS
from foodtrace.trace.capture.reading import read_file
from foodtrace.trace.errors import Invalid
from tests.trace.acts import capture, see
from tests.web import add_key, add_party, bearer, staff_app


@pytest.fixture
def partner(store):
    """A client of the API, and the party that it acts for."""
    party_id = add_party(store, "示范农场")
    client = staff_app(store).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = bearer(add_key(store, "producer", party_id))[
        "Authorization"
    ]
    return client, Actor("key:partner", party_id, frozenset({Role.PRODUCER}))


def events_of(answer):
    assert answer.status_code == 200, answer.text
    if answer.mimetype == "application/x-ndjson":
        return [json.loads(line) for line in answer.data.splitlines()]
    return [event.body for event in read_file(answer.data, now=datetime.now(UTC)).events]


@pytest.mark.parametrize("name", FORMATS)
def test_a_partner_gets_its_events_and_no_others(store, partner, name):
    client, actor = partner
    mine, others = see(1, ["#1"]), see(2, ["#1"])
    capture(store, mine, actor=actor)
    capture(store, others)
    wanted = FORMATS[name].media_types[0]
    answer = client.get("/epcis/export", headers={"Accept": wanted})
    (found,) = events_of(answer)
    assert answer.mimetype == wanted
    assert found["eventID"] == mine["eventID"]
    assert "recordTime" in found
    assert found["epcList"] == mine["epcList"]


def test_a_query_chooses(store, partner):
    client, actor = partner
    sent = [see(1, ["#1"]), see(2, ["#1"], step="receiving"), see(3, ["#2"])]
    capture(store, *sent, actor=actor)
    asked = {"EQ_bizStep": "shipping"}
    found = events_of(client.get("/epcis/export", query_string=asked))
    assert [event["eventID"] for event in found] == [sent[0]["eventID"], sent[2]["eventID"]]


def test_a_query_that_is_none_is_a_problem_not_a_file(partner):
    client, _ = partner
    answer = client.get("/epcis/export", query_string={"EQ_nothing": "1"})
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"


def test_nobody_gets_nothing(store):
    answer = staff_app(store).test_client().get("/epcis/export")
    assert answer.status_code == 401


def test_the_file_is_sent_in_blocks(store, partner):
    client, actor = partner
    note = {"foodtrace:note": "x" * 2000}
    capture(store, *(see(number, ["#1"], **note) for number in range(100)), actor=actor)
    answer = client.get("/epcis/export", buffered=False)
    assert answer.content_length is None
    assert len(list(answer.iter_encoded())) > 2


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_breaks_off_is_no_whole_file(store, partner, name, monkeypatch, caplog):
    client, actor = partner
    capture(store, see(1, ["#1"]), see(2, ["#1"]), actor=actor)
    monkeypatch.setattr(export_module, "MOST_EVENTS", 1)
    portions = [export_module._rows]  # and then none
    monkeypatch.setattr(export_module, "_rows", lambda *of: portions.pop()(*of))
    answer = client.get("/epcis/export", headers={"Accept": FORMATS[name].media_types[0]})
    assert answer.status_code == 200
    body = answer.data
    with pytest.raises(Invalid):
        read_file(body, now=datetime.now(UTC))
    if name == "ndjson":
        last = body.splitlines()[-1]
        assert json.loads(last)["title"] == "This file is not whole: ask again"
    assert "an export broke off" in caplog.text


def test_who_reads_slowly_cannot_take_all_threads(store, partner):
    client, actor = partner
    capture(store, see(1, ["#1"]), actor=actor)
    begun = [client.get("/epcis/export") for _ in range(2)]
    refused = client.get("/epcis/export")
    assert refused.status_code == 503
    assert refused.mimetype == "application/problem+json"
    begun[0].close()
    assert len(events_of(client.get("/epcis/export"))) == 1
    begun[1].close()
