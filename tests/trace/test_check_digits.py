"""Check digits of GS1 keys."""

import contextlib

import pytest
from biip.checksums import gs1_standard_check_digit
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.check_digits import gs1_check_digit, normal_gln, normal_gtin


def test_a_gtin_14_stays_as_it_is():
    assert normal_gtin("09506000134352") == "09506000134352"


@pytest.mark.parametrize(
    ("text", "gtin"),
    [
        ("96385074", "00000096385074"),  # GTIN-8
        ("614141123452", "00614141123452"),  # GTIN-12
        ("9506000134352", "09506000134352"),  # GTIN-13
        ("70614141123451", "70614141123451"),  # GTIN-14
    ],
)
def test_shorter_gtins_are_padded_to_14_digits(text, gtin):
    assert normal_gtin(text) == gtin


def test_a_gln_has_13_digits_and_a_check_digit():
    assert normal_gln("9520123456788") == "9520123456788"
    with pytest.raises(Invalid, match="GLN has 13 digits, this has 12"):
        normal_gln("952012345678")
    with pytest.raises(Invalid, match="check digit of GLN 9520123456789 is wrong"):
        normal_gln("9520123456789")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("9506000134353", "The check digit of GTIN 9506000134353 is wrong"),
        ("950600013435", "The check digit of GTIN 950600013435 is wrong"),
        ("95060001343", "A GTIN has 8, 12, 13 or 14 digits, this has 11"),
        ("", "GTIN is made of digits only"),
        ("９506000134352", "GTIN is written with full-width or other digits"),
        ("٩506000134352", "GTIN is written with full-width or other digits"),
        ("950600013435\u200b2", "GTIN is made of digits only"),
        (" 9506000134352", "GTIN is made of digits only"),
        ("-506000134352", "GTIN is made of digits only"),
        ("9506000134352\n", "GTIN is made of digits only"),
    ],
)
def test_a_gtin_that_was_not_copied_well_is_refused(text, rule):
    with pytest.raises(Invalid) as refused:
        normal_gtin(text)
    (problem,) = refused.value.problems
    assert problem.rule % problem.values == rule
    assert problem.fix


@given(st.text("0123456789", min_size=1, max_size=30))
def test_the_check_digit_is_that_of_an_outside_program(digits):
    assert gs1_check_digit(digits) == str(gs1_standard_check_digit(digits))


@given(st.text("0123456789", min_size=13, max_size=13), st.integers(0, 13), st.integers(1, 9))
def test_any_one_wrong_digit_is_found(digits, position, shift):
    gtin = digits + gs1_check_digit(digits)
    assert normal_gtin(gtin) == gtin
    wrong = str((int(gtin[position]) + shift) % 10)
    with pytest.raises(Invalid):
        normal_gtin(gtin[:position] + wrong + gtin[position + 1 :])


@given(st.text())
def test_any_text_is_a_gtin_or_refused(text):
    with contextlib.suppress(Invalid):
        assert len(normal_gtin(text)) == 14
