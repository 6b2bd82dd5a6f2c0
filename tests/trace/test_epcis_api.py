"""The EPCIS binding over HTTP: what is captured, what is refused, who sees what."""

import io
from pathlib import Path
from urllib.parse import quote

import pytest

from foodtrace.trace.bodies import MOST_DROPPED
from foodtrace.trace.epcis.strict_json import MAX_BYTES

from ..web import staff_app
from .acts import CONTEXT, count, document, lot, make, wrong
from .machine import JSON, Machine, bare, found_by
from .test_idempotency import at_once

CAPTURE = Path(__file__).parents[1] / "data/epcis/Capture"
DOCUMENTS = sorted((CAPTURE / "Documents").iterdir())
EVENTS = sorted((CAPTURE / "Events").iterdir())
INVALID = sorted((CAPTURE / "Invalid").iterdir())
RECORD = ("document", "statement", "capture", "event", "item")


@pytest.fixture
def app(store):
    return staff_app(store)


@pytest.fixture
def alba(app, store):
    return Machine(app, store)


@pytest.fixture
def quick(sqlite_store):
    """A machine over SQLite alone, where the database makes no difference."""
    return Machine(staff_app(sqlite_store), sqlite_store)


def test_it_works(alba, store):
    event = make(1, {"A": 1})
    response = alba.post(document(event))
    assert response.status_code == 202
    job = response.json
    assert response.headers["Location"] == f"/epcis/capture/{job['captureID']}"
    assert job["eventIDs"] == [event["eventID"]]
    assert job["duplicates"] == []
    assert (job["running"], job["success"], job["errors"]) == (False, True, [])
    assert job["captureErrorBehaviour"] == "rollback"
    assert job["createdAt"] <= job["finishedAt"]
    assert job["createdAt"].endswith("Z")
    # Asked for later, a job also says how far the log has come with it.
    waits = {"state": "received", "recorded": 0, "witnesses": []}
    assert alba.get(response.headers["Location"]).json == {**job, "log": waits}
    assert response.headers["GS1-EPCIS-Version"] == "2.0"
    assert response.headers["GS1-CBV-Version"] == "2.0"
    assert "Set-Cookie" not in response.headers
    assert count(store, "event") == {"event": 1}


def as_found(shown, event):
    """Whether an event that was found is this one, with the time when it was recorded."""
    assert shown["recordTime"].endswith("Z")
    return {**shown, "recordTime": None} == {
        "@context": CONTEXT[1:],
        **event,
        "recordTime": None,
    }


def test_one_event_is_captured_and_read_again(alba):
    event = make(1, {"A": 1})
    response = alba.post(bare(event), "events", "application/ld+json")
    assert response.status_code == 201
    assert response.json == {"@context": CONTEXT, **event}
    assert response.headers["Location"] == f"/epcis/events/{quote(event['eventID'], safe='')}"
    shown = alba.get(response.headers["Location"])
    assert as_found(*found_by(shown), event)
    assert shown.mimetype == JSON
    wanted = alba.get(response.headers["Location"], Accept="application/ld+json")
    assert wanted.mimetype == "application/ld+json"


def test_an_event_without_an_id_gets_one_and_is_found_by_it(alba):
    event = make(1, {"A": 1})
    del event["eventID"]
    response = alba.post(bare(event), "events")
    assert response.json["eventID"].startswith("ni:///sha-256;")
    (shown,) = found_by(alba.get(response.headers["Location"]))
    assert shown["eventID"] == response.json["eventID"]
    again = alba.post(bare(event) + b" ", "events")
    assert (again.status_code, again.json) == (201, response.json)


def test_an_event_comes_with_the_declaration_that_it_is_wrong(alba):
    event = make(1, {"A": 1})
    alba.post(document(event))
    alba.post(document(wrong(event)))
    shown = found_by(alba.get(f"/epcis/events/{event['eventID']}"))
    assert ["errorDeclaration" in each for each in shown] == [False, True]


@pytest.mark.parametrize(
    "event_id",
    [
        "ni:///sha-256;aa49daa1fe0b773e0437e546078dc87de9c864d5b9babe84488f31478887fdf3?ver=CBV2.0",
        "https://example.org//a/b/?c=d",
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    ],
)
def test_ids_with_slashes_and_question_marks_are_one_segment(quick, event_id):
    event = make(1, {"A": 1}) | {"eventID": event_id}
    location = quick.post(bare(event), "events").headers["Location"]
    assert location.count("/") == 3
    assert found_by(quick.get(location))[0]["eventID"] == event_id


def test_an_event_of_a_document_stands_alone(alba):
    event = make(1, {"A": 1}, {"foodtrace:origin": "山东"})
    alba.post(document(event))
    shown = alba.get(f"/epcis/events/{event['eventID']}")
    assert as_found(*found_by(shown), event)


