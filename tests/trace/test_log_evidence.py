"""Evidence of events: for their sender and the authorities, and how far captures have come."""

import base64
import hashlib
import json
import uuid

import pytest

from foodtrace.trace.log.keeping import LogKeeper, attach
from foodtrace.trace.log.openings import load_opening
from foodtrace.trace.log.proofs import parse_proof

from ..web import add_key, bearer, settings_of, staff_app

EVENT = {
    "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
    "type": "ObjectEvent",
    "eventTime": "2026-11-02T08:30:00+08:00",
    "eventTimeZoneOffset": "+08:00",
    "action": "OBSERVE",
    "bizStep": "storing",
    "epcList": ["https://id.gs1.org/01/06901234567892/21/7"],
}
DOCUMENT = {
    "@context": EVENT["@context"],
    "type": "EPCISDocument",
    "schemaVersion": "2.0",
    "creationDate": "2026-11-02T08:30:00+08:00",
}


@pytest.fixture
def log(store, tmp_path):
    """What signs the log of the store."""
    settings = settings_of(store, data=tmp_path)
    attach(store, settings)
    keeper = LogKeeper(store, settings)

    def keep():
        while keeper.keep(store, settings):
            pass

    yield keep
    keeper.close()


@pytest.fixture
def client(store, log):
    return staff_app(store).test_client()


def capture(client, key):
    """Capture an event under an id of its own, and return the id."""
    event_id = f"urn:uuid:{uuid.uuid4()}"
    answer = client.post("/epcis/events", json=EVENT | {"eventID": event_id}, headers=bearer(key))
    assert answer.status_code == 201, answer.text
    return event_id


def evidence(client, key, event_id):
    return client.get(f"/api/v1/events/{event_id}/proof", headers=bearer(key))


def test_it_works(store, client, log):
    key = add_key(store, "producer")
    event_id = capture(client, key)
    log()
    (found,) = evidence(client, key, event_id).json
    assert (found["eventID"], found["state"]) == (event_id, "recorded")
    leaf, opening = load_opening(found["opening"])
    proof = parse_proof(found["proof"].encode())
    assert proof.extra == leaf.entry
    assert proof.index == found["place"]["index"]
    fields = dict(opening.fields)
    content = base64.b64decode(found["content"])
    assert fields["content"] == hashlib.sha256(content).hexdigest()
    assert json.loads(content)["eventID"] == event_id
    assert fields["/bizStep"] == '"storing"'
    assert len(opening.parts) == len(opening.fields)


def test_before_a_head_is_signed_there_is_no_proof(store, client):
    key = add_key(store, "producer")
    (found,) = evidence(client, key, capture(client, key)).json
    # PostgreSQL's sequencer comes a moment later.
    assert found["state"] == ("recorded" if store.dialect == "sqlite" else "received")
    assert found["proof"] is None


def test_the_authorities_see_it_and_another_party_does_not(store, client, log):
    event_id = capture(client, add_key(store, "producer"))
    log()
    assert evidence(client, add_key(store, "regulator"), event_id).status_code == 200
    assert evidence(client, add_key(store, "operator"), event_id).status_code == 404
    assert client.get(f"/api/v1/events/{event_id}/proof").status_code == 401


def test_a_declaration_stands_behind_its_event(store, client, log):
    key = add_key(store, "producer")
    event_id = capture(client, key)
    declared = {"declarationTime": "2026-11-03T08:30:00+08:00", "reason": "incorrect_data"}
    body = EVENT | {"eventID": event_id, "errorDeclaration": declared}
    assert client.post("/epcis/events", json=body, headers=bearer(key)).status_code == 201
    log()
    event, declaration = evidence(client, key, event_id).json
    names = [
        [name for name, _ in load_opening(each["opening"])[1].fields]
        for each in (event, declaration)
    ]
    assert ["/errorDeclaration" in each for each in names] == [False, True]


def test_a_capture_says_how_far_its_events_have_come(store, client, log):
    key = add_key(store, "producer")
    events = [EVENT | {"eventID": f"urn:uuid:{uuid.uuid4()}"} for _ in range(3)]
    body = DOCUMENT | {"epcisBody": {"eventList": events}}
    started = client.post("/epcis/capture", json=body, headers=bearer(key))
    log()
    said = client.get(started.headers["Location"], headers=bearer(key)).json["log"]
    assert (said["state"], said["recorded"], said["witnesses"]) == ("recorded", 3, [])
    first, last = (int(said[end].split("/")[1]) for end in ("first", "last"))
    assert last - first == 2
