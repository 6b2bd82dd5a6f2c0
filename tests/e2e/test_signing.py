"""A device makes a key in a real browser, signs what is entered there, and shoppers see it."""

from datetime import datetime
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe

from foodtrace.consumer_web.demonstration import cast
from foodtrace.inspections.rules import CHINA
from foodtrace.trace.gs1.identifiers import lot_path

from .following import follow
from .test_staff import choose_goods, submit

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
NEW_LOT = lot_path(cast.JAR_700.gtin, "SIGN1")
DEVICES, SIGNING = "/account/devices", "/account/signing"


@pytest.fixture
def signed_in(visit, site):
    """Sign in as somebody of the demonstration with scripts on, and return the page."""

    def sign_in(username, **options):
        page = visit(**{**PHONE, "locale": "en", "java_script_enabled": True, **options})
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        page.goto(f"{site.url}/login")
        page.fill("#field-username", username)
        page.fill("#field-password", site.passwords[username])
        submit(page)
        assert "/login" not in page.url, page.locator("main").inner_text()
        return page

    return sign_in


def another_window(page, **options):
    """The same person on another device: the sign-in, but none of the keys."""
    context = page.context.browser.new_context(
        storage_state={**page.context.storage_state(), "origins": []}, **{**PHONE, **options}
    )
    return context.new_page()


def make_key(page, site, name):
    page.goto(site.url + DEVICES)
    page.locator("[data-state~=new]").first.wait_for()
    page.fill("#field-name", name)
    page.click("[data-enrol] button")
    page.get_by_role("status").wait_for()


def register(page, site, lot):
    page.goto(f"{site.url}/producers/lots/new")
    page.select_option("[name='product_id']", label=cast.JAR_700.name_en)
    page.select_option("[name='place_id']", label=cast.FILLING_HALL.name_en)
    page.fill("[name='amount']", "1")
    page.select_option("[name='uom']", "piece")
    page.fill("[name='production_date']", datetime.now(CHINA).date().isoformat())
    page.locator("main details > summary").first.click()
    page.fill("[name='lot_number']", lot)
    choose_goods(page, "inputs", "/10/GL01", "0.7")
    submit(page)
    assert page.url.endswith(lot), page.locator("main").inner_text()


def test_a_batch_is_signed_by_a_device_and_the_shopper_reads_by_whom(signed_in, visit, site):
    page = signed_in("shifan.factory")
    make_key(page, site, "filling hall")
    assert "may sign now" in page.get_by_role("status").inner_text()
    page.locator("#device [data-fingerprint]").first.wait_for()
    shown = page.locator("#device [data-state=good] [data-fingerprint]").first.inner_text()
    assert shown in page.locator("ul.list").inner_text()

    register(page, site, "SIGN1")
    assert "entered through the service" in page.locator("main").inner_text()
    follow(page.get_by_role("link", name="Sign with this device"))
    page.locator("main details > summary").first.click()
    text = page.locator("[data-text]").first.inner_text()
    assert '"eventTime"' in text
    assert "SIGN1" in text
    page.click("[data-sign] button")
    page.get_by_role("status").wait_for()
    assert "is signed" in page.get_by_role("status").inner_text()

    page.goto(f"{site.url}/producers/lots{NEW_LOT}")
    told = page.locator("main").inner_text()
    assert "device filling hall" in told
    assert "entered through the service" not in told
    assert page.get_by_role("link", name="Sign with this device").count() == 0

    shopper = visit(locale="en")
    shopper.goto(site.url + NEW_LOT)
    assert "signed on the device “filling hall”" in shopper.locator("body").inner_text()


