"""Accepting a database as it is, after its operator has found out why it was refused."""

from sqlalchemy import select, update

from foodtrace.trace.log.anchor import Anchor, BrokenAnchor
from foodtrace.trace.log.full_check import Difference, differences
from foodtrace.trace.log.models import LogState
from foodtrace.trace.log.publishing import newest_head, newest_note
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.session import Store

_STATE = table_of(LogState)
_STATES = select(_STATE).order_by(_STATE.c.year)


def accept(store: Store, anchor: Anchor) -> list[Difference]:
    """Have the anchor remember what was published last, and let the record go on.

    Everything is checked before. Where more is wrong than an anchor that is missing, unreadable
    or older than what was published, nothing is changed, and what is wrong is returned.
    """
    with store.reading() as session:
        found = [each for each in differences(session, anchor) if not each.is_anchor]
    if found:
        return found
    with store.transaction() as session:
        connection = session.connection()
        for state in connection.execute(_STATES).all():
            head = newest_head(connection, state)
            note = newest_note(connection, state.year)
            if head is not None and note is not None and _size(anchor, state.year) < head.size:
                anchor.replace(state.year, note)
        connection.execute(update(_STATE).values(stopped=None))
    return []


def _size(anchor: Anchor, year: int) -> int:
    try:
        head = anchor.head(year)
    except BrokenAnchor:
        return -1
    return head.size if head is not None else -1
