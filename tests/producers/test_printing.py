"""What is printed is read back: sheets, rolls, pictures and the streams of label printers."""

import re
from dataclasses import replace

import pytest
import qrcode
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw
from qrcode.constants import ERROR_CORRECT_M
from qrcode.util import MODE_8BIT_BYTE, QRData, create_data

from foodtrace.producers import labels
from foodtrace.producers.printing import lettering, pictures, sheets, symbols, texts, thermal
from foodtrace.producers.printing.checking import check_label
from foodtrace.producers.printing.codewords import codewords
from foodtrace.producers.printing.layouts import ROLLS, SHEETS, Box, layout_of, plan_label
from foodtrace.producers.printing.symbols import LONGEST_URL
from foodtrace.trace.errors import Invalid

from .printed import (
    FACTS,
    WORST_LOT,
    codes_in,
    designed,
    lot_said,
    pdf_pages,
    pictures_in,
    tspl_pages,
    unit_said,
    written,
    zpl_bits,
    zpl_pages,
)

MM = 25.4


def checked(design, label):
    return check_label(label.bitmap(), label.said.url, label.symbol.side, design.plan.dpi)


def test_it_works():
    design = designed()
    label = design.draw(lot_said())
    assert codes_in(label.bitmap()) == [lot_said().url]
    assert checked(design, label) is None


# Layouts: what fits where


@pytest.mark.parametrize("dpi", [203, 300, 600])
@pytest.mark.parametrize("modules", [25, 33, 41])
@pytest.mark.parametrize("key", ROLLS)
def test_a_code_has_a_legal_size_and_its_quiet_zone_inside_the_label(key, modules, dpi):
    plan = plan_label(layout_of(key), modules, dpi)
    assert 0.396 <= plan.module_mm <= 0.990
    quiet = 4 * plan.dots
    assert plan.code.width == plan.code.height == modules * plan.dots
    assert min(plan.code.x, plan.code.y) >= quiet
    assert plan.code.x + plan.code.width + quiet <= plan.width
    assert plan.code.y + plan.code.height + quiet <= plan.height
    beside = plan.text.x >= plan.code.x + plan.code.width + quiet
    assert beside or plan.text.y >= plan.code.y + plan.code.height + quiet


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS)
def test_the_labels_of_a_sheet_lie_on_the_paper_and_not_on_each_other(sheet):
    corners = [sheet.corner(place) for place in range(sheet.labels_a_page)]
    assert len(set(corners)) == sheet.labels_a_page == int(sheet.key.removeprefix("a4-"))
    assert max(x for x, _ in corners) + sheet.width <= 210
    assert max(y for _, y in corners) + sheet.height <= 297 + 0.01
    assert sheet.pitch_x >= sheet.width
    assert sheet.pitch_y >= sheet.height


def test_a_label_that_is_too_small_is_refused_with_the_numbers():
    with pytest.raises(Invalid) as refusal:
        plan_label(layout_of("20x20"), 33, 203)
    (problem,) = refusal.value.problems
    assert problem.text == (
        "The code has 33 modules a side. At 0.500 mm, the smallest that this printer may print, "
        "it needs 22.5 mm with its quiet zone, and the label has 20 mm. "
        "Choose a larger label, a finer printer or a shorter lot number."
    )


def test_a_finer_printer_has_room_where_a_coarse_one_has_none():
    small = layout_of("21x21")
    with pytest.raises(Invalid):
        plan_label(small, 33, 203)
    assert plan_label(small, 33, 300).module_mm == pytest.approx(0.423, abs=0.001)


@pytest.mark.parametrize(
    "key", ["", "a4", "A4-24", "60", "60x", "x40", "6x4", "14x60", "109x60", "60x301", "６０x40",
            "60x40 ", "60x40\n", "-60x40", "60.5x40", "1000x1000"],
)  # fmt: skip
def test_what_is_no_layout_is_refused(key):
    with pytest.raises(Invalid) as refusal:
        layout_of(key)
    assert refusal.value.problems[0].place == "layout"


@given(st.integers(15, 108), st.integers(15, 300), st.integers(21, 81), st.sampled_from([203, 300]))
@settings(max_examples=150, deadline=None)
def test_every_plan_keeps_the_rules_whatever_the_roll(width, height, modules, dpi):
    layout = layout_of(f"{width}x{height}")
    try:
        plan = plan_label(layout, modules, dpi)
    except Invalid as refusal:
        needed = float(refusal.problems[0].values["needed"])
        assert needed > min(width, height) - 0.1
    else:
        assert 0.396 <= plan.module_mm <= 0.990
        for x, side, of in (
            (plan.code.x, plan.code.width, plan.width),
            (plan.code.y, plan.code.height, plan.height),
        ):
            assert 4 * plan.dots <= x
            assert x + side + 4 * plan.dots <= of


