"""How a chain is read: few queries whatever its size, and none that reads a whole table."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event as listening
from sqlalchemy import insert, text
from sqlalchemy.dialects import sqlite

from foodtrace.trace.chain import walk
from foodtrace.trace.chain.services import (
    descendant_ids,
    fingerprint,
    item_ids,
    items_named,
    items_of,
    trace_back,
    trace_forward,
)
from foodtrace.trace.masterdata.models import Lot, Party, Place, Product
from foodtrace.trace.store.models import Containment, Edge, Event, EventItem, Item, Statement
from foodtrace.trace.store.session import Store

from .graph import Graph, hour


def lay_line(store, length):
    """Write a line of lots, each made of the one before and shipped once, and their makers."""
    with store.transaction() as session:
        graph = Graph(session)
        document = {"kind": "event", "document_id": graph.document_id, "start": 0, "length": 0}
        lots = range(1, length + 1)
        rows = {
            Item: [{"id": n, "kind": "lot", "canonical": name(n)} for n in lots],
            Statement: [{"id": n, **document} for n in range(1, 2 * length + 1)],
            Event: [
                {
                    "id": n,
                    "event_id": f"urn:{n}",
                    "type": "TransformationEvent" if n % 2 else "ObjectEvent",
                    "event_time": hour(n),
                    "time_zone_offset": "+08:00",
                    "record_time": hour(n),
                    "party_id": 0,
                    "hidden": False,
                }
                for n in range(1, 2 * length + 1)
            ],
            EventItem: [
                part
                for n in lots
                for part in (
                    {"event_id": 2 * n - 1, "role": "output", "item_id": n},
                    {"event_id": 2 * n, "role": "epc", "item_id": n},
                )
            ],
            Edge: [
                {"parent_id": n, "child_id": n + 1, "event_id": 2 * n + 1, "kind": "made"}
                for n in lots[:-1]
            ],
            Lot: [
                {"item_id": n, "event_id": 2 * n - 1, "party_id": n, "made_at": hour(n)}
                for n in lots
            ],
            Containment: [
                {"content_id": n, "container_id": n + 1, "since": hour(n), "until": hour(n)}
                for n in lots[:-1]
            ],
            Party: [
                {"id": n, "identifier": f"urn:{n}", "name": "farm", "kind": "farm"} for n in lots
            ],
            Place: [
                {"id": n, "identifier": f"urn:{n}", "name": "gate", "party_id": n} for n in lots
            ],
            Product: [
                {"id": n, "identifier": f"urn:{n}", "name": "milk", "party_id": n} for n in lots
            ],
        }
        for model, values in rows.items():
            session.execute(insert(model), values)


def name(number):
    return f"/01/09506000134352/10/L{number}"


@contextmanager
def counted(store):
    """Collect the statements that a store's readers run, but for those that begin and end."""
    statements = []

    @listening.listens_for(store.readers, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_rest):
        if not statement.startswith("BEGIN"):
            statements.append(statement)

    yield statements
    listening.remove(store.readers, "before_cursor_execute", note)


@pytest.mark.parametrize("length", [5, 2000])
def test_a_chain_takes_three_queries_whatever_its_size(store, length):
    lay_line(store, length)
    with store.reading() as session, counted(store) as statements:
        back = trace_back(session, name(length))
        assert len(statements) == 3
        forward = trace_forward(session, name(1))
        assert len(statements) == 6
    assert len(back.nodes) == len(forward.nodes) == length
    assert len(back.hops) == len(forward.hops) == 2 * length


def test_a_fingerprint_takes_three_queries_and_names_every_item(store):
    lay_line(store, 30)
    with store.reading() as session, counted(store) as statements:
        found = fingerprint(session, name(30))
    assert len(statements) == 3
    assert set(found.canonicals) == {name(n) for n in range(1, 31)}


def test_an_unknown_item_takes_as_many_queries_as_a_known_one(store):
    # Who guesses at codes shall not learn from the time which of them are on record.
    with store.reading() as session, counted(store) as statements:
        assert trace_back(session, "/01/09506000134352/10/NONE") is None
        assert len(statements) == 3
        assert fingerprint(session, "/01/09506000134352/10/NONE") is None
        assert len(statements) == 6


def test_items_are_found_by_name_in_two_queries(store):
    lay_line(store, 30)
    with store.reading() as session, counted(store) as statements:
        found = items_named(session, [name(3), name(7), "/q/UNKNOWN"])
    assert set(found) == {name(3), name(7)}
    assert found[name(3)].canonical == name(3)
    assert len(statements) == 2


def test_descendants_take_a_query_a_level(store):
    with store.transaction() as session:
        graph = Graph(session)
        for branch in range(10):
            graph.made(["salt"], [f"dough{branch}"])
            graph.made([f"dough{branch}"], [f"bread{branch}"])
        graph.made(["bread1"], ["salt"])  # a cycle
        salt = graph.items["salt"]
    with store.reading() as session, counted(store) as statements:
        assert len(descendant_ids(session, [salt])) == 21
        assert len(statements) == 3
        assert descendant_ids(session, []) == set()
        assert items_of(session, item_ids(session, ["/nothing"])) == {}


TABLES = {
    "item", "edge", "event", "event_item", "containment", "lot", "product", "party", "place",
    "captor", "declaration", "revision",
}  # fmt: skip
STATEMENTS = ("BACK", "FORWARD", "HOPS", "FACTS", "MARKS", "CHILDREN", "NAMES", "NAMED")


@pytest.mark.parametrize("statement", STATEMENTS)
def test_no_statement_reads_a_whole_table(sqlite_store, statement):
    """With statistics, SQLite may put a Bloom filter on a join: a full scan, each time."""
    lay_line(sqlite_store, 2000)
    with sqlite_store.transaction() as session:
        session.execute(text("ANALYZE"))
    compiled = getattr(walk, statement).compile(dialect=sqlite.dialect())
    values = tuple("[]" if compiled.params[key] is None else "x" for key in compiled.positiontup)
    with sqlite_store.reading() as session:
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values)
        steps = [row[3] for row in plan]
    assert steps
    scanned = {step.split()[1] for step in steps if step.startswith("SCAN")}
    assert not scanned & TABLES, steps
    assert not [step for step in steps if "BLOOM" in step or "AUTOMATIC" in step], steps


@pytest.mark.parametrize("statement", ["BACK", "FORWARD"])
def test_postgresql_looks_edges_up_whatever_it_expects_of_the_recursion(
    postgresql_url_of_test, statement
):
    store = Store(postgresql_url_of_test)
    with store.transaction() as session:
        # Edges alone, and enough that reading them all would be a mistake.
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(
            text("INSERT INTO edge SELECT n, n + 1, 1, 'made' FROM generate_series(1, 100000) n")
        )
        session.execute(text("ANALYZE"))
    compiled = getattr(walk, statement).compile(store.readers)
    with store.reading() as session:
        plan = session.connection().exec_driver_sql(f"EXPLAIN {compiled}", {"canonical": name(5)})
        steps = [row[0] for row in plan]
    store.close()
    assert not [step for step in steps if "Seq Scan on edge" in step], steps
    assert [step for step in steps if "Index" in step and "on edge" in step], steps
