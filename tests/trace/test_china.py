"""Chinese registration numbers, against published ones."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.china import check_food_licence, check_uscc
from foodtrace.trace.errors import Invalid

CODES = json.loads((Path(__file__).parents[1] / "data/codes/china.json").read_text("utf-8"))


@pytest.mark.parametrize("code", CODES["uscc"]["valid"])
def test_a_real_social_credit_code_is_accepted(code):
    assert check_uscc(code) == code


@pytest.mark.parametrize("code", CODES["uscc"]["invalid"])
def test_a_faulty_social_credit_code_is_refused(code):
    with pytest.raises(Invalid):
        check_uscc(code)


@pytest.mark.parametrize("number", CODES["sc_licence"]["valid"])
def test_a_real_food_licence_is_accepted(number):
    assert check_food_licence(number) == number


@pytest.mark.parametrize("number", CODES["sc_licence"]["invalid"])
def test_a_faulty_food_licence_is_refused(number):
    with pytest.raises(Invalid):
        check_food_licence(number)


@pytest.mark.parametrize(
    ("check", "text", "fix"),
    [
        (check_uscc, "91350100m000100y43", "Write capital letters"),
        (check_uscc, "９1350100M000100Y43", "Write half-width digits and letters"),
        (check_uscc, "91350100M000100Y4", "Copy it from the business licence"),
        (check_uscc, "91440300I08461136T", "never used: look for 1, 0, 5, U or 2"),
        (check_uscc, "91350100M000100Y44", "at least one was mistyped"),
        (check_food_licence, "sc10341147101351", "Write capital letters"),
        (check_food_licence, "10341147101351", "for example SC10341147101351"),
        (check_food_licence, "SC10341147101352", "at least one was mistyped"),
    ],
)
def test_a_refusal_says_what_to_do(check, text, fix):
    with pytest.raises(Invalid) as refused:
        check(text)
    (problem,) = refused.value.problems
    assert fix in problem.text


@given(st.sampled_from(CODES["sc_licence"]["valid"]), st.integers(2, 15), st.integers(1, 9))
def test_any_one_wrong_digit_of_a_food_licence_is_found(number, place, shift):
    digit = str((int(number[place]) + shift) % 10)
    with pytest.raises(Invalid):
        check_food_licence(number[:place] + digit + number[place + 1 :])


@given(st.text())
def test_any_text_is_a_number_or_refused(text):
    for check in (check_uscc, check_food_licence):
        with contextlib.suppress(Invalid):
            assert check(text) == text
