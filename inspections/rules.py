"""What follows from a test result and from a recall: verdicts and deadlines. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from foodtrace.trace.errors import Problem, mark

CHINA = ZoneInfo("Asia/Shanghai")

# At most 40 digits: enough for any concentration, and no number that is slow to compare.
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,19})(?:\.[0-9]{1,20})?", re.ASCII)


class CertificateKind(StrEnum):
    """Why the sample was tested."""

    SELF_TEST = "self_test"  # 自检: the producer's own laboratory
    COMMISSIONED = "commissioned"  # 委托检验: ordered by the owner of the lot
    SUPERVISION = "supervision"  # 监督抽检: sampled by an authority


class Outcome(StrEnum):
    """What the instrument gave."""

    MEASURED = "measured"  # a number
    NOT_DETECTED = "not_detected"  # 未检出: below the detection limit
    BELOW_LOQ = "below_loq"  # seen, but below the limit of quantification


class Comparator(StrEnum):
    """How a value has to stand to its limit."""

    AT_MOST = "<="
    LESS_THAN = "<"
    AT_LEAST = ">="
    MORE_THAN = ">"
    ABSENT = "absent"  # 不得检出: must not be detected


class Verdict(StrEnum):
    """The judgement of a result, or of a certificate."""

    PASS = "pass"  # noqa: S105  a verdict, not a password
    FAIL = "fail"
    NOT_JUDGED = "not_judged"


@dataclass(frozen=True, slots=True)
class Limit:
    """What a standard allows. `value` is None only where nothing may be detected."""

    comparator: Comparator
    value: Decimal | None
    standard: str  # e.g. GB 2763-2026
    effective_on: date | None = None  # the version: since when this limit is in force


@dataclass(frozen=True, slots=True)
class Result:
    """One tested item of a certificate.

    `value` is the measured number; with NOT_DETECTED it is the detection limit and with
    BELOW_LOQ the limit of quantification. Decimals keep the digits as written: 0.050
    says more than 0.05. Value and limit share one unit.
    """

    analyte: str
    outcome: Outcome
    value: Decimal | None
    unit: str = ""
    analyte_en: str | None = None
    analyte_code: str | None = None  # e.g. a CAS number
    method: str | None = None  # e.g. GB 5009.12-2023
    limit: Limit | None = None

    @property
    def verdict(self) -> Verdict:
        """The judgement of this result alone."""
        return verdict(self.outcome, self.value, self.limit)

    @property
    def value_text(self) -> str:
        """The number as written, in plain digits; empty where there is none."""
        return "" if self.value is None else f"{self.value:f}"

    @property
    def limit_text(self) -> str:
        """The limit's number as written, in plain digits; empty where there is none."""
        if self.limit is None or self.limit.value is None:
            return ""
        return f"{self.limit.value:f}"


def verdict(outcome: Outcome, value: Decimal | None, limit: Limit | None) -> Verdict:
    """Judge one result by the full value, unrounded (GB/T 8170-2008, 4.3).

    What was not detected, or not quantified, lies somewhere below the limit of the
    method: it is judged only where every such value has the same judgement.

    >>> cadmium = Limit(Comparator.AT_MOST, Decimal("0.2"), "GB 2762-2025")
    >>> verdict(Outcome.MEASURED, Decimal("0.201"), cadmium).value
    'fail'
    >>> verdict(Outcome.NOT_DETECTED, Decimal("0.005"), cadmium).value
    'pass'
    """
    if limit is None:
        return Verdict.NOT_JUDGED
    if limit.comparator is Comparator.ABSENT:
        return {
            Outcome.NOT_DETECTED: Verdict.PASS,
            Outcome.BELOW_LOQ: Verdict.FAIL,  # seen is detected, whatever the amount
            Outcome.MEASURED: Verdict.FAIL,
        }[outcome]
    if value is None or limit.value is None:
        return Verdict.NOT_JUDGED
    if outcome is Outcome.MEASURED:
        return _pass_if(_holds(value, limit.comparator, limit.value))
    return _judge_below(value, limit.comparator, limit.value)


