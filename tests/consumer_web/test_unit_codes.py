"""The page of a code on a single thing: its lot's story, and how often it was looked at."""

import gzip
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, func, select

from foodtrace.consumer_web.app import create_public_app
from foodtrace.trace.codes import scans, services
from foodtrace.trace.codes.flushing import flush_now
from foodtrace.trace.codes.models import Scan
from foodtrace.trace.codes.queue import Scanned, queue_of
from foodtrace.trace.codes.rules import Look
from foodtrace.trace.gs1.public_code import new_code
from foodtrace.trace.masterdata.services import register_product

from .conftest import BOTH_DATABASES, SAUCE, SAUCE_LOT, browser_of

PHONE = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"
WECHAT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) MicroMessenger/8.0.50"


@pytest.fixture
def sauce(stage):
    """A lot of Bruno's sauce, told in a few steps."""
    stage.made(stage.bruno, SAUCE_LOT, 10)
    stage.shipped(stage.bruno, SAUCE_LOT, stage.carla, 5)
    return SAUCE_LOT


@pytest.fixture
def codes(stage, sauce):
    return run_of(stage, lot=sauce)


def run_of(stage, count=4, lot=None, product=SAUCE):
    with stage.store.transaction() as session:
        actor = stage.bruno.actor
        run = services.make_run(session, actor, product=product, lot=lot, count=count)
        return services.codes_of_run(session, actor, run.id)


def scan(client, path, agent=PHONE, **more):
    headers = {"User-Agent": agent, "Accept-Language": more.pop("lang", "en")} | more
    return client.get(
        path, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


def times_of(answer):
    """How often the page says that the code was looked up."""
    text = answer.get_data(as_text=True)
    if "for the first time" in text:
        return 1
    found = re.search(r"looked up (\d+) times", text)
    return int(found[1]) if found else 0


def end(stage, code, state):
    with stage.store.transaction() as session:
        actor = stage.bruno.actor
        run_id = services.run_of_code(session, actor, code)
        services.end_codes(session, actor, run_id=run_id, first=code, last=code, state=state)


def test_it_works(stage, client, codes):
    answer = scan(client, codes[0])
    assert answer.status_code == 200
    assert times_of(answer) == 1
    assert "Chili sauce" in answer.text
    assert f"piece {codes[0][-20:]} of lot S1, made by Bruno Foods" in answer.text
    assert times_of(scan(client, codes[0], WECHAT)) == 2
    assert times_of(scan(client, codes[1])) == 1


def test_the_words_are_those_that_people_know(client, codes):
    first = scan(client, codes[0], lang="zh-CN").text
    assert "您所查询的此码是首次查询" in first
    second = scan(client, codes[0], WECHAT, lang="zh-CN").text
    assert re.search(
        r"此码是第 2 次查询，首次查询时间：<time [^>]*>[0-9 :-]+</time>，谨防假冒", second
    )
    assert "正品" not in first + second


def test_the_same_reader_again_is_the_same_look(stage, client, codes):
    for _ in range(3):
        assert times_of(scan(client, codes[0])) == 1
    flush_now(stage.store)
    # Written or not
    assert times_of(scan(client, codes[0])) == 1
    assert "首次查询" in scan(client, codes[0], lang="zh-CN").text
    assert times_of(scan(client, codes[0], WECHAT)) == 2
    assert flush_now(stage.store)
    assert not flush_now(stage.store)
    with stage.store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Scan)) == 2


def test_a_restart_on_the_same_day_forgets_no_reader(stage, client, settings, codes):
    scan(client, codes[0])
    flush_now(stage.store)
    again = browser_of(stage.store, settings)
    assert times_of(scan(again, codes[0])) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"Sec_Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X_Moz": "prefetch"},
        {"agent": "facebookexternalhit/1.1"},
        {"agent": "Mozilla/5.0 (compatible; bingbot/2.0)"},
        {"agent": "TelegramBot (like TwitterBot)"},
        {"agent": ""},
        {"Accept": "application/linkset+json"},
        {"Accept": "application/ld+json"},
    ],
)
def test_what_is_no_look(stage, client, codes, more):
    assert scan(client, codes[0], **more).status_code == 200
    assert len(queue_of(stage.store)) == 0
    assert times_of(scan(client, codes[0])) == 1


