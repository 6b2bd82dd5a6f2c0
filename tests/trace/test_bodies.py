"""Bodies from slow and broken senders."""

import io
import threading

import pytest

from foodtrace.consumer_web import app
from foodtrace.trace.bodies import BodyGate, GatedBody
from foodtrace.trace.errors import Invalid, Unavailable

from ..web import add_key, bearer, staff_app


def gated(data, length=None, places=1):
    return of(io.BytesIO(data), length, threading.BoundedSemaphore(places))


def of(stream, length, places, known=None):
    return GatedBody(stream, length, places, known or threading.BoundedSemaphore(1))


def test_a_whole_body_is_read():
    assert gated(b"abc", 3).read() == b"abc"


def test_a_body_is_read_in_pieces_and_then_ends():
    body = gated(b"abcd", 4)
    assert [body.read(3), body.read(3), body.read(3)] == [b"abc", b"d", b""]


def test_without_a_length_the_body_ends_where_it_ends():
    body = gated(b"abc")
    assert [body.read(2), body.read(), body.read()] == [b"ab", b"c", b""]


@pytest.mark.parametrize("size", [-1, 10])
def test_a_body_that_ends_early_is_refused(size):
    with pytest.raises(Invalid):
        gated(b"abc", 10).read(size)


def test_nothing_after_the_length_is_read():
    assert gated(b"abcGET /", 3).read() == b"abc"


def test_when_every_place_is_taken_the_next_reader_is_sent_away_at_once():
    started, go_on = threading.Event(), threading.Event()

    class Slow:
        def read(self, size=-1):
            started.set()
            go_on.wait(10)
            return b"ok"

    places = threading.BoundedSemaphore(1)
    reader = threading.Thread(target=of(Slow(), 2, places).read)
    reader.start()
    assert started.wait(10)
    with pytest.raises(Unavailable):
        of(io.BytesIO(b"x"), 1, places).read()
    go_on.set()
    reader.join()
    assert of(io.BytesIO(b"x"), 1, places).read() == b"x"


def test_a_place_is_free_again_after_a_broken_read():
    class Broken:
        def read(self, size=-1):
            raise OSError("gone")

    places = threading.BoundedSemaphore(1)
    for _ in range(3):
        with pytest.raises(OSError, match="gone"):
            of(Broken(), 5, places).read()


def test_the_gate_passes_requests_without_a_body_on():
    def application(environ, start_response):
        return [environ["wsgi.input"].read()]

    gate = BodyGate(application, strangers=1, known=1)
    assert list(gate({"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": ""}, None)) == [b""]
    assert list(gate({"wsgi.input": io.BytesIO(b"x"), "CONTENT_LENGTH": "1"}, None)) == [b"x"]


@pytest.mark.parametrize(("status", "left"), [("413 Too Large", b""), ("401 Who", b"xxx")])
def test_the_rest_of_a_body_that_is_too_large_is_taken_before_the_answer(status, left):
    def application(environ, start_response):
        start_response(status, [])
        return [b"no"]

    body = io.BytesIO(b"xxx")
    gate = BodyGate(application, strangers=1, known=1)
    environ = {"wsgi.input": body, "CONTENT_LENGTH": "3"}
    assert list(gate(environ, lambda status, headers: None)) == [b"no"]
    assert body.read() == left


def test_an_endless_body_is_dropped_up_to_a_limit():
    body = io.BytesIO(b"x" * 300_000)
    of(body, None, threading.BoundedSemaphore(1)).drop(100_000)
    assert body.tell() == 100_000


def test_strangers_who_send_slowly_leave_room_for_those_who_are_known():
    strangers, known = threading.BoundedSemaphore(1), threading.BoundedSemaphore(1)
    strangers.acquire()  # somebody sends slowly
    body = of(io.BytesIO(b"x"), 1, strangers, known)
    with pytest.raises(Unavailable):
        body.read()
    body.welcome()
    assert body.read() == b"x"


def test_a_capture_goes_on_while_strangers_hold_every_place_of_theirs(sqlite_store, monkeypatch):
    monkeypatch.setattr(app, "MOST_BODIES_OF_STRANGERS", 0)
    staff = staff_app(sqlite_store)
    client = staff.test_client()
    headers = bearer(add_key(sqlite_store, "producer"))
    assert client.post("/epcis/capture", json={}, headers=headers).status_code == 400
    assert client.post("/login", data={"username": "x"}).status_code == 503
