"""What somebody takes away: a proof file for a place in the log, and statements to be opened.

What of a statement is shown is up to those who ask; here every field is known.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, bindparam, or_, select, union
from sqlalchemy.orm import Session

from foodtrace.trace.log.checkpoints import Checkpoint, parse_checkpoint
from foodtrace.trace.log.contents import Stated, contents, header_of
from foodtrace.trace.log.leaves import Field, Leaf, Opening, fields_of, open_fields
from foodtrace.trace.log.merkle import HashAt, inclusion_proof
from foodtrace.trace.log.models import Leaf as LeafRow
from foodtrace.trace.log.models import Numbered
from foodtrace.trace.log.notes import parse_note
from foodtrace.trace.log.policies import Policy
from foodtrace.trace.log.proofs import TlogProof, format_proof
from foodtrace.trace.log.services import checkpoint_of, witnessed_of
from foodtrace.trace.log.tree import hash_at, read_leaves
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.models import EventItem, Item
from foodtrace.trace.store.sets import id_rows, text_rows

_LEAF, _NUMBERED = table_of(LeafRow).c, table_of(Numbered).c
_EVENT_ITEM, _ITEM = table_of(EventItem).c, table_of(Item).c

Shows = Callable[[Field], bool]
FROM_THE_START = (0, -1)


@dataclass(frozen=True, slots=True)
class Head:
    """A published head of a log: the note with its cosignatures, and what it says."""

    note: bytes
    checkpoint: Checkpoint
    hash_at: HashAt

    def path(self, index: int) -> list[bytes] | None:
        """Return the inclusion proof of an entry; None where this head does not cover it."""
        size = self.checkpoint.size
        return inclusion_proof(index, size, self.hash_at) if index < size else None


@dataclass(frozen=True, slots=True)
class Logged:
    """A statement with its place in the log, and all that it says. `secret` is never shown."""

    id: int
    kind: str
    year: int
    index: int
    leaf: Leaf
    secret: bytes
    fields: Sequence[Field]
    content: bytes

    def opening(self, shows: Shows) -> Opening:
        """Return the opening that shows these fields and no other."""
        shown = {place for place, field in enumerate(self.fields) if shows(field)}
        return open_fields(self.secret, self.fields, shown)


def head_over(session: Session, year: int, index: int, policy: Policy | None) -> Head | None:
    """Return a head that covers an entry: the newest with the policy's quorum, else the newest.

    None where no head that was published covers it yet.
    """
    witnessed = witnessed_of(session, year, policy) if policy else None
    for note in (witnessed, checkpoint_of(session, year)):
        if note is not None:
            checkpoint = parse_checkpoint(parse_note(note).text)
            if checkpoint.size > index:
                return Head(note, checkpoint, hash_at(session.connection(), year, checkpoint.size))
    return None


def tlog_proof_of(session: Session, year: int, index: int, policy: Policy | None) -> bytes | None:
    """Return the proof file of an entry (c2sp.org/tlog-proof); None while none can be given.

    The entry itself stands in the line `extra`, so that the file is whole.
    """
    head = head_over(session, year, index, policy)
    path = head.path(index) if head else None
    if head is None or path is None:
        return None
    (leaf,) = read_leaves(session.connection(), year, index, index + 1)
    return format_proof(TlogProof(index, tuple(path), head.note, leaf.entry))


def _about_things() -> Select[*tuple[Any, ...]]:
    """Return the leaves of what is numbered by some things, and of some more statements."""
    things = text_rows("things")
    events = (
        select(_EVENT_ITEM.event_id)
        .join_from(things, table_of(Item), _ITEM.canonical == things.c.id)
        .join(table_of(EventItem), _EVENT_ITEM.item_id == _ITEM.id)
    )
    others = select(_NUMBERED.statement_id).join_from(
        things, table_of(Numbered), _NUMBERED.thing == things.c.id
    )
    wanted = union(events, others, select(id_rows("ids").c.id)).subquery()
    year, index = bindparam("year", type_=_LEAF.year.type), bindparam("index", type_=_LEAF.idx.type)
    return (
        select(table_of(LeafRow))
        .where(
            _LEAF.statement_id.in_(select(wanted.c[0])),
            or_(_LEAF.year > year, (_LEAF.year == year) & (_LEAF.idx > index)),
        )
        .order_by(_LEAF.year, _LEAF.idx)
        .limit(bindparam("most"))
    )


_ABOUT_THINGS = _about_things()


def logged_about(
    session: Session,
    things: Collection[str],
    ids: Collection[int],
    *,
    most: int,
    after: tuple[int, int] = FROM_THE_START,
) -> list[Logged]:
    """Return all statements that are numbered by these things, and those of these ids.

    In the order of the log, at most so many of those that come after a place (year, index).
    What waits for its place is not among them.
    """
    year, index = after
    asked = {"things": things, "ids": ids, "year": year, "index": index, "most": most}
    return _logged(session, session.connection().execute(_ABOUT_THINGS, asked).all())


def logged(session: Session, statement_id: int) -> Logged | None:
    """Return one statement; None while it waits for its place."""
    return next(iter(logged_about(session, (), (statement_id,), most=1)), None)


def _logged(session: Session, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Logged]:
    by_id = {row.statement_id: row for row in rows}
    stated = {each.id: each for each in contents(session.connection(), sorted(by_id))}
    # A statement that somebody removed is left out: its number is a hole.
    return [_put(row, stated[number]) for number, row in by_id.items() if number in stated]


def _put(row: Row[*tuple[Any, ...]], stated: Stated) -> Logged:
    fields = fields_of(header_of(stated, bytes(row.header)), stated.content)
    leaf = Leaf(row.time, bytes(row.commitment))
    return Logged(
        stated.id,
        stated.kind,
        row.year,
        row.idx,
        leaf,
        bytes(row.secret),
        fields,
        stated.content,
    )
