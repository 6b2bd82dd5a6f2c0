"""Pages: together they are what was there at the first, each event once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.access.actor import ANONYMOUS
from foodtrace.trace.errors import QueryParameter, QueryTooLarge, Unauthenticated
from foodtrace.trace.query import paging, services
from foodtrace.trace.query.keys import key_of
from foodtrace.trace.query.model import OfType, Query, Says
from foodtrace.trace.query.observed import is_observed, observed_values
from foodtrace.trace.query.paging import Position, opened, sealed
from foodtrace.trace.query.services import each_match, find_events

from .acts import ALBA, BRUNO, INES, capture, make, see

SECRET = "a secret for tests"
NOW = datetime(2026, 5, 1, tzinfo=UTC)
SHIPPED = Says(frozenset({key_of("bizStep", "shipping")}))


def page_of(store, query, token=None, actor=ALBA, per_page=3, secret=SECRET):
    with store.reading() as session:
        return find_events(session, actor, query, per_page=per_page, secret=secret, token=token)


def pages(store, query, between=lambda: None, **options):
    """Return the eventIDs of each page."""
    found, token = [], None
    while not found or token:
        page = page_of(store, query, token, **options)
        found.append([each.event_id for each in page.events])
        token = page.next_token
        between()
    return found


def ids(events):
    return [event["eventID"] for event in events]


def flat(found):
    return [event_id for page in found for event_id in page]


def test_it_works(store):
    events = [see(number, ["A"]) for number in range(7)]
    capture(store, *events)
    found = pages(store, Query(order_by="eventTime", descending=False))
    assert [len(page) for page in found] == [3, 3, 1]
    assert flat(found) == ids(events)


def test_an_answer_that_fills_its_page_has_no_next_one(store):
    capture(store, *[see(number, ["A"]) for number in range(3)])
    assert len(pages(store, Query())) == 1


def test_nothing_found_is_one_empty_page(store):
    assert pages(store, Query()) == [[]]
    assert pages(store, Query((SHIPPED,))) == [[]]


@pytest.mark.parametrize("order_by", ["eventTime", "recordTime"])
@pytest.mark.parametrize("descending", [True, False])
def test_events_of_one_moment_keep_an_order(store, order_by, descending):
    capture(store, *[see(5, ["A"]) for _ in range(10)])
    found = flat(pages(store, Query(order_by=order_by, descending=descending)))
    assert len(set(found)) == len(found) == 10
    again = flat(pages(store, Query(order_by=order_by, descending=not descending), per_page=4))
    assert again == found[::-1]


@pytest.mark.parametrize("order_by", ["eventTime", "recordTime"])
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("criteria", [(), (SHIPPED,)])
def test_what_is_captured_meanwhile_makes_pages_miss_and_repeat_nothing(
    store, order_by, descending, criteria
):
    """Others capture all the while, with times before, between and after those there."""
    first = [see(10 * number, ["A"]) for number in range(20)]
    for number in range(0, 20, 5):
        capture(store, *first[number : number + 5])
    stop = threading.Event()
    failures = []

    def go_on(actor, offset):
        number = 0
        while not stop.is_set() and number < 400:
            number += 1
            try:
                capture(store, see((number * 7 + offset) % 200, ["A"]), actor=actor)
            except Exception as error:
                failures.append(error)
                return

    threads = [threading.Thread(target=go_on, args=(ALBA, offset)) for offset in range(3)]
    for thread in threads:
        thread.start()
    try:
        query = Query(criteria, order_by=order_by, descending=descending)
        found = flat(pages(store, query, per_page=2))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert len(set(found)) == len(found)
    known = [event_id for event_id in found if event_id in set(ids(first))]
    assert known == ids(first if not descending else first[::-1])


def test_what_came_after_the_first_page_is_on_no_page(store):
    capture(store, *[see(number, ["A"]) for number in range(6)])
    late = see(100, ["A"])
    found = pages(
        store,
        Query(order_by="eventTime", descending=False),
        between=lambda: capture(store, late),
    )
    assert late["eventID"] not in flat(found)
    assert len(flat(found)) == 6


def test_the_limit_of_a_query_counts_over_all_pages(store):
    events = [see(number, ["A"]) for number in range(9)]
    capture(store, *events)
    for limit in range(1, 11):
        found = pages(store, Query(order_by="eventTime", descending=False, limit=limit))
        assert flat(found) == ids(events)[:limit]
        assert all(found) or limit > 9


def test_more_than_a_query_allows_itself_is_refused(store):
    capture(store, *[see(number, ["A"]) for number in range(5)])
    assert len(flat(pages(store, Query(most=5)))) == 5
    for criteria in ((), (SHIPPED,), (OfType(frozenset({"ObjectEvent"})),)):
        with pytest.raises(QueryTooLarge, match="more than 4"):
            page_of(store, Query(criteria, most=4))
    capture(store, see(7, ["A"], step="storing"))
    assert len(flat(pages(store, Query((SHIPPED,), most=5)))) == 5


def test_a_token_is_for_one_query_one_party_and_one_secret(store):
    capture(store, *[see(number, ["A"]) for number in range(5)])
    token = page_of(store, Query()).next_token
    assert len(page_of(store, Query(), token).events) == 2
    for query, options in (
        (Query(descending=False), {}),
        (Query((SHIPPED,)), {}),
        (Query(limit=4), {}),
        (Query(), {"actor": BRUNO}),
        (Query(), {"actor": INES}),
        (Query(), {"secret": "another secret"}),
    ):
        with pytest.raises(QueryParameter) as refused:
            page_of(store, query, token, **options)
        assert refused.value.problems[0].place == "nextPageToken"


def test_criteria_are_the_same_query_whatever_the_order_of_their_values():
    many = [f"value {number}" for number in range(50)]
    assert paging.digest_of(OfType(frozenset(many))) == paging.digest_of(
        OfType(frozenset(reversed(many)))
    )


def test_a_token_is_good_for_an_hour():
    token, expires_at = sealed(SECRET, b"q", Position(id=7), NOW)
    assert expires_at == NOW + timedelta(hours=1)
    assert opened(SECRET, b"q", token, NOW + timedelta(minutes=59)) == Position(id=7)
    with pytest.raises(QueryParameter, match="expired"):
        opened(SECRET, b"q", token, NOW + timedelta(minutes=61))


def test_a_token_tells_nothing_and_stands_in_an_address_as_it_is():
    token, _ = sealed(SECRET, b"q", Position(key="绿源农场", up_to_id=123_456), NOW)
    assert all(char.isascii() and (char.isalnum() or char in "-_") for char in token)
    assert "123456" not in token


@given(st.one_of(st.text(), st.text("abcdefABCDEF0123456789-_=", max_size=300)))
def test_what_is_no_token_is_refused(text):
    with pytest.raises(QueryParameter):
        opened(SECRET, b"q", text, NOW)


@given(st.integers(0, 200), st.sampled_from("AZaz09-_"))
def test_a_changed_token_is_refused(at, char):
    position = Position(time=NOW, id=5, up_to_id=9, left=3)
    token, _ = sealed(SECRET, b"q", position, NOW)
    at %= len(token) - 1  # the last character has bits that mean nothing
    changed = token[:at] + char + token[at + 1 :]
    if changed != token:
        with pytest.raises(QueryParameter):
            opened(SECRET, b"q", changed, NOW)


@pytest.mark.parametrize("per_page", [0, -1, 1001, 10**30])
def test_pages_have_one_to_a_thousand_entries(sqlite_store, per_page):
    with pytest.raises(QueryParameter, match="1 to 1000"):
        page_of(sqlite_store, Query(), per_page=per_page)


def test_nobody_is_shown_anything_without_a_role(sqlite_store):
    with pytest.raises(Unauthenticated):
        page_of(sqlite_store, Query(), actor=ANONYMOUS)
    with sqlite_store.reading() as session, pytest.raises(Unauthenticated):
        each_match(session, ANONYMOUS, Query())


def test_all_matches_come_in_the_order_of_recording(store, monkeypatch):
    monkeypatch.setattr("foodtrace.trace.query.plan.STRIDES", (4,))
    monkeypatch.setattr("foodtrace.trace.query.plan.FEW", 2)
    for number in range(5):
        capture(store, see(50 - number, ["A"]), see(number, ["A"], step="storing"))
        capture(store, see(number, ["A"]), actor=BRUNO)
    with store.reading() as session:
        mine = list(each_match(session, ALBA, Query((SHIPPED,))))
        every = list(each_match(session, INES, Query((SHIPPED,))))
        all_of_them = list(each_match(session, INES, Query()))
        later = list(each_match(session, INES, Query(), after_id=every[3], up_to_id=every[6]))
        found = {each.id: each for each in services.read_found(session, all_of_them)}
    assert (len(mine), len(every), len(all_of_them)) == (5, 10, 15)
    assert mine == sorted(mine)
    assert every == sorted(every)
    assert later == [each for each in all_of_them if every[3] < each <= every[6]]
    assert [found[each].party_id for each in mine] == [101] * 5


def test_values_come_in_pages_each_once(store):
    capture(store, make(1, ["A#1", "A#2", "=1"]), see(2, ["A#1"]), see(3, ["A"]))
    capture(store, see(2, ["B#3"], step="receiving"), actor=BRUNO)

    def values(kind, actor=ALBA, per_page=2):
        found, token = [], None
        while True:
            with store.reading() as session:
                page = observed_values(
                    session, actor, kind, per_page=per_page, secret=SECRET, token=token
                )
            found += page.values
            token = page.next_token
            if token is None:
                return found

    assert values("bizStep") == ["commissioning", "shipping"]
    assert values("bizStep", INES) == ["commissioning", "receiving", "shipping"]
    assert values("eventType", INES) == ["ObjectEvent"]
    assert len(values("epc")) == len(set(values("epc"))) == 3
    assert len(values("epc", INES, per_page=1)) == 4
    with store.reading() as session:
        assert is_observed(session, ALBA, "bizStep", "shipping")
        assert not is_observed(session, ALBA, "bizStep", "receiving")
        assert is_observed(session, INES, "bizStep", "receiving")
        assert not is_observed(session, INES, "bizStep", "\0")
