"""Writing many rows at once: ids before the rows, and rows without objects around them."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Insert, Table, func, insert, select
from sqlalchemy.orm import Session

from foodtrace.trace.store.models import Base, Item, Statement


def table_of(model: type[Base]) -> Table:
    """Return the table of a model, for statements that the ORM has no part in."""
    return cast(Table, model.__table__)


def insert_rows(
    session: Session,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    statement: Insert | None = None,
) -> None:
    """Write rows that all have the same columns, in one executemany.

    The ORM's own bulk insert leaves out what is null, and so sends a statement for every
    pattern of nulls: several times slower for rows as full of gaps as events.
    """
    if rows:
        session.connection().execute(
            insert(table_of(model)) if statement is None else statement, rows
        )


def reserve_ids(session: Session, model: type[Item] | type[Statement], count: int) -> list[int]:
    """Return rising ids for rows that the caller is about to insert."""
    if session.get_bind().dialect.name == "postgresql":
        sequence = func.nextval(func.pg_get_serial_sequence(model.__tablename__, "id"))
        series = func.generate_series(1, count).table_valued("n")
        return sorted(session.scalars(select(sequence).select_from(series)))
    # A write transaction on SQLite is alone: the next ids are ours.
    last = session.scalar(select(func.max(model.id))) or 0
    return list(range(last + 1, last + 1 + count))
