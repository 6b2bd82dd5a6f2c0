"""What the captors' own master data says of things: looked up before the events are.

Which places lie in a place, and which things have an attribute, each party says for its own
events only.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, and_, select

from foodtrace.trace.errors import Problem, QueryTooComplex, mark
from foodtrace.trace.masterdata.models import MasterAttribute, MasterChild
from foodtrace.trace.query.budget import Budget
from foodtrace.trace.query.conditions import Held, Scope, Test, storable
from foodtrace.trace.query.model import Attributed, Criterion, Within
from foodtrace.trace.store.bulk import table_of

# More things than these are no longer looked up one by one.
MOST_THINGS = 10_000

_CHILD = table_of(MasterChild)
_ATTRIBUTE = table_of(MasterAttribute).c


def looked_up(budget: Budget, criteria: Iterable[Criterion], scope: Scope) -> list[Test]:
    """Return the criteria with what master data says put in. Raises QueryTooComplex."""
    return [_looked_up(budget, each, scope) for each in criteria]


def _looked_up(budget: Budget, criterion: Criterion, scope: Scope) -> Test:
    if isinstance(criterion, Within):
        pairs = _pairs(budget, _inside(criterion, scope))
        return Held(criterion.place, pairs, frozenset(storable(criterion.identifiers)))
    if isinstance(criterion, Attributed):
        return Held(criterion.field, _pairs(budget, _with_attribute(criterion, scope)))
    return criterion


def _pairs(budget: Budget, found: Select[Any]) -> frozenset[tuple[int, str]]:
    rows = budget.execute(found.limit(MOST_THINGS + 1)).all()
    if len(rows) > MOST_THINGS:
        raise QueryTooComplex(
            Problem(
                "",
                mark("More than %(limit)s things of the master data fit this query"),
                mark("Ask for a smaller place, or for a rarer attribute"),
                {"limit": MOST_THINGS},
            )
        )
    return frozenset((row.party_id, row.thing) for row in rows)


def _inside(criterion: Within, scope: Scope) -> Select[Any]:
    """Return the party and identifier of all that lies in the places, however deep."""
    first, further = _CHILD.alias(), _CHILD.alias()
    start = select(first.c.party_id, first.c.child.label("thing")).where(
        first.c.parent.in_(storable(criterion.identifiers))
    )
    if scope.party_id is not None:
        start = start.where(first.c.party_id == scope.party_id)
    inside = start.cte("inside", recursive=True)
    deeper = select(further.c.party_id, further.c.child).join(
        inside,
        and_(further.c.party_id == inside.c.party_id, further.c.parent == inside.c.thing),
    )
    found = inside.union(deeper)
    return select(found.c.party_id, found.c.thing)


def _with_attribute(criterion: Attributed, scope: Scope) -> Select[Any]:
    found = (
        select(_ATTRIBUTE.party_id, _ATTRIBUTE.element.label("thing"))
        .where(_ATTRIBUTE.attribute.in_(storable(criterion.attributes)))
        .distinct()
    )
    if criterion.values is not None:
        found = found.where(_ATTRIBUTE.value.in_(storable(criterion.values)))
    if scope.party_id is not None:
        found = found.where(_ATTRIBUTE.party_id == scope.party_id)
    return found
