"""Triggers that keep the record append-only: what was received is never changed or removed.

They bind the program itself, and whoever works on the database by hand. A migration
installs them; nothing here happens on import.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

# The tables that are guarded, with the columns of their keys.
RECORD = {"document": ("id",), "statement": ("id",)}
LOG = {"leaf": ("year", "idx"), "checkpoint": ("year", "size")}

_MESSAGE = "the record is append-only"
_FUNCTION = f"""
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'insufficient_privilege';
END $$
"""
_EVENTS = {"REPLACE": "INSERT"}
_OVERWRITING = "WHEN EXISTS (SELECT 1 FROM {table} WHERE {key})"


def install(connection: Connection, guarded: Mapping[str, Sequence[str]]) -> None:
    """Have the database refuse UPDATE, DELETE and TRUNCATE on these tables."""
    for statement in _statements(connection.dialect.name, guarded):
        connection.exec_driver_sql(statement)


def remove(connection: Connection, guarded: Mapping[str, Sequence[str]]) -> None:
    """Take the triggers away: for a downgrade that drops the tables."""
    on_table = connection.dialect.name == "postgresql"
    for table in guarded:
        for verb in _verbs(connection.dialect.name):
            where = f" ON {table}" if on_table else ""
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {_name(table, verb)}{where}")


def remove_function(connection: Connection) -> None:
    """Take away what the triggers called, after the last of them."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP FUNCTION IF EXISTS refuse_change()")


def _statements(dialect: str, guarded: Mapping[str, Sequence[str]]) -> list[str]:
    if dialect == "postgresql":
        return [
            _FUNCTION,
            *(
                # A statement trigger fires even where no row is met, and for TRUNCATE.
                f"CREATE TRIGGER {_name(table, verb)} BEFORE {verb} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
                for table in guarded
                for verb in _verbs(dialect)
            ),
        ]
    return [
        f"CREATE TRIGGER {_name(table, verb)} BEFORE {_EVENTS.get(verb, verb)} ON {table} "
        # INSERT OR REPLACE removes a row, and fires no trigger of DELETE.
        f"{_overwriting(table, guarded[table]) if verb == 'REPLACE' else ''} "
        f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        for table in guarded
        for verb in _verbs(dialect)
    ]


def _overwriting(table: str, key: Sequence[str]) -> str:
    same = " AND ".join(f"{column} = NEW.{column}" for column in key)
    return _OVERWRITING.format(table=table, key=same)


def _verbs(dialect: str) -> tuple[str, ...]:
    return ("UPDATE", "DELETE", "TRUNCATE" if dialect == "postgresql" else "REPLACE")


def _name(table: str, verb: str) -> str:
    return f"{table}_refuses_{verb.lower()}"
