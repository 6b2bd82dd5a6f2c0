"""A shopper scans the code that the terminal prints, and sees the whole chain, without script."""

import io
import re

import pytest
import zxingcpp
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from foodtrace.consumer_web.demonstration import acts, cast
from foodtrace.inspections.services import findings_of
from foodtrace.producers.labels import qr_png
from foodtrace.trace.chain.services import trace_back
from foodtrace.trace.log.places import places_of
from foodtrace.trace.store.session import Store

BLOCKS = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
LANGUAGES = ("zh-CN", "en")
PAGES = {
    "good": acts.GOOD_JAR,
    "recalled": acts.RECALLED_JAR,
    "expired": acts.EXPIRED_JAR,
    "without a GTIN": acts.FAMILY_LOT,
    "unknown": "/01/09521000890022/10/NONE",
    "malformed": "/01/123/10/A",
    "recalls": "/recalls",
    "home": "/",
}


def pixels_of(terminal):
    """The picture that a terminal shows: black blocks, two modules a character, on white."""
    lines = [line for line in terminal.splitlines() if line and set(line) <= set(BLOCKS)]
    width = max(map(len, lines))
    image = Image.new("L", (width, 2 * len(lines)), 255)
    for y, line in enumerate(lines):
        for x, character in enumerate(line):
            for half, dark in enumerate(BLOCKS[character]):
                image.putpixel((x, 2 * y + half), 0 if dark else 255)
    return image.resize((image.width * 8, image.height * 8), Image.Resampling.NEAREST)


def read(image):
    (found,) = zxingcpp.read_barcodes(image)
    return found.text


@pytest.fixture(scope="module")
def scanned(site):
    """What the code in the terminal says."""
    return read(pixels_of(site.terminal))


@pytest.fixture(scope="module")
def record(site):
    """Chain, findings and log numbers behind the code, as the database has them."""
    store = Store(site.database_url)
    with store.reading() as session:
        chain = trace_back(session, acts.GOOD_JAR)
        names = [chain.items[item_id].canonical for item_id in chain.nodes]
        findings = findings_of(session, names)
        places = places_of(session, [hop.id for hop in chain.hops], None)
    store.close()
    return chain, findings, places


def test_the_code_in_the_terminal_says_the_address_below_it(site, scanned):
    assert scanned in site.terminal.splitlines()
    assert scanned == site.url + acts.GOOD_JAR


def test_the_printed_picture_says_the_same(scanned):
    assert read(Image.open(io.BytesIO(qr_png(scanned, 300)))) == scanned


def test_the_printed_page_carries_the_code_too(scanned, visit):
    page = visit()
    page.goto(scanned)
    page.emulate_media(media="print")
    picture = page.locator("img[src*='qr']").first.screenshot(scale="device")
    assert read(Image.open(io.BytesIO(picture))) == scanned


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_names_every_organisation_hop_and_certificate(
    scanned, record, visit, unfold, language
):
    chain, findings, places = record
    page = visit(locale=language)
    answer = page.goto(scanned)
    assert answer.status == 200
    assert page.locator("html").get_attribute("lang") == language
    unfold(page)
    text = page.locator("body").inner_text()

    def name(each):
        return each.name if language == "zh-CN" else each.name_en

    organisations = [org for org in cast.ORGS if org is not cast.AUTHORITY]
    assert [name(org) for org in organisations if name(org) not in text] == []
    assert [c.number for c in findings.certificates if c.number not in text] == []
    numbers = set(re.findall(r"(?:No\.|编号) ?([\d/]+)", text))
    shown = [hop.id for hop in chain.hops if not hop.hidden and concerns(chain, hop)]
    assert {places.by_id[hop_id].number for hop_id in shown} - numbers == set()
    assert sum(hop.hidden for hop in chain.hops) == 1
    assert text.count("隐藏" if language == "zh-CN" else "Step hidden by") >= 1


def concerns(chain, hop):
    """Whether a hop is part of this lot's history: not what else an ingredient went into."""
    if hop.type != "TransformationEvent":
        return True
    return any(part.role == "output" and part.item_id in chain.nodes for part in hop.parts)


def test_the_verdict_is_that_nothing_is_missing(scanned, visit):
    page = visit(locale="en")
    page.goto(scanned)
    assert page.locator("h1").first.inner_text() == "Record complete, tests passed"


@pytest.mark.parametrize(
    ("canonical", "words"),
    [
        (acts.RECALLED_JAR, "Recalled: do not eat"),
        (acts.EXPIRED_JAR, "Past its date"),
    ],
)
def test_what_is_wrong_stands_on_top(site, visit, canonical, words):
    page = visit(locale="en")
    page.goto(site.url + canonical)
    assert page.locator("h1").first.inner_text() == words


def test_a_recall_is_in_the_title_and_an_alert(site, visit):
    page = visit()
    page.goto(site.url + acts.RECALLED_JAR)
    assert page.title().startswith("【召回】")
    assert "噻虫胺" in page.get_by_role("alert").first.inner_text()


def test_no_page_sets_a_cookie(site, visit):
    page = visit()
    for path in PAGES.values():
        page.goto(site.url + path)
    assert page.context.cookies() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_accessible_and_fits_a_small_phone(site, visit, scheme, language):
    page = visit(java_script_enabled=True, color_scheme=scheme, locale=language)
    for name, path in PAGES.items():
        page.goto(site.url + path)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 320, f"{name} is {wide} px wide"
