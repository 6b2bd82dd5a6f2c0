"""A set of ids or identifiers as one parameter, however many they are, on both databases.

``IN (?, ?, …)`` has a limit on its length and makes a new statement for every length;
a set that travels as one value and is read as rows has neither fault.
"""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    Select,
    Text,
    bindparam,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeDecorator, TypeEngine

from foodtrace.trace.store.types import Id


class _Set(TypeDecorator[Iterable[Any]]):
    """A set as a JSON array on SQLite and as an array on PostgreSQL."""

    impl = Text
    cache_ok = True
    member: TypeEngine[Any]

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use the database's own arrays where it has them."""
        return dialect.type_descriptor(
            ARRAY(self.member) if dialect.name == "postgresql" else Text()
        )

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        """Send a list, or its JSON text."""
        members = list(value or ())
        return members if dialect.name == "postgresql" else json.dumps(members)


class _IdSet(_Set):
    member = BigInteger()
    cache_ok = True


class _TextSet(_Set):
    member = Text()
    cache_ok = True


class _Rows(FunctionElement[Any]):
    """The members of a set as rows of one column ``id``."""

    name = "rows"
    inherit_cache = True


@compiles(_Rows, "sqlite")
def _rows_on_sqlite(element: _Rows, compiler: SQLCompiler, **kw: Any) -> str:
    value = compiler.process(element.clauses, **kw)
    return f"(SELECT value AS id FROM json_each({value}))"  # noqa: S608  a bound parameter


@compiles(_Rows, "postgresql")
def _rows_on_postgresql(element: _Rows, compiler: SQLCompiler, **kw: Any) -> str:
    # Told how many they are, the planner overrates what is joined to them and reads whole
    # tables. Of an array that a subquery makes it expects ten, and looks each up.
    value = compiler.process(element.clauses, **kw)
    return f"(SELECT unnest(ARRAY(SELECT unnest({value}))) AS id)"


def id_rows(parameter: str) -> TableValuedAlias:
    """Return a FROM item with a column ``id``: the ids that are bound to `parameter`."""
    value = bindparam(parameter, type_=_IdSet())
    return _Rows(value).table_valued(Column("id", Id), name=parameter)


def text_rows(parameter: str) -> TableValuedAlias:
    """Return a FROM item with a column ``id``: the identifiers that are bound to `parameter`."""
    value = bindparam(parameter, type_=_TextSet())
    return _Rows(value).table_valued(Column("id", Text), name=parameter)


def among_ids(values: Iterable[int]) -> Select[tuple[int]]:
    """Return a subquery of these ids, to be used with ``IN``."""
    value = bindparam("ids", list(values), type_=_IdSet(), unique=True)
    return select(_Rows(value).table_valued(Column("id", Id)).c.id)


def among_texts(values: Iterable[str]) -> Select[tuple[str]]:
    """Return a subquery of these texts, to be used with ``IN``."""
    value = bindparam("texts", list(values), type_=_TextSet(), unique=True)
    return select(_Rows(value).table_valued(Column("id", Text)).c.id)


class _Gathered(FunctionElement[Any]):
    """What a subquery returns, as rows of one column ``id``, after it has all been read."""

    name = "gathered"
    inherit_cache = True


@compiles(_Gathered, "sqlite")
def _gathered_on_sqlite(element: _Gathered, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(_Gathered, "postgresql")
def _gathered_on_postgresql(element: _Gathered, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(SELECT unnest(ARRAY{compiler.process(element.clauses, **kw)}) AS id)"


def gathered(ids: ColumnElement[int]) -> TableValuedAlias:
    """Return a FROM item with a column ``id``: the ids of a recursive query.

    PostgreSQL guesses that such a query returns hundreds of times what it does, and would
    rather read a whole table than look so much up in it; of an array it guesses ten.
    """
    return gathered_from(select(ids.label("id")))


def gathered_from(found: Select[Any]) -> TableValuedAlias:
    """Return the same of a query of one column, labelled ``id``, that is known to find few."""
    return _Gathered(found.scalar_subquery()).table_valued(Column("id", Id), name="gathered")
