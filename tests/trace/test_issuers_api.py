"""Keys and signatures by the API, as a partner's program sends them, and on the pages."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from foodtrace.trace.issuers import keys, signatures
from foodtrace.trace.issuers.models import IssuerKey, IssuerSignature
from foodtrace.trace.issuers.signatures import Unsigned
from foodtrace.trace.issuers.texts import fingerprint
from foodtrace.trace.log.keeping import attach
from foodtrace.trace.masterdata.models import Party

from ..web import Browser, add_key, add_person, bearer, settings_of, staff_app
from .acts import capture, make, see
from .signing import Device, base64_of, enrol, identifier_of, party_of, send, to_sign

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def store(sqlite_store, tmp_path):
    """A store with a log: what is captured gets its place at once."""
    attach(sqlite_store, replace(settings_of(sqlite_store), data=tmp_path))
    return sqlite_store


@pytest.fixture
def alba(store):
    return party_of(store)


@pytest.fixture
def program(store, alba):
    """Sends requests with the key of the party's program; returns status and JSON."""
    client = staff_app(store).test_client()
    key = add_key(store, "producer", alba.party_id)

    def call(method, path, body=None, *, key=key):
        answer = client.open(f"/api/v1{path}", method=method, json=body, headers=bearer(key))
        return answer.status_code, answer.json

    return call


@pytest.fixture
def person(store, alba):
    """Somebody of the party at a browser."""
    add_person(store, "alba", "producer", party_id=alba.party_id)
    browser = Browser(staff_app(store))
    browser.sign_in("alba")
    browser.get("/account?lang=en")  # the choice is kept
    return browser


def request_of(device, party, **more):
    proof = base64_of(device.proof(party))
    return {"public_key": base64_of(device.public), "name": device.name, "proof": proof, **more}


def sent(given):
    """Return a signature as JSON values."""
    return {
        "statement": given.statement_id,
        "public_key": base64_of(given.public_key),
        "n": given.n,
        "signed_at": given.signed_at,
        "lots": [
            {"salt": base64_of(each.salt), "number": each.number, "lot": each.lot}
            for each in given.lots
        ],
        "signature": base64_of(given.signature),
    }


def test_a_program_enrols_a_key_and_signs_what_is_not_signed(store, alba, program):
    device, party = Device("ERP"), identifier_of(store, alba)
    status, key = program("POST", "/keys", request_of(device, party))
    assert (status, key["state"], key["vouched_by"]) == (201, "good", "first")
    assert key["fingerprint"] == fingerprint(device.public)
    capture(store, make(1, {"A": 10}), see(2, ["A"]), actor=alba)
    status, found = program("GET", "/unsigned")
    assert [each["kind"] for each in found["statements"]][:2] == ["event", "event"]
    (own,) = found["next"]
    assert (own["public_key"], own["n"]) == (base64_of(device.public), 1)
    given = [device.sign(each) for each in to_sign(store, alba)]
    assert [base64_of(each.content) for each in to_sign(store, alba)] == [
        each["content"] for each in reversed(found["statements"])
    ]
    body = {"signatures": [sent(each) for each in given]}
    status, taken = program("POST", "/signatures", body)
    assert status == 201
    assert program("POST", "/signatures", body) == (201, taken)
    status, found = program("GET", "/unsigned")
    assert (found["statements"], found["next"][0]["n"]) == ([], len(given) + 1)


def test_a_program_asks_for_certain_statements_and_for_older_ones(store, alba, program):
    capture(store, *(see(n, ["A"]) for n in range(1, 5)), actor=alba)
    ids = [each.id for each in to_sign(store, alba)]
    _, found = program("GET", f"/unsigned?statement={ids[-1]}&statement={ids[-2]}")
    assert [each["id"] for each in found["statements"]] == [ids[-1], ids[-2]]
    _, found = program("GET", f"/unsigned?before={ids[-1]}")
    assert [each["id"] for each in found["statements"]] == ids[-2::-1]
    assert program("GET", "/unsigned?before=x")[0] == 400


def test_large_statements_come_in_shorter_lists_and_none_is_missed(
    store, alba, program, monkeypatch
):
    capture(store, *(see(n, ["A"]) for n in range(1, 30)), actor=alba)
    ids = [each.id for each in to_sign(store, alba)][::-1]
    monkeypatch.setattr(signatures, "ENOUGH_BYTES", 1_000)
    found, lengths = [], []
    while not lengths or lengths[-1]:
        before = f"?before={found[-1]}" if found else ""
        _, part = program("GET", f"/unsigned{before}")
        lengths.append(len(part["statements"]))
        found += [each["id"] for each in part["statements"]]
    assert found == ids
    assert max(lengths) == signatures._PORTION < len(ids)


