"""What may not be done with goods: recalled ones are not sold or used, expired ones not sold."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from foodtrace.producers.services.goods import Goods
from foodtrace.trace.errors import Problem, mark

# The day that a date on a label speaks of.
_CHINA = ZoneInfo("Asia/Shanghai")

# Says why an act cannot be done with goods that are held, or None where it can.
Barrier = Callable[[Goods], Problem | None]


def against_use(goods: Goods) -> Problem | None:
    """Return why goods cannot become part of a new lot."""
    if not goods.recalled:
        return None
    return Problem(
        "identifier",
        mark("%(lot)s is under an open recall: it is not sold and not used"),
        mark("Keep it apart. Ship it back to who sent it, or destroy it"),
        {"lot": _names(goods.recalled)},
    )


def against_sale(at: datetime) -> Barrier:
    """Return the barrier against selling goods: what was past its date then, or is recalled now.

    A sale of yesterday may be recorded today, when the date has passed meanwhile.
    """
    day = at.astimezone(_CHINA).date()

    def barrier(goods: Goods) -> Problem | None:
        expired = goods.expired(day)
        if goods.recalled or not expired:
            return against_use(goods)
        return Problem(
            "identifier",
            mark("%(lot)s is past its date: it is not sold"),
            mark("Keep it apart. Ship it back to who sent it, or destroy it"),
            {"lot": _names(expired)},
        )

    return barrier


def _names(found: tuple[Goods, ...]) -> str:
    """Return what stands on the labels of these goods: each lot's number, or its code."""
    names = (
        f"{goods.product_name or ''} {goods.lot_number or goods.canonical}".strip()
        for goods in found
    )
    return ", ".join(dict.fromkeys(names))
