"""Accepting a database as it is, after its operator has found out why it was refused."""

from collections.abc import Iterator

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from foodtrace.trace.log.anchor import Anchor, BrokenAnchor
from foodtrace.trace.log.cosigners import standings
from foodtrace.trace.log.full_check import Difference, differences
from foodtrace.trace.log.models import LogState
from foodtrace.trace.log.policies import Policy
from foodtrace.trace.log.publishing import newest_head, newest_note
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.session import Store

_STATE = table_of(LogState)
_STATES = select(_STATE).order_by(_STATE.c.year)


def accept(store: Store, anchor: Anchor, policy: Policy | None) -> list[Difference]:
    """Have the anchor remember what was published last, and let the record go on.

    Everything is checked before. Where more is wrong than an anchor that is missing, unreadable
    or older than what was published, or a witness of the policy has cosigned more than this
    database knows, nothing is changed, and what is wrong is returned.
    """
    with store.reading() as session:
        found = [each for each in differences(session, anchor) if not each.is_anchor]
        found += _older_than_witnessed(session, policy) if policy else ()
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


def _older_than_witnessed(session: Session, policy: Policy) -> Iterator[Difference]:
    """Yield who has said, when it was asked last, that more was signed than is published here.

    Without its anchor a database that was set back is recognised by this alone.
    """
    connection = session.connection()
    for state in connection.execute(_STATES).all():
        head = newest_head(connection, state)
        published = head.size if head is not None else 0
        # Of a cosignature nothing but its size is looked at: the time of asking does not count.
        for witness in standings(session, policy, state.year, 0):
            if witness.size is not None and witness.size > published:
                yield Difference(
                    str(state.year),
                    f"The witness {witness.name} has cosigned {witness.size} entries, and "
                    f"{published} are published here: this database was set back. Restore the "
                    "newest backup, then foodtrace log repair. If the witness is wrong, take it "
                    "out of the policy.",
                )


def _size(anchor: Anchor, year: int) -> int:
    try:
        head = anchor.head(year)
    except BrokenAnchor:
        return -1
    return head.size if head is not None else -1
