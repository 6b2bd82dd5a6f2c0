"""What is wrong is declared wrong, by whom it is, and stays; all of it has a place in the log."""

from dataclasses import replace

import pytest

from foodtrace.trace.capture.corrections import corrections_of
from foodtrace.trace.log.keeping import LogKeeper, attach

from ..web import (
    Browser,
    add_key,
    add_party,
    add_person,
    bearer,
    settings_of,
    staff_app,
)
from .acts import (
    ALBA,
    BRUNO,
    GTIN,
    INES,
    ROSA,
    capture,
    edges,
    hour,
    lot,
    make,
    rows,
    see,
    transform,
    wrong,
)

LOT = f"/01/{GTIN}/10/A"


@pytest.fixture
def keep(store, tmp_path):
    settings = replace(settings_of(store), data=tmp_path, base_url="https://trace.example")
    attach(store, settings)
    keeper = LogKeeper(store, settings)
    yield lambda: keeper.keep(store, settings)
    keeper.close()


def corrected(declared, *instead, at=100):
    """The declaration that an event is wrong, and which events say what is right."""
    made = wrong(declared, at)
    made["errorDeclaration"]["correctiveEventIDs"] = [each["eventID"] for each in instead]
    return made


def found(store, actor=ROSA, canonical=LOT):
    with store.reading() as session:
        return corrections_of(session, actor, canonical)


def said(corrections):
    return [
        (each.wrong.event_id, [instead.event_id for instead in each.corrections])
        for each in corrections
    ]


def test_it_works(store, keep):
    first, second = make(1, {"A": 10}), make(1, {"A": 12})
    capture(store, first)
    capture(store, second, corrected(first, second))
    keep()
    (correction,) = found(store)
    assert correction.reason == "incorrect_data"
    assert correction.wrong.event_id == correction.declaration.event_id == first["eventID"]
    places = [correction.wrong, correction.corrections[0], correction.declaration]
    assert [each.index for each in places] == [0, 1, 2]
    assert {each.number for each in places} == {f"{places[0].year}/{n}" for n in range(3)}


def test_a_correction_of_a_correction_is_a_chain(store, keep):
    first, second, third = (make(1, {"A": amount}) for amount in (10, 12, 14))
    capture(store, first)
    capture(store, corrected(first, second, at=99), second)
    capture(store, corrected(second, third), third)
    keep()
    assert said(found(store)) == [
        (first["eventID"], [second["eventID"]]),
        (second["eventID"], [third["eventID"]]),
    ]
    # What counts, and so what a consumer reads, is the last one.
    assert lot(store, "A").amount == 14


def test_the_order_in_which_a_chain_arrives_does_not_matter(store):
    first, second, third = (make(1, {"A": amount}) for amount in (10, 12, 14))
    capture(store, third)
    capture(store, corrected(second, third))
    capture(store, corrected(first, second))
    assert found(store) == []  # of a declaration alone nobody knows what it is about
    capture(store, first, second)
    assert {each for each, _ in said(found(store))} == {first["eventID"], second["eventID"]}
    assert lot(store, "A").amount == 14


def test_a_correction_that_is_not_on_record_is_named(store):
    first = make(1, {"A": 10})
    never = {"eventID": "urn:uuid:00000000-0000-4000-9000-000000000000"}
    capture(store, first)
    capture(store, corrected(first, never))
    (correction,) = found(store)
    assert correction.corrections == ()
    assert correction.missing == (never["eventID"],)


def test_only_who_captured_an_event_can_correct_it(store):
    first, second = make(1, {"A": 10}), make(1, {"A": 12})
    capture(store, first)
    before = rows(store)["lot"]
    capture(store, second, corrected(first, second), actor=BRUNO)
    assert found(store) == []
    assert rows(store)["lot"] == before


def test_a_key_of_the_same_party_can_correct_what_another_one_captured(store):
    first = make(1, {"A": 10})
    capture(store, first)
    capture(store, wrong(first), actor=replace(ALBA, name="key:successor"))
    assert said(found(store)) == [(first["eventID"], [])]


def test_an_event_is_declared_wrong_once(store):
    first = make(1, {"A": 10})
    capture(store, first)
    capture(store, wrong(first))
    again = capture(store, wrong(first, at=101))
    assert again.duplicates == [first["eventID"]]
    assert len(found(store)) == 1


@pytest.mark.parametrize(("actor", "sees"), [(ALBA, 1), (BRUNO, 0), (ROSA, 1), (INES, 1)])
def test_owner_and_authority_see_the_old_and_the_new_and_nobody_else_does(store, actor, sees):
    first = make(1, {"A": 10})
    capture(store, first)
    capture(store, wrong(first))
    assert len(found(store, actor)) == sees


def test_what_is_declared_wrong_links_nothing_any_more(store):
    made = transform(2, {"A": 5}, {"B": 5})
    capture(store, make(1, {"A": 10}), made)
    assert edges(store) == ["A>B"]
    capture(store, wrong(made))
    assert edges(store) == []
    assert said(found(store)) == [(made["eventID"], [])]
    assert hour(2) == found(store)[0].wrong.event_time


def test_of_a_thing_that_nobody_recorded_there_are_no_corrections(store):
    capture(store, see(1, ["A#1"]))
    assert found(store, canonical="/q/NONE") == []


def test_pages_and_programs_show_both_with_their_places_in_the_log(sqlite_store, tmp_path):
    store = sqlite_store
    farm = add_party(store, "Farm")
    owner = replace(ALBA, party_id=farm)
    first, second = make(1, {"A": 10}), make(1, {"A": 12})
    attach(store, replace(settings_of(store), data=tmp_path))
    capture(store, first, actor=owner)
    capture(store, second, corrected(first, second), actor=owner)
    app = staff_app(store)
    answer = app.test_client().get(
        f"/api/v1/lots{LOT}/corrections", headers=bearer(add_key(store, "producer", farm))
    )
    (listed,) = answer.json
    assert (listed["wrong"]["log_index"], listed["declaration"]["log_index"]) == (1, 3)
    assert [each["event_id"] for each in listed["corrections"]] == [second["eventID"]]
    add_person(store, "li", "producer", party_id=farm)
    add_person(store, "rosa", "regulator")
    for name, page in (("li", f"/producers/lots{LOT}"), ("rosa", f"/inspections/lots{LOT}")):
        browser = Browser(app)
        browser.sign_in(name)
        text = browser.get(f"{page}?lang=en").text
        assert first["eventID"] in text
        assert second["eventID"] in text
        assert f"No. {listed['wrong']['log_year']}/1" in text
        assert f"No. {listed['wrong']['log_year']}/3" in text
