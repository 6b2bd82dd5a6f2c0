"""Whom to ask for a cosignature now, and of which head."""

from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.log.rounds import (
    LEASE,
    LONGEST_REST,
    PAUSE,
    REFRESH,
    Asked,
    rest,
    to_ask,
)

NOW = 1_800_000_000_000


def witness(name, target=None, *, ago=LONGEST_REST, busy=0, failures=0):
    return Asked(name, target, NOW - ago, busy and NOW + busy, failures)


def test_it_works():
    assert to_ask([witness("a"), witness("b")], 7, NOW) == {"a": 7, "b": 7}
    asked = [witness("a", 7, ago=PAUSE), witness("b", 7, ago=PAUSE)]
    assert to_ask(asked, 7, NOW) == {}
    assert to_ask(asked, 8, NOW) == {"a": 8, "b": 8}


def test_without_a_new_head_they_are_asked_again_within_a_minute():
    assert REFRESH < 60_000
    asked = [witness("a", 7, ago=REFRESH), witness("b", 7, ago=REFRESH - 1)]
    assert to_ask(asked, 7, NOW) == {"a": 7, "b": 7}
    asked = [witness("a", 7, ago=REFRESH - 1), witness("b", 7, ago=REFRESH - 1)]
    assert to_ask(asked, 7, NOW) == {}


def test_nobody_is_asked_more_often_than_every_five_seconds():
    assert to_ask([witness("a", 7, ago=PAUSE - 1)], 8, NOW) == {}


def test_those_who_answer_are_asked_together_when_all_have_answered():
    asked = [witness("a", 7, ago=9_000), witness("b", 7, ago=9_000, busy=30_000)]
    assert to_ask(asked, 9, NOW) == {}


def test_one_that_does_not_answer_makes_nobody_wait():
    asked = [witness("a", 7, ago=PAUSE), witness("b", 6, ago=PAUSE, busy=30_000, failures=1)]
    assert to_ask(asked, 9, NOW) == {"a": 9}


def test_one_that_failed_is_asked_for_the_head_of_the_others():
    """Its cosignature completes a quorum of that one, and not of one that nobody else has seen."""
    asked = [witness("a", 7, ago=100), witness("b", 6, ago=2_000, failures=1)]
    assert to_ask(asked, 9, NOW) == {"b": 7}
    assert to_ask([witness("b", 6, failures=1)], 9, NOW) == {"b": 9}


def test_one_that_fails_is_asked_less_and_less_often():
    assert [rest(failures) for failures in (1, 2, 3, 6, 1000)] == [
        2_000,
        4_000,
        8_000,
        60_000,
        60_000,
    ]
    for failures in (1, 4, 9):
        pause = rest(failures)
        assert to_ask([witness("a", 7, ago=pause - 1, failures=failures)], 7, NOW) == {}
        assert to_ask([witness("a", 7, ago=pause, failures=failures)], 7, NOW) == {"a": 7}


def test_whoever_asked_and_was_killed_leaves_it_to_others():
    assert to_ask([witness("a", 7, busy=LEASE)], 9, NOW) == {}
    assert to_ask([witness("a", 7, busy=-1)], 9, NOW) == {"a": 9}


def test_a_clock_that_went_back_stops_nobody():
    ahead = Asked("a", 7, NOW + 3_600_000, NOW + 3_600_000 + LEASE, 0)
    assert to_ask([ahead], 7, NOW) == {"a": 7}


@settings(max_examples=60)
@given(st.data())
def test_a_log_that_always_grows_gets_a_quorum_of_one_head_again_and_again(data):
    """Each answers after a time of its own, and one may be dead; the log grows each second."""
    names = ["a", "b", "c"]
    delays = {name: data.draw(st.integers(100, 9_000), name) for name in names}
    dead = data.draw(st.sampled_from(["", *names]))
    states = {name: Asked(name, None, 0, 0, 0) for name in names}
    pending, cosigned = {}, {}
    for second in range(120):
        now, newest = NOW + 1000 * second, second + 1
        for name, (at, size) in list(pending.items()):
            if at <= now:
                failed = name == dead
                states[name] = states[name]._replace(
                    busy_until=0, failures=states[name].failures + 1 if failed else 0
                )
                if not failed:
                    cosigned.setdefault(size, {})[name] = now
                del pending[name]
        for name, size in to_ask(list(states.values()), newest, now).items():
            assert name not in pending
            states[name] = states[name]._replace(target=size, asked_at=now, busy_until=now + LEASE)
            pending[name] = (now + (10_000 if name == dead else delays[name]), size)
    alive = {name for name in names if name != dead}
    whole = [max(times.values()) for times in cosigned.values() if alive <= set(times)]
    gaps = [after - before for before, after in zip([NOW, *whole], [*whole, now], strict=True)]
    assert max(gaps) <= 30_000
