"""Who is audited may serve anything: the auditor says what is wrong, and always comes to an end."""

import json
import socket
import threading
from contextlib import contextmanager

import pytest

from foodtrace.trace.audit import recomputing
from foodtrace.trace.audit.published import moment
from foodtrace.trace.audit.report import LONGEST_TEXT, Report
from foodtrace.trace.audit.rules import READABLE
from foodtrace.trace.audit.sources import Folder, Site, Unreadable
from foodtrace.trace.log import tiles
from foodtrace.trace.log.checkpoints import Checkpoint, cosign, with_lines

from .auditing import NOON, PublicLog, audit, found
from .logs import LOG, REGULATOR, RETAILER, cosigned

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture
def log(tmp_path):
    log = PublicLog(tmp_path / "public")
    log.state("log", at=NOON - 120)
    log.grow(9, at=NOON - 60)
    log.cosign(NOON - 30)
    return log.write()


def test_it_works(log):
    assert not audit(log.folder)[0].differences


@pytest.mark.parametrize("year", [-1, 0, 9999, 10**18])
def test_a_year_that_no_log_can_have_is_refused(log, year):
    listed = [{"year": year, "origin": LOG.name, "vkey": LOG.vkey, "closed": False}]
    (log.folder / "logs.json").write_text(json.dumps(listed))
    assert "readable" in found(audit(log.folder)[0])


@pytest.mark.parametrize("name", ["logs.json", "2026/keys", "2026/history/2026-11-22"])
def test_what_is_nested_without_end_is_not_read(log, name):
    (log.folder / name).write_text(DEEP + "\n")
    assert audit(log.folder)[0].differences


def test_a_bundle_that_is_nested_without_end_is_none(log):
    (log.folder / "bundle").write_text(f'{{"format": {DEEP}}}')
    report, _memory = audit(log.folder, things=[log.folder / "bundle"])
    assert found(report) == ["bundle"]


@pytest.mark.parametrize("kind", ["log", "key"])
def test_a_member_that_is_nested_without_end_is_not_read(tmp_path, monkeypatch, kind):
    log = PublicLog(tmp_path / "public")
    with monkeypatch.context() as patch:
        patch.setattr("tests.trace.auditing.json.dumps", lambda _value: DEEP)
        log.state(kind, at=NOON - 120, previous="")
    log.grow(9, at=NOON - 60)
    log.cosign(NOON - 30)
    report, _memory = audit(log.write().folder)
    assert found(report) == (["opening"] if kind == "key" else [])


def test_a_size_that_nobody_could_read_ends_with_the_first_entry_that_is_missing(log, monkeypatch):
    def bundles_of(size, since):
        for asked, bundle in enumerate(tiles.bundles_of(size, since)):
            assert asked < 1000, "they are asked for before one was read"
            yield bundle

    monkeypatch.setattr(recomputing, "bundles_of", bundles_of)
    head = Checkpoint(LOG.name, 2**62, bytes(32))
    lines = [cosign(head, witness, NOON - 10) for witness in (REGULATOR, RETAILER)]
    note = with_lines(cosigned(head, LOG), lines)
    for name in ("checkpoint", "witnessed"):
        (log.folder / "2026" / name).write_bytes(note)
    assert "readable" in found(audit(log.folder)[0])


def test_a_witness_may_write_any_time(log):
    (log.folder / "2026/checkpoint").write_bytes(log.note(10, 2**63 - 1))
    (log.folder / "2026/witnessed").write_bytes(log.note(10, 2**63 - 1))
    report, _memory = audit(log.folder)
    assert "fresh" in found(report)
    assert moment(2**63 - 1) == "9.22337e+18 seconds after 1970"


def test_an_entry_of_any_time_does_not_end_all_later_audits(tmp_path):
    log = PublicLog(tmp_path / "public")
    log.grow(255, at=NOON - 600)
    log.grow(1, at=(2**63 - 1) / 1000)
    log.cosign(NOON - 30)
    report, memory = audit(log.write().folder)
    assert found(report) == ["time-window"]
    log.cosign(NOON + 30)
    again, _memory = audit(log.write().folder, memory=memory, now=NOON + 60)
    assert not again.differences


def test_a_name_of_a_file_that_no_system_takes_is_refused(tmp_path):
    with pytest.raises(Unreadable, match="no name"):
        Folder(tmp_path).file("", "a\0b", 10)


def test_what_the_audited_has_written_does_nothing_to_a_terminal():
    report = Report()
    report.differ(READABLE, "\x1b]0;all is well\x07", "a\r\n\u202e\x9b2J 合格")
    report.note(READABLE, "x" * 10 * LONGEST_TEXT, "")
    (finding,), (note,) = report.differences, report.notes
    assert finding.place == "\\x1b]0;all is well\\x07"
    assert finding.found == "a\\r\\n\\u202e\\x9b2J 合格"
    assert len(note.place) == LONGEST_TEXT + 1


@contextmanager
def answering(head, body):
    """A server that sends this once, and then keeps the connection as it is."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _address = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(head + b"\r\n\r\n" + body)
                done.wait(60)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/log/"
        finally:
            done.set()
            thread.join()


def test_who_sends_drop_by_drop_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("foodtrace.trace.audit.sources.SECONDS_IN_ALL", -1.0)
    monkeypatch.setattr("foodtrace.trace.audit.sources.SECONDS_OF_SILENCE", 5.0)
    with (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 90", b"x") as base,
        pytest.raises(Unreadable, match="it took more than"),
    ):
        Site(base).read("x", 100)


@pytest.mark.parametrize("pause", ["nan", "-5", "soon"])
def test_a_pause_that_is_none_is_not_taken(monkeypatch, pause):
    slept = []
    monkeypatch.setattr("foodtrace.trace.audit.sources.time.sleep", slept.append)
    monkeypatch.setattr("foodtrace.trace.audit.sources.MOST_ATTEMPTS", 2)
    head = f"HTTP/1.1 429 No\r\nConnection: close\r\nContent-Length: 0\r\nRetry-After: {pause}"
    with answering(head.encode(), b"") as base:
        site = Site(base)
        monkeypatch.setattr(site, "_get", once(site._get))
        with pytest.raises(Unreadable):
            site.read("x", 100)
    assert slept == [0.5]


def once(get):
    """Ask one time in truth; afterwards nobody answers."""
    answers = iter([get])

    def ask(url, most):
        asked = next(answers, None)
        if asked is None:
            raise Unreadable("nobody answers")
        return asked(url, most)

    return ask
