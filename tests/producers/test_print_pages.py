"""Labels ordered on pages and by programs, as people and programs do it."""

import re
from base64 import b64decode
from urllib.parse import quote

import pytest

from foodtrace.producers.printing import jobs
from foodtrace.trace.codes.services import make_run

from ..web import PASSWORD, Browser, add_key, add_person, bearer, settings_of, staff_app
from .conftest import GTIN, on_sqlite
from .printed import codes_in, pictures_in, zpl_pages
from .test_pages import filled, messages

pytestmark = on_sqlite
HERE = "https://trace.example"


@pytest.fixture
def settings(store, tmp_path):
    return settings_of(store, data=tmp_path, base_url=HERE)


@pytest.fixture
def app(store, tmp_path):
    return staff_app(store, data=tmp_path, base_url=HERE)


def asked(lot, /, **more):
    given = {"lot": lot, "copies": 3, "layout": "60x40", "format": "zpl", "dpi": 203} | more
    return "/producers/prints/new?" + "&".join(f"{k}={quote(str(v))}" for k, v in given.items())


def order(browser, address):
    page = browser.get(address)
    assert page.status_code == 200, messages(page)
    return browser.post("/producers/prints/new", filled(page))


def test_labels_are_chosen_looked_at_ordered_and_fetched(store, settings, alba_at_home, lot):
    page = alba_at_home.get(f"/producers/lots{lot}")
    assert "/producers/prints/new?lot=" in page.text
    page = alba_at_home.get(asked(lot))
    picture = b64decode(re.search(r"data:image/png;base64,([^\"]+)", page.text)[1])
    (shown,) = pictures_in(picture)
    assert codes_in(shown) == [HERE + lot]
    assert "3 labels. A module of the code is 0.5 mm wide" in page.text
    sent = order(alba_at_home, asked(lot))
    assert sent.status_code == 303
    page = alba_at_home.get(sent.location)
    assert "0 of 3 labels" in page.text
    assert 'data-poll="1000"' in page.text
    assert "/file" not in page.text
    jobs.draw_next(store, settings)
    page = alba_at_home.get(sent.location)
    assert "checked and released" in page.text
    assert "data-poll" not in page.text
    answer = alba_at_home.get(re.search(r'href="(/producers/prints/[^"]+/file)"', page.text)[1])
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=labels-")
    ((dots, copies),) = zpl_pages(answer.data)
    assert (codes_in(dots), copies) == ([HERE + lot], 3)
    answer.close()


def test_printing_again_asks_for_the_reason_and_keeps_it(alba_at_home, lot):
    order(alba_at_home, asked(lot))
    page = alba_at_home.get(asked(lot))
    assert "Labels of this were ordered before" in page.text
    refused = alba_at_home.post("/producers/prints/new", filled(page))
    assert refused.status_code == 400
    assert messages(refused) == [
        "Labels of this were ordered before. Write why they are printed again."
    ]
    sent = alba_at_home.post("/producers/prints/new", filled(refused) | {"reason": "spoilt"})
    assert sent.status_code == 303
    assert "again: spoilt" in alba_at_home.get("/producers/prints").text


def test_a_form_that_is_sent_twice_orders_once(alba_at_home, lot):
    fields = filled(alba_at_home.get(asked(lot)))
    first = alba_at_home.post("/producers/prints/new", fields)
    second = alba_at_home.post("/producers/prints/new", fields)
    assert first.location == second.location


def test_a_label_that_is_too_small_is_refused_beside_its_field(alba_at_home, lot):
    page = alba_at_home.get(asked(lot, layout="20x20"))
    assert page.status_code == 400
    assert "The code has 33 modules a side" in messages(page)[0]
    assert "Order these labels" not in page.text


@pytest.mark.parametrize(
    "changes",
    [{"copies": "many"}, {"copies": 10**30}, {"layout": "x" * 500}, {"lot": "nothing"},
     {"lot": ""}, {"format": "exe"}, {"dpi": 0}, {"run": "1", "first": "-1"}],
)  # fmt: skip
def test_what_nobody_can_choose_is_refused_and_the_page_drawn(alba_at_home, lot, changes):
    page = alba_at_home.get(asked(lot, **changes))
    assert page.status_code == 400
    assert "Print labels" in page.text


