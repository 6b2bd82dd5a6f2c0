import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.public_code import new_code
from foodtrace.trace.gs1.scanning import read_code

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