def test_events_of_others_are_not_found(alba, app, store):
    event = make(1, {"A": 1})
    location = alba.post(document(event)).headers["Location"]
    bruno = Machine(app, store, party="Bruno")
    ines = Machine(app, store, role="inspector", party="市场监管局")
    absent = bruno.get("/epcis/events/urn:uuid:none")
    hidden = bruno.get(f"/epcis/events/{event['eventID']}")
    assert (absent.status_code, hidden.status_code) == (404, 404)
    assert hidden.json["type"] == "epcisException:NoSuchResourceException"
    assert hidden.text.replace(event["eventID"], "urn:uuid:none") == absent.text
    assert bruno.get(location).status_code == 404
    assert ines.get(f"/epcis/events/{event['eventID']}").status_code == 200


def test_the_published_documents_are_accepted(alba):
    answers = [alba.post(path.read_bytes()) for path in DOCUMENTS]
    assert [answer.status_code for answer in answers] == [202] * 38
    assert not any("Idempotent-Replayed" in answer.headers for answer in answers)


def test_the_published_events_are_accepted(alba):
    answers = [alba.post(path.read_bytes(), "events") for path in EVENTS]
    assert [answer.status_code for answer in answers] == [201] * 5
    for answer in answers:
        assert alba.get(answer.headers["Location"]).status_code == 200


def test_the_invalid_documents_are_refused_with_reasons_and_leave_nothing(alba, store):
    alba.post(b"{}")  # whatever is noted of the key's first use is noted now
    before = count(store)
    for path in INVALID:
        answer = alba.post(path.read_bytes())
        assert answer.status_code == 400, path.name
        assert answer.mimetype == "application/problem+json"
        problem = answer.json
        assert problem["type"] == "epcisException:ValidationException"
        assert problem["status"] == 400
        for error in problem["errors"]:
            assert error["place"].startswith("/"), path.name
            assert error["rule"], path.name
            assert error["fix"], path.name
    assert len(INVALID) == 15
    assert count(store) == before


def test_a_document_with_one_bad_event_is_refused_whole(alba, store):
    answer = alba.post(document(make(1, {"A": 1}), make(2, {"B": 1}) | {"action": "EAT"}))
    assert answer.status_code == 400
    assert answer.json["errors"][0]["place"] == "/epcisBody/eventList/1/action"
    assert count(store, "event", "capture", "item") == {"event": 0, "capture": 0, "item": 0}


