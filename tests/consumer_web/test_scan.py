"""Scanning a code: what the page says of each state of the record, and how it is sent."""

import base64
import gzip
import hashlib
import re
from datetime import timedelta

import pytest
from sqlalchemy import event

from foodtrace.consumer_web.story import tell
from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.log.keeping import attach
from foodtrace.trace.masterdata.models import Party
from foodtrace.trace.masterdata.services import revise_party

from .conftest import (
    BOTH_DATABASES,
    CADMIUM,
    CHILI,
    CHILI_LOT,
    OMETHOATE,
    SAUCE,
    SAUCE_LOT,
    TODAY,
    browser_of,
    part,
    uri,
)

HIDDEN = {
    "@context": [
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        {"foodtrace": "https://foodtrace.example/ns/"},
    ],
    "foodtrace:visibility": "hidden",
}
BOX = "/00/106901234500000010"


@BOTH_DATABASES
def test_a_scanned_lot_shows_its_whole_chain(stage, read):
    stage.whole_chain()
    status, page = read(SAUCE_LOT)
    assert status == 200
    assert "Record complete, tests passed" in page
    for name in ("Alba Farm", "Bruno Foods", "Carla Market", "East China Testing", "HD-0001"):
        assert name in page
    assert "genuine" not in page.lower()


def test_the_same_page_in_chinese(stage, read):
    stage.whole_chain()
    _, page = read(SAUCE_LOT, lang="zh-CN")
    for text in ("记录齐全且检验合格", "阿尔巴农场", "布鲁诺食品厂", "卡拉超市", "华东检测", "镉"):
        assert text in page
    assert "正品" not in page


def test_the_label_stands_before_everything_else(stage, read):
    stage.whole_chain()
    _, page = read(SAUCE_LOT)
    label = page[page.index('id="facts"') : page.index('id="tests"')]
    made = TODAY - timedelta(days=10)
    expiry = made + timedelta(days=300)
    for fact in ("Chili sauce", "200 g", "S1", f"{made}", "300 days", f"{expiry}", "冷藏"):
        assert fact in label
    for fact in ("SC10341147101351", "杭州市余杭区良渚路1号", "辣椒、食用盐", SAUCE[4:]):
        assert fact in label


def test_a_test_shows_result_limit_and_standard(stage, read):
    stage.whole_chain()
    _, page = read(SAUCE_LOT)
    for text in ("Cadmium", "0.050 mg/kg", "≤ 0.2 mg/kg", "GB 2762-2022", "GB 5009.15-2023"):
        assert text in page


@BOTH_DATABASES
def test_a_recalled_ingredient_recalls_what_was_made_of_it(stage, read):
    stage.whole_chain()
    stage.recall(CHILI_LOT)
    status, page = read(SAUCE_LOT)
    assert status == 200
    assert page.count('role="alert"') == 1
    assert "<title>[Recall]Chili sauce" in page
    banner = page[page.index('role="alert"') : page.index('id="facts"')]
    for text in (
        "Fresh chili",
        "C1",
        "It is part of what you scanned",
        "Omethoate above the limit",
        "May cause acute poisoning",
        "Stop eating it",
        "pays it back",
        "tel:0571-88123456",
        "Class I:",
        "Hangzhou Authority",
    ):
        assert text in banner
    assert "【召回】剁椒酱" in read(SAUCE_LOT, lang="zh")[1]


def test_an_expired_lot_says_so(stage, read):
    made_on = TODAY - timedelta(days=301)
    stage.made(stage.bruno, SAUCE_LOT, 301, made_on=made_on)
    status, page = read(SAUCE_LOT)
    assert status == 200
    assert "Past its date" in page
    assert str(TODAY - timedelta(days=1)) in page


def test_a_lot_on_its_last_day_is_not_expired(stage, read):
    stage.made(stage.bruno, SAUCE_LOT, 300, made_on=TODAY - timedelta(days=300))
    assert "Past its date" not in read(SAUCE_LOT)[1]


def test_a_failed_test_says_what_is_over_the_limit(stage, read):
    stage.whole_chain()
    stage.certify(SAUCE_LOT, CADMIUM, OMETHOATE, number="HD-0002", days=3)
    _, page = read(SAUCE_LOT)
    assert "Failed a test" in page
    assert "Omethoate" in page
    assert "over the limit" in page


def test_a_withdrawn_certificate_stays_and_is_marked(stage, read):
    stage.whole_chain()
    stage.withdraw(stage.certify(SAUCE_LOT, number="HD-0002"))
    _, page = read(SAUCE_LOT)
    assert "HD-0002" in page
    assert "Withdrawn" in page
    assert "样品混淆" in page


def test_a_hidden_step_is_a_numbered_blank(stage, read):
    stage.whole_chain()
    stage.observed(stage.bruno, SAUCE_LOT, "storing", 8, **HIDDEN)
    status, page = read(SAUCE_LOT)
    assert status == 200
    assert "Step hidden by Bruno Foods" in page
    assert "1 step is hidden" in page
    assert ">Stored<" not in page


