"""Bodies from slow and broken senders."""

import io
import threading

import pytest

from foodtrace.trace.bodies import BodyGate, GatedBody
from foodtrace.trace.errors import Invalid, Unavailable


def gated(data, length=None, places=1):
    return GatedBody(io.BytesIO(data), length, threading.BoundedSemaphore(places))


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
    reader = threading.Thread(target=GatedBody(Slow(), 2, places).read)
    reader.start()
    assert started.wait(10)
    with pytest.raises(Unavailable):
        GatedBody(io.BytesIO(b"x"), 1, places).read()
    go_on.set()
    reader.join()
    assert GatedBody(io.BytesIO(b"x"), 1, places).read() == b"x"


def test_a_place_is_free_again_after_a_broken_read():
    class Broken:
        def read(self, size=-1):
            raise OSError("gone")

    places = threading.BoundedSemaphore(1)
    for _ in range(3):
        with pytest.raises(OSError, match="gone"):
            GatedBody(Broken(), 5, places).read()


def test_the_gate_passes_requests_without_a_body_on():
    def application(environ, start_response):
        return [environ["wsgi.input"].read()]

    gate = BodyGate(application, 1)
    assert list(gate({"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": ""}, None)) == [b""]
    assert list(gate({"wsgi.input": io.BytesIO(b"x"), "CONTENT_LENGTH": "1"}, None)) == [b"x"]
