"""Queries are found by indexes or by a walk, on both databases, within their time."""

from foodtrace.trace.query.keys import field_of, key_of
from foodtrace.trace.query.model import (
    Attributed,
    Compares,
    DeclaredWrong,
    During,
    Identified,
    Names,
    OfType,
    Pattern,
    Query,
    Says,
    WithAction,
    Within,
)
from foodtrace.trace.query.services import each_match, find_events

from .acts import ALBA, capture, make, see

SECRET = "a secret for tests"


def found(store, *criteria, actor=ALBA, per_page=100, **options):
    with store.reading() as session:
        page = find_events(
            session, actor, Query(criteria, **options), per_page=per_page, secret=SECRET
        )
    return [each.event_id for each in page.events]


def test_it_works(store):
    first, second = make(1, {"A": 1}), see(2, ["A"])
    capture(store, first, second)
    assert found(store) == [second["eventID"], first["eventID"]]
    assert found(store, Says(frozenset({key_of("bizStep", "shipping")}))) == [second["eventID"]]