def test_asking_for_the_head_of_a_page_is_no_look(stage, client, codes):
    assert client.head(codes[0], headers={"User-Agent": PHONE}).status_code == 200
    assert client.options(codes[0], headers={"User-Agent": PHONE}).status_code == 200
    assert client.get(f"{codes[0]}?linkType=all", headers={"User-Agent": PHONE}).status_code == 200
    assert len(queue_of(stage.store)) == 0


def test_who_names_no_type_is_led_to_the_page_and_counted_once(stage, settings, codes):
    client = create_public_app(stage.store, settings).test_client()
    answer = client.get(codes[0], headers={"User-Agent": PHONE})
    assert answer.status_code == 307
    assert len(queue_of(stage.store)) == 0
    target = answer.headers["Location"].removeprefix("https://trace.example")
    assert client.get(target, headers={"User-Agent": PHONE}).status_code == 200
    assert len(queue_of(stage.store)) == 1


def test_the_page_is_for_its_reader_alone_and_small(client, codes):
    answer = scan(client, codes[0], Accept_Encoding="gzip")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Set-Cookie" not in answer.headers
    assert len(answer.data) <= 15_000
    page = gzip.decompress(answer.data).decode()
    assert not re.search(r"<script(?! type=.application/ld\+json)", page)
    assert '<meta name="robots" content="noindex">' in page


def test_a_lot_has_no_scan_line(stage, client, codes):
    assert times_of(scan(client, SAUCE_LOT)) == 0
    assert "Queries of this code" not in scan(client, SAUCE_LOT).text
    assert len(queue_of(stage.store)) == 0


def test_void_and_lost_codes_say_so(stage, client, codes):
    for code, state in zip(codes[:2], ("void", "lost"), strict=True):
        end(stage, code, state)
        page = scan(client, code)
        assert page.status_code == 200
        assert "This code is out of use" in page.text
        assert ("stolen or lost" in page.text) == (state == "lost")
        assert "已停用" in scan(client, code, lang="zh-CN").text
    assert "out of use" not in scan(client, codes[2]).text


def test_a_recall_stands_above_an_end(stage, client, codes):
    end(stage, codes[0], "void")
    stage.recall(SAUCE_LOT)
    assert "Recalled: do not eat" in scan(client, codes[0]).text


def warn(stage, code):
    """Have the code be looked at in three far places within a minute."""
    now = datetime.now(UTC)
    with stage.store.transaction() as session:
        scans.record_looks(
            session,
            [
                Scanned(code, Look(now - timedelta(seconds=n), bytes([n]) * 16, region))
                for n, region in enumerate(("11", "44", "65"), start=1)
            ],
        )


def test_a_warning_says_what_to_do_and_that_it_proves_nothing(stage, client, codes):
    warn(stage, codes[0])
    page = scan(client, codes[0])
    assert times_of(page) == 4
    assert "no proof of a fake" in page.text
    assert page.text.count('href="tel:12315"') >= 2
    assert "no proof of a fake" not in scan(client, codes[1]).text


def test_an_unknown_serial_never_leads_to_the_product(stage, client, codes):
    waiting = run_of(stage)
    unknown = f"{SAUCE}/21/{'x' * 20}"
    queries = []
    event.listen(
        stage.store.readers,
        "before_cursor_execute",
        lambda *given: queries.append(given[2]),
    )
    answers = []
    for path in (unknown, waiting[0]):
        for accept in ("text/html", "application/linkset+json", "application/ld+json"):
            queries.clear()
            answer = scan(client, path, Accept=accept)
            text = answer.text.replace(path.rpartition("/")[2], "SERIAL")
            answers.append((answer.status_code, text, answer.headers.get("Location"), [*queries]))
    assert answers[:3] == answers[3:]
    assert {status for status, *_ in answers} == {404}
    assert not any("sauce" in text for _, text, *_ in answers)
    assert len(queue_of(stage.store)) == 0


