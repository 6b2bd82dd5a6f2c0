"""Verdicts and deadlines, checked against the words of the standards."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.inspections.rules import (
    CHINA,
    Comparator,
    Limit,
    Outcome,
    Result,
    Verdict,
    add_working_days,
    number,
    overall,
    recall_finish_by,
    recall_start_by,
    result_problems,
    verdict,
)

MEASURED, NOT_DETECTED, BELOW_LOQ = Outcome.MEASURED, Outcome.NOT_DETECTED, Outcome.BELOW_LOQ
amounts = st.decimals(min_value=0, max_value=10**6, places=4)
comparators = st.sampled_from([each for each in Comparator if each is not Comparator.ABSENT])


def limit(comparator, value=None, standard="GB 2762-2025", effective_on=None):
    return Limit(Comparator(comparator), value and Decimal(value), standard, effective_on)


def test_cadmium_below_its_limit_passes():
    assert verdict(MEASURED, Decimal("0.05"), limit("<=", "0.2")) is Verdict.PASS


@pytest.mark.parametrize(
    ("outcome", "value", "comparator", "limit_value", "expected"),
    [
        (MEASURED, "0.2", "<=", "0.2", "pass"),
        (MEASURED, "0.2", "<", "0.2", "fail"),
        (MEASURED, "0.2000001", "<=", "0.2", "fail"),
        (MEASURED, "3.2", ">=", "2.9", "pass"),
        (MEASURED, "2.9", ">", "2.9", "fail"),
        (MEASURED, "0.01", "absent", None, "fail"),
        (NOT_DETECTED, None, "absent", None, "pass"),
        (NOT_DETECTED, "0.3", "absent", None, "pass"),
        (BELOW_LOQ, "0.3", "absent", None, "fail"),
        (NOT_DETECTED, "0.005", "<=", "0.2", "pass"),
        (NOT_DETECTED, "0.2", "<", "0.2", "pass"),
        (NOT_DETECTED, "0.5", "<=", "0.2", "not_judged"),
        (NOT_DETECTED, None, "<=", "0.2", "not_judged"),
        (BELOW_LOQ, "0.01", "<=", "0.2", "pass"),
        (BELOW_LOQ, "0.5", ">=", "2.9", "fail"),
        (BELOW_LOQ, "3.5", ">=", "2.9", "not_judged"),
    ],
)
def test_a_result_is_judged_by_its_limit(outcome, value, comparator, limit_value, expected):
    value = None if value is None else Decimal(value)
    assert verdict(outcome, value, limit(comparator, limit_value)) == expected


def test_a_result_without_a_limit_is_not_judged():
    assert verdict(MEASURED, Decimal(1), None) is Verdict.NOT_JUDGED


@given(bound=amounts, value=amounts, comparator=comparators, allowed=amounts)
def test_a_judgement_below_a_bound_holds_for_every_value_below_it(
    bound, value, comparator, allowed
):
    judged = verdict(NOT_DETECTED, bound, Limit(comparator, allowed, "GB"))
    if value < bound and judged is not Verdict.NOT_JUDGED:
        assert verdict(MEASURED, value, Limit(comparator, allowed, "GB")) is judged


def results(*verdicts):
    by_verdict = {
        "pass": Result("镉", MEASURED, Decimal("0.1"), "mg/kg", limit=limit("<=", "0.2")),
        "fail": Result("铅", MEASURED, Decimal("0.3"), "mg/kg", limit=limit("<=", "0.2")),
        "undecided": Result("汞", NOT_DETECTED, Decimal("1"), "mg/kg", limit=limit("<=", "0.2")),
        "information": Result("水分", MEASURED, Decimal("13.1"), "g/100g"),
    }
    return [by_verdict[each] for each in verdicts]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["pass", "pass"], "pass"),
        (["pass", "information"], "pass"),
        (["pass", "undecided"], "not_judged"),
        (["pass", "undecided", "fail"], "fail"),
        (["information"], "not_judged"),
        ([], "not_judged"),
    ],
)
def test_a_certificate_passes_when_every_limited_result_does(verdicts, expected):
    assert overall(results(*verdicts)) == expected


@pytest.mark.parametrize("text", ["0", "0.050", "12.5", "100000", "0.00000000000000000001"])
def test_a_number_keeps_its_digits(text):
    assert f"{number(text):f}" == text


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1e5", "NaN", "007", ".5", "5.", "1,5", "１", "1 ", "9" * 21]
)
def test_what_is_no_plain_number_is_none(text):
    assert number(text) is None


@pytest.mark.parametrize(
    ("result", "place"),
    [
        (Result("镉", MEASURED, None), "value"),
        (Result("镉", NOT_DETECTED, None, limit=limit("<=", "0.2")), "value"),
        (Result("镉", MEASURED, Decimal(1), limit=limit("<=")), "limit_value"),
        (Result("菌", NOT_DETECTED, None, limit=limit("absent", "1")), "limit_value"),
        (
            Result(
                "镉", MEASURED, Decimal(1), limit=limit("<=", "2", effective_on=date(2026, 9, 2))
            ),
            "limit_effective_on",
        ),
    ],
)
def test_a_result_that_cannot_be_judged_is_refused_with_its_place(result, place):
    (problem,) = result_problems(result, date(2026, 9, 1), "results/3/")
    assert problem.place == f"results/3/{place}"
    assert problem.text


@pytest.mark.parametrize("result", results("pass", "fail", "undecided", "information"))
def test_a_complete_result_has_no_problem(result):
    assert result_problems(result, date(2026, 9, 1)) == []


@pytest.mark.parametrize(
    ("recall_class", "start", "finish"),
    [
        (1, datetime(2026, 11, 21, 1, tzinfo=UTC), date(2026, 12, 4)),
        (2, datetime(2026, 11, 22, 1, tzinfo=UTC), date(2026, 12, 18)),
        (3, datetime(2026, 11, 23, 1, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_each_class_of_recall_has_its_deadlines(recall_class, start, finish):
    opened = datetime(2026, 11, 20, 1, tzinfo=UTC)  # Friday, nine o'clock in China
    assert recall_start_by(recall_class, opened) == start
    assert recall_finish_by(recall_class, opened) == finish


def test_deadlines_count_days_in_china():
    late = datetime(2026, 11, 22, 17, tzinfo=UTC)  # already Monday in China
    assert recall_finish_by(1, late) == add_working_days(late.astimezone(CHINA).date(), 10)
    assert recall_finish_by(1, late) == date(2026, 12, 7)


@given(
    start=st.dates(min_value=date(2020, 1, 1), max_value=date(2040, 1, 1)), days=st.integers(1, 60)
)
def test_the_last_working_day_is_never_on_a_weekend(start, days):
    end = add_working_days(start, days)
    assert end.weekday() < 5
    between = (start.toordinal() + n for n in range(1, (end - start).days + 1))
    assert sum(date.fromordinal(day).weekday() < 5 for day in between) == days