def test_a_second_device_is_let_in_by_the_first_which_then_is_replaced(signed_in, site):
    page = signed_in("shifan.shop")
    make_key(page, site, "till 1")
    other = another_window(page)
    make_key(other, site, "till 2")
    other.locator("#device [data-state=waiting]").wait_for()
    own = other.locator("#device [data-state=waiting] [data-fingerprint]").inner_text()
    page.goto(site.url + DEVICES)
    form = page.locator("[data-vouch]")
    form.wait_for()
    assert own in page.locator("ul.list li", has=form).inner_text()
    form.locator("button").click()
    page.get_by_role("status").wait_for()
    other.goto(site.url + SIGNING)
    other.locator("[data-sign] button").wait_for()

    page.goto(site.url + DEVICES)
    page.locator("#device details > summary").click()
    page.fill("#new-name", "till 1, new")
    page.click("[data-replace] button")
    page.get_by_role("status").wait_for()
    listed = page.locator("ul.list").inner_text()
    assert "replaced by another key" in listed
    page.goto(site.url + SIGNING)
    page.locator("[data-sign] button").click()
    page.get_by_role("status").wait_for()
    assert "signed" in page.get_by_role("status").inner_text()
    other.context.close()


def test_an_organisation_that_has_lost_its_keys_gets_a_new_one_by_the_authority(signed_in, site):
    page = signed_in("shifan.lab")
    make_key(page, site, "bench 1")
    fresh = another_window(page)
    fresh.goto(site.url + DEVICES)
    fresh.locator("[data-state~=new]").first.wait_for()
    fresh.check("#field-lost_all")
    fresh.fill("#field-name", "bench 2")
    fresh.click("[data-enrol] button")
    fresh.locator("#device [data-state=waiting]").wait_for()
    own = fresh.locator("#device [data-state=waiting] [data-fingerprint]").inner_text()

    regulator = signed_in("shifan.regulator")
    regulator.goto(f"{site.url}{DEVICES}/waiting")
    assert own in regulator.locator("ul.list").inner_text()
    follow(regulator.get_by_role("button", name="Confirm the key"))
    assert "Nobody waits" in regulator.locator("main").inner_text()
    fresh.goto(site.url + SIGNING)
    fresh.locator("[data-sign] button").wait_for()
    page.goto(site.url + DEVICES)
    page.locator("#device [data-state~=new]").first.wait_for()
    fresh.context.close()


def test_without_scripts_and_without_ed25519_the_page_says_so(signed_in, site):
    page = signed_in("shifan.shop", java_script_enabled=False)
    page.goto(site.url + SIGNING)
    assert "entered through the service" in page.locator("main").inner_text()
    assert page.locator("[data-sign] button").is_hidden()

    old = signed_in("shifan.shop")
    old.add_init_script("SubtleCrypto.prototype.generateKey = () => Promise.reject(new Error())")
    old.goto(site.url + DEVICES)
    old.locator("[data-state=unable]").wait_for()
    assert "Ed25519" in old.locator("[data-state=unable]").inner_text()


def test_the_private_key_cannot_be_copied_out_of_the_browser(signed_in, site):
    page = signed_in("shifan.hub")
    make_key(page, site, "gate")
    refused = page.evaluate(
        """async () => {
          const open = await new Promise((done) => {
            const request = indexedDB.open("foodtrace-keys");
            request.onsuccess = () => done(request.result);
          });
          const all = await new Promise((done) => {
            const request = open.transaction("keys").objectStore("keys").getAll();
            request.onsuccess = () => done(request.result);
          });
          const key = all[0][0].private;
          const tried = await crypto.subtle.exportKey("pkcs8", key).catch((error) => error.name);
          return [key.extractable, tried];
        }"""
    )
    assert refused == [False, "InvalidAccessError"]


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_the_pages_fit_and_everybody_can_use_them(signed_in, site, width, lang):
    page = signed_in("shifan.factory", viewport={"width": width, "height": 900}, is_mobile=False)
    for path in (DEVICES, SIGNING, f"/producers/lots{quote(NEW_LOT)}"):
        page.goto(f"{site.url}{path}?lang={lang}")
        page.wait_for_load_state("networkidle")
        assert page.locator("html").get_attribute("lang") == lang
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(overflow) <= 0, path
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
