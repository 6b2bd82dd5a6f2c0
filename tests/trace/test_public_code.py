"""Our own codes: unguessable, and safe to read aloud and type."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.public_code import ALPHABET, CODE_LENGTH, new_code, normal_code

CODES = st.builds(new_code)


def test_a_new_code_is_its_own_normal_form():
    code = new_code()
    assert len(code) == CODE_LENGTH == 27
    assert normal_code(code) == code


def test_codes_do_not_repeat():
    assert len({new_code() for _ in range(1000)}) == 1000


def test_every_symbol_stands_in_every_place():
    codes = [new_code() for _ in range(2000)]
    for place in range(CODE_LENGTH):
        assert {code[place] for code in codes} == set(ALPHABET)


@given(CODES)
def test_a_code_may_be_typed_in_small_letters_in_groups_and_with_look_alikes(code):
    typed = code.lower().replace("1", "l").replace("0", "o")
    grouped = "-".join(typed[start : start + 9] for start in range(0, 27, 9))
    assert normal_code(grouped) == code
    assert normal_code(code.replace("1", "I").replace("0", "O")) == code


@given(CODES, st.integers(0, 26), st.integers(1, 31))
def test_any_one_wrong_symbol_is_found(code, place, shift):
    other = ALPHABET[(ALPHABET.index(code[place]) + shift) % 32]
    with pytest.raises(Invalid, match="One of the letters or digits of the code is wrong"):
        normal_code(code[:place] + other + code[place + 1 :])


@given(CODES, st.integers(0, 26), st.integers(0, 26))
def test_any_two_symbols_exchanged_are_found(code, one, two):
    symbols = list(code)
    symbols[one], symbols[two] = symbols[two], symbols[one]
    exchanged = "".join(symbols)
    if exchanged != code:
        with pytest.raises(Invalid):
            normal_code(exchanged)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "The code does not have 27 letters and digits"),
        ("0" * 26, "The code does not have 27 letters and digits"),
        ("0" * 100, "The code is too long"),
        ("U" * 27, "The code holds a character that no code of ours has"),
        ("０" * 27, "The code holds a character that no code of ours has"),
    ],
)
def test_what_is_no_code_is_refused(text, rule):
    with pytest.raises(Invalid, match=rule):
        normal_code(text)


@given(st.text())
def test_any_text_is_a_code_or_refused(text):
    with contextlib.suppress(Invalid):
        assert len(normal_code(text)) == CODE_LENGTH
