"""What was scanned finds the thing on record, and leads to what may be done with it."""

import html
import re
from io import BytesIO

import pytest
from flask import request

from foodtrace.inspections import services as inspections
from foodtrace.producers import services
from foodtrace.producers.services import Moved
from foodtrace.trace.access.actor import SYSTEM, Role
from foodtrace.trace.codes.services import codes_of_run, end_codes, make_run
from foodtrace.trace.masterdata.services import register_place
from foodtrace.trace.scanning import photos

from ..trace.photographing import file_of, ground, photo_of, symbol
from ..web import add_key, bearer, token_of
from .conftest import GTIN, NOON, enrol, kilograms, make, on_sqlite
from .test_recalled import SAID

pytestmark = on_sqlite

SSCC = "106901234500000010"


def sent(browser, *, photo=None, then=None, **fields):
    """Send the form of the page, as a browser without script does."""
    address = f"/scan?then={then}" if then else "/scan"
    fields["csrf_token"] = token_of(browser.get("/scan").text)
    parts = [f'"{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    if photo is not None:
        parts.append(b'"photo"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n' + photo)
    head = b"--limit\r\nContent-Disposition: form-data; name="
    body = b"".join(head + part + b"\r\n" for part in parts) + b"--limit--\r\n"
    form = "multipart/form-data; boundary=limit"
    return browser.client.post(address, data=body, content_type=form)


def answer_to(browser, **sent_fields):
    """Send the form, and return the page of the answer."""
    answer = sent(browser, **sent_fields)
    assert answer.status_code == 303, answer.text
    return browser.get(answer.location)


def steps_on(page):
    """The buttons of the answer: their words and where they lead."""
    cards = page.text.split('<form class="card scan"')[0]
    found = re.findall(r'<a class="button[^"]*" href="([^"]+)">([^<]+)</a>', cards)
    return {words: html.unescape(address) for address, words in found}


def test_it_works(alba_at_home, lot):
    page = answer_to(alba_at_home, code=lot)
    assert "Alba Farm" in page.text
    assert "20261001-01" in page.text
    assert steps_on(page)["Ship it"] == f"/producers/ship?code={lot}"


@pytest.mark.parametrize(
    "typed",
    [
        "https://id.gs1.org{lot}",
        "(01)" + GTIN + "(10)20261001-01",
        "]d201" + GTIN + "10" + "20261001-01\x1d21A1",
        "01" + GTIN + "10" + "20261001-01{{GS}}21A1",
        "01" + GTIN + "10" + "20261001-01^]21A1",
        "01" + GTIN + "10" + "20261001-0121A1",  # the scanner lost the separator
        " \ufeff01" + GTIN + "10" + "20261001-01\r\n",
    ],
)
def test_whatever_a_hand_scanner_types_finds_the_lot(alba_at_home, lot, typed):
    page = answer_to(alba_at_home, code=typed.format(lot=lot))
    assert steps_on(page)["Look at it"] == f"/producers/lots{lot}"


def test_a_serial_that_nobody_recorded_shows_the_lot_and_says_so(alba_at_home, lot):
    page = answer_to(alba_at_home, code=f"(01){GTIN}(10)20261001-01(21)A1")
    assert (
        f"The code says /01/{GTIN}/21/A1. Nothing is recorded of that which you may see"
        in page.text
    )
    assert "Ship it" in steps_on(page)


@pytest.mark.parametrize(
    ("name", "turned"),
    [("DataMatrix", 12), ("Code128", 4), ("QRCode", 33)],
)
def test_a_photo_of_each_gs1_symbol_finds_the_lot(alba_at_home, lot, name, turned):
    elements = f"(01){GTIN}(17)261031(10)20261001-01"
    photo = file_of(photo_of(symbol(elements, name, scale=3, gs1=True), turned=turned))
    assert steps_on(answer_to(alba_at_home, photo=photo))["Look at it"] == f"/producers/lots{lot}"


def test_a_photo_of_our_own_code_finds_the_lot(alba_at_home, lot, app):
    photo = file_of(photo_of(symbol(f"http://localhost{lot}", "QRCode")))
    assert "Ship it" in steps_on(answer_to(alba_at_home, photo=photo))


@pytest.mark.parametrize(
    ("text", "name"), [(GTIN[1:], "EAN13"), (GTIN, "ITF14")], ids=["EAN-13", "ITF-14"]
)
def test_a_product_code_asks_for_the_lot_and_offers_those_in_stock(
    alba_at_home, lot, chili, text, name
):
    photo = file_of(photo_of(symbol(text, name)))
    page = answer_to(alba_at_home, photo=photo)
    assert "This code names a product, but no lot of it." in page.text
    assert f'href="/scan?code={lot}"' in page.text
    answer = alba_at_home.post(
        f"/scan?code={GTIN}", {"code": GTIN, "lot": "20261001-01"}, form_on=f"/scan?code={GTIN}"
    )
    assert "Ship it" in steps_on(alba_at_home.get(answer.location))


def test_a_lot_number_that_cannot_be_is_refused_beside_its_field(alba_at_home, chili):
    page = alba_at_home.post(
        f"/scan?code={GTIN}", {"code": GTIN, "lot": "１２３"}, form_on=f"/scan?code={GTIN}"
    )
    assert page.status_code == 400
    assert 'id="error-lot"' in page.text
    assert "full-width character １" in page.text


def test_full_width_digits_are_refused_with_a_hint_and_never_mended(alba_at_home, lot):
    page = sent(alba_at_home, code="（01）" + GTIN)
    assert page.status_code == 400
    assert "Switch the input method to English (half-width)" in page.text
    assert 'id="error-code"' in page.text


def test_several_codes_in_one_photo_are_all_listed(alba_at_home, store, alba, chili, lot):
    with store.transaction() as session:
        other = make(session, alba, chili, lot_number="B2").identifier
    photo = file_of(
        photo_of(
            symbol(f"https://id.gs1.org{lot}", "QRCode"),
            symbol(f"https://id.gs1.org{other}", "QRCode"),
        )
    )
    page = answer_to(alba_at_home, photo=photo)
    assert page.text.count('data-found="yes"') == 2


def test_a_photo_without_a_code_says_so(alba_at_home):
    page = answer_to(alba_at_home, photo=file_of(ground()))
    assert "No code was found in the photo." in page.text


@pytest.mark.parametrize("photo", [b"a text", b"<svg/>", file_of(ground())[:900]])
def test_what_is_no_photo_is_refused_beside_its_field(alba_at_home, photo):
    page = sent(alba_at_home, photo=photo)
    assert page.status_code == 400
    assert 'id="error-photo"' in page.text


def test_a_photo_is_never_written_to_the_disk(app):
    photo = {"photo": (BytesIO(bytes(400_000)), "a.jpg")}  # the test client has a limit of its own
    with app.test_request_context("/scan", method="POST", data=photo):
        parser = request.make_form_data_parser()
        assert isinstance(parser.stream_factory(10_000_000, "image/jpeg"), BytesIO)
        assert request.files["photo"].read() == bytes(400_000)


def test_a_photo_of_more_than_8_megabytes_is_refused(alba_at_home):
    assert sent(alba_at_home, photo=bytes(photos.MOST_BYTES + 1)).status_code == 413
    assert sent(alba_at_home, photo=bytes(photos.MOST_BYTES * 2)).status_code == 413


def test_an_empty_form_asks_for_a_code(alba_at_home):
    page = sent(alba_at_home, code=" ")
    assert page.status_code == 400
    assert "Nothing was scanned or typed" in page.text


def test_a_foreign_code_is_shown_and_named_unreadable(alba_at_home):
    photo = file_of(photo_of(symbol("BEGIN:VCARD\nN:<b>Li</b>\x07", "QRCode")))
    page = answer_to(alba_at_home, photo=photo)
    assert 'data-found="no"' in page.text
    assert "<b>Li" not in page.text


def test_what_others_have_looks_like_what_nobody_has(store, browser_of, bruno, lot):
    browser = browser_of(bruno)
    page = answer_to(browser, code=lot)
    unknown = answer_to(browser, code=lot.replace("20261001-01", "20261001-99"))
    assert steps_on(page) == {"It arrived: receive it": f"/producers/receive/other?code={lot}"}

    def plain(text):
        text = re.sub(r'value="[^"]*"', "", text)
        return text.replace("20261001-99", "20261001-01")

    assert plain(page.text) == plain(unknown.text)


def test_what_was_sent_to_one_is_received(store, browser_of, alba, bruno, lot):
    with store.transaction() as session:
        services.ship(
            session,
            alba.actor,
            place_id=alba.place_id,
            recipient_id=bruno.party_id,
            items=[Moved(lot)],
            at=NOON,
        )
    page = answer_to(browser_of(bruno), code=lot)
    assert steps_on(page)["Receive it"].startswith("/producers/receive/")


def test_a_pallet_is_found_and_unpacked(store, alba_at_home, alba, lot):
    with store.transaction() as session:
        services.pack(
            session,
            alba.actor,
            place_id=alba.place_id,
            sscc=SSCC,
            contents=[kilograms(lot, 10)],
            at=NOON,
        )
    photo = file_of(photo_of(symbol(f"(00){SSCC}", "Code128", gs1=True)))
    assert steps_on(answer_to(alba_at_home, photo=photo))["Unpack it"] == (
        f"/producers/unpack?code=/00/{SSCC}"
    )


def test_a_place_of_ones_own_is_found_and_no_other(store, alba_at_home, browser_of, alba, bruno):
    with store.transaction() as session:
        register_place(session, SYSTEM, party_id=alba.party_id, name="三号地", gln="6901234500011")
    code = "(414)6901234500011"
    assert "三号地" in answer_to(alba_at_home, code=code).text
    assert "三号地" not in answer_to(browser_of(bruno), code=code).text


def test_an_inspector_is_led_to_the_chain_and_a_laboratory_to_its_certificate(
    store, browser_of, lot
):
    inspector = enrol(store, "Authority", "authority", Role.INSPECTOR)
    page = answer_to(browser_of(inspector, "inspector"), code=lot)
    assert steps_on(page)["Trace its chain"] == f"/inspections/lots{lot}"
    laboratory = enrol(store, "Laboratory", "laboratory", Role.LABORATORY)
    page = answer_to(browser_of(laboratory, "laboratory"), code=lot)
    assert steps_on(page) == {"Issue a certificate": f"/inspections/certificates/new?lot={lot}"}


def test_a_form_gets_what_was_photographed_for_it(alba_at_home, lot):
    assert "/scan?then=/producers/ship" in alba_at_home.get("/producers/ship").text
    photo = file_of(photo_of(symbol(f"https://id.gs1.org{lot}", "QRCode")))
    answer = sent(alba_at_home, photo=photo, then="/producers/ship")
    assert answer.status_code == 303
    page = alba_at_home.get(answer.location)
    assert re.search(rf'value="KGM {lot}" checked', page.text)


def test_a_form_does_not_get_what_is_unknown(alba_at_home):
    answer = sent(alba_at_home, code=f"(01){GTIN}(10)NONE", then="/producers/ship")
    assert answer.location.startswith("/scan?")
    assert "Use this code" not in alba_at_home.get(answer.location).text


@pytest.mark.parametrize(
    "then",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/producers/ship\r\nSet-Cookie: a=b",
        "/\t/evil.example",
        " //evil.example",
        "///evil.example",
        "/no/such/page",
        "/logout",
        "/api/v1/lots",
        "/scan@evil.example",
        "producers/ship",
        "/ｅvil",
    ],
)
def test_one_is_sent_back_to_pages_of_ours_only(alba_at_home, lot, then):
    page = alba_at_home.get("/scan", query_string={"then": then})
    assert page.status_code == 400
    answer = alba_at_home.post("/scan", {"code": lot}, form_on="/scan", query_string={"then": then})
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_frames_of_the_camera_are_answered_with_where_to_go(alba_at_home, lot):
    page = alba_at_home.get("/scan")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]

    def frame(picture, **headers):
        return alba_at_home.client.post(
            "/scan/frames", data=file_of(picture), headers=headers, content_type="image/jpeg"
        )

    told = {"X-CSRFToken": token}
    assert frame(ground(), **told).json == {"address": None}
    found = frame(photo_of(symbol(f"https://id.gs1.org{lot}", "QRCode")), **told)
    assert "Ship it" in steps_on(alba_at_home.get(found.json["address"]))
    assert frame(ground()).status_code == 400  # what another site may send


