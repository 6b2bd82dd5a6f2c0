"""Codes that lead nowhere, and requests that are refused: each has its own text and status."""

import re

import pytest

from foodtrace.consumer_web.lookup import find_code
from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.identifiers import parse_identifier
from foodtrace.trace.gs1.public_code import new_code

from .conftest import BOTH_DATABASES, CHILI, SAUCE, SAUCE_LOT


@BOTH_DATABASES
def test_an_unknown_lot_leads_to_its_product_which_says_so(stage, client, read):
    answer = client.get(f"{SAUCE}/10/NEVER", headers={"Accept-Language": "en"})
    assert answer.status_code == 307
    assert answer.headers["Location"] == f"https://trace.example{SAUCE}?lot=NEVER"
    status, page = read(f"{SAUCE}?lot=NEVER")
    assert status == 200
    assert "Lot NEVER is not on record" in page
    assert "Nobody has registered this lot" in page
    assert "Chili sauce" in page
    assert "Record complete" not in page


def test_an_unknown_code_says_so_and_no_more(stage, read):
    for path in ("/01/09506000134352/10/A", "/01/09506000134352", f"/q/{new_code()}"):
        status, page = read(path)
        assert status == 404
        assert "No such code" in page
        assert "12315" in page


def test_an_unregistered_serial_never_shows_the_product(stage, read):
    """A counterfeiter invents serials: none of them may borrow the product's good name."""
    stage.whole_chain()
    for path in (f"{SAUCE}/21/77", f"{SAUCE_LOT}/21/77"):
        status, page = read(path)
        assert status == 404
        assert "Piece 77 is not on record" in page
        assert "Chili sauce" not in page


def test_a_piece_with_the_lot_of_another_is_unknown(stage, read):
    stage.whole_chain()
    piece = {"type": "ObjectEvent", "action": "ADD", "bizStep": "commissioning"}
    piece |= {"epcList": [f"https://id.gs1.org{SAUCE_LOT}/21/77"]}
    stage.record(stage.bruno, piece, 9)
    assert read(f"{SAUCE}/21/77")[0] == 200
    assert read(f"{SAUCE_LOT}/21/77")[0] == 200
    assert read(f"{SAUCE}/10/OTHER/21/77")[0] == 404


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/01/06901234567890/10/A", "check digit"),
        ("/01/0690123456789/10/A", "GTIN"),
        ("/01/abc/10/A", "GTIN"),
        ("/01/06901234567892/10/" + "A" * 21, "20 characters"),
        ("/01/06901234567892/10/批次", "does not allow"),
        ("/01/06901234567892/10/A%00B", "does not allow"),
        ("/01/06901234567892/99/A", "identifier"),
        ("/00/123", "SSCC"),
        ("/q/HELLO", "27 letters"),
        ("/q/" + "0" * 26 + "1", "wrong"),
    ],
)
def test_a_malformed_code_says_what_is_wrong_and_how_it_looks_right(stage, read, path, text):
    status, page = read(path)
    assert status == 400
    assert "This is not a complete code" in page
    assert text in page.split("How a code looks")[0]
    assert "/01/06901234567892/10/A20261101" in page
    chinese = read(path, lang="zh")[1]
    assert "追溯码不完整或有误" in chinese
    (problem,) = re.findall('<p class="what">(.*?)</p>', chinese)
    assert not re.search("[a-z]{3,} [a-z]{2,}", problem)
    assert re.search("[\u4e00-\u9fff]{4}", problem)


def test_the_examples_of_right_codes_are_right():
    for example in (
        "/01/06901234567892/10/A20261101",
        "/01/06901234567892/21/000123",
        "/00/106901234500000010",
    ):
        assert parse_identifier(example).canonical == example


def test_a_slash_in_a_lot_number_and_one_at_the_end_are_understood(stage, read):
    stage.made(stage.bruno, f"{SAUCE}/10/A%2FB", 3)
    for path in (f"{SAUCE}/10/A%2FB", f"{SAUCE}/10/A%2FB/"):
        status, page = read(path)
        assert status == 200
        assert "A/B" in page


def test_other_ways_of_writing_a_code_lead_to_the_same_page(stage, read, client):
    stage.whole_chain()
    assert read(f"/01/{SAUCE[5:]}/10/S1") == read(SAUCE_LOT)
    page = client.get(f"/01/{SAUCE[5:]}/10/S1").get_data(as_text=True)
    assert f'<link rel="canonical" href="https://trace.example{SAUCE_LOT}">' in page


