"""Who is audited may serve anything: the auditor says what is wrong, and always comes to an end."""

import json
import os
import socket
import threading
from contextlib import contextmanager, suppress

import pytest

from foodtrace.trace.audit import recomputing
from foodtrace.trace.audit.published import LARGEST_STATEMENT, moment
from foodtrace.trace.audit.report import LONGEST_TEXT, MOST_OF_A_RULE, Report
from foodtrace.trace.audit.rules import READABLE
from foodtrace.trace.audit.sources import Folder, Site, Unreadable, read_all
from foodtrace.trace.audit.things import read_thing
from foodtrace.trace.http_limits import LARGEST_HEADER, LimitedHTTPConnection
from foodtrace.trace.log import tiles
from foodtrace.trace.log.checkpoints import Checkpoint, cosign, with_lines

from .auditing import NOON, POLICY, Live, PublicLog, audit, found
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


@pytest.mark.parametrize("name", ["logs.json", "2026/keys", "2026/tile/entries/000.p/10"])
def test_no_link_is_followed_out_of_the_folder(log, tmp_path, name):
    """Somebody who packs the folder could have us read, and report, what is ours."""
    path = log.folder / name
    path.rename(tmp_path / "secret")
    path.symlink_to(tmp_path / "secret")
    report, _memory = audit(log.folder)
    assert "a link leads out of the folder" in " ".join(each.found for each in report.differences)


def test_a_link_within_the_folder_is_followed(log, tmp_path):
    (log.folder / "2026").rename(log.folder / "files")
    (log.folder / "2026").symlink_to("files")
    (tmp_path / "link").symlink_to(log.folder)
    assert not audit(tmp_path / "link")[0].differences


def test_nobody_waits_for_what_is_no_file(log):
    (log.folder / "logs.json").unlink()
    os.mkfifo(log.folder / "logs.json")
    report, _memory = audit(log.folder)
    assert "it is no file" in report.differences[0].found


def test_a_link_that_leads_to_itself_is_not_followed(log):
    (log.folder / "2026/keys").unlink()
    (log.folder / "2026/keys").symlink_to("keys")
    assert found(audit(log.folder)[0]) == ["readable"]


def listed(log, *years):
    names = [{"year": year, "origin": LOG.name, "vkey": LOG.vkey} for year in years]
    (log.folder / "logs.json").write_text(json.dumps(names))


def test_a_log_is_audited_once_however_often_it_is_listed(log):
    listed(log, *[2026] * 5)
    report, _memory = audit(log.folder)
    assert [each.rule.name for each in report.differences] == ["pinned"] * 4
    assert len(report.logs) == 1


def test_a_log_that_is_listed_for_another_year_is_found(log):
    """By the years it is known whether a key was good before another was let in."""
    listed(log, 2025)
    assert "its name says another year" in audit(log.folder)[0].differences[0].found


def test_of_histories_without_end_some_are_read(log, monkeypatch):
    monkeypatch.setattr("foodtrace.trace.audit.published.LARGEST_HISTORIES", 100)
    report, _memory = audit(log.folder)
    (note,) = (each for each in report.notes if each.rule is READABLE)
    assert "too large" in note.found


def test_a_statement_without_end_is_not_read(log):
    with (log.folder / "2026/keys").open("ab") as file:
        file.write(b"[" + b"[]," * LARGEST_STATEMENT + b"[]]\n")
    report, _memory = audit(log.folder)
    assert found(report) == ["opening"]
    assert "more than 1048576 bytes" in report.differences[0].found


def test_entries_without_end_are_not_read(log):
    (log.folder / "2026/tile/entries/000.p/10").write_bytes(bytes(10**6))
    assert found(audit(log.folder)[0]) == ["readable"]


def test_notes_without_end_are_counted():
    report = Report()
    for _ in range(MOST_OF_A_RULE + 7):
        report.note(READABLE, "there", "Something.")
    assert len(report.notes) == MOST_OF_A_RULE
    assert report.as_json()["more_notes"] == {"readable": 7}
    assert "and 7 more notes on readable" in report.as_text()


def test_little_is_read_ahead_of_what_may_be_large(monkeypatch):
    monkeypatch.setattr("foodtrace.trace.audit.sources.LARGEST_AHEAD", 100)
    asked = []

    class Large:
        connections = 2

        def read(self, path, most):
            asked.append(path)
            return b"x"

    files = read_all(Large(), ((str(n), 40) for n in range(50)))
    for count, _file in enumerate(files, start=1):
        assert len(asked) <= count + 2
    assert len(asked) == 50


def test_a_part_of_another_thing_is_none(log):
    part = {"format": "foodtrace-proof/1", "thing": "/01/1", "statements": []}
    for name, next_part, thing in (("a", "b", "/01/1"), ("b", None, "/01/2")):
        said = part | {"thing": thing, "next": next_part}
        (log.folder / name).write_text(json.dumps(said))
    source = Parts(log.folder)
    report = Report()
    read_thing(source, "a", POLICY, report)
    assert "of another thing, /01/2" in report.differences[0].found