def test_only_the_scan_page_may_use_the_camera(alba_at_home):
    assert "camera=(self)" in alba_at_home.get("/scan").headers["Permissions-Policy"]
    assert "camera=()" in alba_at_home.get("/producers").headers["Permissions-Policy"]
    policy = alba_at_home.get("/scan").headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_programs_send_a_text_or_a_photo(store, app, alba, lot):
    client = app.test_client()
    key = bearer(add_key(store, "producer", alba.party_id))
    said = client.post(
        "/api/v1/scans", json={"text": f"^01{GTIN}1020261001-01^21A1"}, headers=key
    ).json["codes"]
    assert [(code["identifier"], code["is_exact"]) for code in said] == [
        (f"/01/{GTIN}/21/A1", False)
    ]
    assert said[0]["known"]["identifier"] == lot
    assert said[0]["known"]["maker"] == "Alba Farm"
    photo = file_of(photo_of(symbol(f"(01){GTIN}(10)20261001-01", "DataMatrix", gs1=True)))
    seen = client.post("/api/v1/scans", data=photo, content_type="image/jpeg", headers=key).json
    assert [
        (code["symbology"], code["identifier"], code["is_exact"]) for code in seen["codes"]
    ] == [("]d2", lot, True)]


def test_programs_are_told_what_is_wrong(store, app, alba):
    client = app.test_client()
    key = bearer(add_key(store, "producer", alba.party_id))

    def status(**options):
        return client.post("/api/v1/scans", headers=key, **options).status_code

    assert status(data=b"none", content_type="image/png") == 400
    assert status(data=bytes(photos.MOST_BYTES + 1), content_type="image/png") == 413
    assert status(json={}) == 400
    assert status(json={"text": ""}) == 400
    assert status(data=b"x", content_type="text/plain") == 415
    unreadable = client.post("/api/v1/scans", headers=key, json={"text": "４００６"}).json["codes"]
    assert unreadable[0]["identifier"] is None
    assert "half-width" in unreadable[0]["problem"]


