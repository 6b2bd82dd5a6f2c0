"""Writing many rows at once: ids before the rows, and rows without objects around them.

The ORM's bulk insert sends a statement for every pattern of nulls, and Core spends more on
putting the parameters together than SQLite on writing them. Capture is measured by this:
here a statement is written once, and the driver gets plain columns, converted by their own
types.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    Connection,
    Dialect,
    Integer,
    LargeBinary,
    String,
    Table,
    bindparam,
    func,
    select,
)
from sqlalchemy.orm import Session

from foodtrace.trace.store.models import Base, Item, Observed, Statement


def table_of(model: type[Base]) -> Table:
    """Return the table of a model, for statements that the ORM has no part in."""
    return cast(Table, model.__table__)


@dataclass(frozen=True, slots=True)
class _Insert:
    """An INSERT for one set of columns, and what makes values of the driver from ours."""

    sql: str
    converters: tuple[Callable[[Any], Any] | None, ...]


_PREPARED: dict[tuple[str, type[Base], tuple[str, ...]], _Insert] = {}


def insert_rows(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that all have the same columns.

    Items that another capture made meanwhile are skipped: theirs is the id that counts. So
    is what was observed before.
    """
    if rows:
        names = tuple(rows[0])
        insert_columns(session, model, {name: [row[name] for row in rows] for name in names})


def insert_columns(
    session: Session, model: type[Base], values: Mapping[str, Sequence[Any]]
) -> None:
    """Write rows that are given column by column, as `insert_rows` does."""
    insert_on(session.connection(), model, values)


def insert_on(
    connection: Connection, model: type[Base], values: Mapping[str, Sequence[Any]]
) -> None:
    """Do what `insert_columns` does, where there is a connection and no session."""
    names = tuple(values)
    if not values[names[0]]:
        return
    key = (connection.dialect.name, model, names)
    prepared = _PREPARED.get(key)
    if prepared is None:
        prepared = _PREPARED[key] = _prepare(connection.dialect, model, names)
    columns = [
        list(values[name])
        if convert is None
        else [None if value is None else convert(value) for value in values[name]]
        for name, convert in zip(names, prepared.converters, strict=True)
    ]
    if connection.dialect.name == "postgresql":
        # One statement for all rows, which arrive as one array a column.
        connection.exec_driver_sql(prepared.sql, tuple(columns))
    else:
        connection.exec_driver_sql(prepared.sql, list(zip(*columns, strict=True)))


def _prepare(dialect: Dialect, model: type[Base], names: tuple[str, ...]) -> _Insert:
    table = table_of(model)
    quote = dialect.identifier_preparer.quote
    into = f"INSERT INTO {quote(table.name)} ({', '.join(quote(name) for name in names)})"
    if dialect.name == "postgresql":
        # Not varchar(n): a cast to that would cut a text that is too long, and say nothing.
        types = [
            "text"
            if isinstance(table.c[name].type, String)
            else table.c[name].type.compile(dialect)
            for name in names
        ]
        arrays = ", ".join(f"%s::{type_}[]" for type_ in types)
        sql = f"{into} SELECT * FROM unnest({arrays})"  # noqa: S608  names and types of ours
        sql += " ON CONFLICT (canonical) DO NOTHING" if model is Item else ""
    else:
        sql = f"{into} VALUES ({', '.join('?' for _ in names)})"
    sql += " ON CONFLICT DO NOTHING" if model is Observed else ""
    converters = tuple(
        None  # bytes are what both drivers take; a memoryview of them only costs
        if isinstance(table.c[name].type, LargeBinary)
        else table.c[name].type.dialect_impl(dialect).bind_processor(dialect)
        for name in names
    )
    return _Insert(sql, converters)


# Statements are made once: putting one together costs more than running it.
_NEXT_ON_POSTGRESQL = {
    model: select(func.nextval(func.pg_get_serial_sequence(model.__tablename__, "id"))).select_from(
        func.generate_series(1, bindparam("count", type_=Integer)).table_valued("n")
    )
    for model in (Item, Statement)
}
_LAST_ON_SQLITE = {
    model: select(func.coalesce(func.max(table_of(model).c.id), 0)) for model in (Item, Statement)
}


def reserve_ids(session: Session, model: type[Item] | type[Statement], count: int) -> list[int]:
    """Return rising ids for rows that the caller is about to insert."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        return sorted(connection.execute(_NEXT_ON_POSTGRESQL[model], {"count": count}).scalars())
    # A write transaction on SQLite is alone: the next ids are ours.
    last: int = connection.execute(_LAST_ON_SQLITE[model]).scalar_one()
    return list(range(last + 1, last + 1 + count))
