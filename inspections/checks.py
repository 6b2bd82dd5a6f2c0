"""What may stand in a certificate and in a recall. Pure; every refusal names its field."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from foodtrace.inspections.rules import CHINA, RECALL_TERMS, Result, result_problems
from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.masterdata.rules import Field, checked

CERTIFICATE_TEXTS = {
    "number": Field(60, required=True),
    "sampled_at": Field(200),
    "sampled_by": Field(200),
    "sample_uom": Field(3),
}
# They may name persons: the record holds a commitment in their place.
CERTIFICATE_PERSONAL = ("sampled_by",)
RESULT_TEXTS = {
    "analyte": Field(100, required=True),
    "analyte_en": Field(100),
    "analyte_code": Field(40),
    "method": Field(100),
    "unit": Field(20),
}
LIMIT_TEXTS = {"standard": Field(100, required=True)}
RECALL_TEXTS = {
    "reason": Field(1000, required=True),
    "reason_en": Field(1000),
    "hazard": Field(1000, required=True),
    "hazard_en": Field(1000),
    "advice": Field(1000, required=True),
    "advice_en": Field(1000),
    "compensation": Field(500, required=True),
    "compensation_en": Field(500),
    "contact": Field(100, required=True),
    "area": Field(300),
    "notice_url": Field(500),
}
WITHDRAWAL_TEXTS = {"reason": Field(500, required=True)}
END_TEXTS = {"conclusion": Field(1000, required=True)}

MOST_RESULTS = 500
MOST_PROBLEMS = 20
# Clocks differ a little; what claims to happen later than this is a mistake.
CLOCK_TOLERANCE = timedelta(minutes=5)


def check_dates(
    sampled_on: date, issued_on: date, valid_until: date | None, *, today: date | None = None
) -> None:
    """Refuse days that cannot follow each other. Raises Invalid."""
    problems = []
    if sampled_on > issued_on:
        problems.append(
            Problem("sampled_on", mark("The sample was taken after the certificate was issued"))
        )
    if issued_on > (today or datetime.now(CHINA).date()):
        problems.append(Problem("issued_on", mark("The day of issue lies in the future")))
    if valid_until is not None and valid_until < issued_on:
        problems.append(Problem("valid_until", mark("The certificate ends before it is issued")))
    if problems:
        raise Invalid(*problems)


def checked_results(results: Sequence[Result], sampled_on: date) -> list[Result]:
    """Return the results with their texts as they will be kept. Raises Invalid."""
    if not 0 < len(results) <= MOST_RESULTS:
        raise Invalid(
            Problem(
                "results",
                mark("A certificate has between 1 and %(most)s results"),
                mark("Enter at least one result, or split the certificate"),
                {"most": MOST_RESULTS},
            )
        )
    kept: list[Result] = []
    problems: list[Problem] = []
    for index, result in enumerate(results):
        place = f"results/{index}/"
        problems += result_problems(result, sampled_on, place)
        try:
            kept.append(_checked_result(result))
        except Invalid as refusal:
            problems += [replace(each, place=place + each.place) for each in refusal.problems]
    if problems:
        raise Invalid(*problems[:MOST_PROBLEMS])
    return kept


def checked_recall(recall_class: int, texts: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the texts of a recall as they will be kept. Raises Invalid."""
    kept = checked(RECALL_TEXTS, texts)
    problems = []
    if recall_class not in RECALL_TERMS:
        problems.append(
            Problem("recall_class", mark("A recall is of class 1, 2 or 3"), mark("Choose one"))
        )
    # The address becomes a link on public pages: a script's address must not pass.
    notice_url = kept["notice_url"]
    if notice_url is not None and not notice_url.startswith(("https://", "http://")):
        problems.append(
            Problem(
                "notice_url",
                mark("The address of the notice is no web address"),
                mark("Write it with https:// in front, or leave it empty"),
            )
        )
    if problems:
        raise Invalid(*problems)
    return kept


def past(at: datetime | None) -> datetime:
    """Return the time of an act: now where none is said. Raises Invalid for a future one."""
    now = datetime.now(UTC)
    if at is not None and at > now + CLOCK_TOLERANCE:
        raise Invalid(
            Problem("at", mark("This time lies in the future"), mark("Check date and time zone"))
        )
    return at or now


def _checked_result(result: Result) -> Result:
    # Greek mu and the micro sign look alike; a unit in the one must equal one in the other.
    unit = result.unit.replace("\u03bc", "\u00b5")
    texts = checked(
        RESULT_TEXTS, {name: getattr(result, name) for name in RESULT_TEXTS} | {"unit": unit}
    )
    texts["unit"] = texts["unit"] or ""
    limit = result.limit
    if limit is not None:
        try:
            limit = replace(limit, **checked(LIMIT_TEXTS, {"standard": limit.standard}))
        except Invalid as refusal:
            raise Invalid(
                *(replace(each, place=f"limit_{each.place}") for each in refusal.problems)
            ) from None
    return replace(result, **texts, limit=limit)