@pytest.fixture
def unit(store, alba, chili, lot):
    """One of Alba's codes on single things, with its run."""
    with store.transaction() as session:
        run = make_run(session, alba.actor, product=f"/01/{GTIN}", lot=lot, count=3)
        return run.id, codes_of_run(session, alba.actor, run.id, first=2, last=2)[0]


def test_a_code_on_a_single_thing_finds_the_lot_that_it_was_given_to(alba_at_home, unit, lot):
    photo = file_of(photo_of(symbol(f"http://localhost{unit[1]}", "QRCode")))
    page = answer_to(alba_at_home, photo=photo)
    assert "This code belongs to a single item of the lot." in page.text
    assert steps_on(page)["Look at it"] == f"/producers/lots{lot}"


def test_a_void_code_is_called_void(store, alba, alba_at_home, unit):
    with store.transaction() as session:
        end_codes(
            session,
            alba.actor,
            run_id=unit[0],
            first=unit[1],
            last=unit[1],
            state="void",
            reason="torn",
        )
    assert "This code was declared void." in answer_to(alba_at_home, code=unit[1]).text


def test_what_became_of_anothers_code_is_not_told(browser_of, bruno, unit):
    page = answer_to(browser_of(bruno), code=unit[1])
    assert "single item" not in page.text.lower().replace("single item</dd>", "")
    assert "20261001-01" not in page.text


def test_what_is_recalled_is_marked_and_only_sent_back(store, alba, alba_at_home, lot):
    with store.transaction() as session:
        inspections.open_recall(session, alba.actor, lot=lot, **SAID)
    page = answer_to(alba_at_home, code=lot)
    assert "This is under recall." in page.text
    assert list(steps_on(page)) == ["Look at it", "Ship it back", "Record temperatures"]
