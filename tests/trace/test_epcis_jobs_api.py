"""Capture jobs over HTTP: what proceeds, what waits, what is listed."""

import pytest

from foodtrace.trace.worker import work_once

from ..web import settings_of, staff_app
from .acts import count, document, make
from .machine import Machine


@pytest.fixture
def app(store):
    return staff_app(store)


@pytest.fixture
def alba(app, store):
    return Machine(app, store)


@pytest.fixture
def quick(sqlite_store):
    return Machine(staff_app(sqlite_store), sqlite_store)


def test_a_capture_is_whole_or_not_at_all_unless_it_is_to_proceed(alba, store):
    good, bad = make(1, {"A": 1}), make(2, {"B": 1}) | {"action": "EAT"}
    refused = alba.post(document(bad, good), GS1_Capture_Error_Behaviour="rollback")
    assert refused.status_code == 400
    answer = alba.post(document(bad, good), GS1_Capture_Error_Behaviour="proceed")
    assert answer.status_code == 202
    assert answer.headers["GS1-Capture-Error-Behaviour"] == "proceed"
    job = answer.json
    assert (job["running"], job["success"]) == (False, False)
    assert (job["eventIDs"], job["captureErrorBehaviour"]) == ([good["eventID"]], "proceed")
    (error,) = job["errors"]
    assert (error["index"], error["eventID"]) == (0, bad["eventID"])
    assert error["type"] == "epcisException:ValidationException"
    assert error["errors"][0]["place"] == "/epcisBody/eventList/0/action"
    assert count(store, "event") == {"event": 1}
    shown = alba.get(answer.headers["Location"])
    # Asked later, it says besides how far its events have come in the log.
    told = {name: value for name, value in shown.json.items() if name != "log"}
    assert (told, shown.headers["GS1-Capture-Error-Behaviour"]) == (job, "proceed")


def test_another_behaviour_there_is_not(quick):
    answer = quick.post(document(make(1, {"A": 1})), GS1_Capture_Error_Behaviour="hope")
    assert answer.status_code == 400
    assert answer.json["errors"][0]["place"] == "/GS1-Capture-Error-Behaviour"


@pytest.mark.parametrize("prefer", ["respond-async", "wait=1, Respond-Async"])
def test_who_prefers_so_is_answered_before_the_events_are_recorded(alba, store, prefer):
    event = make(1, {"A": 1})
    answer = alba.post(document(event), Prefer=prefer)
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "respond-async")
    assert (answer.json["running"], answer.json["success"]) == (True, True)
    assert "finishedAt" not in answer.json
    assert alba.get(f"/epcis/events/{event['eventID']}").status_code == 404
    while work_once(store, settings_of(store)):
        pass
    job = alba.get(answer.headers["Location"]).json
    assert (job["running"], job["success"], job["eventIDs"]) == (False, True, [event["eventID"]])


def test_jobs_are_listed_new_ones_first_page_by_page(alba, app, store):
    ids = [alba.post(document(make(1, {"A": 1}))).json["captureID"] for _ in range(3)]
    Machine(app, store, party="Bruno").post(document(make(1, {"B": 1})))
    first = alba.get("/epcis/capture?perPage=2")
    assert [job["captureID"] for job in first.json] == [ids[2], ids[1]]
    address, _, relation = first.headers["Link"].partition("; ")
    assert relation == 'rel="next"'
    second = alba.get(address.strip("<>"))
    assert [job["captureID"] for job in second.json] == [ids[0]]
    assert "Link" not in second.headers
