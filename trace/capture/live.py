"""Which events count: those that their party has not declared wrong."""

from sqlalchemy import ColumnElement, and_, exists, select

from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.models import Event

_EVENT = table_of(Event)
_DECLARATION = _EVENT.alias("declaration")


def is_live() -> ColumnElement[bool]:
    """Return the condition that an `event` row neither is an error declaration nor has one."""
    declared_wrong = exists(
        select(1).where(
            _DECLARATION.c.event_id == _EVENT.c.event_id,
            _DECLARATION.c.party_id == _EVENT.c.party_id,
            _DECLARATION.c.declared_at.is_not(None),
        )
    ).correlate(_EVENT)
    return and_(_EVENT.c.declared_at.is_(None), ~declared_wrong)
