"""Bring a database to the tables this program expects, and tell whether it is there."""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from foodtrace.trace.store.session import Store
from foodtrace.trace.store.silence import unlimited


def configuration(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration; the migrations are part of the package."""
    config = Config()
    config.set_main_option("script_location", "foodtrace.trace.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(store: Store) -> None:
    """Run the migrations that are missing, all in one transaction, however long they take."""
    with store.transaction() as session, unlimited(connection := session.connection()):
        command.upgrade(configuration(connection), "head")


def is_current(store: Store) -> bool:
    """Tell whether the newest migration has been run."""
    with store.reading() as session:
        found = MigrationContext.configure(session.connection()).get_current_revision()
    return found == ScriptDirectory.from_config(configuration()).get_current_head()
