"""Personal values on the pages, in the API and on the command line: seen, opened, erased."""

import hashlib
from dataclasses import replace

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from foodtrace.consumer_web.cli import main
from foodtrace.trace.capture.once import once
from foodtrace.trace.capture.services import record_event
from foodtrace.trace.personal.commitments import written
from foodtrace.trace.personal.erased_list import ErasedList
from foodtrace.trace.personal.wiping import wipe
from foodtrace.trace.store.models import Capture

from ..web import Browser, add_key, add_party, add_person, bearer, settings_of, staff_app
from .acts import ALBA, document, see
from .persons import NAME, PERSONAL, PHONE, commitments, kept, record_of, send, trip
from .test_erasure import files_of

EVENTS = "application/ld+json"


@pytest.fixture
def app(store, tmp_path):
    return staff_app(store, data=tmp_path)


@pytest.fixture
def farm(store):
    return add_party(store, "Farm")


def machine(app, store, role, party=None):
    """Return a function that asks with a key of this role."""
    headers = bearer(add_key(store, role, party))

    def ask(method, address, **options):
        return app.test_client().open(address, method=method, headers=headers, **options)

    return ask


@pytest.fixture
def ask(app, store, farm):
    """Ask as the farm, which has sent a trip with a driver."""
    ask = machine(app, store, "producer", farm)
    sent = ask("POST", "/epcis/capture", data=document(trip()), content_type=EVENTS)
    assert sent.status_code == 202
    return ask