def test_parts_without_end_are_not_read(log, monkeypatch):
    monkeypatch.setattr("foodtrace.trace.audit.things.LARGEST_BUNDLE", 1000)
    part = {"format": "foodtrace-proof/1", "thing": "/01/1", "statements": [], "next": "a"}
    (log.folder / "a").write_text(json.dumps(part))
    report = Report()
    read_thing(Parts(log.folder), "a", POLICY, report)
    assert "more than 1000 bytes" in report.differences[0].found


def test_a_page_that_shows_the_bundle_of_something_else_is_said():
    """Else whoever asks for one lot could be shown another, and read that nothing differs."""
    part = {"format": "foodtrace-proof/1", "thing": "/01/1/10/L%2F1", "statements": []}
    for page, notes in (("/01/1/10/L%2F1", 0), ("/01/1/10/L/1", 0), ("/01/2", 1)):
        report = Report()
        read_thing(Page(f"https://x.example{page}?view=proof", part), "", POLICY, report)
        assert len(report.notes) == notes


class Page:
    """A page that shows this bundle."""

    is_live = True

    def __init__(self, base, part):
        self.base, self.part = base, part

    def read(self, _path, _most):
        return json.dumps(self.part).encode()


class Parts(Live):
    """Parts of a bundle as somebody serves them."""

    def following(self, url, most):
        return self.read(url, most)


def test_what_the_audited_has_written_does_nothing_to_a_terminal():
    report = Report()
    report.differ(READABLE, "\x1b]0;all is well\x07", "a\r\n\u202e\x9b2J 合格")
    report.note(READABLE, "x" * 10 * LONGEST_TEXT, "")
    (finding,), (note,) = report.differences, report.notes
    assert finding.place == "\\x1b]0;all is well\\x07"
    assert finding.found == "a\\r\\n\\u202e\\x9b2J 合格"
    assert len(note.place) == LONGEST_TEXT + 1


@contextmanager
def answering(head, body, drops=b""):
    """A server that sends this once, then drop by drop, and keeps the connection as it is."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _address = server.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(head + body)
                while drops and not done.wait(0.02):
                    connection.sendall(drops)
                done.wait(60)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/log/"
        finally:
            done.set()
            thread.join()


WITH_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "drops"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 ", b"O"),
        (b"HTTP/1.1 200 OK\r\n", b"X"),
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"b"),
        (WITH_BODY, b"x"),
        (CHUNKED, b"1\r\nx\r\n"),
        (CHUNKED + b"1;", b"x"),
        (CHUNKED + b"0\r\n", b"X-A: b\r\n"),
    ],
)
def test_who_sends_drop_by_drop_is_not_waited_for(monkeypatch, head, drops):
    monkeypatch.setattr(LimitedHTTPConnection, "seconds_in_all", 0.3)
    with answering(head, b"", drops) as base, pytest.raises(Unreadable, match="it took more than"):
        Site(base).read("x", 900_000)


@pytest.mark.parametrize(
    ("start", "line"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"b" * 9000 + b"\r\n"),
    ],
)
def test_a_header_without_end_is_not_read(monkeypatch, start, line):
    monkeypatch.setattr("foodtrace.trace.audit.sources.MOST_ATTEMPTS", 1)
    many = line * (2 * LARGEST_HEADER // len(line))
    with answering(start + many, b"") as base, pytest.raises(Unreadable, match="its header has"):
        Site(base).read("x", 100)


@pytest.mark.parametrize(
    "url",
    ["https://[::1", "http://[x]/", "//other.example/", "http://127.0.0.1:9\\@other.example/"],
)
def test_nothing_is_followed_elsewhere(url):
    with pytest.raises(Unreadable, match=r"another site|address is none"):
        Site("http://127.0.0.1:9/log/").following(url, 100)


def test_an_audit_that_takes_too_long_is_brought_to_an_end(monkeypatch):
    """Whoever audits each night has to hear of it; each file alone came in time."""
    site = Site("http://127.0.0.1:9/log/")
    monkeypatch.setattr(site, "_end", 0.0)
    with pytest.raises(Unreadable, match="more than 20 hours"):
        site.read("x", 100)


def test_of_many_addresses_of_a_host_a_few_are_tried(monkeypatch):
    """A name may have thousands, and each may be silent."""
    tried = []

    def look_up(host, port, *_more, **_options):
        hosts = [f"192.0.2.{n}" for n in range(1, 200)] if host == "log.example" else [host]
        return [(2, 1, 6, "", (each, port)) for each in hosts]

    def connect(address, *_more, **_options):
        tried.append(address[0])
        raise TimeoutError("timed out")

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    monkeypatch.setattr("urllib3.connection.connection.create_connection", connect)
    monkeypatch.setattr("foodtrace.trace.audit.sources.MOST_ATTEMPTS", 1)
    with pytest.raises(Unreadable, match="no answer"):
        Site("https://log.example/log/").read("x", 100)
    assert tried == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


@pytest.mark.parametrize("pause", ["nan", "-5", "soon"])
def test_a_pause_that_is_none_is_not_taken(monkeypatch, pause):
    slept = []
    monkeypatch.setattr("foodtrace.trace.audit.sources.time.sleep", slept.append)
    monkeypatch.setattr("foodtrace.trace.audit.sources.MOST_ATTEMPTS", 2)
    head = f"HTTP/1.1 429 No\r\nContent-Length: 0\r\nRetry-After: {pause}\r\n\r\n"
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