def test_a_product_without_a_lot_asks_for_the_lot(stage, read):
    status, page = read(SAUCE)
    assert status == 200
    assert "Which lot is it?" in page
    assert "Chili sauce" in page
    assert "Record complete" not in page


@BOTH_DATABASES
def test_a_product_shows_the_recalls_of_its_lots(stage, read):
    stage.whole_chain()
    read(SAUCE)
    stage.recall(SAUCE_LOT)
    page = read(SAUCE)[1]
    assert 'role="alert"' in page
    assert SAUCE_LOT in page
    assert 'role="alert"' not in read(CHILI)[1]


@BOTH_DATABASES
def test_open_recalls_are_listed(stage, read):
    stage.whole_chain()
    assert "Nothing is recalled now" in read("/recalls")[1]
    stage.recall(SAUCE_LOT)
    page = read("/recalls")[1]
    for text in ("Chili sauce", "S1", "Omethoate above the limit", "Bruno Foods"):
        assert text in page


@pytest.mark.parametrize(
    ("code", "lot", "leads_to"),
    [
        ("https://trace.example/01/06901234567892/10/A1", "", "/01/06901234567892/10/A1"),
        ("trace.example/01/06901234567892/10/A1", "", "/01/06901234567892/10/A1"),
        (" 6901234567892 ", "A1", "/01/06901234567892/10/A1"),
        ("06901234567892", "", "/01/06901234567892"),
        ("(01)06901234567892(10)A1(17)261201", "", "/01/06901234567892/10/A1"),
        ("106901234500000010", "", "/00/106901234500000010"),
        ("urn:epc:class:lgtin:9506000.013435.L1", "", "/01/09506000134352/10/L1"),
    ],
)
def test_the_look_up_field_understands_what_people_paste(client, code, lot, leads_to):
    answer = client.get("/", query_string={"code": code, "lot": lot})
    assert answer.status_code == 303
    assert answer.headers["Location"] == leads_to


def test_our_own_code_can_be_typed_in_groups(client):
    code = new_code()
    typed = "-".join(code[i : i + 4].lower() for i in range(0, 27, 4))
    answer = client.get("/", query_string={"code": typed, "lang": "en"})
    assert answer.headers["Location"] == f"/q/{code}?lang=en"


@pytest.mark.parametrize(
    "code",
    [
        "hello",
        "6901234567890",
        "javascript:alert(1)",
        "https://evil.example/",
        "//evil.example/01/x",
        "https://id.gs1.org/253/9506000134369",
        "<script>",
        "\\evil",
        "x" * 600,
        "６９０１２３４５６７８９２",
    ],
)
def test_what_is_no_code_gives_the_form_again_with_a_message(client, code):
    answer = client.get("/", query_string={"code": code}, headers={"Accept-Language": "en"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 400
    assert "<title>Error:" in page
    assert 'aria-invalid="true" aria-describedby="error1"' in page
    assert "<script>" not in page


def test_a_look_up_leads_nowhere_else():
    for code in ("http://evil.example/01/06901234567892/10/A", "//x/01/06901234567892"):
        try:
            found = find_code(code).canonical
        except Invalid:
            continue
        assert found.startswith("/01/06901234567892")


@pytest.mark.parametrize("path", ["/nothing", "/01", "/q/", "/static/x", "/.env"])
def test_other_addresses_are_not_found(client, path):
    answer = client.get(path, headers={"Accept-Language": "en"})
    assert answer.status_code == 404
    assert "There is no such page" in answer.get_data(as_text=True)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in answer.headers


def test_pages_can_only_be_read(stage, client):
    stage.whole_chain()
    answer = client.post(SAUCE_LOT, data={"x": "1"})
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_what_is_not_found_is_never_kept(stage, client):
    assert "ETag" not in client.get(SAUCE_LOT).headers
    stage.made(stage.bruno, SAUCE_LOT, 3)
    assert client.get(SAUCE_LOT).status_code == 200


def test_the_code_of_a_page_can_be_drawn_and_nothing_else(client):
    answer = client.get("/qr.svg", query_string={"of": SAUCE_LOT})
    assert answer.status_code == 200
    assert answer.content_type == "image/svg+xml"
    assert answer.data.startswith(b"<svg")
    for other in ("", "https://evil.example/", "/253/9506000134369", "/01/1"):
        assert client.get("/qr.svg", query_string={"of": other}).status_code in (400, 404)


def test_small_files_are_there(client):
    assert client.get("/robots.txt").data.startswith(b"User-agent: *")
    for path in ("/favicon.ico", "/favicon.svg"):
        answer = client.get(path)
        assert answer.content_type == "image/svg+xml"
        assert len(answer.data) < 500