def personal_in(answer):
    (event,) = answer.get_json(force=True)["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return event[PERSONAL]


def test_the_owner_reads_the_value_beside_its_commitment(ask, store):
    driver = personal_in(ask("GET", "/epcis/events"))["foodtrace:driver"]
    assert driver["foodtrace:value"] == NAME
    assert "foodtrace:salt" in driver
    assert NAME not in record_of(store)


@pytest.mark.parametrize("role", ["inspector", "regulator", "administrator"])
def test_others_who_see_the_event_read_the_commitment(app, store, ask, role):
    answer = machine(app, store, role)("GET", "/epcis/events")
    assert personal_in(answer)["foodtrace:driver"].startswith("ni:///sha-256;")
    assert NAME not in answer.get_data(as_text=True)


def test_an_answer_in_xml_says_the_same_and_can_be_sent_again(app, store, ask):
    headers = {"Accept": "application/xml"}
    client = app.test_client()
    key = bearer(add_key(store, "producer", add_party(store, "Farm")))
    answer = client.get("/epcis/events", headers=key | headers)
    assert NAME in answer.get_data(as_text=True)
    before = commitments(store)
    again = client.post(
        "/epcis/capture", data=answer.data, headers=key, content_type="application/xml"
    )
    assert again.status_code == 202
    assert set(commitments(store)) == set(before)


def test_exports_hold_commitments_only(ask):
    exported = ask("GET", "/epcis/export").get_data(as_text=True)
    assert "ni:///sha-256;" in exported
    assert NAME not in exported


def test_an_authority_opens_values_in_a_case(app, store, ask):
    regulator = machine(app, store, "regulator")
    (event,) = [personal_in(regulator("GET", "/epcis/events"))]
    wanted = {"case": "2026-117", "commitments": [event["foodtrace:driver"]]}
    answer = regulator("POST", "/api/v1/personal/openings", json=wanted)
    assert [each["value"] for each in answer.json] == [NAME]
    refused = regulator("POST", "/api/v1/personal/openings", json={**wanted, "case": ""})
    assert refused.status_code == 400


def test_a_party_erases_its_own_by_the_api(app, store, ask, tmp_path):
    answer = ask(
        "POST", "/api/v1/personal/erasures", json={"value": PHONE, "ground": "retention_ended"}
    )
    assert len(answer.json["erased"]) == 1
    assert list(kept(store).values()) == [NAME]
    said = personal_in(ask("GET", "/epcis/events"))
    assert said["foodtrace:phone"] == answer.json["erased"][0]
    assert ErasedList(tmp_path / "anchor").is_unwiped
    again = ask(
        "POST", "/api/v1/personal/erasures", json={"value": PHONE, "ground": "retention_ended"}
    )
    assert again.status_code == 404
    restored = ask("POST", "/api/v1/personal/erasures", json={"value": NAME, "ground": "restored"})
    assert restored.status_code == 400


def test_a_person_erases_on_the_page(app, store, ask, farm):
    add_person(store, "li", "producer", party_id=farm)
    browser = Browser(app)
    browser.sign_in("li")
    assert NAME in browser.get("/account/personal").text
    found = browser.post("/account/personal/search", {"value": PHONE}, form_on="/account/personal")
    assert PHONE in found.text
    (chosen,) = {each for each in found.text.split('"') if each.startswith("ni:///")}
    page = browser.post(
        "/account/personal/erasures", {"chosen": chosen}, form_on="/account/personal"
    )
    assert page.status_code == 400  # no reason
    done = browser.post(
        "/account/personal/erasures",
        {"chosen": chosen, "ground": "consent_withdrawn"},
        form_on="/account/personal",
    )
    assert done.status_code == 303
    assert list(kept(store).values()) == [NAME]


def test_an_administrator_finds_a_value_and_sees_no_others(app, store, ask):
    add_person(store, "wang", "administrator")
    browser = Browser(app)
    browser.sign_in("wang")
    assert NAME not in browser.get("/account/personal").text
    found = browser.post("/account/personal/search", {"value": PHONE}, form_on="/account/personal")
    assert "ni:///sha-256;" in found.text
    assert NAME not in found.text


def test_an_authority_opens_values_on_the_page(app, store, ask):
    add_person(store, "rosa", "regulator")
    browser = Browser(app)
    browser.sign_in("rosa")
    wanted = {"case": "A-1", "commitments": "\n".join(map(written, commitments(store)))}
    page = browser.post("/account/personal/openings", wanted)
    assert NAME in page.text
    assert PHONE in page.text


def test_an_act_leaves_no_hash_of_its_request_that_a_guess_can_be_tested_against(store):
    """The control is the digest that earlier versions kept; the act is known by it, too."""
    request = f'{{"sampled_by":"{NAME}"}}'.encode()
    plain = hashlib.sha256(request).digest()

    def act():
        with store.transaction() as session:
            return once(
                session, ALBA, "k", request,
                lambda: (record_event(session, ALBA, see(1, ["#1"])).id, {"a": 1}), secret="s",
            )  # fmt: skip

    def digest():
        return select(Capture).where(Capture.key == "once:k")

    assert act() == ({"a": 1}, False)
    with store.transaction() as session:
        capture = session.scalars(digest()).one()
        assert bytes(capture.body_sha256) not in (plain, hashlib.sha256(NAME.encode()).digest())
    assert act() == ({"a": 1}, True)
    with store.transaction() as session:
        session.scalars(digest()).one().body_sha256 = plain
    assert act() == ({"a": 1}, True)


@pytest.fixture
def installation(sqlite_store, monkeypatch, tmp_path):
    """An installation that the commands find in the environment."""
    monkeypatch.setenv("FOODTRACE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FOODTRACE_ANCHOR", str(tmp_path / "anchor"))
    monkeypatch.setenv("FOODTRACE_DATABASE_URL", sqlite_store.url)
    send(sqlite_store, trip())
    return sqlite_store


def run(*arguments, given=None):
    return CliRunner().invoke(main, ["erase", *arguments], input=given)


def test_the_command_erases_and_wipes(installation, tmp_path):
    assert NAME.encode() in files_of(installation)
    result = run("--value-stdin", "--ground", "consent_withdrawn", given=NAME + "\n")
    assert result.exit_code == 0, result.output
    assert list(kept(installation).values()) == [PHONE]
    assert NAME.encode() not in files_of(installation)
    assert not ErasedList(tmp_path / "anchor").is_unwiped


def test_the_command_erases_by_commitment_or_document_and_says_what_it_lacks(installation):
    assert run("--ground", "unlawful").exit_code == 2
    assert run("nonsense", "--ground", "unlawful").exit_code == 2
    first = written(commitments(installation)[0])
    assert run(first, "--ground", "unlawful").exit_code == 0
    assert run(first, "--ground", "unlawful").exit_code == 1
    assert run("--document", "1", "--ground", "unlawful").exit_code == 0
    assert kept(installation) == {}


def test_wiping_is_a_job_of_the_service(store, tmp_path):
    settings = replace(settings_of(store), data=tmp_path)
    assert not wipe(store, settings)
    ErasedList(settings.anchor_folder).mark_unwiped()
    assert wipe(store, settings)
    assert not wipe(store, settings)
