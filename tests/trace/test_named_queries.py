"""Queries that a party keeps under a name."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from foodtrace.trace.access.actor import ANONYMOUS, Actor, Role
from foodtrace.trace.errors import (
    Conflict,
    Invalid,
    NoSuchName,
    QueryParameter,
    QueryValidation,
    Unauthenticated,
)
from foodtrace.trace.query import named
from foodtrace.trace.query.models import NamedQuery
from foodtrace.trace.query.named import (
    create_query,
    delete_query,
    get_query,
    list_queries,
)
from foodtrace.trace.query.parameters import query_of
from foodtrace.trace.query.services import find_events
from foodtrace.trace.subscriptions.models import Delivery, Subscription

from .acts import ALBA, BRUNO, capture, make, see

SECRET = "a secret for tests"
SHIPPED = {"EQ_bizStep": ["shipping"]}


def keep(store, name, parameters=SHIPPED, actor=ALBA, prefixes=None):
    with store.transaction() as session:
        create_query(session, actor, name=name, parameters=parameters, prefixes=prefixes or {})


def listed(store, actor=ALBA, **page):
    with store.reading() as session:
        found = list_queries(session, actor, secret=SECRET, **{"per_page": 10, **page})
        return [each.name for each in found.queries], found.next_token


def test_it_works(store):
    shipped = see(2, ["A"])
    capture(store, make(1, {"A": 1}), shipped)
    keep(store, "shipped")
    with store.reading() as session:
        query = query_of(get_query(session, ALBA, "shipped").query, {})
        page = find_events(session, ALBA, query, per_page=10, secret=SECRET)
    assert [each.event_id for each in page.events] == [shipped["eventID"]]


def test_names_of_extensions_are_kept_in_full(store):
    parameters = {"EQ_ILMD_ex:colour": ["red"]}
    keep(store, "red", parameters, prefixes={"ex": "https://example.com/ns/"})
    with store.reading() as session:
        kept = get_query(session, ALBA, "red").query
    assert "https://example.com/ns/colour" in json.dumps(kept)
    assert query_of(kept, {}) == query_of(parameters, {"ex": "https://example.com/ns/"})


def test_a_name_is_taken_once_in_each_party(store):
    keep(store, "mine")
    with pytest.raises(Conflict, match="mine"):
        keep(store, "mine")
    keep(store, "mine", actor=BRUNO)
    assert listed(store)[0] == ["mine"]


def test_the_query_of_the_standard_is_there_already(store):
    with pytest.raises(Conflict):
        keep(store, "SimpleEventQuery")


@pytest.mark.parametrize(
    "name", ["", "a/b", "a\nb", "a\0b", "x" * 201, " a", "..", "\ud800", "a\u202eb"]
)
def test_a_name_that_cannot_stand_in_an_address_is_refused(sqlite_store, name):
    with pytest.raises(Invalid):
        keep(sqlite_store, name)


@pytest.mark.parametrize("name", ["红茶 出库", "a'b\"; DROP TABLE item--", "%_", "x" * 200])
def test_other_names_are_kept_as_they_are(store, name):
    keep(store, name)
    assert listed(store)[0] == [name]


def test_a_query_that_cannot_be_asked_is_not_kept(store):
    with pytest.raises(QueryParameter):
        keep(store, "wrong", {"EQ_nonsense": 1})
    assert listed(store)[0] == []


@pytest.mark.parametrize("name", ["none", "hers", "\0", "\ud800"])
def test_what_is_not_there_or_belongs_to_others_is_not_found(store, name):
    keep(store, "hers", actor=BRUNO)
    with store.reading() as session, pytest.raises(NoSuchName):
        get_query(session, ALBA, name)
    with store.transaction() as session, pytest.raises(NoSuchName):
        delete_query(session, ALBA, name)
    assert listed(store, BRUNO)[0] == ["hers"]


def test_queries_come_in_pages(store):
    for number in range(5):
        keep(store, f"q{number}")
    first, token = listed(store, per_page=2)
    second, further = listed(store, per_page=2, token=token)
    third, end = listed(store, per_page=2, token=further)
    assert [*first, *second, *third] == [f"q{number}" for number in range(5)]
    assert end is None
    with pytest.raises(QueryParameter, match="another query"):
        listed(store, BRUNO, per_page=2, token=token)


def test_a_party_keeps_so_many_queries_and_no_more(store, monkeypatch):
    monkeypatch.setattr(named, "MOST_QUERIES", 2)
    keep(store, "one")
    keep(store, "two")
    with pytest.raises(QueryValidation, match="2 queries already"):
        keep(store, "three")
    keep(store, "hers", actor=BRUNO)
    with store.transaction() as session:
        delete_query(session, ALBA, "one")
    keep(store, "three")
    assert listed(store)[0] == ["two", "three"]


def test_whoever_is_not_signed_in_keeps_nothing(sqlite_store):
    with pytest.raises(Unauthenticated):
        keep(sqlite_store, "mine", actor=ANONYMOUS)


def test_those_who_act_for_no_party_have_queries_of_their_own(store):
    regulator = Actor("user:rosa", None, frozenset({Role.REGULATOR}))
    keep(store, "all", actor=regulator)
    assert listed(store, regulator)[0] == ["all"]
    assert listed(store)[0] == []


def test_deleting_a_query_ends_its_subscriptions_and_no_others(store):
    now = datetime(2026, 5, 1, tzinfo=UTC)
    for name in ("gone", "stays"):
        keep(store, name)
    with store.transaction() as session:
        for query in session.scalars(select(NamedQuery)):
            session.add(
                Subscription(
                    id=query.name, query_id=query.id, party_id=101, sees_all=False,
                    dest="https://example.com/", secret="s", schedule=None,
                    report_if_empty=False, initial_record_time=None, formats={}, position=0,
                    created_by="key:alba", created_at=now, due_at=now, last_notified_at=None,
                )
            )  # fmt: skip
            session.flush()
            session.add(
                Delivery(
                    id=query.name, subscription_id=query.name, body=b"{}", events=1,
                    state="waiting", attempts=0, created_at=now, due_at=now,
                    finished_at=None, answer=None,
                )
            )  # fmt: skip
    with store.transaction() as session:
        delete_query(session, ALBA, "gone")
    with store.reading() as session:
        assert list(session.scalars(select(NamedQuery.name))) == ["stays"]
        assert list(session.scalars(select(Subscription.id))) == ["stays"]
        assert list(session.scalars(select(Delivery.id))) == ["stays"]
