"""The printed code: it is read back by zxing-cpp, and its size is GS1's."""

import io
import re
import xml.etree.ElementTree as ElementTree

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from foodtrace.producers import labels
from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.identifiers import lot_path
from foodtrace.trace.gs1.public_code import new_code

URL = "http://127.0.0.1:8000/01/06901234567892/10/20261001-01"


def decoded(image):
    (code,) = zxingcpp.read_barcodes(image)
    return code.text


def test_the_picture_says_the_url():
    assert decoded(Image.open(io.BytesIO(labels.qr_png(URL)))) == URL


def test_the_code_of_a_lot_without_gtin_says_its_url():
    url = labels.lot_url("https://trace.example", f"/q/{new_code()}")
    assert decoded(Image.open(io.BytesIO(labels.qr_png(url)))) == url


@pytest.mark.parametrize("dpi", [203, 300, 600])
def test_a_module_is_a_whole_number_of_dots_within_the_gs1_range(dpi):
    picture = Image.open(io.BytesIO(labels.qr_png(URL, dpi)))
    assert picture.info["dpi"] == pytest.approx((dpi, dpi), abs=0.1)
    dots = labels.dots_a_module(dpi)
    assert 0.396 <= dots * 25.4 / dpi <= 0.990
    assert picture.width == picture.height
    assert picture.width % dots == 0
    version_modules = picture.width // dots - 2 * 4
    assert (version_modules - 17) % 4 == 0


@pytest.mark.parametrize("dpi", [203, 300, 600])
def test_four_empty_modules_surround_the_code(dpi):
    picture = Image.open(io.BytesIO(labels.qr_png(URL, dpi))).convert("L")
    dots = labels.dots_a_module(dpi)
    inverted = picture.point(lambda value: 255 - value)
    left, upper, right, lower = inverted.getbbox()
    assert (left, upper) == (4 * dots, 4 * dots)
    assert (picture.width - right, picture.height - lower) == (4 * dots, 4 * dots)


@pytest.mark.parametrize("dpi", [0, 71, 1201, -300])
def test_a_density_that_no_printer_has_is_refused(dpi):
    with pytest.raises(Invalid) as refusal:
        labels.qr_png(URL, dpi)
    assert refusal.value.problems[0].place == "dpi"


def modules_of_svg(svg):
    """Draw the modules of an SVG, as many pixels as modules."""
    root = ElementTree.fromstring(svg)
    side = int(root.get("viewBox").split()[2])
    picture = Image.new("L", (side, side), 255)
    path = root.findall("{http://www.w3.org/2000/svg}path")[1].get("d")
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", path):
        picture.paste(0, (int(x), int(y), int(x) + int(length), int(y) + 1))
    return picture


def test_the_drawing_says_the_url_and_has_its_size_in_millimetres():
    svg = labels.qr_svg(URL)
    root = ElementTree.fromstring(svg)
    side = int(root.get("viewBox").split()[2])
    assert root.get("width") == root.get("height")
    module = float(root.get("width").removesuffix("mm")) / side
    assert 0.396 <= module <= 0.990
    picture = modules_of_svg(svg)
    assert decoded(picture.resize((side * 4, side * 4), Image.Resampling.NEAREST)) == URL
    assert picture.point(lambda value: 255 - value).getbbox() == (4, 4, side - 4, side - 4)


def test_the_terminal_shows_the_code_with_colours_of_its_own():
    text = labels.qr_text(URL)
    rows = []
    for line in text.splitlines():
        assert line.startswith("\x1b[38;5;16;48;5;231m")
        assert line.endswith("\x1b[0m")
        blocks = re.sub(r"\x1b\[[0-9;]*m", "", line)
        rows.append([0 if block in "▀█" else 255 for block in blocks])
        rows.append([0 if block in "▄█" else 255 for block in blocks])
    picture = Image.new("L", (len(rows[0]), len(rows)), 255)
    picture.putdata([value for row in rows for value in row])
    enlarged = picture.resize((picture.width * 4, picture.height * 4), Image.Resampling.NEAREST)
    assert decoded(enlarged) == URL
    left, upper, right, lower = picture.point(lambda value: 255 - value).getbbox()
    assert min(left, upper, picture.width - right, picture.height - lower) >= 4


lots = st.text(
    st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:+()'*,!"),
    min_size=1,
    max_size=20,
).filter(lambda lot: lot not in (".", ".."))


@settings(max_examples=25, deadline=None)
@given(lots)
def test_every_lot_number_is_read_back(lot):
    url = labels.lot_url("https://trace.example", lot_path("06901234567892", lot))
    assert decoded(Image.open(io.BytesIO(labels.qr_png(url, 203)))) == url
    readable = labels.human_readable(lot_path("06901234567892", lot))
    assert readable == f"(01)06901234567892(10){lot}"
