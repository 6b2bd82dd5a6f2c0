"""Ids before the rows: what hangs on a row can then be written in bulk with it."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from foodtrace.trace.store.models import Item, Statement


def reserve_ids(
    session: Session, model: type[Item] | type[Statement], count: int
) -> list[int]:
    """Return rising ids for rows that the caller is about to insert."""
    if session.get_bind().dialect.name == "postgresql":
        sequence = func.nextval(func.pg_get_serial_sequence(model.__tablename__, "id"))
        series = func.generate_series(1, count).table_valued("n")
        return sorted(session.scalars(select(sequence).select_from(series)))
    # A write transaction on SQLite is alone: the next ids are ours.
    last = session.scalar(select(func.max(model.id))) or 0
    return list(range(last + 1, last + 1 + count))
