"""Schedules of subscriptions: which moments fit, which schedules cannot be."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.errors import SubscriptionControls
from foodtrace.trace.subscriptions.schedule import FIELDS, next_time, schedule_of

CHINA = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)  # a Sunday


def times(fields, after=NOON, zone=UTC, count=1):
    schedule, found = schedule_of(fields), []
    for _ in range(count):
        after = next_time(schedule, after, zone)
        found.append(f"{after.astimezone(zone):%Y-%m-%d %H:%M:%S}")
    return found if count > 1 else found[0]


def places_of(fields):
    with pytest.raises(SubscriptionControls) as caught:
        schedule_of(fields)
    return [problem.place for problem in caught.value.problems]


def test_it_works():
    assert times({"hour": "1", "minute": "5"}) == "2026-11-23 01:05:00"


def test_a_moment_that_fits_is_not_its_own_successor():
    at = datetime(2026, 11, 23, 1, 5, tzinfo=UTC)
    assert times({"hour": "1", "minute": "5"}, after=at) == "2026-11-24 01:05:00"
    just_before = at - timedelta(microseconds=1)
    assert times({"hour": "1", "minute": "5"}, after=just_before) == "2026-11-23 01:05:00"


def test_steps_are_taken_from_their_first_value():
    assert times({"second": "0/30"}, count=3) == [
        "2026-11-22 12:00:30",
        "2026-11-22 12:01:00",
        "2026-11-22 12:01:30",
    ]
    assert times({"minute": "*/20"}, count=3)[-1] == "2026-11-22 13:00:00"
    assert times({"hour": "8-18/5"}, count=3) == [
        "2026-11-22 13:00:00",
        "2026-11-22 18:00:00",
        "2026-11-23 08:00:00",
    ]


def test_ranges_are_written_with_or_without_brackets():
    assert times({"dayOfWeek": "[1-5]"}) == times({"dayOfWeek": "1-5"}) == "2026-11-23 00:00:00"


def test_lists_may_mix_numbers_and_ranges():
    assert times({"minute": "5,[50-51], 30"}, count=4) == [
        "2026-11-22 12:05:00",
        "2026-11-22 12:30:00",
        "2026-11-22 12:50:00",
        "2026-11-22 12:51:00",
    ]


def test_numbers_may_be_json_numbers():
    assert times({"hour": 1, "minute": 5}) == "2026-11-23 01:05:00"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"second": "10"}, "2026-11-22 12:00:10"),
        ({"minute": "10"}, "2026-11-22 12:10:00"),
        ({"hour": "10"}, "2026-11-23 10:00:00"),
        ({"dayOfMonth": "10"}, "2026-12-10 00:00:00"),
        ({"month": "3"}, "2027-03-01 00:00:00"),
        ({"dayOfWeek": "3"}, "2026-11-25 00:00:00"),
        ({"month": "3", "dayOfWeek": "3"}, "2027-03-03 00:00:00"),
        ({"second": "10", "hour": "10"}, "2026-11-23 10:00:10"),
    ],
)
def test_what_is_finer_than_all_that_is_said_stands_at_its_first_value(fields, expected):
    assert times(fields) == expected


def test_day_of_month_and_day_of_week_must_both_fit():
    assert times({"dayOfMonth": "13", "dayOfWeek": "5"}) == "2027-08-13 00:00:00"


def test_the_leap_day_comes_on_a_monday_too():
    assert times({"dayOfMonth": "29", "month": "2", "dayOfWeek": "1"}) == "2044-02-29 00:00:00"


def test_the_leap_day_skips_the_centuries_that_have_none():
    after = datetime(2072, 3, 1, tzinfo=UTC)
    fields = {"dayOfMonth": "29", "month": "2", "dayOfWeek": "1"}
    assert times(fields, after=after) == "2112-02-29 00:00:00"


def test_the_clock_of_the_zone_counts():
    assert times({"hour": "1"}, zone=CHINA) == "2026-11-23 01:00:00"
    assert next_time(schedule_of({"hour": "1"}), NOON, CHINA) == NOON + timedelta(hours=5)


def test_a_schedule_ends_with_the_calendar():
    last = datetime(9999, 12, 31, 23, 59, 50, tzinfo=UTC)
    assert next_time(schedule_of({"second": "0"}), last, UTC) is None


def test_the_31st_of_february_is_refused():
    assert places_of({"dayOfMonth": "31", "month": "2"}) == ["/schedule/dayOfMonth"]
    assert places_of({"dayOfMonth": "31", "month": "2,4,6,9,11"}) == ["/schedule/dayOfMonth"]


def test_every_ten_seconds_is_the_most_often():
    assert times({"second": "*/10"}) == "2026-11-22 12:00:10"
    assert places_of({"second": "*/9"}) == ["/schedule/second"]
    assert places_of({"second": "*"}) == ["/schedule/second"]
    assert places_of({"second": "0,55"}) == ["/schedule/second"]


@pytest.mark.parametrize(
    "value",
    [
        "", "60", "-1", "5-", "5-1", "a", "0/0", "1,,2", "1,", "[1-5", "1-5]", "[5]", "1/2/3",
        "1.5", "0/00", "１", "٣", "5\n", "100", True, None, 1.5, ["1"], -1, 60, "1," * 200 + "1",
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused_with_its_field(value):
    assert places_of({"minute": value}) == ["/schedule/minute"]


@pytest.mark.parametrize(("name", "low", "high"), [(name, *ends) for name, ends in FIELDS.items()])
def test_each_field_has_its_bounds(name, low, high):
    assert schedule_of({name: str(low)})
    assert schedule_of({name: high})
    assert places_of({name: high + 1}) == [f"/schedule/{name}"]
    if low:
        assert places_of({name: 0}) == [f"/schedule/{name}"]


def test_all_faults_are_named_at_once():
    assert places_of({"hours": "1", "hour": "24", "month": "0"}) == [
        "/schedule/hours",
        "/schedule/hour",
        "/schedule/month",
    ]


def test_a_schedule_must_name_a_time():
    assert places_of({}) == ["/schedule"]


VALUES = {name: st.sets(st.integers(*ends), min_size=1) for name, ends in FIELDS.items()}
SCHEDULES = st.fixed_dictionaries(
    {"second": st.sampled_from(["0", "0/30", "*/10", "7,19,43"])},
    optional={
        name: values.map(lambda chosen: ",".join(map(str, sorted(chosen))))
        for name, values in VALUES.items()
        if name not in ("second", "dayOfMonth", "month")
    },
)


@settings(max_examples=60, deadline=None)
@given(
    SCHEDULES,
    st.integers(946_684_800_000, 4_102_444_800_000),  # ms: the years 2000 to 2099
    st.sampled_from([UTC, CHINA]),
)
def test_the_next_time_is_the_first_moment_that_fits(fields, after, zone):
    schedule, after = schedule_of(fields), datetime.fromtimestamp(after / 1000, UTC)
    found = next_time(schedule, after, zone)
    assert found > after
    assert schedule.matches(found.astimezone(zone))
    # Nothing fits in between: whole days, hours and minutes are looked at by their fields.
    moment = after.astimezone(zone).replace(microsecond=0) + timedelta(seconds=1)
    while moment < found:
        if moment.isoweekday() not in schedule.weekdays:
            moment = moment.replace(hour=0, minute=0, second=0) + timedelta(days=1)
        elif moment.hour not in schedule.hours:
            moment = moment.replace(minute=0, second=0) + timedelta(hours=1)
        elif moment.minute not in schedule.minutes:
            moment = moment.replace(second=0) + timedelta(minutes=1)
        else:
            assert not schedule.matches(moment)
            moment += timedelta(seconds=1)
    assert moment == found
