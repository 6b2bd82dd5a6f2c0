"""Which events count: those that their party has not declared wrong."""

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import aliased

from foodtrace.trace.store.models import Event


def is_live() -> ColumnElement[bool]:
    """Return the condition that an `event` row neither is an error declaration nor has one."""
    declaration = aliased(Event, name="declaration")
    declared_wrong = exists(
        select(1).where(
            declaration.event_id == Event.event_id,
            declaration.party_id == Event.party_id,
            declaration.declared_at.is_not(None),
        )
    ).correlate(Event)
    return and_(Event.declared_at.is_(None), ~declared_wrong)
