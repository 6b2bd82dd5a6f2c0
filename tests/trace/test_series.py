"""Series of numbers: what is left out of the middle leaves a hole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.log.series import gaps_of

LOT = "/01/06901234567892/10/L1"


def series(name, *numbers, thing=LOT):
    return [f"{name} {number} {thing}" for number in numbers]


def texts(values, things=(LOT,)):
    return [str(gap) for gap in gaps_of(values, things)]


def test_it_works():
    assert gaps_of(series("aB", 1, 2, 3), [LOT]) == []
    assert texts(series("aB", 1, 3)) == [f"{LOT}: number 2 of series aB is left out"]


def test_several_left_out_are_named_together():
    assert texts(series("aB", 1, 2, 9)) == [f"{LOT}: number 3 to 8 of series aB is left out"]


def test_a_series_begins_with_one():
    assert texts(series("aB", 2)) == [f"{LOT}: number 1 of series aB is left out"]


@pytest.mark.parametrize("numbers", [(1, 1), (1, 2, 2, 3), (2, 1)])
def test_a_number_twice_or_in_the_wrong_order_is_found(numbers):
    assert any("comes again" in text for text in texts(series("aB", *numbers)))


def test_each_organisation_has_a_series_of_its_own():
    assert gaps_of([*series("a", 1), *series("b", 1, 2), *series("a", 2)], [LOT]) == []


def test_numbers_of_other_things_are_not_looked_at():
    assert gaps_of(series("a", 7, 9, thing="/00/106901234500000010"), [LOT]) == []


def test_one_series_is_of_one_thing():
    values = [*series("a", 1), *series("a", 2, thing="/00/1")]
    assert len(gaps_of(values, [LOT, "/00/1"])) == 1


@pytest.mark.parametrize(
    "text", ["", "a", "a 1", f"a 0 {LOT}", f"a 01 {LOT}", f"a ½ {LOT}", "a 1 "]
)
def test_what_is_no_number_is_a_fault(text):
    assert texts([text]) == [f"{text!r} is no number of a statement"]


@settings(max_examples=200)
@given(length=st.integers(2, 40), data=st.data())
def test_whatever_is_left_out_before_the_last_is_found(length, data):
    left_out = data.draw(st.sets(st.integers(1, length - 1), min_size=1))
    kept = [number for number in range(1, length + 1) if number not in left_out]
    assert gaps_of(series("a", *kept), [LOT])


@settings(max_examples=100)
@given(values=st.lists(st.text(max_size=40), max_size=8))
def test_no_text_upsets_the_rule(values):
    assert len(gaps_of(values, ["x"])) <= len(values)