def test_a_serial_with_the_lot_of_another_is_unknown(stage, client, codes):
    serial = codes[0].rpartition("/")[2]
    assert scan(client, f"{SAUCE_LOT}/21/{serial}").status_code == 200
    assert scan(client, f"{SAUCE}/10/OTHER/21/{serial}").status_code == 404


def test_a_roll_that_is_activated_shows_its_lot(stage, client, sauce):
    codes = run_of(stage)
    assert scan(client, codes[1]).status_code == 404
    with stage.store.transaction() as session:
        actor = stage.bruno.actor
        run_id = services.run_of_code(session, actor, codes[0])
        stretch = {"first": codes[0], "last": codes[2]}
        services.activate(session, actor, run_id=run_id, **stretch, lot=sauce)
    assert scan(client, codes[1]).status_code == 200
    assert scan(client, codes[3]).status_code == 404


def test_what_is_captured_of_the_thing_itself_is_told(stage, client, codes):
    piece = {"type": "ObjectEvent", "action": "DELETE", "bizStep": "destroying"}
    stage.record(stage.bruno, piece | {"epcList": [f"https://id.gs1.org{codes[0]}"]}, 1)
    page = scan(client, codes[0]).text
    assert "This code is out of use" in page
    assert "Chili sauce" in page
    assert "out of use" not in scan(client, codes[1]).text


@BOTH_DATABASES
def test_a_unit_page_takes_two_queries_more(stage, client, codes):
    found = []
    event.listen(
        stage.store.readers,
        "before_cursor_execute",
        lambda *given: found.append(given[2]),
    )
    scan(client, SAUCE_LOT, Accept_Encoding="")
    scan(client, f"{SAUCE_LOT}?all=1")
    found.clear()
    scan(client, f"{SAUCE_LOT}?all=1")
    of_the_lot = len(found)
    found.clear()
    scan(client, codes[0])
    assert len(found) <= of_the_lot + 2


def test_the_place_comes_from_the_proxy_alone(stage, settings, codes):
    plain = browser_of(stage.store, settings)
    scan(plain, codes[0], X_Region="44", X_Real_IP="10.0.0.9")
    (look,) = queue_of(stage.store).open_looks(codes[0])
    assert look.region is None
    # Without the setting the header makes no other reader either
    assert times_of(scan(plain, codes[0], X_Real_IP="10.0.0.8")) == 1
    proxied = replace(settings, region_header="X-Region", address_header="X-Real-IP")
    behind = browser_of(stage.store, proxied)
    assert times_of(scan(behind, codes[1], X_Region="CN-GD", X_Real_IP="10.0.0.9")) == 1
    assert times_of(scan(behind, codes[1], X_Region="nonsense", X_Real_IP="10.0.0.8")) == 2
    assert [each.region for each in queue_of(stage.store).open_looks(codes[1])] == ["44", None]


def test_a_full_queue_breaks_no_page(stage, client, codes):
    queue_of(stage.store)._capacity = 0
    answer = scan(client, codes[0])
    assert answer.status_code == 200
    assert queue_of(stage.store).dropped == 1


def test_a_code_of_ours_names_a_thing_too(stage, client):
    with stage.store.transaction() as session:
        product = register_product(
            session, stage.bruno.actor, party_id=stage.bruno.id, name="豆豉", name_en="Black beans"
        ).identifier
    lot = f"/q/{new_code()}"
    stage.made(stage.bruno, lot, 3, ilmd={"foodtrace:product": f"https://trace.example{product}"})
    code, other = run_of(stage, 2, product=product, lot=lot)
    for agent, times in ((PHONE, 1), (WECHAT, 2), (PHONE, 2)):
        answer = scan(client, code, agent)
        assert (answer.status_code, times_of(answer)) == (200, times)
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert "Black beans" in answer.text
    end(stage, other, "void")
    assert "out of use" in scan(client, other).text
    (waiting,) = run_of(stage, 1, product=product)
    assert scan(client, waiting).status_code == 404
