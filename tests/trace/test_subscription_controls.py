"""What may be asked for on subscribing, and who may see or end a subscription."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.errors import (
    Conflict,
    FoodtraceError,
    Invalid,
    NoSuchName,
    NotFound,
    QueryParameter,
    SubscriptionControls,
)
from foodtrace.trace.subscriptions import services
from foodtrace.trace.subscriptions.controls import controls_of

from .receiver import receiving
from .subscribing import SECRET, Partner

DEST = "https://partner.example/hook"
GOOD = {"dest": DEST, "secret": SECRET, "stream": True}


def refusal(error=Invalid, without=(), **changes):
    body = {name: value for name, value in (GOOD | changes).items() if name not in without}
    with pytest.raises(FoodtraceError) as caught:
        controls_of(body)
    assert type(caught.value) is error
    return [problem.place for problem in caught.value.problems]


def test_it_works():
    asked = controls_of(GOOD)
    assert (asked.dest, asked.secret, asked.schedule) == (DEST, SECRET, None)
    assert asked.report_if_empty is False


def test_the_example_of_the_standard_is_taken():
    asked = controls_of(
        {
            "dest": "https://client.example.com/queryCallback",
            "secret": "0435ojtojt02",
            "reportIfEmpty": True,
            "schedule": {"hour": "1", "minute": "5"},
        }
    )
    assert asked.schedule == {"hour": "1", "minute": "5"}
    assert asked.report_if_empty


def test_the_secret_may_bear_the_name_of_the_standards_text():
    asked = controls_of({"dest": DEST, "signatureToken": SECRET, "stream": True})
    assert asked.secret == SECRET


def test_two_secrets_are_one_too_many():
    assert refusal(signatureToken=SECRET) == ["secret"]


@pytest.mark.parametrize(
    "secret",
    [
        "", "short", "e" * 11, "e" * 201, "with a space", "naïve-secret", 123456789012, None,
        "a\nb" * 9, "whsec_", "whsec_!!!!", "whsec_" + base64.b64encode(b"short").decode(),
    ],
)  # fmt: skip
def test_a_secret_that_is_weak_or_cannot_be_typed_is_refused(secret):
    assert refusal(secret=secret) == ["secret"]


def test_either_a_stream_or_a_schedule():
    schedule = {"hour": "1"}
    assert refusal(SubscriptionControls, without=["stream"]) == [""]
    assert refusal(SubscriptionControls, stream=False) == [""]
    assert refusal(SubscriptionControls, schedule=schedule) == ["stream"]
    assert refusal(SubscriptionControls, stream="true") == ["stream"]
    assert controls_of(GOOD | {"stream": False, "schedule": schedule}).schedule == schedule


def test_a_schedule_is_checked():
    without = ["stream"]
    assert refusal(SubscriptionControls, without, schedule={"hour": "24"}) == ["/schedule/hour"]
    assert refusal(SubscriptionControls, without, schedule=None) == ["schedule"]
    assert refusal(SubscriptionControls, without, schedule="0 1 * * *") == ["schedule"]
    assert refusal(SubscriptionControls, without, schedule={}) == ["/schedule"]


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-01T08:00:00", "yesterday", "", 5, "2026-02-30T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
    ],
)  # fmt: skip
def test_a_time_needs_its_zone(text):
    assert refusal(initialRecordTime=text) == ["initialRecordTime"]


def test_a_time_is_understood():
    asked = controls_of(GOOD | {"initialRecordTime": "2020-04-04T20:33:31.116-06:00"})
    assert asked.initial_record_time == datetime(2020, 4, 5, 2, 33, 31, 116000, UTC)


def test_all_faults_are_named_at_once():
    assert refusal(dest=1, secret="", stream=1, reportIfEmpty="yes", nonsense=1) == [
        "/nonsense",
        "dest",
        "secret",
        "reportIfEmpty",
        "stream",
    ]


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "schedule", "reportIfEmpty", "initialRecordTime", "x"]), ANY_JSON
    )
)
def test_any_body_is_taken_or_refused(changes):
    refused = None
    try:
        controls_of(GOOD | changes)
    except Invalid as error:
        refused = error
    assert refused is None or all(problem.text for problem in refused.problems)


# Services


@pytest.fixture
def receiver(tmp_path):
    with receiving(tmp_path) as receiver:
        yield receiver


@pytest.fixture
def alba(store, receiver):
    return Partner(store, receiver)


@pytest.fixture
def bruno(store, receiver):
    return Partner(store, receiver, "Bruno")


def names(partner, **page):
    with partner.store.reading() as session:
        found = services.list_subscriptions(session, partner.actor, query_name="all", **page)
        return [each.id for each in found.subscriptions], found.next_token


def get(partner, subscription_id, query="all"):
    with partner.store.reading() as session:
        return services.get_subscription(
            session, partner.actor, query_name=query, subscription_id=subscription_id
        )


def test_a_subscription_is_shown_without_its_secret(alba):
    alba.ask()
    subscribed = alba.subscribe(initialRecordTime="2026-01-01T00:00:00Z")
    found = get(alba, subscribed.id).as_json()
    assert found == subscribed.as_json()
    assert found.pop("createdAt").endswith("Z")
    assert found == {
        "subscriptionID": subscribed.id,
        "queryName": "all",
        "dest": alba.receiver.url,
        "stream": True,
        "initialRecordTime": "2026-01-01T00:00:00.000Z",
    }
    assert SECRET not in repr(subscribed)


def test_a_schedule_is_shown_as_it_was_given(alba):
    alba.ask()
    found = alba.subscribe(schedule={"second": "0/30"}, reportIfEmpty=True).as_json()
    assert found["schedule"] == {"second": "0/30"}
    assert found["reportIfEmpty"] is True
    assert "stream" not in found


def test_subscriptions_are_listed_page_by_page(alba):
    alba.ask()
    made = sorted(alba.subscribe().id for _ in range(3))
    first, token = names(alba, per_page=2)
    assert first == made[:2]
    assert names(alba, per_page=2, token=token) == (made[2:], None)


def test_a_token_that_is_none_is_refused(alba):
    alba.ask()
    with pytest.raises(QueryParameter):
        names(alba, token="\0")


def test_only_ones_own_queries_can_be_subscribed_to(alba, bruno):
    alba.ask()
    with pytest.raises(NoSuchName):
        bruno.subscribe()


def test_another_party_finds_no_subscription(alba, bruno):
    alba.ask()
    bruno.ask()
    made = alba.subscribe()
    with pytest.raises(NoSuchName):
        get(bruno, made.id)
    assert names(bruno) == ([], None)
    with bruno.store.reading() as session:
        assert services.own_subscriptions(session, bruno.actor) == []
        with pytest.raises(NotFound):
            services.own_subscription(session, bruno.actor, subscription_id=made.id)
        with pytest.raises(NotFound):
            services.deliveries(session, bruno.actor, subscription_id=made.id)


def test_nobody_ends_or_resends_for_another_party(alba, bruno):
    alba.ask()
    bruno.ask()
    made = alba.subscribe()
    with pytest.raises(NoSuchName), alba.store.transaction() as session:
        services.unsubscribe(session, bruno.actor, query_name="all", subscription_id=made.id)
    with pytest.raises(NotFound), alba.store.transaction() as session:
        services.end_subscription(session, bruno.actor, subscription_id=made.id)
    with pytest.raises(NotFound), alba.store.transaction() as session:
        services.redeliver(session, bruno.actor, subscription_id=made.id, delivery_id="msg_1")
    assert names(alba) == ([made.id], None)


def test_unsubscribing_ends_it_at_once(alba):
    alba.ask()
    made = alba.subscribe()
    with alba.store.transaction() as session:
        services.unsubscribe(session, alba.actor, query_name="all", subscription_id=made.id)
    with pytest.raises(NoSuchName):
        get(alba, made.id)
    assert names(alba) == ([], None)


@pytest.mark.parametrize("subscription_id", ["none", "\0", "é", "x" * 500])
def test_what_is_no_subscription_is_not_found(alba, subscription_id):
    alba.ask()
    with pytest.raises(NoSuchName):
        get(alba, subscription_id)


def test_a_subscription_belongs_to_its_query(alba):
    alba.ask()
    alba.ask("other")
    made = alba.subscribe()
    with pytest.raises(NoSuchName):
        get(alba, made.id, "other")


def test_a_host_that_is_not_listed_is_refused_on_subscribing(alba):
    alba.ask()
    with pytest.raises(Invalid) as caught:
        alba.subscribe(dest="https://elsewhere.example/")
    assert caught.value.problems[0].place == "dest"


def test_a_party_has_twenty_subscriptions_at_most(alba, bruno):
    alba.ask()
    bruno.ask()
    for _ in range(services.MOST_SUBSCRIPTIONS):
        alba.subscribe()
    with pytest.raises(SubscriptionControls):
        alba.subscribe()
    assert bruno.subscribe()


def test_only_a_dead_message_is_sent_again(alba):
    alba.ask()
    made = alba.subscribe()
    alba.capture("A")
    alba.look()
    (waiting,) = alba.deliveries()
    with pytest.raises(Conflict), alba.store.transaction() as session:
        services.redeliver(session, alba.actor, subscription_id=made.id, delivery_id=waiting.id)
