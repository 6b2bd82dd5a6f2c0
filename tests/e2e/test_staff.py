"""People at work, on a phone and without script: they make, ship, receive and recall."""

import io
from datetime import datetime
from urllib.parse import quote

import pytest
import zxingcpp
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from foodtrace.consumer_web.demonstration import acts, cast
from foodtrace.inspections.rules import CHINA
from foodtrace.trace.gs1.identifiers import lot_path

from .following import follow

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
NEW_LOT = lot_path(cast.JAR_700.gtin, "E2E01")
OLD_CHILI = lot_path(cast.CHILI.gtin, "LJ00")


@pytest.fixture
def signed_in(visit, site):
    """Sign in as somebody of the demonstration, and return the page."""

    def sign_in(username, **options):
        page = visit(**{**PHONE, "locale": "en", **options})
        page.goto(f"{site.url}/login")
        page.fill("#field-username", username)
        page.fill("#field-password", site.passwords[username])
        submit(page)
        assert "/login" not in page.url, page.locator("main").inner_text()
        return page

    return sign_in


def submit(page, form="main form"):
    follow(page.locator(form).last.locator("button").last)


def choose_goods(page, name, lot, amount=None):
    """Tick a line of the stock in a form, and write how much of it."""
    box = page.locator(f"input[name^='{name}.'][name$='.identifier'][value$='{lot}']")
    box.check()
    if amount is not None:
        row = box.get_attribute("name").removesuffix(".identifier")
        page.fill(f"[name='{row}.amount']", amount)


def test_a_batch_is_registered_shipped_received_and_seen_by_the_shopper(
    signed_in, visit, unfold, site
):
    factory = signed_in("shifan.factory")
    factory.goto(f"{site.url}/producers/lots/new")
    factory.select_option("[name='product_id']", label=cast.JAR_700.name_en)
    factory.select_option("[name='place_id']", label=cast.FILLING_HALL.name_en)
    factory.fill("[name='amount']", "10")
    factory.select_option("[name='uom']", "piece")
    factory.fill("[name='production_date']", datetime.now(CHINA).date().isoformat())
    unfold(factory)
    factory.fill("[name='lot_number']", "E2E01")
    choose_goods(factory, "inputs", "/10/GL01", "7")
    submit(factory)
    assert factory.url == f"{site.url}/producers/lots{NEW_LOT}"
    assert factory.locator("main svg").first.is_visible()
    picture = factory.request.get(f"{factory.url}/qr.png").body()
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    assert code.text == site.url + NEW_LOT

    factory.goto(f"{site.url}/producers/ship?code={quote(NEW_LOT)}")
    choose_goods(factory, "items", NEW_LOT, "10")
    factory.fill("[name='recipient']", cast.SUPERMARKET.name)
    factory.select_option("[name='place_id']", label=cast.WAREHOUSE.name_en)
    submit(factory)
    assert factory.get_by_role("status").count() == 1, factory.locator("main").inner_text()

    shopper = visit(locale="en")
    shopper.goto(site.url + NEW_LOT)
    assert "not confirmed" in shopper.locator("body").inner_text()

    shop = signed_in("shifan.shop")
    shop.goto(f"{site.url}/producers/scan?code={quote(NEW_LOT)}")
    assert "/producers/receive/" in shop.url
    shop.select_option("[name='place_id']", label=cast.SHOP_HUANGPU.name_en)
    for each in shop.locator("input[type=checkbox][name^='items.']").all():
        each.check()
    submit(shop)
    assert shop.get_by_role("status").count() == 1, shop.locator("main").inner_text()

    shopper.goto(site.url + NEW_LOT)
    text = shopper.locator("body").inner_text()
    assert cast.SUPERMARKET.name_en in text
    assert "not confirmed" not in text
    assert cast.SOY_FARM.name_en in text


def test_a_regulator_sees_the_chain_both_ways_and_recalls_what_was_made_of_it(
    signed_in, visit, site
):
    shopper = visit()
    shopper.goto(site.url + acts.EXPIRED_JAR)
    assert "召回】" not in shopper.title()

    regulator = signed_in("shifan.regulator", viewport={"width": 1280, "height": 900})
    regulator.goto(f"{site.url}/inspections/lots?q={quote('LJ00')}")
    follow(regulator.get_by_role("link", name=cast.CHILI.name_en).first)
    text = regulator.locator("main").inner_text()
    assert regulator.locator("main svg").count() >= 1
    drawn = regulator.locator("main svg").first.text_content()
    for org in (cast.CHILI_FARM, cast.FACTORY, cast.CORNER_SHOP):
        assert org.name_en in text
        assert org.name_en[:8] in drawn
    assert "DJ01" in text

    follow(regulator.get_by_role("link", name="Recall this lot"))
    regulator.check("[name='recall_class'][value='1']")
    regulator.fill("[name='reason']", "端到端测试：抽检不合格")
    regulator.fill("[name='hazard']", "可能损害健康")
    regulator.fill("[name='contact']", "0851-00000015")
    regulator.fill("[name='confirmation']", "LJ00")
    submit(regulator)
    assert "/inspections/recalls/" in regulator.url, regulator.locator("main").inner_text()

    answer = shopper.goto(site.url + acts.EXPIRED_JAR)
    assert answer.status == 200
    assert shopper.title().startswith("【召回】")
    assert "端到端测试" in shopper.get_by_role("alert").first.inner_text()


@pytest.mark.parametrize(
    ("username", "paths"),
    [
        ("shifan.factory", ["/producers", "/producers/lots", "/producers/lots/new",
                            f"/producers/lots{acts.GOOD_JAR}", "/producers/ship"]),
        ("shifan.shop", ["/producers", "/producers/receive"]),
        ("shifan.lab", ["/inspections/certificates", "/inspections/certificates/new"]),
        ("shifan.regulator", ["/inspections/lots", f"/inspections/lots{acts.GOOD_JAR}",
                              "/inspections/recalls"]),
        ("shifan.admin", ["/account", "/account/subscriptions"]),
    ],
)  # fmt: skip
def test_the_consoles_are_accessible_on_a_phone(signed_in, site, username, paths):
    page = signed_in(username, java_script_enabled=True)
    for path in paths:
        answer = page.goto(site.url + path)
        assert answer.status == 200, path
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
