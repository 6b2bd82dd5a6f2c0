"""foodtrace audit: what it is told, what it reads over HTTP, how it ends."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from foodtrace.consumer_web import cli_audit
from foodtrace.consumer_web.cli import main
from foodtrace.trace.audit.rules import RULES
from foodtrace.trace.audit.sources import Missing, Site, Unreadable
from foodtrace.trace.log.notes import Signer

from ..test_docs import DOCS
from ..trace.auditing import NOON, PublicLog
from ..trace.logs import LOG, REGULATOR, RETAILER


@pytest.fixture
def log(tmp_path, monkeypatch):
    """A folder as it is published under /log/, and the time that it is."""
    monkeypatch.setattr(cli_audit.time, "time", lambda: NOON)
    log = PublicLog(tmp_path / "site" / "log")
    log.grow(300, at=NOON - 300)
    log.cosign(NOON - 290)
    return log.write()


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy"
    path.write_text(
        f"log {LOG.vkey}\nwitness a {REGULATOR.vkey}\nwitness b {RETAILER.vkey}\n"
        "group q all a b\nquorum q\n"
    )
    return path


def run(*arguments):
    return CliRunner().invoke(main, ["audit", *map(str, arguments)])


@contextmanager
def serving(answer):
    """A server whose answers a function gives: status, headers, body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            status, headers, body = answer(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def files_below(folder):
    def answer(path):
        file = folder / path.partition("?")[0].lstrip("/")
        return (200, {}, file.read_bytes()) if file.is_file() else (404, {}, b"")

    return answer


def test_it_works(log, policy):
    done = run(log.folder, "--policy", policy)
    assert done.exit_code == 0, done.output
    assert "the tree is the one that was signed" in done.output
    assert done.output.endswith("1 log: nothing differs.\n")


def test_a_difference_ends_with_status_1_and_says_place_rule_and_consequence(log, policy):
    (log.folder / "2026/tile/0/000").write_bytes(bytes(8192))
    done = run(log.folder, "--policy", policy)
    assert done.exit_code == 1
    assert "DIFFERENCE tile\n  where: log.example/2026, tile/0/000\n  found: " in done.output
    assert "  rule:  A tile holds" in done.output
    assert "  means: Proofs made" in done.output


def test_programs_read_the_report_as_json(log, policy):
    (log.folder / "2026/tile/0/000").unlink()
    done = run(log.folder, "--policy", policy, "--json")
    report = json.loads(done.output)
    assert report["format"] == "foodtrace-audit/1"
    assert [each["rule"] for each in report["differences"]] == ["readable"]
    assert report["logs"][0]["size"] == 300


def test_the_state_is_made_and_used_again(log, policy, tmp_path):
    state = tmp_path / "state.json"
    assert run(log.folder, "--policy", policy, "--state", state).exit_code == 0
    log.leaves[0] = log.leaves[1]
    log.write()
    done = run(log.folder, "--policy", policy, "--state", state, "--full")
    assert done.exit_code == 1
    assert "the audit before" in done.output


def test_a_kept_checkpoint_is_compared(log, policy, tmp_path):
    kept = tmp_path / "kept"
    kept.write_bytes(log.note(100))
    assert run(log.folder, "--policy", policy, "--since", kept).exit_code == 0
    log.leaves[0] = log.leaves[1]
    log.heads = {300: [NOON - 290]}
    log.write()
    done = run(log.folder, "--policy", policy, "--since", kept)
    assert done.exit_code == 1
    assert "the checkpoint in kept" in done.output


@pytest.mark.parametrize("address", ["", "/", "/log", "/log/"])
def test_a_site_is_audited_by_its_address_or_that_of_its_log(log, policy, address):
    with serving(files_below(log.folder.parent)) as base:
        done = run(f"{base}{address}", "--policy", policy)
    assert done.exit_code == 0, done.output
    assert "300 entries, 300 of them read now" in done.output


def test_a_site_that_does_not_answer_is_a_difference(policy, monkeypatch):
    monkeypatch.setattr("foodtrace.trace.audit.sources.time.sleep", lambda _seconds: None)
    with serving(lambda _path: (200, {}, b"")) as base:
        pass
    done = run(base, "--policy", policy)
    assert done.exit_code == 1
    assert "readable" in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{folder}/nothing", "--policy", "{policy}"], "is no folder"),
        (["https:///x", "--policy", "{policy}"], "names no host"),
        (["{folder}"], "Missing option '--policy'"),
        (["{folder}", "--policy", "{folder}/logs.json"], "--policy"),
        (["{folder}", "--policy", "{policy}", "--since", "{policy}"], "--since"),
        (["{folder}", "--policy", "{policy}", "--state", "{policy}"], "--state"),
        (["{folder}", "--policy", "{policy}", "--thing", "{folder}/x"], "there is no file"),
    ],
)
def test_wrong_use_ends_with_status_2(log, policy, arguments, said):
    filled = [each.format(folder=log.folder, policy=policy) for each in arguments]
    done = run(*filled)
    assert done.exit_code == 2
    assert said in done.output


def test_a_policy_without_a_log_is_wrong_use(log, policy):
    policy.write_text("quorum none\n")
    assert run(log.folder, "--policy", policy).exit_code == 2


def test_a_policy_of_another_log_finds_this_one_unknown(log, policy):
    policy.write_text(policy.read_text().replace(LOG.vkey, Signer("x.example", bytes(32)).vkey))
    done = run(log.folder, "--policy", policy)
    assert done.exit_code == 1
    assert "the policy does not name it" in done.output


# What is downloaded is not believed


def read(answer, most=100, path="x"):
    with serving(answer) as base:
        return Site(f"{base}/log/").read(path, most)


def test_more_than_there_can_be_is_not_read():
    with pytest.raises(Unreadable, match="more than the 100 bytes"):
        read(lambda _path: (200, {}, bytes(10_000_000)))


def test_nothing_is_followed():
    with pytest.raises(Unreadable, match="the answer is 302"):
        read(lambda _path: (302, {"Location": "http://127.0.0.1:1/"}, b""))


def test_nothing_is_unpacked():
    with pytest.raises(Unreadable, match="compressed"):
        read(lambda _path: (200, {"Content-Encoding": "gzip"}, bytes(10)))


def test_what_is_not_there_is_missing():
    with pytest.raises(Missing):
        read(lambda _path: (404, {}, b""))


def test_an_answer_that_is_cut_off_is_no_file(monkeypatch):
    monkeypatch.setattr("foodtrace.trace.audit.sources.time.sleep", lambda _seconds: None)

    def cut(_path):
        return 200, {"Content-Length": "50", "Connection": "close"}, bytes(10)

    with pytest.raises(Unreadable):
        read(cut)


def test_what_passes_is_tried_again(monkeypatch):
    pauses = []
    monkeypatch.setattr("foodtrace.trace.audit.sources.time.sleep", pauses.append)
    answers = iter([(429, {"Retry-After": "3"}, b""), (503, {}, b""), (200, {}, b"yes")])
    assert read(lambda _path: next(answers)) == b"yes"
    assert pauses == [3.0, 1.0]


def test_a_part_on_another_site_is_not_read():
    with pytest.raises(Unreadable, match="another site"):
        Site("https://trace.example/x").following("https://intern.example/y", 100)


def test_the_document_lists_every_rule_as_it_is():
    text = (DOCS / "audit.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    listed = [line for line in rows if line.startswith(tuple(f"| `{r.name}` |" for r in RULES))]
    assert listed == [f"| `{rule.name}` | {rule.text} |" for rule in RULES]