# Texts


def test_the_lines_say_what_a_label_says_in_chinese():
    assert texts.lines_of(FACTS) == [
        "郫县豆瓣酱（二级）",
        "批号 YL01",
        "生产日期 2026-10-01",
        "保质期至 2027-10-01",
        "净含量 500 g",
        "贮存 阴凉干燥处",
        "四川省益康食品有限公司",
    ]


def in_tens(text, size):
    return 10 * len(text)


def test_a_line_breaks_before_a_bracket_at_a_space_or_anywhere():
    assert texts.wrap("(01)123(10)45", 100, 10, in_tens) == ["(01)123", "(10)45"]
    assert texts.wrap("red hot chili", 90, 10, in_tens) == ["red hot", "chili"]
    assert texts.wrap("abcdefghijk", 50, 10, in_tens) == ["abcde", "fghij", "k"]


@given(st.text(st.characters(codec="gbk"), max_size=80), st.integers(20, 300))
@settings(max_examples=100, deadline=None)
def test_a_wrapped_text_loses_nothing_and_overflows_nowhere(text, width):
    text = texts.clean(text)
    lines = texts.wrap(text, width, 10, in_tens)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(in_tens(line, 10) <= width for line in lines)


def test_what_nobody_sees_is_left_out_of_texts():
    assert texts.clean("a\r\nb\x00\u200b\u202ec\ufeff \u2028d") == "a b c d"


def test_unimportant_lines_go_where_there_is_little_room():
    small = texts.set_text(FACTS, ["(01)1"], Box(0, 0, 160, 90), 203, lettering.width_of)
    said = [row.text for row in small.rows]
    assert said[0].startswith("郫县豆瓣酱")
    assert "四川省益康食品有限公司" not in said


def test_a_label_without_room_for_name_and_numbers_is_refused():
    with pytest.raises(Invalid) as refusal:
        texts.set_text(FACTS, ["(01)1"], Box(0, 0, 160, 20), 203, lettering.width_of)
    assert "20.0 x 2.5 mm" in refusal.value.problems[0].text


def test_letters_are_drawn_as_wide_as_they_are_measured():
    for size in (13, 16, 21, 38):
        x, _, dots = lettering.draw_text("郫县豆瓣酱 (01)09521000890022", size)
        assert x + dots.width <= lettering.width_of("郫县豆瓣酱 (01)09521000890022", size) + 1


def test_chinese_letters_are_those_of_the_font_and_not_boxes():
    drawn = {sign: lettering.draw_text(sign, 32)[2].tobytes() for sign in "郫县豆瓣酱□"}
    assert len(set(drawn.values())) == 6


@pytest.mark.parametrize("text", ["龘靐齉齾", "㙓䶮𠮷", "囍堃喆昇峯邨垚淼燚"])
def test_what_the_font_lacks_becomes_a_box_and_is_named(text):
    shown = lettering.printable(text)
    assert len(shown) == len(text)
    assert {sign for sign, box in zip(text, shown, strict=True) if box == "□"} == set(
        lettering.missing(text)
    )


def test_a_design_names_the_letters_that_it_cannot_draw():
    design = designed(facts=replace(FACTS, product_name="辣椒🌶𠮷", maker="𠮷村"))
    assert design.missing == ["🌶", "𠮷"]
    assert design.setting.rows[0].text == "辣椒□□"
    assert designed().missing == []


# Codes


def test_all_codes_of_a_job_have_one_version():
    few = [lot_said("A"), lot_said("A" * 20)]
    design = designed(labels=few)
    assert {design.draw(said).symbol.side for said in few} == {symbols.modules_of(design.version)}


def test_an_address_too_long_for_a_good_code_is_refused():
    with pytest.raises(Invalid):
        symbols.version_for(["https://trace.example/" + "x" * 500])


@pytest.mark.parametrize("dpi", [203, 300])
@pytest.mark.parametrize("key", ["60x40", "50x30", "100x70"])
def test_every_code_is_read_back_from_the_dots(key, dpi):
    said = [unit_said(number) for number in range(40)]
    design = designed(key, dpi, labels=said)
    drawn = [design.draw(each) for each in said]
    assert [codes_in(label.bitmap()) for label in drawn] == [[each.url] for each in said]
    assert [checked(design, label) for label in drawn] == [None] * 40