@BOTH_DATABASES
def test_what_went_into_a_hidden_step_is_not_told(stage, read):
    stage.made(stage.alba, CHILI_LOT, 20)
    stage.certify(CHILI_LOT)
    stage.made(stage.bruno, SAUCE_LOT, 10, inputs=[CHILI_LOT], **HIDDEN)
    _, page = read(SAUCE_LOT)
    assert "Step hidden by Bruno Foods" in page
    for secret in ("Alba Farm", "Fresh chili", ">C1<", "HD-0001"):
        assert secret not in page


@BOTH_DATABASES
def test_a_shipment_without_a_receipt_is_a_claim(stage, read):
    stage.made(stage.bruno, SAUCE_LOT, 10)
    stage.certify(SAUCE_LOT)
    stage.shipped(stage.bruno, SAUCE_LOT, stage.carla, 9)
    _, page = read(SAUCE_LOT)
    assert "The record is incomplete" in page
    assert "claimed by Bruno Foods, not confirmed" in page
    stage.received(stage.carla, SAUCE_LOT, stage.bruno, 4)
    _, page = read(SAUCE_LOT)
    assert "Record complete, tests passed" in page
    assert "not confirmed" not in page


def test_an_ingredient_that_nobody_recorded_is_a_gap(stage, read):
    stage.made(stage.bruno, SAUCE_LOT, 10, inputs=[CHILI_LOT])
    stage.certify(SAUCE_LOT)
    status, page = read(SAUCE_LOT)
    assert status == 200
    assert "The record is incomplete" in page
    assert "Gap: nobody recorded where this lot comes from" in page


def test_temperatures_are_shown_as_a_band(stage, read):
    stage.whole_chain()
    report = {"type": "Temperature", "minValue": -18.5, "maxValue": -16.2, "uom": "CEL"}
    stage.observed(
        stage.bruno, SAUCE_LOT, "storing", 8, sensorElementList=[{"sensorReport": [report]}]
    )
    assert "−18.5 … −16.2 °C" in read(SAUCE_LOT)[1]


def test_times_are_those_of_the_place_where_it_happened(stage, read):
    stage.whole_chain()
    stage.observed(
        stage.carla,
        SAUCE_LOT,
        "storing",
        0,
        eventTime="2026-11-01T20:30:00Z",
        eventTimeZoneOffset="+06:30",
    )
    page = read(SAUCE_LOT)[1]
    assert '<time datetime="2026-11-02T03:00+06:30">2026-11-02 03:00 UTC+06:30</time>' in page


@BOTH_DATABASES
def test_a_piece_shows_its_lot_and_its_own_steps(stage, read):
    stage.whole_chain()
    piece = f"{SAUCE}/21/77"
    stage.record(
        stage.bruno,
        {
            "type": "ObjectEvent",
            "action": "ADD",
            "bizStep": "commissioning",
            "epcList": [uri(piece)],
            "ilmd": {"cbvmda:lotNumber": "S1"},
        },
        9,
    )
    status, page = read(piece)
    assert status == 200
    assert "piece 77" in page
    assert "Chili sauce" in page


@BOTH_DATABASES
def test_a_box_shows_what_lies_in_it(stage, read):
    stage.whole_chain()
    packing = {
        "type": "AggregationEvent",
        "action": "ADD",
        "bizStep": "packing",
        "parentID": uri(BOX),
        "childQuantityList": [part(SAUCE_LOT, 10)],
    }
    stage.record(stage.bruno, packing, 6)
    status, page = read(BOX)
    assert status == 200
    assert "106901234500000010" in page
    assert "Chili sauce · S1" in page
    assert "Packed" in page
    stage.recall(SAUCE_LOT)
    assert 'role="alert"' in read(BOX)[1]


def test_hostile_names_are_shown_as_text(stage, read):
    stage.whole_chain()
    lot = f"{SAUCE}/10/EVIL"
    origin = "<script>alert(1)</script>\"'&{{7*7}}"
    stage.made(stage.bruno, lot, 3, ilmd={"foodtrace:origin": origin})
    _, page = read(lot)
    (data,) = re.findall("<script(.*?)</script>", page, re.DOTALL)
    assert data.startswith(' type="application/ld+json">{')
    assert "<" not in data
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;{{7*7}}" in page


def test_characters_that_turn_the_text_around_are_made_visible(stage, read):
    stage.whole_chain()
    with stage.store.transaction() as session:
        # The register refuses such names; what came in before it did must not fool a reader.
        bruno = session.get(Party, stage.bruno.id)
        bruno.name_en = "Bruno \u202eliah\u200b Foods"
    page = read(SAUCE_LOT)[1]
    assert "Bruno \ufffdliah\ufffd Foods" in page
    assert not re.search("[\u200b\u202e]", page)


