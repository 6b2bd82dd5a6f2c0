"""Staff scan with a phone: a photo without script, and the live camera with it."""

import shutil
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from foodtrace.consumer_web.demonstration import cast
from foodtrace.trace.gs1.identifiers import lot_path

from ..trace.photographing import file_of, ground, photo_of, symbol
from .conftest import ARGUMENTS, BROWSERS
from .following import follow

LOT = lot_path(cast.JAR_280.gtin, "YL01")
ELEMENTS = f"(01){cast.JAR_280.gtin}(10)YL01(17)271231"


def sign_in(page, site, username):
    page.goto(f"{site.url}/login?lang=en")
    page.fill("#field-username", username)
    page.fill("#field-password", site.passwords[username])
    follow(page.locator("main form button").last)
    page.goto(f"{site.url}/scan")


def faults(page):
    found = Axe().run(page).response["violations"]
    return [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found]


def test_a_photo_finds_the_lot_without_script(visit, site, tmp_path):
    photo = tmp_path / "pallet.jpg"
    photo.write_bytes(file_of(photo_of(symbol(ELEMENTS, "DataMatrix", gs1=True), turned=9)))
    page = visit(locale="en")
    sign_in(page, site, "shifan.factory")
    assert not page.locator("#camera").is_visible()
    page.set_input_files("#field-photo", photo)
    follow(page.get_by_role("button", name="Find"))
    assert page.locator("article h2").inner_text().startswith(cast.JAR_280.name_en)
    follow(page.get_by_role("link", name="Ship it"))
    assert page.locator(f"input[type=checkbox][value$='{LOT}']").is_checked()
    follow(page.get_by_role("link", name="With the camera"))
    assert "/scan?then=" in page.url
    page.set_input_files("#field-photo", photo)
    follow(page.get_by_role("button", name="Find"))
    assert "/producers/ship?" in page.url


def test_a_hand_scanner_types_into_the_field_and_sends_enter(visit, site):
    page = visit(locale="en")
    sign_in(page, site, "shifan.factory")
    page.keyboard.type(f"01{cast.JAR_280.gtin}10YL01")  # the field has the focus
    page.keyboard.press("Enter")
    assert "YL01" in page.locator("article h2").inner_text()


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_scan_page_and_its_answers_have_no_axe_fault(visit, site, locale, width):
    page = visit(locale=locale, java_script_enabled=True, viewport={"width": width, "height": 800})
    sign_in(page, site, "shifan.factory")
    tag = "en" if locale == "en" else "zh-CN"
    for query in ("", f"code={LOT}", f"code={cast.JAR_280.gtin}", "code=NONE&empty=1",
                  f"code={LOT}&then=/producers/ship"):  # fmt: skip
        page.goto(f"{site.url}/scan?lang={tag}&{query}")
        assert faults(page) == [], query
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), query


def film_of(path: Path, picture: Image.Image) -> None:
    """Write a film in which nothing moves, as Chromium's pretended camera takes it (YUV4MPEG2)."""
    width, height = picture.size
    frame = picture.tobytes() + bytes([128]) * (width * height // 2)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420\n".encode())
        for _ in range(5):
            file.write(b"FRAME\n" + frame)


@pytest.fixture
def camera(browser, site, tmp_path):
    """Open a window whose camera sees a picture."""
    launched = []

    def open_page(picture, *, permissions=("camera",)):
        film = tmp_path / "film.y4m"
        film_of(film, picture)
        path = next(found for name in BROWSERS if (found := shutil.which(name)))
        pretended = (
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={film}",
        )
        if not permissions:
            pretended = ("--deny-permission-prompts",)
        other = browser.browser_type.launch(executable_path=path, args=[*ARGUMENTS, *pretended])
        launched.append(other)
        context = other.new_context(locale="en", permissions=list(permissions))
        context.set_default_timeout(15_000)
        return context.new_page()

    yield open_page
    for each in launched:
        each.close()


def test_the_live_camera_finds_a_lot(camera, site):
    page = camera(photo_of(symbol(ELEMENTS, "DataMatrix", gs1=True), size=(640, 480)))
    sign_in(page, site, "shifan.factory")
    page.get_by_role("button", name="Use the camera").click()
    page.wait_for_url("**/scan?code=*", timeout=30_000)
    assert "YL01" in page.locator("article h2").inner_text()


def test_the_camera_asks_at_most_twice_a_second_and_stops_when_told(camera, site):
    page = camera(ground(640, 480))
    sign_in(page, site, "shifan.factory")
    frames = []
    page.on("request", lambda request: frames.append(request) if "/frames" in request.url else None)
    page.get_by_role("button", name="Use the camera").click()
    page.wait_for_timeout(2_200)
    page.get_by_role("button", name="Stop the camera").click()
    assert 1 <= len(frames) <= 6
    assert page.locator("#camera-state").inner_text() == "The camera is off."
    seen = len(frames)
    page.wait_for_timeout(1_200)
    assert len(frames) <= seen + 1
    assert page.locator("#camera-picture").is_hidden()


def test_without_a_camera_the_page_says_to_take_a_photo(camera, site):
    page = camera(ground(640, 480), permissions=())
    sign_in(page, site, "shifan.factory")
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_text("The camera cannot be used. Take a photo instead.").wait_for()


DETECTOR = """
window.BarcodeDetector = class {
  static async getSupportedFormats() { %s }
  async detect() { return [{ rawValue: %r }]; }
};
"""


def test_a_detector_of_the_browser_is_used_where_it_knows_the_formats(camera, site):
    page = camera(ground(640, 480))
    known = 'return ["qr_code", "data_matrix", "code_128", "ean_13"]'
    page.add_init_script(DETECTOR % (known, f"https://id.gs1.org{LOT}"))
    sign_in(page, site, "shifan.factory")
    page.get_by_role("button", name="Use the camera").click()
    page.wait_for_url("**/scan?code=*")
    assert "YL01" in page.locator("article h2").inner_text()


@pytest.mark.parametrize("answer", ["throw new Error()", "return []", 'return ["qr_code"]'])
def test_a_detector_that_throws_or_knows_too_little_is_left_alone(camera, site, answer):
    page = camera(photo_of(symbol(ELEMENTS, "DataMatrix", gs1=True), size=(640, 480)))
    page.add_init_script(DETECTOR % (answer, "wrong"))
    sign_in(page, site, "shifan.factory")
    page.get_by_role("button", name="Use the camera").click()
    page.wait_for_url("**/scan?code=*", timeout=30_000)
    assert "YL01" in page.locator("article h2").inner_text()
