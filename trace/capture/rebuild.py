"""Make all derived tables again from the statements: nothing else is the truth."""

from collections.abc import Callable, Iterator
from itertools import groupby
from operator import attrgetter

import msgspec
from sqlalchemy import Row, Table, delete, func, select, text
from sqlalchemy.orm import Session

from foodtrace.trace.capture.events import Recorded, lock_all, namesakes_of, project_events
from foodtrace.trace.capture.projections import (
    Received,
    projected_models,
    projection_of,
)
from foodtrace.trace.capture.statements import EVENT, MASTER_DATA, document_of, read_again
from foodtrace.trace.codes import projections as _codes  # noqa: F401  its kinds are ours
from foodtrace.trace.issuers import projections as _issuers  # noqa: F401  its kinds are ours
from foodtrace.trace.links import projections as _links  # noqa: F401  its kinds are ours
from foodtrace.trace.masterdata import projections as _register  # noqa: F401  its kinds are ours
from foodtrace.trace.masterdata.models import Lot, MasterAttribute, MasterChild
from foodtrace.trace.masterdata.vocabulary import describe
from foodtrace.trace.personal import erasing as _personal  # noqa: F401  its kinds are ours
from foodtrace.trace.store.models import (
    Base,
    Containment,
    Derivation,
    Edge,
    Event,
    EventItem,
    EventKey,
    EventNumber,
    Item,
    Observed,
    Statement,
)

EVENT_MODELS = frozenset(
    {Item, Event, EventItem, EventKey, EventNumber, Observed, Edge, Containment, Lot}
    | {MasterAttribute, MasterChild}
)
# What a captured document states; other kinds have their document to themselves.
_CAPTURED = (EVENT, MASTER_DATA)

# Raised whenever the same statements give other rows than before: `foodtrace migrate` then
# makes the rows of an older version again.
DERIVATION = 2
_ROW = 1

# Statements are looked up in portions: a rebuild needs the same memory for any database.
_PORTION = 1_000

Progress = Callable[[int, int], None]


def derived_tables() -> list[Table]:
    """Return the tables that follow from the statements, referenced ones first."""
    models = EVENT_MODELS | projected_models()
    tables = {model.__table__ for model in models}
    return [table for table in Base.metadata.sorted_tables if table in tables]


def is_derived(session: Session) -> bool:
    """Tell whether the derived tables were made by the rules of this program."""
    return session.scalar(select(Derivation.version)) == DERIVATION


def rebuild(session: Session, progress: Progress | None = None) -> int:
    """Throw the derived tables away and make them again; return how many statements there are.

    Every statement passes the same projections as when it was recorded, in the order of
    ids. Captures wait until the transaction ends; readers see the old rows until then.
    `progress` is called with the number of statements done and their total.
    """
    lock_all(session)
    total = session.scalar(select(func.count()).select_from(Statement)) or 0
    for table in reversed(derived_tables()):
        session.execute(delete(table))
    _restart_item_ids(session)
    done = 0
    for document_id, statements in groupby(_statements(session), key=attrgetter("document_id")):
        done += _replay(session, document_id, list(statements))
        # Rows that a projection has loaded are not needed again.
        session.expunge_all()
        if progress is not None:
            progress(done, total)
    session.merge(Derivation(id=_ROW, version=DERIVATION))
    return total


def _restart_item_ids(session: Session) -> None:
    if session.get_bind().dialect.name == "postgresql":
        # Unlike setval(), this is undone when the transaction is.
        session.execute(text("ALTER SEQUENCE item_id_seq RESTART"))


def _statements(session: Session) -> Iterator[Row[int, int, str, int]]:
    last = 0
    while rows := session.execute(
        select(Statement.id, Statement.document_id, Statement.kind, Statement.start)
        .where(Statement.id > last)
        .order_by(Statement.id)
        .limit(_PORTION)
    ).all():
        yield from rows
        last = rows[-1].id


def _replay(session: Session, document_id: int, statements: list[Row[int, int, str, int]]) -> int:
    body, received = document_of(session, document_id)
    if statements[0].kind in _CAPTURED:
        _replay_captured(session, body, received, statements)
    else:
        for each in statements:
            content = msgspec.json.decode(body)
            projection_of(each.kind).apply(session, each.id, content, received)
    return len(statements)


def _replay_captured(
    session: Session,
    body: bytes,
    received: Received,
    statements: list[Row[int, int, str, int]],
) -> None:
    document = read_again(body, received)
    if document.master_data is not None and any(e.kind == MASTER_DATA for e in statements):
        describe(session, document.master_data, received.party_id)
    events = {event.start: event for event in document.events}
    recorded = [Recorded(each.id, events[each.start]) for each in statements if each.kind == EVENT]
    namesakes = namesakes_of(session, [each.event.event_id for each in recorded])
    project_events(session, recorded, received, namesakes)