def test_a_wrong_number_is_answered_with_the_expected_one(store, alba, program):
    device = Device()
    enrol(store, alba, device)
    capture(store, make(1, {"A": 10}), actor=alba)
    statement = to_sign(store, alba)[-1]
    body = {"signatures": [sent(device.sign(statement, n=7))]}
    status, problem = program("POST", "/signatures", body)
    assert (status, problem["errors"][0]["place"]) == (409, "/signatures/0/n")
    assert problem["errors"][0]["rule"] == "The next number of this key is 1, not 7"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"public_key": "AAAA"}, "/signatures/0/public_key"),
        ({"signature": "!"}, "/signatures/0/signature"),
        ({"signed_at": "2026-05-01T09:00:00+08:00"}, "/signatures/0/signed_at"),
        ({"signed_at": "2026-05-01 09:00"}, "/signatures/0/signed_at"),
        ({"n": 0}, "/signatures/0/n"),
        ({"n": "1"}, "/signatures/0/n"),
        ({"statement": 2**70}, "/signatures/0/statement"),
        ({"lots": [{"salt": "AA==", "number": 1, "lot": "/01/x"}]}, "/signatures/0/lots/0/salt"),
    ],
)
def test_what_is_no_signature_is_refused_by_its_place(store, alba, program, change, place):
    given = Device().sign(Unsigned(1, "event", b"{}", (), 2026, 1, datetime.now(UTC)))
    body = {"signatures": [sent(given) | change]}
    status, problem = program("POST", "/signatures", body)
    assert (status, problem["errors"][0]["place"]) == (400, place)


def test_base64_has_one_spelling(store, alba, program):
    device = Device()
    body = request_of(device, identifier_of(store, alba))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    key = body["public_key"]
    # The last letter before "=" has two bits that stand for nothing.
    other = key[:-2] + letters[letters.index(key[-2]) | 1] + "="
    assert other != key
    assert program("POST", "/keys", body | {"public_key": other})[0] == 400
    assert program("POST", "/keys", body)[0] == 201


def test_keys_are_confirmed_ended_and_doubted_by_the_api(store, alba, program):
    first, second, third = Device(), Device("office"), Device("third")
    party = identifier_of(store, alba)
    _, key = program("POST", "/keys", request_of(first, party))
    _, waiting = program("POST", "/keys", request_of(second, party))
    assert waiting["state"] == "waiting"
    voucher = first.voucher(party, second)
    said = {"by": base64_of(voucher.by), "signature": base64_of(voucher.signature)}
    path = f"/keys/{waiting['id']}/confirmation"
    assert program("POST", path, {"voucher": said})[1]["state"] == "good"
    assert program("POST", path, {"voucher": said})[0] == 409
    since = {"since": "2026-05-01T00:00:00+08:00"}
    _, doubted = program("POST", f"/keys/{key['id']}/compromise", since)
    assert (doubted["state"], doubted["revoked_reason"]) == ("ended", "stolen")
    assert doubted["compromised_since"].startswith("2026-04-30T16:00:00")
    _, ended = program("POST", f"/keys/{waiting['id']}/end", {"reason": "lost"})
    assert (ended["state"], ended["revoked_reason"]) == ("ended", "lost")
    _, lost = program("POST", "/keys", request_of(third, party, lost_all=True))
    regulator = add_key(store, "regulator")
    _, found = program("GET", "/keys/waiting", key=regulator)
    assert [each["id"] for each in found] == [lost["id"]]
    path = f"/keys/{lost['id']}/confirmation"
    assert program("POST", path, {}, key=regulator)[1]["vouched_by"] == "authority"
    assert [each["state"] for each in program("GET", "/keys")[1]] == ["good", "ended", "ended"]