GOOD = document(make(1, {"A": 1}, {"foodtrace:origin": "X"}))
HOSTILE = {
    "no JSON": b"{",
    "nothing": b"",
    "a number": b"1",
    "a list": b"[]",
    "null": b"null",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deep inside": GOOD.replace(b'"schemaVersion"', b'"x": ' + b"[" * 99_999),
    "a name twice": GOOD.replace(b'"type"', b'"type": "x", "type"', 1),
    "NaN": GOOD.replace(b'"quantity": 1', b'"quantity": NaN'),
    "Infinity": GOOD.replace(b'"quantity": 1', b'"quantity": -Infinity'),
    "a huge number": GOOD.replace(b'"quantity": 1', b'"quantity": 1e999'),
    "a long number": GOOD.replace(b'"quantity": 1', b'"quantity": ' + b"9" * 4400),
    "not NFC": GOOD.replace(b'"X"', b'"e\xcc\x81"'),
    "a control character": GOOD.replace(b'"X"', b'"\x01"'),
    "an escaped zero": GOOD.replace(b'"X"', b'"\\u0000"'),
    "a lone surrogate": GOOD.replace(b'"X"', b'"\\ud800"'),
    "a hidden character": GOOD.replace(b'"X"', '"a\u202eb"'.encode()),
    "Latin-1": GOOD.replace(b'"X"', b'"\xe9"'),
    "UTF-16": GOOD.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
}


@pytest.mark.parametrize("path", ["capture", "events"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_are_refused(quick, sqlite_store, name, path):
    before = count(sqlite_store, *RECORD)
    answer = quick.post(HOSTILE[name], path)
    assert answer.status_code == 400
    assert answer.json["type"] == "epcisException:ValidationException"
    assert answer.json["detail"]
    assert len(answer.data) < 20_000
    assert count(sqlite_store, *RECORD) == before


def test_a_body_over_the_limit_is_refused(quick):
    answer = quick.post(b" " * (MAX_BYTES + 1))
    assert answer.status_code == 413
    assert answer.json["type"] == "epcisException:CaptureLimitExceededException"


def test_a_body_over_the_usual_limit_of_the_service_may_be_captured(quick):
    answer = quick.post(document(make(1, {"A": 1})) + b" " * 2_000_000)
    assert answer.status_code == 202


class Endless(io.RawIOBase):
    """A body without an end, and how much of it was read."""

    def __init__(self):
        self.taken = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        buffer[:] = b" " * len(buffer)
        self.taken += len(buffer)
        return len(buffer)


def test_an_endless_chunked_body_is_refused_and_dropped_for_a_while_only(quick):
    """Its sender can hear the answer once it has been read on for a bit; not for ever."""
    endless = Endless()
    answer = quick.client.post(
        "/epcis/capture",
        headers=quick.headers | {"Transfer-Encoding": "chunked"},
        content_type=JSON,
        environ_overrides={
            "wsgi.input": endless,
            "wsgi.input_terminated": True,
            "CONTENT_LENGTH": "",
        },
    )
    assert answer.status_code == 413, answer.text
    assert endless.taken <= MAX_BYTES + MOST_DROPPED + 1024 * 1024


def test_a_chunked_body_within_the_limit_is_captured(quick):
    answer = quick.client.post(
        "/epcis/capture",
        input_stream=io.BytesIO(document(make(1, {"A": 1}))),
        headers=quick.headers | {"Transfer-Encoding": "chunked"},
        content_type=JSON,
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == 202


@pytest.mark.parametrize(
    "content_type", ["application/jsonl", "text/plain", "", "multipart/form-data"]
)
def test_other_content_types_are_refused(quick, content_type):
    answer = quick.post(document(make(1, {"A": 1})), content_type=content_type)
    assert answer.status_code == 415
    assert answer.json["type"] == "epcisException:UnsupportedMediaTypeException"


def test_packed_bodies_are_refused(quick):
    answer = quick.post(b"\x1f\x8b", Content_Encoding="gzip")
    assert answer.status_code == 415


def test_every_answer_of_the_interface_names_the_version_of_the_standard(quick):
    found = quick.client.get("/epcis/nothing", headers=quick.headers)
    wrong = quick.client.delete("/epcis/capture", headers=quick.headers)
    assert (found.status_code, wrong.status_code) == (404, 405)
    for answer in (found, wrong):
        assert answer.headers["GS1-EPCIS-Version"] == "2.0"
    elsewhere = quick.client.get("/epcisfoo", headers=quick.headers)
    assert "GS1-EPCIS-Version" not in elsewhere.headers


def test_the_same_body_again_gets_the_same_answer(alba, store):
    body = document(make(1, {"A": 1}))
    first, second = alba.post(body), alba.post(body)
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert (second.status_code, second.json) == (first.status_code, first.json)
    assert second.headers["Location"] == first.headers["Location"]
    assert count(store, "event") == {"event": 1}


def test_a_key_with_another_body_is_refused(alba, store):
    assert alba.post(document(make(1, {"A": 1})), Idempotency_Key="k").status_code == 202
    answer = alba.post(document(make(1, {"B": 1})), Idempotency_Key="k")
    assert answer.status_code == 422
    assert "key" in answer.json["detail"]
    assert count(store, "event") == {"event": 1}


@pytest.mark.parametrize("key", ["", "k" * 201, "a b", "ü"])
def test_a_key_that_is_none_is_refused(quick, key):
    answer = quick.post(document(make(1, {"A": 1})), Idempotency_Key=key)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json["detail"]


def test_requests_with_one_key_at_once_get_one_answer(alba, store):
    body = document(make(1, {"A": 1}))
    # Each thread is a client of its own: the test client's cookie jar is not for sharing.
    client = alba.client.application.test_client

    def work(_):
        return client().post(
            "/epcis/capture",
            data=body,
            content_type=JSON,
            headers=alba.headers | {"Idempotency-Key": "k"},
        )

    answers, errors = at_once(6, work)
    assert errors == []
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert count(store, "event", "capture") == {"event": 1, "capture": 1}


def test_duplicates_are_told(alba):
    old, new = make(1, {"A": 1}), make(1, {"B": 1})
    alba.post(document(old))
    job = alba.post(document(old, new)).json
    assert (job["eventIDs"], job["duplicates"]) == ([new["eventID"]], [old["eventID"]])


def test_a_declaration_does_not_tell_whether_another_party_captured_the_event(alba, app, store):
    captured, unknown = make(1, {"A": 1}), make(1, {"A": 1})
    alba.post(document(captured))
    bruno = Machine(app, store, party="Bruno")
    known, other = (bruno.post(document(wrong(each))) for each in (captured, unknown))
    assert known.status_code == other.status_code == 202
    assert known.json["eventIDs"] == [captured["eventID"]]
    assert other.json["eventIDs"] == [unknown["eventID"]]
    told = {"errors", "duplicates", "success", "running"}
    assert {name: known.json[name] for name in told} == {name: other.json[name] for name in told}


def test_an_event_is_declared_wrong_by_whoever_captured_it_and_nobody_else(alba, app, store):
    event = make(1, {"A": 1})
    alba.post(document(event))
    Machine(app, store, party="Bruno").post(document(wrong(event)))
    assert lot(store, "A") is not None
    alba.post(document(wrong(event)))
    assert lot(store, "A") is None


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("producer", 202),
        ("operator", 202),
        ("laboratory", 202),
        ("administrator", 202),
        ("inspector", 403),
        ("regulator", 403),
    ],
)
def test_who_may_capture(sqlite_store, role, status):
    machine = Machine(staff_app(sqlite_store), sqlite_store, role=role)
    assert machine.post(document(make(1, {"A": 1}))).status_code == status


def test_without_a_key_nothing_is_said_or_done(quick):
    for method, path in (("POST", "capture"), ("POST", "events"), ("GET", "events/x")):
        answer = quick.client.open(f"/epcis/{path}", method=method)
        assert answer.status_code == 401
        assert answer.json["type"] == "epcisException:SecurityException"
