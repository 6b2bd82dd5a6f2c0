"""Signing the head of a log, and publishing it.

The order is everything. The leaves are committed before; then the root is computed once more
by another way; the head is signed in memory; the anchor remembers it outside of the database;
then the checkpoint's row makes it public. Cut off anywhere, the next start goes on from there.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select

from foodtrace.trace.log.anchor import Anchor, head_of
from foodtrace.trace.log.checkpoints import Checkpoint, sign_checkpoint
from foodtrace.trace.log.merkle import EMPTY_ROOT, root_of
from foodtrace.trace.log.models import LogCheckpoint, LogState
from foodtrace.trace.log.notes import Signer
from foodtrace.trace.log.recomputing import Discrepancy, check_growth, root_at
from foodtrace.trace.log.tree import split_edge
from foodtrace.trace.store.bulk import table_of

_STATE, _CHECKPOINT = table_of(LogState), table_of(LogCheckpoint)
_STATE_OF = select(_STATE).where(_STATE.c.year == bindparam("year"))
_NEWEST = (
    select(_CHECKPOINT)
    .where(_CHECKPOINT.c.year == bindparam("year"))
    .order_by(_CHECKPOINT.c.size.desc())
    .limit(1)
)
_ROOT = select(_CHECKPOINT.c.root).where(
    _CHECKPOINT.c.year == bindparam("year"), _CHECKPOINT.c.size == bindparam("size")
)


@dataclass(frozen=True, slots=True)
class Head:
    """What is to be signed, after what was published before."""

    year: int
    new: Checkpoint
    published: Checkpoint | None


def newest_head(connection: Connection, state: Row[Any]) -> Checkpoint | None:
    """Return the head of a log that was published last."""
    row = connection.execute(_NEWEST, {"year": state.year}).one_or_none()
    return None if row is None else Checkpoint(state.origin, row.size, bytes(row.root))


def newest_note(connection: Connection, year: int) -> bytes | None:
    """Return the note of the head of a log that was published last."""
    row = connection.execute(_NEWEST, {"year": year}).one_or_none()
    return None if row is None else bytes(row.note)


def head_to_sign(connection: Connection, year: int) -> Head | None:
    """Return the head of a log that has grown, computed twice; None if it has not grown.

    Raises Discrepancy when the two ways, or the record and its log, do not agree.
    """
    state = connection.execute(_STATE_OF, {"year": year}).one()
    published = newest_head(connection, state)
    old = (published.size, published.root) if published else (0, EMPTY_ROOT)
    if state.size == old[0]:
        return None
    root = root_of(split_edge(state.edge))
    check_growth(connection, year, old, (state.size, root))
    return Head(year, Checkpoint(state.origin, state.size, root), published)


def signed(head: Head, signer: Signer, anchor: Anchor) -> bytes:
    """Sign a head, and have the anchor remember it before anybody sees it.

    Raises AnchorMoved when the anchor is not what was published last.
    """
    note = sign_checkpoint(head.new, signer)
    anchor.advance(head.year, head.published, note)
    return note


def publish(connection: Connection, year: int, note: bytes) -> None:
    """Make a signed head the published one; nothing happens if it is, or was, already.

    The transaction must have begun after the note was anchored. Raises Discrepancy when the
    database does not hold what was signed.
    """
    head = head_of(note)
    state = connection.execute(_STATE_OF, {"year": year}).one()
    published = newest_head(connection, state)
    if published is not None and published.size >= head.size:
        at = {"year": year, "size": head.size}
        if connection.execute(_ROOT, at).scalar_one_or_none() != head.root:
            raise Discrepancy(f"the log {year} was published further than its anchor remembers")
        return
    if state.size < head.size or root_at(connection, year, head.size) != head.root:
        raise Discrepancy(f"the log {year} is not the one that its anchor remembers")
    connection.execute(
        insert(_CHECKPOINT),
        {
            "year": year,
            "size": head.size,
            "root": head.root,
            "note": note,
            "signed_at": datetime.now(UTC),
        },
    )