def test_labels_of_a_run_are_ordered_from_its_codes(store, settings, alba, chili, alba_at_home):
    with store.transaction() as session:
        run = make_run(session, alba.actor, product=f"/01/{GTIN}", count=30).id
    page = alba_at_home.get(f"/producers/prints/new?run={run}")
    assert f"Codes of run {run}" in page.text
    address = f"/producers/prints/new?run={run}&first=2&last=4&layout=a4-24&format=pdf&dpi=203"
    sent = order(alba_at_home, address)
    assert "0 of 3 labels" in alba_at_home.get(sent.location).text


def test_a_refused_job_says_why_in_the_reader_s_language(store, settings, alba_at_home, lot,
                                                           monkeypatch):  # fmt: skip
    sent = order(alba_at_home, asked(lot))
    monkeypatch.setattr(jobs, "MOST_ATTEMPTS", 0)
    jobs.draw_next(store, settings)
    page = alba_at_home.get(sent.location)
    assert "The labels could not be drawn for a fault on our side" in page.text
    assert "refused" in page.text


def test_another_s_jobs_are_not_found(store, app, settings, alba_at_home, bruno, lot):
    sent = order(alba_at_home, asked(lot))
    add_person(store, "bruno", "producer", party_id=bruno.party_id)
    rival = Browser(app)
    rival.sign_in("bruno", PASSWORD)
    assert rival.get(sent.location).status_code == 404
    assert rival.get(f"{sent.location}/file").status_code == 404
    assert rival.get(asked(lot)).status_code == 404
    assert sent.location.rsplit("/", 1)[1] not in rival.get("/producers/prints").text


# For programs


@pytest.fixture
def client(store, app, alba):
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = bearer(add_key(store, "producer", alba.party_id))[
        "Authorization"
    ]
    return client


def test_a_program_orders_labels_and_fetches_the_file(store, settings, client, lot):
    sent = client.post(
        "/api/v1/prints",
        json={"lot": lot, "layout": "60x40", "format": "zpl", "dpi": 203, "copies": 2},
    )
    assert sent.status_code == 201
    assert sent.json["state"] == "waiting"
    assert (sent.json["lot"], sent.json["labels"]) == (lot, 2)
    address = sent.headers["Location"]
    assert client.get(f"{address}/file").status_code == 409
    jobs.draw_next(store, settings)
    assert client.get(address).json["state"] == "released"
    file = client.get(f"{address}/file")
    ((page, copies),) = zpl_pages(file.data)
    assert (codes_in(page), copies) == ([HERE + lot], 2)
    file.close()
    (listed,) = client.get("/api/v1/prints").json["jobs"]
    assert listed["id"] == sent.json["id"]
    assert listed["reason"] is None


def test_a_program_is_told_what_is_wrong(client, lot):
    for body, place in (
        ({"lot": lot}, "/layout"),
        ({"lot": lot, "layout": "20x20"}, "layout"),
        ({"lot": lot, "run": 1, "layout": "60x40"}, "/lot"),
        ({"layout": "60x40"}, "lot"),
        ({"lot": lot, "layout": "60x40", "paper": 1}, "/paper"),
    ):
        answer = client.post("/api/v1/prints", json=body)
        assert answer.status_code == 400, body
        assert answer.json["errors"][0]["place"].strip("/") == place.strip("/")


def test_an_order_with_a_key_is_given_once(client, lot):
    body, key = {"lot": lot, "layout": "60x40"}, {"Idempotency-Key": "k1"}
    first = client.post("/api/v1/prints", json=body, headers=key)
    again = client.post("/api/v1/prints", json=body, headers=key)
    assert first.json["id"] == again.json["id"]
    other = client.post("/api/v1/prints", json=body | {"copies": 2}, headers=key)
    assert other.status_code == 422
