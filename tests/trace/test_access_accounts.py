"""Accounts: names, passwords, and what an administrator may change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.access.accounts import (
    create_user,
    generate_password,
    list_users,
    normal_username,
    password_problems,
    reset_password,
    reset_second_factor,
    set_active,
)
from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.access.models import User
from foodtrace.trace.access.sign_ins import is_open, open_sign_in
from foodtrace.trace.errors import Conflict, Forbidden, Invalid, NotFound
from foodtrace.trace.store.session import Store

PASSWORD = "correct horse battery"


@pytest.fixture
def store(sqlite_store):
    """What follows does not depend on the database, but for the first test."""
    return sqlite_store


def make(store, username="li.na", password=PASSWORD, **options):
    values = {"roles": [Role.INSPECTOR], "party_id": None} | options
    with store.transaction() as session:
        return create_user(session, SYSTEM, username=username, password=password, **values).id


def test_on_both_databases_an_account_is_made_changed_and_closed(database_url):
    store = Store(database_url)
    user_id = make(store, roles=[Role.INSPECTOR, Role.REGULATOR])
    with store.reading() as session:
        (user,) = list_users(session, SYSTEM)
        assert user.username == "li.na"
        assert user.role_names == {Role.INSPECTOR, Role.REGULATOR}
    with store.transaction() as session:
        token = open_sign_in(session, user_id)
        reset_second_factor(session, SYSTEM, user_id=user_id)
        assert not is_open(session, token, user_id)
        set_active(session, SYSTEM, user_id=user_id, active=False)
    store.close()


def test_the_password_is_kept_as_argon2id_at_owasps_cost(store):
    user_id = make(store)
    with store.reading() as session:
        kept = session.get(User, user_id).password
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [(" Li.Na ", "li.na"), ("李娜", "李娜"), ("Ｌｉｎａ", "lina"), ("a-b_c.1", "a-b_c.1")],
)
def test_a_user_name_is_stored_in_one_form(typed, stored):
    assert normal_username(typed) == stored


@pytest.mark.parametrize("typed", ["", "a", "li na", "x" * 33, "a\u200bb", "a@b.c", "<b>", "a/b"])
def test_a_user_name_that_would_confuse_is_refused(typed):
    with pytest.raises(Invalid):
        normal_username(typed)


@given(st.text(max_size=40))
def test_the_stored_form_of_a_user_name_is_its_own_stored_form(text):
    try:
        name = normal_username(text)
    except Invalid:
        return
    assert normal_username(name) == name


@pytest.mark.parametrize(
    "password",
    ["short", "1234567890", "PASSWORD123", "aaaaaaaaaaaaaaaa", "my name is li.na!", "x" * 129],
)
def test_a_password_that_is_easily_guessed_is_refused(password):
    assert password_problems(password, "li.na")


def test_a_generated_password_is_always_good_enough():
    for _ in range(50):
        assert not password_problems(generate_password(), "li.na")


def test_a_user_name_is_given_once(store):
    make(store)
    with pytest.raises(Conflict) as refusal:
        make(store, username="LI.NA")
    assert refusal.value.problems[0].place == "username"


def test_a_bad_password_makes_no_account(store):
    with pytest.raises(Invalid):
        make(store, password="short")
    with store.reading() as session:
        assert list_users(session, SYSTEM) == []


def test_a_producer_needs_a_party(store):
    with pytest.raises(Invalid):
        make(store, roles=[Role.PRODUCER])


def test_an_account_without_a_role_is_not_made(store):
    with pytest.raises(Invalid):
        make(store, roles=[])


def test_only_an_administrator_manages_accounts(store):
    user_id = make(store)
    inspector = Actor("user:li.na", None, frozenset({Role.INSPECTOR}))
    for act in (
        lambda session: list_users(session, inspector),
        lambda session: set_active(session, inspector, user_id=user_id, active=False),
        lambda session: reset_password(session, inspector, user_id=user_id),
        lambda session: reset_second_factor(session, inspector, user_id=user_id),
    ):
        with pytest.raises(Forbidden), store.transaction() as session:
            act(session)


def test_closing_an_account_ends_its_sessions(store):
    user_id = make(store)
    with store.transaction() as session:
        token = open_sign_in(session, user_id)
    with store.transaction() as session:
        assert is_open(session, token, user_id)
        set_active(session, SYSTEM, user_id=user_id, active=False)
    with store.reading() as session:
        assert not is_open(session, token, user_id)


def test_a_new_password_ends_the_sessions_and_replaces_the_old_one(store):
    user_id = make(store)
    with store.reading() as session:
        before = session.get(User, user_id)
    with store.transaction() as session:
        assert not password_problems(reset_password(session, SYSTEM, user_id=user_id), "li.na")
    with store.reading() as session:
        after = session.get(User, user_id)
    assert after.password != before.password
    assert after.fs_uniquifier != before.fs_uniquifier


def test_an_administrator_cannot_lock_herself_out(store):
    user_id = make(store, username="admin-wang", roles=[Role.ADMINISTRATOR])
    herself = Actor(f"user:{user_id}", None, frozenset({Role.ADMINISTRATOR}))
    with pytest.raises(Conflict), store.transaction() as session:
        set_active(session, herself, user_id=user_id, active=False)


def test_an_account_that_does_not_exist_is_not_found(store):
    with pytest.raises(NotFound), store.transaction() as session:
        set_active(session, SYSTEM, user_id=999, active=True)
