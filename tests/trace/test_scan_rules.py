"""The scan rule: rule by rule, and a simulated month in which one code is copied."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from foodtrace.trace.codes.provinces import PROVINCES, distance_km, province_code
from foodtrace.trace.codes.rules import (
    AT_HOME,
    CHINA,
    MOST_LOOKS,
    MOST_READERS,
    OF_COPIES,
    SAME_LOOK,
    Circumstances,
    Kind,
    Look,
    find_copies,
    find_late,
    is_jump,
)

START = datetime(2026, 10, 1, 8, tzinfo=CHINA)
BEIJING, TIANJIN, SHANGHAI, CANTON, URUMQI = "11", "12", "31", "44", "65"


def minutes(number):
    return START + timedelta(minutes=number)


def look(minute, client="a", region=None):
    return Look(minutes(minute), client.encode(), region)


def kinds(looks, total=None):
    return [found.kind for found in find_copies(looks, total or len(looks))]


def test_it_works():
    copied = [look(n, f"reader {n}", list(PROVINCES)[n % 34]) for n in range(10)]
    assert kinds(copied) == [Kind.TRAVEL]
    assert kinds(copied[:1]) == []


def test_a_family_is_no_crowd():
    week = [look(n * 1440, client, SHANGHAI) for n in range(7) for client in "abc"]
    assert kinds(week) == []


def test_more_looks_than_a_package_has():
    looks = [look(n * 700, "a", SHANGHAI) for n in range(MOST_LOOKS + 3)]
    assert kinds(looks[:MOST_LOOKS]) == []
    (found,) = find_copies(looks, len(looks))
    assert found.kind is Kind.COUNT
    assert found.since == looks[MOST_LOOKS].at
    # The older ones are forgotten, and still counted
    assert kinds(looks[-1:], total=MOST_LOOKS + 3) == [Kind.COUNT]


def test_many_readers_within_the_hour():
    looks = [look(n * 4, f"reader {n}") for n in range(MOST_READERS + 1)]
    assert kinds(looks[:-1]) == []
    assert kinds(looks) == [Kind.CROWD]
    slow = [look(n * 6, f"reader {n}") for n in range(MOST_READERS + 1)]
    assert kinds(slow) == []
    same = [look(n * 4, f"reader {n % 5}") for n in range(MOST_READERS + 1)]
    assert kinds(same) == []


def test_who_flies_is_not_faster_than_a_plane():
    there = look(0, "a", BEIJING)
    assert is_jump(there, look(40, "b", SHANGHAI))
    assert not is_jump(there, look(130, "b", SHANGHAI))  # the plane takes so long
    assert not is_jump(there, look(0, "b", TIANJIN))  # people live at the border
    assert not is_jump(there, look(0, "b", BEIJING))
    assert not is_jump(there, look(0, "b"))  # nobody knows where
    assert is_jump(look(0, "a", URUMQI), look(100, "b", CANTON))


def test_one_telephone_with_two_networks_is_no_journey():
    flips = [look(0, "wlan", BEIJING), look(1, "mobile", CANTON), look(15, "wlan", BEIJING)]
    assert kinds(flips) == []
    assert kinds([*flips, look(30, "mobile", CANTON)]) == []
    # Four jumps in a day are more than that
    flips += [look(30, "mobile", CANTON), look(45, "wlan", BEIJING)]
    assert kinds(flips) == [Kind.TRAVEL]


def test_three_provinces_at_once_are_a_journey_that_nobody_makes():
    looks = [look(0, "a", BEIJING), look(3, "b", CANTON), look(6, "c", URUMQI)]
    assert kinds(looks[:2]) == []
    (found,) = find_copies(looks, 3)
    assert (found.kind, found.since) == (Kind.TRAVEL, looks[2].at)
    looks = [look(0, "a", BEIJING), look(3, "b", CANTON), look(1503, "c", URUMQI)]
    assert kinds(looks) == []


@pytest.mark.parametrize(
    ("facts", "kind", "last"),
    [
        (Circumstances(ended_at=START), Kind.ENDED, START),
        (Circumstances(sold_at=START), Kind.SOLD, START + AT_HOME),
        (
            Circumstances(expiry=date(2026, 10, 1)),
            Kind.EXPIRED,
            datetime(2026, 10, 1, 23, 59, tzinfo=CHINA),
        ),
    ],
)
def test_a_look_that_comes_too_late(facts, kind, last):
    assert find_late(last, facts) == []
    assert find_late(last + timedelta(minutes=1), facts) == [kind]
    assert find_late(last.astimezone(UTC), facts) == []


def test_what_is_recalled_is_late_at_any_time():
    assert find_late(START, Circumstances(is_recalled=True)) == [Kind.RECALLED]
    assert find_late(START, Circumstances()) == []


def test_there_are_34_provinces_and_the_distances_are_those_of_the_map():
    assert len(PROVINCES) == 34
    assert len({province.letters for province in PROVINCES.values()}) == 34
    # Great-circle distances as published: 1068, 1886, 2416, 102, 3277 km
    for one, other, km in [
        ("11", "31", 1068), ("11", "44", 1886), ("11", "65", 2416), ("81", "82", 65),
        ("44", "65", 3277),
    ]:  # fmt: skip
        assert distance_km(one, other) == pytest.approx(km, rel=0.02)
        assert distance_km(one, other) == distance_km(other, one)
    assert max(distance_km(a, b) for a in PROVINCES for b in PROVINCES) < 4100


@pytest.mark.parametrize("text", ["", "99", "4", "440", "CN-", "CN", "４４", "-1", "GDX", "44\n0"])
def test_what_names_no_province(text):
    assert province_code(text) is None


# A month of 20,000 packages ---------------------------------------------------------------

PEOPLE = {code: weight for code, weight in zip(PROVINCES, range(40, 6, -1), strict=True)}


def family(rng, home):
    """A package at home: looked at once or a few times, by a few telephones, for a while."""
    begin = rng.uniform(0, 25 * 1440)
    away = rng.choices(list(PEOPLE), PEOPLE.values())[0] if rng.random() < 0.1 else home
    looks = []
    for _ in range(min(1 + int(rng.expovariate(0.7)), 25)):
        person = rng.randrange(4)
        # A telephone on its own network may seem to be where it was bought.
        is_mobile = rng.random() < 0.3
        region = away if is_mobile and person == 0 else home
        looks.append((begin, f"{person} {is_mobile}", region))
        begin += rng.choice([0.5, 3, 12, 45, 180, 1440, 4320]) * rng.uniform(0.5, 1.5)
    return looks


def shop(rng, home):
    """Before that, the shop: at delivery, on the shelf, by customers who pass."""
    begin = rng.uniform(0, 5 * 1440)
    return [
        (begin + rng.uniform(0, 3 * 1440), f"customer {n}", home)
        for n in range(rng.choices([0, 1, 2, 5, 9], [60, 20, 12, 6, 2])[0])
    ]


def traveller(rng, home):
    """A present: looked at at home, on the way by train (300 km/h) or plane, and there."""
    there = rng.choices(list(PEOPLE), PEOPLE.values())[0]
    begin = rng.uniform(0, 25 * 1440)
    speed, extra = rng.choice([(300, 20), (800, 60)])
    arrival = begin + extra + distance_km(home, there) / speed * 60
    return [
        (begin, "giver", home),
        (arrival + rng.uniform(1, 30), "giver", there),
        (arrival + rng.uniform(5, 90), "taker", there),
        (arrival + rng.uniform(90, 3000), "taker", there),
    ]


def friend_far_away(rng, home):
    """The address of the page, sent to somebody in another province, who opens it at once."""
    there = rng.choices(list(PEOPLE), PEOPLE.values())[0]
    begin = rng.uniform(0, 25 * 1440)
    return [(begin, "me", home), (begin + rng.uniform(0.5, 60), "friend", there)]


def school(rng, home):
    """A class looks at one package."""
    begin = rng.uniform(0, 25 * 1440)
    return [(begin + rng.uniform(0, 45), f"pupil {n}", home) for n in range(rng.randint(5, 35))]


def a_month(rng, packages):
    """Return the looks at each package, in order, each reader's once in SAME_LOOK."""
    weights = {family: 9300, traveller: 500, friend_far_away: 195, school: 5}
    month = []
    for _ in range(packages):
        home = rng.choices(list(PEOPLE), PEOPLE.values())[0]
        (what,) = rng.choices(list(weights), weights.values())
        month.append((what, counted(shop(rng, home) + what(rng, home))))
    return month


