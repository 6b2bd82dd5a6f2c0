"""API keys: shown once, kept as a hash, refused when expired or withdrawn."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import inspect, select

from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.access.keys import (
    actor_of_key,
    create_key,
    find_key,
    list_keys,
    note_use,
    withdraw_key,
)
from foodtrace.trace.access.models import ApiKey
from foodtrace.trace.errors import Conflict, Forbidden, Invalid, NotFound
from foodtrace.trace.store.session import Store

PARTY = 7


@pytest.fixture
def store(sqlite_store):
    """What follows does not depend on the database, but for the first test."""
    return sqlite_store


def make(store, **options):
    with store.transaction() as session:
        return create_key(session, SYSTEM, role=Role.PRODUCER, **({"party_id": PARTY} | options))


def actor_of(store, text):
    with store.reading() as session:
        return actor_of_key(session, text)


def test_on_both_databases_a_new_key_says_who_acts_and_for_whom(database_url):
    store = Store(database_url)
    text = make(store, expires_at=datetime.now(UTC) + timedelta(days=1))
    actor = actor_of(store, text)
    assert actor == Actor(f"key:{text[8:24]}", PARTY, frozenset({Role.PRODUCER}))
    with store.transaction() as session:
        note_use(session, text[8:24])
        withdraw_key(session, SYSTEM, key_id=text[8:24])
        assert [key.id for key in list_keys(session, SYSTEM)] == [text[8:24]]
    assert actor_of(store, text) is None
    store.close()


def test_a_key_has_the_form_that_secret_scanners_know(store):
    text = make(store)
    assert text.startswith("ft_live_")
    assert len(text) == len("ft_live_") + 16 + 1 + 43


def test_the_secret_is_not_in_the_database(store):
    text = make(store)
    with store.reading() as session:
        row = session.scalars(select(ApiKey)).one()
        kept = repr([getattr(row, column.key) for column in inspect(ApiKey).column_attrs])
    assert text[25:] not in kept


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: text[:8] + "x" * 16 + text[24:],
        lambda text: text.replace("live", "test"),
        lambda text: text + "A",
        lambda text: "",
        lambda text: text[:24],
        lambda text: text + "\n",
        lambda text: "ft_live_" + "\u0661" * 16 + text[24:],
    ],
)
def test_anything_but_the_key_itself_is_nobody(store, spoil):
    assert actor_of(store, spoil(make(store))) is None


def test_an_expired_key_is_nobody(store):
    text = make(store, expires_at=datetime.now(UTC) + timedelta(days=1))
    assert actor_of(store, text) is not None
    with store.transaction() as session:
        session.scalars(select(ApiKey)).one().expires_at = datetime.now(UTC)
    assert actor_of(store, text) is None


def test_a_withdrawn_key_is_nobody_from_then_on(store):
    text = make(store)
    with store.transaction() as session:
        withdraw_key(session, SYSTEM, key_id=text[8:24])
    assert actor_of(store, text) is None
    with pytest.raises(Conflict), store.transaction() as session:
        withdraw_key(session, SYSTEM, key_id=text[8:24])


def test_a_key_that_would_be_expired_at_once_is_not_made(store):
    with pytest.raises(Invalid):
        make(store, expires_at=datetime.now(UTC) - timedelta(seconds=1))


def test_a_producers_key_needs_a_party(store):
    with pytest.raises(Invalid) as refusal:
        make(store, party_id=None)
    assert refusal.value.problems[0].place == "party"


def test_only_an_administrator_makes_lists_and_withdraws_keys(store):
    text = make(store)
    producer = actor_of(store, text)
    with store.transaction() as session:
        with pytest.raises(Forbidden):
            create_key(session, producer, role=Role.PRODUCER, party_id=PARTY)
        with pytest.raises(Forbidden):
            list_keys(session, producer)
        with pytest.raises(Forbidden):
            withdraw_key(session, producer, key_id=text[8:24])


def test_withdrawing_what_does_not_exist_is_not_found(store):
    with pytest.raises(NotFound), store.transaction() as session:
        withdraw_key(session, SYSTEM, key_id="none")


def test_use_is_noted_once_an_hour(store):
    text = make(store)
    with store.transaction() as session:
        assert find_key(session, text).is_use_due
        note_use(session, text[8:24])
    with store.transaction() as session:
        assert not find_key(session, text).is_use_due
        session.get(ApiKey, text[8:24]).last_used_at -= timedelta(hours=1)
        session.flush()
        assert find_key(session, text).is_use_due


def test_valid_keys_come_before_withdrawn_ones(store):
    first, second = make(store), make(store)
    with store.transaction() as session:
        withdraw_key(session, SYSTEM, key_id=second[8:24])
    with store.reading() as session:
        assert [key.id for key in list_keys(session, SYSTEM)] == [first[8:24], second[8:24]]
