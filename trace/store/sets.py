"""A set of ids as one parameter, however many they are, on both databases.

``IN (?, ?, …)`` has a limit on its length and makes a new statement for every length;
a set that travels as one value and is read as rows has neither fault.
"""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Column, Dialect, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeDecorator, TypeEngine

from foodtrace.trace.store.types import Id


class _IdSet(TypeDecorator[Iterable[int]]):
    """Ids as a JSON array on SQLite and as ``bigint[]`` on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use the database's own arrays where it has them."""
        return dialect.type_descriptor(
            ARRAY(BigInteger) if dialect.name == "postgresql" else Text()
        )

    def process_bind_param(self, value: Iterable[int] | None, dialect: Dialect) -> Any:
        """Send a list, or its JSON text."""
        ids = list(value or ())
        return ids if dialect.name == "postgresql" else json.dumps(ids)


class _IdRows(FunctionElement[int]):
    """The members of a set as rows of one column ``id``."""

    name = "id_rows"
    inherit_cache = True


@compiles(_IdRows, "sqlite")
def _rows_on_sqlite(element: _IdRows, compiler: SQLCompiler, **kw: Any) -> str:
    value = compiler.process(element.clauses, **kw)
    return f"(SELECT value AS id FROM json_each({value}))"  # noqa: S608  a bound parameter


@compiles(_IdRows, "postgresql")
def _rows_on_postgresql(element: _IdRows, compiler: SQLCompiler, **kw: Any) -> str:
    value = compiler.process(element.clauses, **kw)
    return f"(SELECT unnest({value}) AS id)"


class _TextSet(TypeDecorator[Iterable[str]]):
    """Texts as a JSON array on SQLite and as ``text[]`` on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use the database's own arrays where it has them."""
        return dialect.type_descriptor(ARRAY(Text) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Iterable[str] | None, dialect: Dialect) -> Any:
        """Send a list, or its JSON text."""
        texts = list(value or ())
        return texts if dialect.name == "postgresql" else json.dumps(texts)


def text_rows(parameter: str) -> TableValuedAlias:
    """Return a FROM item whose column ``id`` has the texts that are bound to `parameter`."""
    value = bindparam(parameter, type_=_TextSet())
    return _IdRows(value).table_valued(Column("id", Text), name=parameter)


def id_rows(parameter: str) -> TableValuedAlias:
    """Return a FROM item with a column ``id``: the ids that are bound to `parameter`."""
    value = bindparam(parameter, type_=_IdSet())
    return _IdRows(value).table_valued(Column("id", Id), name=parameter)
