"""How a query is run: which index finds its events, and in which order they are looked at.

A criterion that few events fit *drives*: these events are looked up, and the other criteria
test them. Where none is so selective, the events are *walked* in the order asked for, until
enough are found. A walk that has seen many events and found few stops, and the smallest
set drives after all. What takes longer than its budget is refused as too complex.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, literal, select, tuple_

from foodtrace.trace.query.budget import Budget
from foodtrace.trace.query.captors import looked_up
from foodtrace.trace.query.conditions import (
    EVENT,
    E,
    Scope,
    Test,
    candidates_of,
    condition_of,
    in_scope,
    is_exact,
)
from foodtrace.trace.query.model import Criterion, During, Time
from foodtrace.trace.store.sets import gathered_from

# To look so many events up and sort them costs less than most walks.
FEW = 5_000
# So many events a walk passes before it is asked whether it found enough: what is common is
# met in the first stride, and the second costs no more than looking FEW up.
STRIDES = (500, 20_000)
# As many as are still looked up when the walk has found too little.
MANY = 200_000

_TIMES: dict[Time, ColumnElement[datetime]] = {
    "eventTime": E.event_time,
    "recordTime": E.record_time,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in its order an event stands."""

    time: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Order:
    """The order of an answer; what is equal in time is ordered by id, in the same direction."""

    by: Time
    descending: bool

    def of(self, row: Row[Any]) -> Place:
        """Return where a found row stands."""
        return Place(row.event_time if self.by == "eventTime" else row.record_time, row.id)

    @property
    def columns(self) -> tuple[ColumnElement[datetime], ColumnElement[int]]:
        """The columns that rows are ordered by."""
        return _TIMES[self.by], E.id

    def clauses(self) -> list[ColumnElement[Any]]:
        """Return what stands behind ORDER BY."""
        return [each.desc() if self.descending else each.asc() for each in self.columns]

    def behind(self, place: Place, *, inclusive: bool = False) -> ColumnElement[bool]:
        """Return the condition that a row comes after the place."""
        time, event_id = self.columns
        row = tuple_(time, event_id)
        last = tuple_(literal(place.time, time.type), literal(place.id, event_id.type))
        if self.descending:
            return row <= last if inclusive else row < last
        return row >= last if inclusive else row > last

    def before(self, place: Place) -> ColumnElement[bool]:
        """Return the condition that a row comes before the place."""
        return Order(self.by, not self.descending).behind(place)


class Search:
    """One query, asked of the events of one scope, within one budget."""

    def __init__(self, budget: Budget, criteria: Sequence[Criterion], scope: Scope) -> None:
        self._budget = budget
        self._scope = scope
        self._tests = looked_up(budget, criteria, scope)

    def newest_id(self) -> int:
        """Return the id of the newest event of all, 0 if there is none."""
        newest: int = self._budget.execute(_NEWEST_ID).scalar_one()
        return newest

    def page(self, order: Order, after: Place | None, up_to_id: int, most: int) -> list[Row[Any]]:
        """Return the next events in the order: id, event_id, party_id, event_time, record_time."""
        span = [E.id <= up_to_id, *([order.behind(after)] if after else [])]
        found: list[Row[Any]] = []
        driver = self._driver(order.by, FEW)
        if driver is None and self._is_testing(order.by):
            for stride in STRIDES:
                end = self._end_of_stride(order, span, stride)
                if end is None:
                    break
                walk = self._walk(order.by).where(*span, order.before(end))
                found += self._first(walk, order, most - len(found))
                if len(found) == most:
                    return found
                span = [E.id <= up_to_id, order.behind(end, inclusive=True)]
            else:
                driver = self._driver(order.by, MANY)
        base = self._walk(order.by) if driver is None else self._driven(driver)
        return found + self._first(base.where(*span), order, most - len(found))

    def count(self, up_to_id: int, most: int) -> int:
        """Return how many events there are up to this id, or `most` if there are more."""
        driver = self._driver(None, FEW) or self._driver(None, MANY)
        base = self._walk("recordTime") if driver is None else self._driven(driver)
        some = base.with_only_columns(E.id).where(E.id <= up_to_id).limit(most).subquery()
        return int(self._budget.execute(select(func.count()).select_from(some)).scalar_one())

    def portion(self, after_id: int, up_to_id: int) -> tuple[list[int], int]:
        """Return ids found next in the order of recording, and up to which id all are found."""
        # Of few events that are new, all are looked at: subscriptions ask this all the time.
        driver = self._driver(None, FEW) if up_to_id - after_id > FEW else None
        if driver is not None:
            base, end = self._driven(driver), up_to_id
        else:
            base, end = self._walk("", indexed=False), min(after_id + STRIDES[-1], up_to_id)
        ids = base.with_only_columns(E.id).where(E.id > after_id, E.id <= end).order_by(E.id)
        return list(self._budget.execute(ids).scalars()), end

    def _first(self, found: Select[Any], order: Order, most: int) -> list[Row[Any]]:
        return list(self._budget.execute(found.order_by(*order.clauses()).limit(most)).all())

    def _is_testing(self, walked: str) -> bool:
        """Tell whether the walk can meet events that do not fit."""
        return any(not (isinstance(each, During) and each.time == walked) for each in self._tests)

    def _walk(self, walked: str, *, indexed: bool = True) -> Select[Any]:
        conditions = [condition_of(each, walked=walked) for each in self._tests]
        return _COLUMNS.where(*in_scope(self._scope, indexed=indexed), *conditions)

    def _driven(self, driver: Test) -> Select[Any]:
        found = candidates_of(driver, self._scope)
        (column,) = found.selected_columns
        ids = gathered_from(found.with_only_columns(column.label("id")))
        tests = [each for each in self._tests if each is not driver or not is_exact(each)]
        return _COLUMNS.where(
            E.id.in_(select(ids.c.id)),
            *in_scope(self._scope, indexed=False),
            *(condition_of(each) for each in tests),
        )

    def _driver(self, walked: str | None, most: int) -> Test | None:
        """Return the criterion that the fewest events fit, if these are not more than `most`."""
        tests, sizes = [], []
        for each in self._tests:
            if isinstance(each, During) and each.time == walked:
                continue  # the walk itself keeps to its span
            tests.append(each)
            some = candidates_of(each, self._scope).limit(most + 1).subquery()
            sizes.append(select(func.count()).select_from(some).scalar_subquery())
        if not tests:
            return None
        counts = self._budget.execute(select(*sizes)).one()
        size, number = min((size, number) for number, size in enumerate(counts))
        return tests[number] if size <= most else None

    def _end_of_stride(
        self, order: Order, span: Sequence[ColumnElement[bool]], stride: int
    ) -> Place | None:
        """Return the place of the event behind so many of the walk, if it is that long.

        An index alone answers this: it is cheap, however large the events are.
        """
        walked = [
            condition_of(each, walked=order.by)
            for each in self._tests
            if isinstance(each, During) and each.time == order.by
        ]
        time, event_id = order.columns
        statement = (
            select(event_id, time.label("time"))
            .where(*in_scope(self._scope, indexed=True), *walked, *span)
            .order_by(*order.clauses())
            .limit(1)
            .offset(stride)
        )
        row = self._budget.execute(statement).one_or_none()
        return None if row is None else Place(row.time, row.id)


_NEWEST_ID = select(func.coalesce(func.max(E.id), 0))
_COLUMNS = select(E.id, E.event_id, E.party_id, E.event_time, E.record_time).select_from(EVENT)
