"""A server that dies between its answer and its work: what it answered for is done, once."""

import http.client
import json
import os
import signal
import time

from foodtrace.trace.store.session import Store

from ..trace.acts import count, document, make
from ..web import add_key
from .test_app import serving

EVENTS = 3_000


def send(port, key, body=None, path="/epcis/capture"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("GET" if body is None else "POST", path, body, headers)
    answer = connection.getresponse()
    answer.json = json.loads(answer.read())
    connection.close()
    return answer


def ended(port, key, path):
    """Return a job once it runs no more."""
    for _ in range(600):
        job = send(port, key, path=path).json
        if not job["running"]:
            return job
        time.sleep(0.1)
    raise AssertionError("the job does not end")


def test_what_was_answered_before_the_server_was_killed_is_recorded_once(database_url, tmp_path):
    store = Store(database_url)
    key = add_key(store, "producer")
    body = document(*(make(n % 24, {f"L{n}": 1}) for n in range(EVENTS)))
    with serving(database_url, tmp_path) as (process, port):
        answer = send(port, key, body)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert (answer.status, answer.json["running"]) == (202, True)
    assert count(store, "document", "event") == {"document": 2, "event": 0}  # a party, and this

    with serving(database_url, tmp_path) as (process, port):
        again = send(port, key, body)
        assert again.headers["Location"] == answer.headers["Location"]
        job = ended(port, key, answer.headers["Location"])
        assert job["success"]
        assert len(job["eventIDs"]) == EVENTS
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert count(store, "document", "event", "capture") == {
        "document": 2,
        "event": EVENTS,
        "capture": 1,
    }
    store.close()
