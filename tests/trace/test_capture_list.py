"""Who sees which capture jobs, and in which pages."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from foodtrace.trace.access.actor import ANONYMOUS, SYSTEM, Actor, Role
from foodtrace.trace.capture import jobs
from foodtrace.trace.capture.jobs import list_captures
from foodtrace.trace.errors import Invalid, NotFound, Unauthenticated
from foodtrace.trace.store.models import Capture

from .acts import ALBA, BRUNO, INES, ROSA, capture, make
from .test_capture_jobs import job_of, queue


def test_a_job_is_shown_to_its_sender_and_to_those_who_see_all_events(store):
    queued = queue(store, make(1, {"A": 1}))
    for actor in (ALBA, INES, ROSA, SYSTEM):
        assert job_of(store, queued, actor).running
    for actor in (BRUNO, ANONYMOUS):
        with pytest.raises(NotFound):
            job_of(store, queued, actor)


def listed(store, actor, per_page=100, token=None):
    with store.reading() as session:
        return list_captures(session, actor, per_page=per_page, token=token)


def test_jobs_are_listed_newest_first_ones_own_or_all(store):
    own = [capture(store, make(n, {f"A{n}": 1})) for n in range(2)]
    others = [queue(store, make(1, {"B": 1}), actor=BRUNO)]
    assert [each.id for each in listed(store, ALBA).captures] == [own[1].id, own[0].id]
    assert [each.id for each in listed(store, BRUNO).captures] == [others[0].id]
    for actor in (INES, ROSA, SYSTEM):
        page = listed(store, actor)
        assert [each.id for each in page.captures] == [others[0].id, own[1].id, own[0].id]
        assert page.next_token is None
    with pytest.raises(Unauthenticated):
        listed(store, ANONYMOUS)


def test_who_acts_for_no_party_has_no_jobs_of_its_own(store):
    capture(store, make(1, {"A": 1}), actor=SYSTEM)
    nobody = Actor("key:x", None, frozenset({Role.PRODUCER}))
    assert listed(store, nobody).captures == []


def test_acts_of_the_consoles_are_no_jobs(store):
    captured = capture(store, make(1, {"A": 1}))
    with store.transaction() as session:
        session.execute(update(Capture).values(state="act"))
    assert listed(store, ALBA).captures == []
    with pytest.raises(NotFound):
        job_of(store, captured)


def test_pages_neither_miss_nor_repeat_a_job_of_the_same_moment(store):
    captured = [capture(store, make(n, {f"A{n}": 1})).id for n in range(7)]
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    with store.transaction() as session:
        for number, each in enumerate(captured):
            at = moment + timedelta(microseconds=number // 3)
            session.execute(update(Capture).where(Capture.id == each).values(created_at=at))
    whole = [each.id for each in listed(store, ALBA).captures]
    found, token = [], None
    for _ in range(4):
        page = listed(store, ALBA, per_page=2, token=token)
        found += [each.id for each in page.captures]
        token = page.next_token
        # What comes meanwhile stands before the first page.
        capture(store, make(9, {f"M{len(found)}": 1}))
    assert found == whole
    assert sorted(found) == sorted(captured)
    assert token is None


def test_a_page_has_a_largest_size(store, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_PER_PAGE", 2)
    for n in range(3):
        capture(store, make(n, {f"A{n}": 1}))
    page = listed(store, ALBA, per_page=1000)
    assert (len(page.captures), page.next_token is None) == (2, False)


@pytest.mark.parametrize("token", ["", "x", "AAAA", "5pel", "MjAyNi0wMS0wMSB4", "\ud800", "日"])
def test_a_token_of_somebody_else_is_refused(store, token):
    with pytest.raises(Invalid) as refused:
        listed(store, ALBA, token=token)
    assert refused.value.problems[0].place == "nextPageToken"