def test_the_example_of_the_documents_works(store, alba, program):
    """It is run as it stands, with its requests led to the application of this test."""
    text = (DOCS / "signing.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(code.splitlines()) <= 50
    capture(store, make(1, {"A": 10, "B": 5}), see(2, ["A"]), actor=alba)
    names = {"__name__": "example"}
    exec(code, names)  # our own text

    def call(method, path, body=None):
        status, answer = program(method, path, body)
        assert status < 300, answer
        return answer

    names["enrol"](call, identifier_of(store, alba), "ERP of Alba")
    assert names["sign_all"](call) == 2
    assert to_sign(store, alba) == []


def test_the_page_of_keys_shows_what_can_be_done(store, alba, person):
    page = person.get("/account/devices")
    assert page.status_code == 200
    assert "There is no key yet" in page.text
    assert f'data-party="{identifier_of(store, alba)}"' in page.text
    device = Device("packing hall")
    form = {"public_key": base64_of(device.public), "name": device.name}
    proof = base64_of(device.proof(identifier_of(store, alba)))
    assert person.post("/account/devices", form | {"proof": proof}).status_code == 303
    page = person.get("/account/devices").text
    assert "packing hall" in page
    assert fingerprint(device.public) in page
    assert (
        person.post("/account/devices", form | {"proof": base64_of(bytes(64))}).status_code == 400
    )


def test_a_person_ends_a_key_and_says_since_when_others_had_it(store, alba, person):
    key = enrol(store, alba, Device())
    ended = person.post(
        f"/account/devices/{key.id}/end", {"reason": "lost"}, form_on="/account/devices"
    )
    assert ended.status_code == 303
    doubted = person.post(
        f"/account/devices/{key.id}/compromise", {"since": "2026-05-01"}, form_on="/account/devices"
    )
    assert doubted.status_code == 303
    with store.reading() as session:
        row = session.get_one(IssuerKey, key.id)
        assert row.compromised_since == datetime(2026, 4, 30, 16, tzinfo=UTC)
        assert row.revoked_reason == "lost"
    assert "in doubt since" in person.get("/account/devices").text


def test_a_person_lets_a_second_device_in(store, alba, person):
    first, second = Device(), Device("office")
    enrol(store, alba, first)
    waiting = enrol(store, alba, second)
    assert "They are the same: let it in" in person.get("/account/devices").text
    voucher = first.voucher(identifier_of(store, alba), second)
    form = {"voucher.by": base64_of(voucher.by), "voucher.signature": base64_of(voucher.signature)}
    path = f"/account/devices/{waiting.id}/confirmation"
    assert person.post(path, {}, form_on="/account/devices").status_code == 400
    assert person.post(path, form, form_on="/account/devices").status_code == 303
    with store.reading() as session:
        assert keys.state_of(session.get_one(IssuerKey, waiting.id)) == "good"


def test_the_signing_page_has_the_exact_bytes_and_takes_signatures(store, alba, person):
    device = Device()
    enrol(store, alba, device)
    capture(store, make(1, {"A": 10}), actor=alba)
    statement = to_sign(store, alba)[-1]
    page = person.get("/account/signing").text
    assert f'data-content="{base64_of(statement.content)}"' in page
    body = json.dumps({"signatures": [sent(device.sign(statement))]})
    assert person.post("/account/signing", {"signatures": body}).status_code == 303
    assert "1 entry is signed" in person.get("/account/signing").text
    for wrong in ("", "x", "[]", '{"signatures": []}', '{"signatures": [{}]}'):
        assert person.post("/account/signing", {"signatures": wrong}).status_code == 400
    body = json.dumps({"signatures": [sent(device.sign(statement, n=5))]})
    assert person.post("/account/signing", {"signatures": body}).status_code == 409


def test_a_regulator_confirms_on_a_page(store, alba):
    enrol(store, alba, Device())
    waiting = enrol(store, alba, Device("new phone"), lost_all=True)
    with store.transaction() as session:
        session.get(Party, alba.party_id).phone = "0851-00000009"
    add_person(store, "ruth", "regulator")
    regulator = Browser(staff_app(store))
    regulator.sign_in("ruth")
    regulator.get("/account?lang=en")
    page = "/account/devices/waiting"
    shown = regulator.get(page).text
    assert fingerprint(waiting.public_key) in shown
    assert "0851-00000009" not in shown  # who asks can have changed the number that stands here
    assert regulator.post(f"{page}/{waiting.id}", {}, form_on=page).status_code == 303
    assert regulator.post(f"{page}/{waiting.id}", {}, form_on="/account").status_code == 409
    assert "Nobody waits" in regulator.get(page).text


def test_the_page_of_a_lot_says_who_signed_each_step(store, alba, person):
    device = Device("packing hall")
    enrol(store, alba, device)
    made = make(1, {"A": 10})
    capture(store, made, actor=alba)
    address = "/producers/lots" + to_sign(store, alba)[-1].lots[0]
    page = person.get(address).text
    assert "entered through the service" in page
    assert "Sign with this device" in page
    (signature,) = send(store, alba, device.sign(to_sign(store, alba)[-1]))
    page = person.get(address).text
    assert "device packing hall" in page
    assert "Sign with this device" not in page
    with store.reading() as session:
        key_id = session.scalars(select(IssuerSignature.key_id)).one()
    with store.transaction() as session:
        since = datetime(2026, 1, 1, tzinfo=UTC)
        keys.declare_compromised(session, alba, key_id=key_id, since=since)
    assert "to be confirmed again" in person.get(address).text
    assert signature
