"""Triggers that keep the record append-only: what was received is never changed or removed.

They bind the program itself, and whoever works on the database by hand. A migration
installs them; nothing here happens on import.
"""

from sqlalchemy import Connection

GUARDED = ("document", "statement")

_MESSAGE = "the record is append-only"
_FUNCTION = f"""
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'insufficient_privilege';
END $$
"""
_EVENTS = {"REPLACE": "INSERT"}
_OVERWRITING = "WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)"


def install(connection: Connection) -> None:
    """Have the database refuse UPDATE, DELETE and TRUNCATE on the record."""
    for statement in _statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


def remove(connection: Connection) -> None:
    """Take the triggers away: for a downgrade that drops the tables."""
    on_table = connection.dialect.name == "postgresql"
    for table in GUARDED:
        for verb in _verbs(connection.dialect.name):
            where = f" ON {table}" if on_table else ""
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {_name(table, verb)}{where}")
    if on_table:
        connection.exec_driver_sql("DROP FUNCTION IF EXISTS refuse_change()")


def _statements(dialect: str) -> list[str]:
    if dialect == "postgresql":
        return [
            _FUNCTION,
            *(
                # A statement trigger fires even where no row is met, and for TRUNCATE.
                f"CREATE TRIGGER {_name(table, verb)} BEFORE {verb} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
                for table in GUARDED
                for verb in _verbs(dialect)
            ),
        ]
    return [
        f"CREATE TRIGGER {_name(table, verb)} BEFORE {_EVENTS.get(verb, verb)} ON {table} "
        # INSERT OR REPLACE removes a row, and fires no trigger of DELETE.
        f"{_OVERWRITING.format(table=table) if verb == 'REPLACE' else ''} "
        f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        for table in GUARDED
        for verb in _verbs(dialect)
    ]


def _verbs(dialect: str) -> tuple[str, ...]:
    return ("UPDATE", "DELETE", "TRUNCATE" if dialect == "postgresql" else "REPLACE")


def _name(table: str, verb: str) -> str:
    return f"{table}_refuses_{verb.lower()}"
