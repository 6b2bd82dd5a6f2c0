"""Codes on single things: by the JSON API, and on the pages of the console."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest

from foodtrace.trace.codes.queue import Scanned
from foodtrace.trace.codes.rules import Look
from foodtrace.trace.codes.scans import record_looks

from ..web import PASSWORD, Browser, add_key, add_person, bearer, staff_app
from .conftest import on_sqlite
from .test_pages import filled, messages

pytestmark = on_sqlite
GTIN_PATH = "/01/06901234567892"
HOST = "http://localhost"


@pytest.fixture
def app(store):
    return staff_app(store)


@pytest.fixture
def api(store, app, alba, chili):
    """A function that sends a request with Alba's key."""
    client, headers = app.test_client(), bearer(add_key(store, "producer", alba.party_id))

    def send(method, path, body=None, **more):
        return client.open(
            f"/api/v1{path}", method=method, json=body, headers=headers | more.pop("headers", {})
        )

    return send


@pytest.fixture
def browser(store, app, alba, chili):
    add_person(store, "alba", "producer", party_id=alba.party_id)
    browser = Browser(app)
    assert browser.sign_in("alba", PASSWORD).status_code == 302
    browser.get("/account?lang=en")
    return browser


def make_run(api, **more):
    answer = api("POST", "/code-runs", {"product": GTIN_PATH, "count": 5} | more)
    assert answer.status_code == 201, answer.text
    return answer.get_json()


def codes_of(api, run):
    return api("GET", f"/code-runs/{run['id']}/codes").get_json()["codes"]


def test_it_works(api, lot):
    run = make_run(api, note="roll 7")
    assert (run["count"], run["note"], run["lot"]) == (5, "roll 7", None)
    codes = codes_of(api, run)
    assert [codes[0], codes[-1]] == [run["first"], run["last"]]
    assert all(code.startswith(f"{HOST}{GTIN_PATH}/21/") for code in codes)
    stretch = {"first": codes[1], "last": codes[3], "lot": lot}
    answer = api("POST", f"/code-runs/{run['id']}/activations", stretch)
    assert answer.status_code == 201
    assert answer.get_json()["lot"] == lot
    spoilt = {"first": codes[4], "last": codes[4], "state": "void", "reason": "torn"}
    assert api("POST", f"/code-runs/{run['id']}/ends", spoilt).status_code == 201
    found = api("GET", f"/code-runs/{run['id']}").get_json()
    assert [(each["first"], each["last"], each["state"]) for each in found["stretches"]] == [
        (1, 1, "waiting"),
        (2, 4, "active"),
        (5, 5, "void"),
    ]
    (listed,) = api("GET", "/code-runs").get_json()["runs"]
    assert listed == found["run"]
    assert listed["created_at"] == run["created_at"]


def test_the_table_has_a_line_for_each_code(api):
    run = make_run(api, count=1203)
    answer = api("GET", f"/code-runs/{run['id']}/codes.csv")
    assert answer.mimetype == "text/csv"
    assert f"codes-{run['id']}.csv" in answer.headers["Content-Disposition"]
    lines = list(csv.reader(io.StringIO(answer.text)))
    assert lines[0] == ["position", "identifier", "url"]
    assert [line[2] for line in lines[1:]] == codes_of(api, run)
    assert [int(line[0]) for line in lines[1:]] == list(range(1, 1204))
    assert not [cell for line in lines for cell in line if cell[0] in "=+-@\t\r"]
    part = api("GET", f"/code-runs/{run['id']}/codes.csv?first=3&last=4").text.splitlines()
    assert part[1:] == answer.text.splitlines()[3:5]
    assert api("GET", f"/code-runs/{run['id']}/codes?first=3&last=4").get_json() == {
        "codes": [line[2] for line in lines[3:5]]
    }


def test_the_same_key_makes_one_run(api):
    body, key = {"product": GTIN_PATH, "count": 2}, {"headers": {"Idempotency-Key": "roll-7"}}
    first = api("POST", "/code-runs", body, **key)
    second = api("POST", "/code-runs", body, **key)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.get_json() == first.get_json()
    assert len(api("GET", "/code-runs").get_json()["runs"]) == 1


def test_what_cannot_be_is_refused_with_the_field(api, lot):
    for body, place in [
        ({"count": 20_001}, "/count"),
        ({"count": 0}, "/count"),
        ({"product": "/01/06907654321090"}, "/product"),
        ({"lot": "/01/06901234567892/10/NONE"}, "/lot"),
        ({"more": 1}, "/more"),
    ]:
        answer = api("POST", "/code-runs", {"product": GTIN_PATH, "count": 5} | body)
        assert answer.status_code == 400
        assert answer.get_json()["errors"][0]["place"] == place
    run = make_run(api)
    codes = codes_of(api, run)
    stretch = {"first": codes[3], "last": codes[1], "lot": lot}
    answer = api("POST", f"/code-runs/{run['id']}/activations", stretch)
    assert answer.status_code == 409
    assert codes[1].rpartition("/")[2] in answer.get_json()["errors"][0]["rule"]


