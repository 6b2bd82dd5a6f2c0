"""Dates as application identifiers write them."""

from collections.abc import Callable

from foodtrace.trace.errors import mark
from foodtrace.trace.gs1.faults import Fault

_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def date_check(form: str, *, day_zero: bool = False) -> Callable[[str], Fault | None]:
    """Return the check of a date, YYMMDD or YYYYMMDD, digits only and of that length.

    With `day_zero` the day may be 00: the last of the month.

    >>> date_check("YYMMDD", day_zero=True)("260200") is None
    True
    """
    month_at = form.index("MM")

    def check(value: str) -> Fault | None:
        year, month, day = (
            int(value[:month_at]),
            int(value[month_at : month_at + 2]),
            int(value[-2:]),
        )
        if not 1 <= month <= len(_DAYS):
            return Fault(
                month_at, mark("%(name)s has no month %(month)02d"), _form(form), {"month": month}
            )
        # Years of two digits are those from 1951 to 2050: every fourth is a leap year.
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0 or len(form) == 6)
        last = _DAYS[month - 1] - (month == 2 and not leap)
        if day <= last and (day > 0 or day_zero):
            return None
        return Fault(
            len(value) - 2,
            mark("%(name)s has no day %(day)02d in month %(month)02d"),
            _form(form),
            {"day": day, "month": month},
        )

    return check


def _form(form: str) -> str:
    if form == "YYMMDD":
        return mark("Write the date as YYMMDD, for example 261231")
    return mark("Write the date as YYYYMMDD, for example 20261231")