def test_nothing_on_the_page_comes_from_elsewhere(stage, client):
    stage.whole_chain()
    answer = client.get(SAUCE_LOT)
    page = answer.get_data(as_text=True)
    assert "Set-Cookie" not in answer.headers
    assert re.findall("<script[^>]*>", page) == ['<script type="application/ld+json">']
    assert "<form" not in page
    assert " style=" not in page
    assert " on" not in re.sub(r">[^<]*<", "><", page.split("</style>")[1])
    loaded = re.findall(r'(?:src|srcset)="([^"]+)"', page)
    assert loaded == [f"/qr.svg?of={SAUCE_LOT}"]
    assert re.findall(r"url\((?!#)", page) == []


def test_the_style_inside_is_the_one_that_the_policy_allows(stage, client):
    stage.whole_chain()
    answer = client.get(SAUCE_LOT)
    (style,) = re.findall("<style>(.*?)</style>", answer.get_data(as_text=True), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy


def test_headers_say_that_the_page_is_asked_for_again_each_time(stage, client):
    stage.whole_chain()
    headers = client.get(SAUCE_LOT).headers
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Vary"] == "Accept, Accept-Language, Accept-Encoding"
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Strict-Transport-Security" in headers


@BOTH_DATABASES
def test_the_page_is_the_same_bytes_until_something_happens(stage, client, settings):
    stage.whole_chain()
    first = client.get(SAUCE_LOT)
    other = browser_of(stage.store, settings).get(SAUCE_LOT)
    assert other.data == first.data
    etag = first.headers["ETag"]
    assert client.get(SAUCE_LOT, headers={"If-None-Match": etag}).status_code == 304
    stage.made(stage.alba, f"{CHILI}/10/ELSEWHERE", 1)
    assert client.get(SAUCE_LOT, headers={"If-None-Match": etag}).status_code == 304
    stage.observed(stage.carla, SAUCE_LOT, "retail_selling", 0)
    assert client.get(SAUCE_LOT, headers={"If-None-Match": etag}).status_code == 200


@BOTH_DATABASES
def test_a_corrected_name_shows_on_the_next_request(stage, read):
    stage.whole_chain()
    read(SAUCE_LOT)
    for owner, name in ((stage.alba, "Alba & Sons"), (stage.ines, "Ines Laboratories")):
        with stage.store.transaction() as session:
            revise_party(session, SYSTEM, party_id=owner.id, name_en=name)
    page = read(SAUCE_LOT)[1]
    assert "Alba &amp; Sons" in page
    assert "Ines Laboratories" in page


def test_head_is_answered_without_a_page(stage, client):
    stage.whole_chain()
    answer = client.head(SAUCE_LOT)
    assert answer.status_code == 200
    assert answer.data == b""
    assert answer.headers["ETag"] == client.get(SAUCE_LOT).headers["ETag"]


@pytest.fixture
def statements(stage):
    """The SQL statements that the reading engine was sent."""
    sent = []

    def note(_connection, _cursor, statement, *_more):
        sent.append(statement)

    event.listen(stage.store.readers, "before_cursor_execute", note)
    yield sent
    event.remove(stage.store.readers, "before_cursor_execute", note)


def queries_of(stage, statements, lot):
    statements.clear()
    with stage.store.reading() as session:
        assert tell(session, lot, TODAY) is not None
    return [one for one in statements if not one.startswith("BEGIN")]


def long_chain(stage, lots):
    """Sauce of many lots of chili, each with three steps of its own, in one transaction."""
    inputs = [f"{CHILI}/10/L{number}" for number in range(lots)]
    with stage.together():
        for lot in inputs:
            stage.made(stage.alba, lot, 20)
            stage.shipped(stage.alba, lot, stage.bruno, 19)
            stage.received(stage.bruno, lot, stage.alba, 18)
        stage.made(stage.bruno, SAUCE_LOT, 10, inputs=inputs)


@BOTH_DATABASES
def test_a_page_takes_four_queries_whatever_its_size(stage, statements):
    stage.made(stage.alba, CHILI_LOT, 20)
    assert len(queries_of(stage, statements, CHILI_LOT)) <= 4
    long_chain(stage, 20)
    assert len(queries_of(stage, statements, SAUCE_LOT)) <= 4


def test_a_long_chain_stays_within_fifteen_kilobytes_and_offers_the_rest(stage, client, settings):
    attach(stage.store, settings)
    long_chain(stage, 100)
    answer = client.get(SAUCE_LOT, headers={"Accept-Encoding": "gzip"})
    page = gzip.decompress(answer.data).decode()
    assert len(answer.data) <= 15_000
    assert "显示全部环节" in page
    whole = client.get(SAUCE_LOT + "?all=1", headers={"Accept-Encoding": "gzip"})
    everything = gzip.decompress(whole.data).decode()
    assert "显示全部环节" not in everything
    assert everything.count("编号") >= 301
