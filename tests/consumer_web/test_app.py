"""The whole service: two applications behind one address, health, and the real server."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from werkzeug.test import Client

from foodtrace.consumer_web.app import create_app, from_environment
from foodtrace.consumer_web.opening import open_store
from foodtrace.trace.errors import Unavailable
from foodtrace.trace.store.session import Store
from foodtrace.trace.worker import stop_all

from ..web import public_app, settings_of, staff_app

SLOW = 40


def test_a_healthy_service_says_so(store):
    client = public_app(store).test_client()
    assert client.get("/healthz").json == {"status": "alive"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json == {
        "status": "ready",
        "checks": {"database": "ok", "migrations": "ok", "record": "ok"},
    }
    assert ready.headers["Cache-Control"] == "no-store"


def test_without_its_tables_the_service_is_alive_but_not_ready(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/empty.sqlite")
    client = public_app(store).test_client()
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json["checks"] == {"database": "ok", "migrations": "behind", "record": "ok"}
    store.close()


def test_without_its_database_the_service_is_alive_but_not_ready(sqlite_store, tmp_path):
    client = public_app(sqlite_store).test_client()
    assert client.get("/readyz").status_code == 200
    sqlite_store.close()
    for file in tmp_path.glob("foodtrace.sqlite*"):
        file.unlink()
    tmp_path.rmdir()
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json["checks"]["database"] == "no answer"
    assert client.get("/healthz").status_code == 200
    tmp_path.mkdir()


@pytest.mark.parametrize(
    ("path", "status", "cookie"),
    [
        ("/", 200, False),
        ("/healthz", 200, False),
        ("/loginx", 404, False),
        ("/staffing", 404, False),
        ("/login", 200, True),
        ("/account", 303, False),
        ("/producers/", None, False),
        ("/inspections/", None, False),
        ("/api/v1/nothing", 404, False),
        ("/epcis", None, False),
        ("/epcis/nothing", 404, False),
    ],
)
def test_each_path_reaches_its_application(sqlite_store, tmp_path, path, status, cookie):
    response = Client(create_app(settings_of(sqlite_store, data=tmp_path))).get(path)
    if status is not None:
        assert response.status_code == status
    assert ("Set-Cookie" in response.headers) == cookie
    # Public pages hash what they may load, staff pages name it: each says whose it is.
    is_staff = "script-src 'self'" in response.headers["Content-Security-Policy"]
    assert is_staff == (path.split("/")[1] not in ("", "healthz", "loginx", "staffing"))


def test_a_slash_too_many_behind_a_console_leads_to_the_same_page(sqlite_store):
    client = staff_app(sqlite_store).test_client()
    for path in ("/producers", "/producers/", "/account", "/account/"):
        assert client.get(path).status_code == 303, path


def test_a_database_that_is_not_migrated_is_refused_with_what_to_do(tmp_path, sqlite_store):
    settings = settings_of(sqlite_store, database_url=f"sqlite:///{tmp_path}/new.sqlite")
    with pytest.raises(Unavailable, match="Run foodtrace migrate"):
        create_app(settings)


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://host/name", "oracle+x://", "postgresql://u:secret@127.0.0.1:1/x"]
)
def test_a_database_that_cannot_be_opened_is_one_sentence_without_the_password(sqlite_store, url):
    with pytest.raises(Unavailable) as refusal:
        open_store(settings_of(sqlite_store, database_url=url))
    assert "secret" not in str(refusal.value)


def test_the_service_is_made_from_the_environment(sqlite_url, tmp_path, monkeypatch):
    monkeypatch.setenv("FOODTRACE_DATA", str(tmp_path))
    monkeypatch.setenv("FOODTRACE_DATABASE_URL", sqlite_url)
    try:
        assert Client(from_environment()).get("/readyz").status_code == 200
    finally:
        stop_all()
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0


# --- the real server


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextmanager
def serving(sqlite_url, data, folder=None):
    """Run `foodtrace serve` until the end of the block; yield the process and its port."""
    port = free_port()
    environment = {
        **os.environ,
        "FOODTRACE_DATA": str(data),
        "FOODTRACE_DATABASE_URL": sqlite_url,
    }
    process = subprocess.Popen(
        [Path(sys.executable).with_name("foodtrace"), "serve", "--port", str(port)],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        wait_for(port, process)
        yield process, port
    finally:
        # The server and its workers: one that hangs must not outlive the test.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(port, process):
    for _ in range(300):
        assert process.poll() is None, process.stdout.read().decode()
        try:
            if get(port, "/healthz").status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not start")


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


def half_sent(port, beginning):
    """Open connections that begin a request and never end it."""
    for _ in range(SLOW):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(beginning)
        yield connection


HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow"
HALF_A_BODY = (
    b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\nusername=a"
)


def test_slow_clients_do_not_stop_it_and_sigterm_ends_it(sqlite_url, tmp_path):
    with serving(sqlite_url, tmp_path) as (process, port):
        for beginning in (HALF_A_HEAD, HALF_A_BODY):
            slow = list(half_sent(port, beginning))
            assert get(port, "/").status == 200
            assert get(port, "/login").status == 200
            # A form that is sent whole is still taken: without its token it is refused.
            quick = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            quick.request("POST", "/login", "username=a", dict([CONTENT_TYPE]))
            assert quick.getresponse().status == 400
            quick.close()
            for connection in slow:
                connection.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_what_lies_in_the_working_directory_is_not_run(sqlite_url, tmp_path):
    # A clone of the project, say, beside which somebody starts the installed command.
    strange = tmp_path / "foodtrace" / "trace"
    strange.mkdir(parents=True)
    (strange / "rest.py").write_text("raise SystemExit('a file of the working directory')")
    with serving(sqlite_url, tmp_path / "data", folder=tmp_path) as (_, port):
        assert get(port, "/readyz").status == 200


CONTENT_TYPE = ("Content-Type", "application/x-www-form-urlencoded")


def test_half_a_form_is_refused_when_its_sender_hangs_up(sqlite_url, tmp_path):
    with serving(sqlite_url, tmp_path) as (_, port):
        connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        connection.sendall(HALF_A_BODY)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(4096)
        connection.close()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
