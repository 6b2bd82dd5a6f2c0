import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.public_code import new_code
from foodtrace.trace.gs1.scanning import read_code, read_lot_of, read_scan

LOT = "/01/06901234567892/10/20261001-01"


def test_a_digital_link_on_any_host_names_a_lot():
    assert read_code("https://trace.example/01/06901234567892/10/20261001-01").canonical == LOT


@pytest.mark.parametrize(
    "text",
    [
        "(01)06901234567892(10)20261001-01",
        "010690123456789210" + "20261001-01",
        "]C1010690123456789210" + "20261001-01",
        "]d201069012345678921726103110" + "20261001-01",
        "\ufeff https://id.gs1.org/01/06901234567892/10/20261001-01\r\n",
        "urn:epc:class:lgtin:69012345.06789.20261001-01",
    ],
)
def test_whatever_a_scanner_types_it_is_the_same_lot(text):
    assert read_code(text).canonical == LOT


@pytest.mark.parametrize(
    "text",
    [
        "106901234500000010",
        "00106901234500000010",
        "(00)106901234500000010",
        "https://id.gs1.org/00/106901234500000010",
        "urn:epc:id:sscc:06901234.150000001",
    ],
)
def test_a_pallet_is_named_by_its_sscc(text):
    assert read_code(text).canonical == "/00/106901234500000010"


def test_a_serial_number_names_one_thing():
    assert read_code("(01)06901234567892(21)A/1").canonical == "/01/06901234567892/21/A%2F1"


def test_our_own_code_is_read_with_and_without_its_address():
    code = new_code()
    spoken = " ".join(code[i : i + 4] for i in range(0, 27, 4)).lower()
    for text in (code, spoken, f"/q/{code}", f"http://127.0.0.1:8000/q/{code}"):
        assert read_code(text).canonical == f"/q/{code}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "6901234567892",
        "(01)06901234567892",
        "(01)06901234567893(10)A",
        "106901234500000018",
        "javascript:alert(1)",
        "/01/06901234567892/10/" + "A" * 21,
        "A" * 501,
        "你好",
        "(10)A",
        "((((((((",
    ],
)
def test_what_names_nothing_is_refused_with_a_place_and_a_rule(text):
    with pytest.raises(Invalid) as refusal:
        read_code(text)
    assert refusal.value.problems
    assert all(problem.rule for problem in refusal.value.problems)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_never_crashes(text):
    with contextlib.suppress(Invalid):
        assert read_code(text).canonical


def canonicals(text):
    return [[name.canonical for name in names] for names in read_scan(text)]


def test_a_scan_has_all_names_of_a_thing_the_finest_first():
    names = ["/01/06901234567892/21/S1", LOT, "/01/06901234567892"]
    assert canonicals("(01)06901234567892(10)20261001-01(21)S1") == [names]
    assert canonicals(f"https://trace.example{LOT}/21/S1") == [names]
    assert canonicals(f"{LOT}/21/S1") == [names]


@pytest.mark.parametrize("separator", ["\x1d", "^", "{GS}", "{gs}", "<GS>", "^]", "\u241d"])
def test_a_separator_may_come_in_each_way_that_scanners_write_it(separator):
    text = f"010690123456789210A1{separator}21S1"
    assert canonicals(text) == [
        ["/01/06901234567892/21/S1", "/01/06901234567892/10/A1", "/01/06901234567892"]
    ]


def test_where_the_separator_was_lost_the_text_as_it_stands_comes_first():
    ways = canonicals("010690123456789210YL0121A1")
    assert ways[0] == ["/01/06901234567892/10/YL0121A1", "/01/06901234567892"]
    assert [
        "/01/06901234567892/21/A1",
        "/01/06901234567892/10/YL01",
        "/01/06901234567892",
    ] in ways[1:]


def test_a_value_too_long_for_its_identifier_lost_a_separator():
    ways = canonicals("010690123456789210ABCDEFGHIJKLMNOPQR21SERIAL")
    assert ["/01/06901234567892/10/ABCDEFGHIJKLMNOPQR" in names for names in ways].count(True) == 1


@pytest.mark.parametrize(
    "text", ["4006381333931", "04006381333931", "]E04006381333931", "(01)04006381333931"]
)
def test_a_product_code_names_a_product(text):
    assert canonicals(text) == [["/01/04006381333931"]]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("96385074", "/01/00000096385074"),
        ("012345678905", "/01/00012345678905"),
        ("(414)6901234567892(254)A1", "/414/6901234567892/254/A1"),
        ("(417)6901234567892", "/417/6901234567892"),
        ("(8003)06901234567892A1", "/8003/06901234567892A1"),
    ],
)
def test_products_places_and_crates_are_named(text, name):
    assert canonicals(text) == [[name]]


def test_a_product_code_with_a_wrong_check_digit_is_refused():
    with pytest.raises(Invalid) as refusal:
        read_scan("4006381333930")
    assert refusal.value.problems[0].place == "code"


@pytest.mark.parametrize(
    "text", ["４００６３８１３３３９３１", "（01）06901234567892", "A　B", "ＡＢＣ"]
)
def test_full_width_characters_are_refused_with_a_hint_and_not_mended(text):
    for read in (read_code, read_scan):
        with pytest.raises(Invalid, match="full-width") as refusal:
            read(text)
        assert "half-width" in refusal.value.problems[0].fix


@pytest.mark.parametrize("lot", ["", "１２", "A\u200bB", "A" * 21, "批次"])
def test_a_lot_number_from_the_pack_is_checked(lot):
    with pytest.raises(Invalid) as refusal:
        read_lot_of("/01/06901234567892", lot)
    assert {problem.place for problem in refusal.value.problems} == {"lot"}


def test_a_lot_number_from_the_pack_may_hold_a_slash():
    assert read_lot_of("/01/06901234567892", "A/1").canonical == "/01/06901234567892/10/A%2F1"


@given(st.text(max_size=60))
def test_any_scan_is_read_or_refused_and_has_a_name(text):
    with contextlib.suppress(Invalid):
        assert all(names for names in read_scan(text))


@given(st.from_regex(r"01069012345678921[07][0-9A-Z]{0,80}", fullmatch=True))
def test_each_way_to_read_a_scan_is_of_the_same_product(text):
    with contextlib.suppress(Invalid):
        assert {names[-1].canonical for names in read_scan(text)} == {"/01/06901234567892"}