def test_what_is_anothers_is_not_found(store, api, bruno, app):
    run = make_run(api)
    headers = bearer(add_key(store, "producer", bruno.party_id))
    client = app.test_client()
    for path in ("", "/codes", "/codes.csv"):
        found = client.get(f"/api/v1/code-runs/{run['id']}{path}", headers=headers)
        absent = client.get(f"/api/v1/code-runs/999999{path}", headers=headers)
        assert (found.status_code, absent.status_code) == (404, 404)
    assert client.get("/api/v1/code-runs", headers=headers).get_json()["runs"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"codes?after={10**30}", 400),
        ("codes?after=first", 400),
        (f"codes/{10**30}", 404),
        ("codes?after=1", 200),
        ("prints/%00", 404),
        ("prints/%00/file", 404),
    ],
)
def test_a_number_that_no_database_keeps_is_refused_or_not_found(browser, path, status):
    assert browser.get(f"/producers/{path}").status_code == status


def test_a_roll_is_used_by_scanning_its_first_and_last_code(api, browser, lot):
    page = browser.get("/producers/codes/new")
    form = filled(page) | {"count": "12", "note": "roll 8"}
    page = browser.post("/producers/codes/new", form)
    assert page.status_code == 303
    page = browser.get(page.headers["Location"])
    assert "The codes are made" in page.text
    assert "waiting on the roll" in page.text
    (run,) = api("GET", "/code-runs").get_json()["runs"]
    assert (run["count"], run["note"]) == (12, "roll 8")
    codes = codes_of(api, run)
    form = filled(browser.get("/producers/codes/activate")) | {"first": codes[2], "last": codes[8]}
    page = browser.post("/producers/codes/activate", form)
    assert page.headers["Location"] == f"/producers/codes/{run['id']}"
    page = browser.get(page.headers["Location"])
    assert "Recorded for 7 codes" in page.text
    assert f'href="/producers/lots{lot}"' in page.text
    # Sent again it is done once
    assert browser.post("/producers/codes/activate", form).status_code == 303
    form = filled(browser.get("/producers/codes/end")) | {"first": codes[2], "state": "void"}
    browser.post("/producers/codes/end", form)
    stretches = api("GET", f"/code-runs/{run['id']}").get_json()["stretches"]
    assert [(each["first"], each["state"]) for each in stretches] == [
        (1, "waiting"), (3, "void"), (4, "active"), (10, "waiting"),
    ]  # fmt: skip
    listed = browser.get("/producers/codes").text
    assert re.search(r"waiting on the roll: 5 · in use: 6 · void: 1", listed.replace("\n  ", ""))
    table = browser.get(f"/producers/codes/{run['id']}/codes.csv")
    assert len(table.text.splitlines()) == 13


def test_a_refused_scan_is_said_beside_its_field(api, browser, lot):
    codes = codes_of(api, make_run(api))
    form = filled(browser.get("/producers/codes/activate"))
    page = browser.post("/producers/codes/activate", form | {"first": codes[3], "last": codes[1]})
    assert page.status_code == 409
    assert messages(page) == [
        f"Code {codes[1].rpartition('/')[2]} comes before the first one on its roll. "
        "Scan the other end of the stretch first."
    ]
    assert codes[3] in page.text
    page = browser.post("/producers/codes/activate", form | {"first": lot, "last": codes[1]})
    assert page.status_code == 400
    assert "not of a roll of yours" in messages(page)[0]


def test_warnings_wait_until_somebody_has_looked(store, api, browser, lot):
    code = codes_of(api, make_run(api, lot=lot))[0].removeprefix(HOST)
    now = datetime.now(UTC)
    with store.transaction() as session:
        looks = [
            Scanned(code, Look(now + timedelta(seconds=n), bytes([n]) * 16, region))
            for n, region in enumerate(("11", "44", "65"))
        ]
        record_looks(session, looks)
    (warning, *_) = api("GET", "/code-warnings?unseen_only=true").get_json()
    assert (warning["identifier"], warning["kind"], warning["scans"]) == (code, "travel", 3)
    assert warning["regions"] == ["11", "44", "65"]
    page = browser.get("/producers/codes")
    assert "places too far apart" in page.text
    assert "Beijing, Guangdong, Xinjiang" in page.text
    assert "no proof of a copy" in page.text
    page = browser.post("/producers/codes/looked", {"code": code}, form_on="/producers/codes")
    assert page.status_code == 303
    assert "places too far apart" not in browser.get("/producers/codes").text
    assert "places too far apart" in browser.get(f"/producers/codes/{warning['run_id']}").text
    assert api("GET", "/code-warnings?unseen_only=true").get_json() == []
