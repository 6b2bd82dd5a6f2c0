"""Labels are chosen, looked at, ordered and fetched, with script and without."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from foodtrace.consumer_web.demonstration import cast
from foodtrace.trace.gs1.identifiers import lot_path

from ..producers.printed import codes_in, pdf_pages, zpl_pages
from .following import follow

LOT = lot_path(cast.JAR_280.gtin, "YL01")


def sign_in(page, site):
    page.goto(f"{site.url}/login?lang=en")
    page.fill("#field-username", "shifan.factory")
    page.fill("#field-password", site.passwords["shifan.factory"])
    follow(page.locator("main form button").last)


def faults(page):
    found = Axe().run(page).response["violations"]
    return [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found]


def order(page):
    if page.locator("#field-reason").count():
        page.fill("#field-reason", "more are needed")
    follow(page.get_by_role("button", name="Order these labels"))


def fetched(page):
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    return Path(download.value.path()).read_bytes()


def test_labels_are_ordered_and_fetched_without_script(visit, site):
    page = visit(locale="en")
    sign_in(page, site)
    page.goto(f"{site.url}/producers/lots{LOT}")
    follow(page.get_by_role("link", name="Sheets and rolls of labels"))
    page.select_option("#field-layout", "60x40")
    page.select_option("#field-format", "zpl")
    page.fill("#field-copies", "7")
    follow(page.get_by_role("button", name="Show the label"))
    assert page.locator(".label-preview").is_visible()
    order(page)
    for _ in range(60):
        if page.get_by_role("link", name="Download").count():
            break
        page.wait_for_timeout(500)
        page.reload()
    ((dots, copies),) = zpl_pages(fetched(page))
    assert (codes_in(dots), copies) == ([site.url + LOT], 7)


def test_the_preview_and_the_progress_come_by_themselves(visit, site):
    page = visit(locale="en", java_script_enabled=True)
    sign_in(page, site)
    page.goto(f"{site.url}/producers/prints/new?lot={LOT}")
    page.select_option("#field-layout", "a4-24")
    page.wait_for_selector(".label-preview")
    wide = page.locator(".label-preview").get_attribute("width")
    page.select_option("#field-layout", "100x70")
    page.wait_for_selector(f".label-preview:not([width='{wide}'])")
    page.fill("#field-copies", "3")
    page.wait_for_selector("text=3 labels.")
    order(page)
    page.wait_for_selector("text=checked and released")
    assert [codes_in(each) for each in pdf_pages(fetched(page), 300)] == [[site.url + LOT]] * 3


@pytest.mark.parametrize("width", [360, 1280])
def test_the_label_pages_fit_and_have_no_faults(visit, site, width):
    page = visit(locale="en", java_script_enabled=True, viewport={"width": width, "height": 740})
    sign_in(page, site)
    for address in (
        "/producers/prints",
        "/producers/prints/new",
        f"/producers/prints/new?lot={LOT}&layout=60x40&format=zpl&dpi=203&copies=2",
        f"/producers/prints/new?lot={LOT}&layout=20x20&format=zpl&dpi=203&copies=2",
    ):
        page.goto(site.url + address)
        assert faults(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= width
