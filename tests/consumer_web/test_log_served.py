"""The log of a service that really runs, fetched over HTTP and verified by programs of others."""

import http.client
import json
import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from foodtrace.trace.log import tiles
from foodtrace.trace.store.session import Store

from ..trace.acts import document, make
from ..trace.logs import write_files
from ..web import add_key
from .test_app import serving

EVENTS = 600


def fetch(port, *paths, body=None, key=None):
    """Return the bytes behind these paths, over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    headers |= {} if body is None else {"Content-Type": "application/json"}
    found = []
    for path in paths:
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        assert answer.status < 300, (path, answer.status, data[:500])
        found.append(data)
    connection.close()
    return found


def published(port, size):
    """Return what the list says of the newest log once it has so many entries."""
    for _ in range(300):
        logs = json.loads(fetch(port, "/log/logs.json")[0])
        if logs and logs[-1]["size"] >= size:
            return logs[-1]
        time.sleep(0.1)
    raise AssertionError(f"there is only {logs}")


def record(port, key, count=EVENTS, first=0):
    body = document(*(make(n % 24, {f"L{first + n}": 1}) for n in range(count)))
    fetch(port, "/epcis/capture", body=body, key=key)


def download(port, log, folder):
    """Copy the files of a log as any monitor does: the head first, then what it covers."""
    root = f"/log/{log['year']}"
    (note,) = fetch(port, f"{root}/checkpoint")
    size = int(note.split(b"\n")[1])
    paths = [each.path for each in (*tiles.tiles_of(size), *tiles.bundles_of(size))]
    files = fetch(port, *(f"{root}/{path}" for path in paths))
    write_files(folder, {"checkpoint": note, **dict(zip(paths, files, strict=True))})
    return size


def test_go_verifies_the_log_of_a_service_that_runs(
    database_url, tmp_path, go_verifier, monkeypatch
):
    monkeypatch.setenv("FOODTRACE_BASE_URL", "https://trace.example")
    store = Store(database_url)
    key = add_key(store, "producer")
    store.close()
    with serving(database_url, tmp_path / "data") as (_process, port):
        record(port, key)
        log = published(port, EVENTS)
        first = download(port, log, tmp_path / "first")
        record(port, key, count=300, first=EVENTS)
        published(port, EVENTS + 300)
        second = download(port, log, tmp_path / "second")
    assert log["origin"] == f"trace.example/log/{log['year']}"
    assert second >= first + 300
    found = go_verifier.verify(
        tmp_path / "second", key=log["vkey"], olds=[tmp_path / "first/checkpoint"]
    )
    assert found["size"] == second
    assert len(found["continues"]) == 1


@contextmanager
def sequencing(url, data, keys):
    """Run `foodtrace sequencer` until the end of the block."""
    environment = {
        **os.environ,
        "FOODTRACE_DATA": str(data),
        "FOODTRACE_DATABASE_URL": url,
        "FOODTRACE_LOG_KEYS": str(keys),
    }
    process = subprocess.Popen(
        [Path(sys.executable).with_name("foodtrace"), "sequencer"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def apart(postgresql_url_of_test, tmp_path, monkeypatch):
    """A service on PostgreSQL whose web processes have no folder with the key of the log."""
    monkeypatch.setenv("FOODTRACE_SEQUENCER", "elsewhere")
    monkeypatch.setenv("FOODTRACE_ANCHOR", str(tmp_path / "anchor"))
    monkeypatch.setenv("FOODTRACE_LOG_KEYS", "/nonexistent/keys")
    return postgresql_url_of_test


def test_on_postgresql_another_process_keeps_the_log(apart, tmp_path, go_verifier):
    store = Store(apart)
    key = add_key(store, "producer")
    store.close()
    keys = tmp_path / "keys"
    with serving(apart, tmp_path / "data") as (_process, port):
        record(port, key, count=10)
        assert json.loads(fetch(port, "/log/logs.json")[0]) == []
        with sequencing(apart, tmp_path / "data", keys) as sequencer:
            log = published(port, 10)
            record(port, key, count=20, first=10)
            published(port, 30)
            sequencer.send_signal(signal.SIGTERM)
            assert sequencer.wait(timeout=30) == 0
        record(port, key, count=5, first=30)  # recording goes on; places come later
        with sequencing(apart, tmp_path / "data", keys):
            published(port, 35)
            size = download(port, log, tmp_path / "copy")
    (path,) = keys.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert go_verifier.verify(tmp_path / "copy", key=log["vkey"])["size"] == size


def test_web_processes_learn_that_the_record_was_stopped_elsewhere(apart, tmp_path):
    store = Store(apart)
    key = add_key(store, "producer")
    with serving(apart, tmp_path / "data") as (_process, port):
        with sequencing(apart, tmp_path / "data", tmp_path / "keys"):
            record(port, key, count=3)
            published(port, 3)
        (anchor,) = (path for path in (tmp_path / "anchor").iterdir() if path.name.isdigit())
        note = anchor.read_bytes()
        anchor.unlink()
        wait_until(port, "read-only")
        anchor.write_bytes(note)
        wait_until(port, "ready")
    store.close()


def wait_until(port, status):
    for _ in range(150):
        found = json.loads(fetch(port, "/readyz")[0])["status"]
        if found == status:
            return
        time.sleep(0.1)
    raise AssertionError(f"the service says it is {found}")