def counted(sightings):
    last, looks = {}, []
    for minute, client, region in sorted(sightings):
        one = look(minute, client, region)
        if client not in last or one.at - last[client] >= SAME_LOOK:
            last[client] = one.at
            looks.append(one)
    return looks


@pytest.mark.parametrize("seed", [1, 2])
def test_a_month_of_honest_packages_raises_hardly_an_alarm(seed, record_property):
    packages = 20_000
    month = a_month(random.Random(seed), packages)
    alarms = Counter(
        (what.__name__, kind.value)
        for what, looks in month
        for kind in set(kinds(looks)) & OF_COPIES
    )
    flagged = sum(1 for _, looks in month if looks and kinds(looks))
    assert sum(len(looks) for _, looks in month) > 2 * packages
    record_property("packages", packages)
    record_property("scans", sum(len(looks) for _, looks in month))
    record_property("flagged", flagged)
    record_property("alarms", str(dict(alarms)))
    assert flagged <= packages // 1000


@pytest.mark.parametrize("seed", range(20))
def test_a_copied_code_is_found_by_its_third_far_place(seed):
    """40 places within 10 minutes: the judgement needs no more than the first of them."""
    rng = random.Random(seed)
    looks = counted(
        (rng.uniform(0, 10), f"buyer {n}", rng.choice(list(PROVINCES))) for n in range(40)
    )
    first = next(n for n in range(1, 41) if kinds(looks[:n]))
    assert first <= 8
    assert Kind.TRAVEL in kinds(looks)
    assert Kind.CROWD in kinds(looks)


@pytest.mark.parametrize("seed", range(5))
def test_without_places_a_copied_code_is_found_by_its_readers(seed):
    rng = random.Random(seed)
    looks = counted((rng.uniform(0, 10), f"buyer {n}", None) for n in range(40))
    first = next(n for n in range(1, 41) if kinds(looks[:n]))
    assert first == MOST_READERS + 1