def overall(results: Iterable[Result]) -> Verdict:
    """Judge a certificate: it passes when every result that has a limit passes.

    Results without a limit are information; an undecided one leaves the whole undecided.
    """
    verdicts = {result.verdict for result in results if result.limit is not None}
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    return Verdict.PASS if verdicts == {Verdict.PASS} else Verdict.NOT_JUDGED


def number(text: str) -> Decimal | None:
    """Read an unsigned decimal number and keep its digits; None if it is not one.

    >>> number("0.050"), number("1e5"), number("007"), number("")
    (Decimal('0.050'), None, None, None)
    """
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def result_problems(result: Result, sampled_on: date, place: str = "") -> list[Problem]:
    """Return what is wrong with a result; `place` stands before each field's name."""
    found = []
    if result.outcome is Outcome.MEASURED and result.value is None:
        found.append(
            Problem(
                f"{place}value",
                mark("A measured result needs its value"),
                mark("Write the number, or choose not detected"),
            )
        )
    limit = result.limit
    if limit is None:
        return found
    if limit.comparator is Comparator.ABSENT:
        if limit.value is not None:
            found.append(
                Problem(
                    f"{place}limit_value",
                    mark("What must not be detected has no limit value"),
                    mark("Leave the limit value empty"),
                )
            )
    elif limit.value is None:
        found.append(
            Problem(
                f"{place}limit_value",
                mark("The limit has no value"),
                mark("Write the number that the standard gives"),
            )
        )
    elif result.outcome is not Outcome.MEASURED and result.value is None:
        found.append(
            Problem(
                f"{place}value",
                mark("Without the detection limit nobody can say that the limit is met"),
                mark("Write the detection or quantification limit of the method"),
            )
        )
    if limit.effective_on is not None and limit.effective_on > sampled_on:
        found.append(
            Problem(
                f"{place}limit_effective_on",
                mark("%(standard)s took effect after the sample was taken"),
                mark("Judge by the limit that was in force on the day of sampling"),
                {"standard": limit.standard},
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class RecallTerms:
    """The terms of one class of recall (食品召回管理办法, articles 13 and 18)."""

    start_hours: int
    working_days: int


RECALL_TERMS = {
    1: RecallTerms(24, 10),  # serious harm to health, or death
    2: RecallTerms(48, 20),  # ordinary harm to health
    3: RecallTerms(72, 30),  # false or wrong labels
}


def recall_start_by(recall_class: int, opened_at: datetime) -> datetime:
    """Return until when the recall has to be under way."""
    return opened_at + timedelta(hours=RECALL_TERMS[recall_class].start_hours)


def recall_finish_by(recall_class: int, opened_at: datetime) -> date:
    """Return the working day in China by which the recall has to be complete.

    Saturdays and Sundays do not count. Public holidays are set anew each year and are
    not known here, so the true day may be later, never earlier.

    >>> recall_finish_by(1, datetime(2026, 11, 20, 9, tzinfo=CHINA))
    datetime.date(2026, 12, 4)
    """
    return add_working_days(
        opened_at.astimezone(CHINA).date(), RECALL_TERMS[recall_class].working_days
    )


def add_working_days(start: date, days: int) -> date:
    """Return the day that lies `days` working days (Monday to Friday) after `start`."""
    day = start
    while days > 0:
        day += timedelta(days=1)
        if day.weekday() < 5:
            days -= 1
    return day


def _holds(value: Decimal, comparator: Comparator, limit: Decimal) -> bool:
    match comparator:
        case Comparator.AT_MOST:
            return value <= limit
        case Comparator.LESS_THAN:
            return value < limit
        case Comparator.AT_LEAST:
            return value >= limit
        case _:
            return value > limit


def _judge_below(bound: Decimal, comparator: Comparator, limit: Decimal) -> Verdict:
    """Judge a value of which only is known that it is less than `bound`."""
    if bound > limit:
        return Verdict.NOT_JUDGED
    return _pass_if(comparator in (Comparator.AT_MOST, Comparator.LESS_THAN))


def _pass_if(passes: bool) -> Verdict:
    return Verdict.PASS if passes else Verdict.FAIL
