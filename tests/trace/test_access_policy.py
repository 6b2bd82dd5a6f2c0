"""The policy: who may do what to whose things."""

import pytest

from foodtrace.trace.access.actor import ANONYMOUS, SYSTEM, Actor, Role
from foodtrace.trace.access.policy import ACTIONS, NEEDS_PARTY, POLICY, can, require
from foodtrace.trace.errors import Forbidden, NotFound, Unauthenticated

ALBA, BRUNO = 7, 8

# Rows: action; columns: the six roles. o: own things, A: anybody's, -: not at all.
TABLE = """
                      producer operator laboratory inspector regulator administrator
event.capture         o        o        o          -         -         o
event.read            o        o        o          A         A         A
party.register        -        -        -          -         A         A
party.revise          o        o        o          -         A         A
party.read            A        A        A          A         A         A
place.register        o        o        o          -         A         A
product.register      o        -        -          -         A         A
lot.register          o        -        -          -         -         -
lot.move              o        o        -          -         -         -
lot.read              o        o        o          A         A         A
key.keep              o        o        o          -         -         -
key.confirm           -        -        -          -         A         -
statement.sign        o        o        o          -         -         -
personal.read         o        o        o          o         -         -
personal.open         -        -        -          -         A         -
personal.erase        o        o        o          -         -         A
link.keep             o        o        o          -         -         -
certificate.issue     -        -        o          o         -         -
certificate.withdraw  -        -        o          o         A         -
certificate.read      o        o        o          A         A         A
report.read           o        o        o          A         A         -
recall.open           o        -        -          -         A         -
recall.close          -        -        -          -         A         -
chain.read            o        o        o          A         A         A
account.manage        -        -        -          -         -         A
"""


def cases():
    lines = TABLE.strip().splitlines()
    roles = [Role(name) for name in lines[0].split()]
    for line in lines[1:]:
        action, *marks = line.split()
        for role, mark in zip(roles, marks, strict=True):
            yield action, role, mark


def actor(*roles, party_id=ALBA):
    return Actor("user:alba", party_id, frozenset(roles))


def test_a_producer_may_register_a_lot_of_her_own():
    assert can(actor(Role.PRODUCER), "lot.register", owner=ALBA)


@pytest.mark.parametrize(("action", "role", "mark"), list(cases()))
def test_each_role_may_do_what_the_table_says(action, role, mark):
    who = actor(role)
    answers = can(who, action), can(who, action, ALBA), can(who, action, BRUNO)
    assert (
        answers
        == {
            "A": (True, True, True),
            "o": (True, True, False),
            "-": (False, False, False),
        }[mark]
    )


def test_the_table_names_every_action_and_every_role():
    assert [action for action, role, _ in cases() if role == Role.PRODUCER] == list(ACTIONS)
    assert set(POLICY) == set(Role)


def test_what_belongs_to_no_party_is_nobodys_own():
    assert not can(actor(Role.PRODUCER), "lot.read", owner=0)
    assert not can(actor(Role.PRODUCER, party_id=None), "lot.read", owner=ALBA)


def test_the_wider_of_two_roles_counts():
    assert can(actor(Role.PRODUCER, Role.INSPECTOR), "lot.read", owner=BRUNO)


def test_who_is_not_signed_in_is_asked_to():
    with pytest.raises(Unauthenticated):
        require(ANONYMOUS, "lot.read", owner=ALBA)


def test_a_rivals_thing_looks_as_if_it_did_not_exist():
    with pytest.raises(NotFound) as refusal:
        require(actor(Role.PRODUCER), "lot.read", owner=BRUNO)
    assert not refusal.value.problems


def test_a_role_without_the_action_is_told_so():
    with pytest.raises(Forbidden) as refusal:
        require(actor(Role.INSPECTOR), "recall.open", owner=ALBA)
    assert "inspector" in refusal.value.problems[0].text
    assert "recall.open" in refusal.value.problems[0].text


def test_who_runs_the_service_cannot_speak_for_those_recorded_in_it():
    for action in ("event.capture", "lot.register", "certificate.issue", "recall.open"):
        assert not can(SYSTEM, action, owner=ALBA)


def test_roles_that_act_for_an_organisation_may_not_do_without_one():
    assert {Role.PRODUCER, Role.OPERATOR, Role.LABORATORY} == NEEDS_PARTY