@pytest.mark.parametrize("dpi", [203, 300])
def test_the_longest_lot_number_of_the_worst_characters_is_read_back(dpi):
    said = lot_said(WORST_LOT)
    assert said.url.count("%") == 20
    design = designed("60x40", dpi, labels=[said])
    label = design.draw(said)
    assert checked(design, label) is None
    assert codes_in(label.bitmap()) == [said.url]


@pytest.mark.parametrize(
    ("key", "dpi", "says"),
    [("a4-65", 300, "modules a side"), ("40x30", 203, "38.0 x 3.5 mm for text")],
)
def test_where_the_longest_lot_number_finds_no_room_it_is_refused(key, dpi, says):
    with pytest.raises(Invalid) as refusal:
        designed(key, dpi, labels=[lot_said(WORST_LOT)])
    assert says in refusal.value.problems[0].text


def test_nothing_is_printed_on_the_edge():
    design = designed("50x30", 203, labels=[unit_said(1)])
    bitmap = design.draw(unit_said(1)).bitmap().convert("L")
    left, top, right, bottom = ImageChops.invert(bitmap).getbbox()
    slip = 203 / MM * 0.9
    assert min(left, top, bitmap.width - right, bitmap.height - bottom) >= slip


@given(st.binary(min_size=1, max_size=LONGEST_URL), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_codewords_are_those_of_the_library(data, larger):
    """Every length, in the smallest version that holds it and in larger ones."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M)
    code.add_data(QRData(data, mode=MODE_8BIT_BYTE))
    version = code.best_fit() + larger
    expected = create_data(version, ERROR_CORRECT_M, code.data_list)
    assert codewords(data, version) == list(expected)


# The check before anything is released


@pytest.fixture
def label():
    return designed().draw(lot_said())


def found_in(label, bitmap, *, says=None, dpi=203):
    problem = check_label(bitmap, says or label.said.url, label.symbol.side, dpi)
    return problem and problem.text


def test_another_code_is_found_out(label):
    assert found_in(label, label.bitmap(), says="https://trace.example/other") == (
        "The code is read as https://trace.example/01/09521000890022/10/YL01, "
        "not as https://trace.example/other."
    )


def test_a_missing_code_is_found_out(label):
    empty = Image.new("1", label.bitmap().size, 255)
    assert found_in(label, empty) == "0 codes are read, not one."


def test_a_second_code_is_found_out(label):
    twice = Image.new("1", (label.plan.width * 2, label.plan.height), 255)
    twice.paste(label.bitmap(), (0, 0))
    twice.paste(label.bitmap(), (label.plan.width, 0))
    assert found_in(label, twice) == "2 codes are read, not one."


def test_a_dot_in_the_quiet_zone_is_found_out(label):
    bitmap, code = label.bitmap(), label.plan.code
    at = (code.x + code.width + 2 * label.plan.dots, code.y + 30)
    ImageDraw.Draw(bitmap).rectangle((*at, at[0] + 3, at[1] + 3), fill=0)
    assert codes_in(bitmap) == [label.said.url]
    assert found_in(label, bitmap) == "Something stands in the quiet zone of the code."


def test_a_code_at_the_edge_of_the_label_is_found_out(label):
    code = label.plan.code
    cut = label.bitmap().crop((code.x - 4, 0, label.plan.width, label.plan.height))
    assert found_in(label, cut) == "Something stands in the quiet zone of the code."


@pytest.mark.parametrize(("dpi", "says"), [(300, "0.339"), (600, "0.169"), (72, "1.411")])
def test_a_module_of_the_wrong_size_is_found_out(label, dpi, says):
    assert found_in(label, label.bitmap(), dpi=dpi) == (
        f"A module of the code is {says} mm, not 0.396 to 0.99 mm."
    )


# Files


@pytest.mark.parametrize("dpi", [203, 300])
@pytest.mark.parametrize("key", SHEETS)
def test_every_code_of_a_printed_sheet_is_read_back_in_order(key, dpi):
    places = SHEETS[key].labels_a_page
    said = [unit_said(number) for number in range(places + 3)]
    data = written(sheets.write_sheets, designed(key, sheets.DPI, labels=said))
    pages = [codes_in(page) for page in pdf_pages(data, dpi)]
    assert [len(page) for page in pages] == [places, 3]
    assert [url for page in pages for url in page] == [each.url for each in said]


def test_the_copies_of_a_lot_fill_its_sheets():
    data = written(sheets.write_sheets, designed("a4-24", sheets.DPI), copies=50)
    pages = [codes_in(page) for page in pdf_pages(data, 300)]
    assert pages == [[lot_said().url] * 24, [lot_said().url] * 24, [lot_said().url] * 2]


def test_a_roll_as_pdf_has_one_label_a_page_of_its_size():
    said = [unit_said(number) for number in range(3)]
    data = written(sheets.write_sheets, designed("60x40", sheets.DPI, labels=said))
    assert [codes_in(page) for page in pdf_pages(data, 300)] == [[each.url] for each in said]
    width, height = re.search(rb"/MediaBox \[0 0 (\S+) (\S+)\]", data).groups()
    assert float(width) * MM / 72 == pytest.approx(60, abs=0.1)
    assert float(height) * MM / 72 == pytest.approx(40, abs=0.1)


def test_the_areas_of_a_pdf_are_the_dots_that_were_checked():
    design = designed("60x40", sheets.DPI)
    (page,) = pdf_pages(written(sheets.write_sheets, design), sheets.DPI)
    label, code = design.draw(lot_said()), design.plan.code
    box = (code.x, code.y, code.x + code.width, code.y + code.height)
    assert page.crop(box).tobytes() == label.bitmap().crop(box).tobytes()


def test_a_pdf_says_nothing_of_where_it_was_made():
    data = written(sheets.write_sheets, designed("a4-24", sheets.DPI))
    assert re.findall(rb"/(?:Author|Creator|Title|Subject|Keywords)\b", data) == []
    assert b"/Producer (foodtrace)" in data
    assert written(sheets.write_sheets, designed("a4-24", sheets.DPI)) == data


@pytest.mark.parametrize("dpi", [203, 300])
@pytest.mark.parametrize(
    ("writer", "pages"), [(thermal.write_zpl, zpl_pages), (thermal.write_tspl, tspl_pages)],
    ids=["zpl", "tspl"],
)  # fmt: skip
def test_a_label_printer_gets_the_very_dots_that_were_checked(writer, pages, dpi):
    said = [unit_said(number) for number in range(5)]
    design = designed("60x40", dpi, labels=said)
    found = list(pages(written(writer, design)))
    assert [copies for _, copies in found] == [1] * 5
    for (page, _), each in zip(found, said, strict=True):
        assert codes_in(page) == [each.url]
        expected = design.draw(each).bitmap()
        size = (0, 0, *expected.size)
        assert page.crop(size).tobytes() == expected.tobytes()


def test_a_label_printer_is_told_how_many_copies():
    design = designed()
    assert [n for _, n in zpl_pages(written(thermal.write_zpl, design, 500))] == [500]
    assert [n for _, n in tspl_pages(written(thermal.write_tspl, design, 500))] == [500]


@given(st.binary(min_size=1, max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_dots_survive_the_compression_of_zpl(data):
    image = Image.frombytes("1", (8 * len(data), 1), data)
    image = image.resize((8 * len(data), 3))
    field = thermal._graphic_field(thermal.Piece(0, 0, image))
    graphic = field.split(",", 5)[5].removesuffix("^FS")
    expected = bytes(byte ^ 0xFF for byte in data) * 3
    assert zpl_bits(graphic, len(data)) == expected


@pytest.mark.parametrize("text", ["^XZ^XA^FDowned^FS", '"\r\nPRINT 9\r\n"', "~JR", "(a) Tj ET Q"])
def test_no_text_becomes_a_command(text):
    hostile = replace(FACTS, product_name=text, maker=text, storage=text)
    design = designed("100x70", 300, facts=hostile)
    # The readers accept nothing but dots.
    assert len(list(zpl_pages(written(thermal.write_zpl, design)))) == 1
    assert len(list(tspl_pages(written(thermal.write_tspl, design)))) == 1
    for data in (written(thermal.write_zpl, design), written(thermal.write_tspl, design)):
        assert b"owned" not in data
        assert b"PRINT 9" not in data
        assert b"~JR" not in data
    (page,) = pdf_pages(written(sheets.write_sheets, design), 300)
    assert codes_in(page) == [lot_said().url]


def test_pictures_have_the_density_of_the_printer():
    (picture,) = pictures_in(written(pictures.write_pictures, designed("60x40", 203)))
    assert picture.info["dpi"] == pytest.approx((203, 203), abs=0.1)
    assert picture.size == (round(60 / MM * 203), round(40 / MM * 203))


def test_the_pictures_of_many_labels_are_numbered_in_an_archive():
    said = [unit_said(number) for number in range(12)]
    data = written(pictures.write_pictures, designed("40x30", 300, labels=said))
    assert [codes_in(each) for each in pictures_in(data)] == [[each.url] for each in said]


def test_the_quick_picture_and_the_label_have_modules_of_one_size():
    for dpi in (203, 300):
        assert designed("60x40", dpi).plan.dots == labels.dots_a_module(dpi)
