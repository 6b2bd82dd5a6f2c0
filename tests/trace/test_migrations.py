"""The tables that the migrations make are those that the program expects."""

import importlib

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from foodtrace.trace.capture.rebuild import is_derived, rebuild
from foodtrace.trace.store.migrate import configuration, is_current, upgrade
from foodtrace.trace.store.models import Base
from foodtrace.trace.store.session import Store

from .acts import capture, make, rows

for package in (
    "trace.codes",
    "trace.issuers",
    "trace.links",
    "trace.log",
    "trace.masterdata",
    "trace.access",
    "trace.personal",
    "trace.query",
    "trace.subscriptions",
    "producers.printing",
    "inspections",
):
    importlib.import_module(f"foodtrace.{package}.models")


def test_it_works(store):
    assert is_current(store)


def test_an_empty_database_is_not_current(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    assert not is_current(store)
    upgrade(store)
    assert is_current(store)
    store.close()


def test_migrating_twice_changes_nothing(store):
    upgrade(store)
    assert is_current(store)


def is_on_both_databases(_item, name, *_):
    """Leave out what PostgreSQL alone has: test_query_plan.py shows that it is there and used."""
    return name != "ix_item_canonical_bytes"


# SQLite could not tell of such an index.
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based")
def test_the_models_say_what_the_migrations_made(store):
    with store.reading() as session:
        options = {"compare_type": True, "include_object": is_on_both_databases}
        context = MigrationContext.configure(session.connection(), opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_a_downgrade_leaves_no_table(store):
    with store.transaction() as session:
        command.downgrade(configuration(session.connection()), "base")
        assert inspect(session.connection()).get_table_names() == ["alembic_version"]


def test_the_chain_is_stored_without_row_ids_on_sqlite(sqlite_store):
    with sqlite_store.reading() as session:
        made = session.connection().exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%' ORDER BY name"
        )
        assert {row.name for row in made} >= {"containment", "edge", "event_item"}


def test_what_was_derived_before_the_second_migration_has_to_be_made_again(store):
    event = make(1, {"A#1": 1})
    capture(store, event)
    with store.reading() as session:
        assert is_derived(session)
    before = rows(store)
    with store.transaction() as session:
        command.downgrade(configuration(session.connection()), "0001")
    upgrade(store)
    with store.reading() as session:
        assert not is_derived(session)
    assert rows(store)["event_key"] == []
    with store.transaction() as session:
        rebuild(session)
    with store.reading() as session:
        assert is_derived(session)
    assert rows(store) == before
