"""A witness over HTTP, and the program that serves it."""

import pytest
from click.testing import CliRunner

from foodtrace.consumer_web.cli import main
from foodtrace.trace.log.checkpoints import cosignatures
from foodtrace.trace.log.notes import COSIGNATURE, Signer, Verifier, parse_line, parse_note
from foodtrace.trace.witness import app as app_module
from foodtrace.trace.witness.rules import LARGEST_SUBMISSION
from foodtrace.trace.witness.state import DamagedState

from .witnessing import GrowingLog, answer_of, make_witness, piece, sent, serving_witness


@pytest.fixture
def log():
    return GrowingLog(40)


@pytest.fixture
def witness(tmp_path, log):
    made = make_witness(tmp_path, log, now=lambda: 1_800_000_000)
    yield made
    made.state.close()


def test_a_body_may_come_in_pieces(witness, log):
    body = log.submission(0, 9)
    status, headers, line = answer_of(witness, [piece(body[:10], more=True), piece(body[10:])])
    assert (status, headers[b"content-type"]) == (200, b"text/plain; charset=utf-8")
    assert parse_line(line.decode().removesuffix("\n")).name == "w.example"


def test_a_body_that_is_too_large_is_413_before_it_has_come(witness):
    length = [(b"content-length", str(LARGEST_SUBMISSION + 1).encode())]
    assert answer_of(witness, [], headers=length)[0] == 413
    assert answer_of(witness, [], headers=[(b"content-length", b"9" * 5000)])[0] == 413
    pieces = [piece(bytes(LARGEST_SUBMISSION), more=True), piece(b"x", more=True)]
    assert answer_of(witness, pieces)[0] == 413


def test_a_body_that_does_not_come_is_408(witness, monkeypatch):
    monkeypatch.setattr(app_module, "SECONDS_TO_SEND", 0.02)
    status, headers, _ = answer_of(witness, [piece(b"old 0\n", more=True)])
    assert (status, headers[b"connection"]) == (408, b"close")


def test_a_body_that_ends_early_is_400(witness):
    assert answer_of(witness, [piece(b"old 0\n", more=True), {"type": "http.disconnect"}])[0] == 400


def test_other_methods_and_paths_are_refused(witness):
    status, headers, _ = answer_of(witness, [], method="GET")
    assert (status, headers[b"allow"]) == (405, b"POST")
    status, headers, _ = answer_of(witness, [], method="POST", path="/")
    assert (status, headers[b"allow"]) == (405, b"GET, HEAD")
    assert answer_of(witness, [piece(b"")], path="/add-checkpoint/")[0] == 404
    assert answer_of(witness, [piece(b"")], path="/sign-subtree")[0] == 404


def test_a_fault_of_ours_cosigns_nothing_and_says_so(witness, log, monkeypatch, caplog):
    monkeypatch.setattr(witness, "add_checkpoint", lambda body: 1 / 0)
    status, _, body = answer_of(witness, [piece(log.submission(0, 9))])
    assert (status, body) == (500, b"This witness has a fault; nothing was cosigned.\n")
    assert "ZeroDivisionError" in caplog.text


def test_a_damaged_state_is_503(witness, log, monkeypatch, caplog):
    def damaged(*_):
        raise DamagedState("disk I/O error")

    monkeypatch.setattr(witness.state, "advance", damaged)
    monkeypatch.setattr(witness.state, "heads", damaged)
    assert answer_of(witness, [piece(log.submission(0, 9))])[0] == 503
    assert answer_of(witness, [], method="GET", path="/")[0] == 503
    assert "disk I/O error" in caplog.text


def test_anybody_can_read_what_it_has_cosigned(witness, log):
    witness.add_checkpoint(log.submission(0, 9))
    status, _, body = answer_of(witness, [], method="GET", path="/")
    text = body.decode()
    assert status == 200
    assert text.startswith(f"witness {witness.signer.vkey}\n")
    assert log.note(9).decode() in text
    assert "2027-01-15 08:00:00+00:00" in text


# The program


def test_the_command_makes_a_key_with_its_state_and_serves_it(tmp_path, log):
    """Without database or setting; the log of next year is added while it serves."""
    made = CliRunner().invoke(
        main,
        ["witness", "key", "w.example/trace", "--out", str(tmp_path / "key"),
         "--state", str(tmp_path / "state")],
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    verifier = Verifier.from_vkey(made.output.strip())
    assert (verifier.name, verifier.kind) == ("w.example/trace", COSIGNATURE)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    next_year = GrowingLog(
        5, origin="trace.example/log/2027", signer=Signer("trace.example/log/2027", bytes(32))
    )
    listed = tmp_path / "logs"
    listed.write_text("# of the coming years\n")
    with serving_witness(tmp_path, log, arguments=("--log-list", listed)) as address:
        status, kind, line = sent(address, log.submission(0, 9))
        assert (status, kind) == (200, "text/plain; charset=utf-8")
        (found,) = cosignatures(parse_note(log.note(9) + line), [verifier])
        assert found.verifier == verifier
        assert sent(address, log.submission(0, 20)) == (409, "text/x.tlog.size", b"9\n")
        assert sent(address, b"x" * (LARGEST_SUBMISSION + 1))[0] == 413
        assert sent(address, next_year.submission(0, 5))[0] == 404
        listed.write_text(f"{next_year.signer.vkey}\n")
        assert sent(address, next_year.submission(0, 5))[0] == 200
        assert b"trace.example/log/2027" in sent(address, None, method="GET", path="/")[2]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["key", "two words", "--out", "new", "--state", "s"], "cannot have this name"),
        (["key", "w", "--out", "key", "--state", "s"], "key: File exists"),
        (["key", "w", "--out", "new", "--state", "state"], "File exists"),
        (["serve", "--key", "key", "--state", "state"], "Name the logs"),
        (["serve", "--key", "none", "--state", "state", "--log", "LOG"], "none: No such file"),
        (["serve", "--key", "logs", "--state", "state", "--log", "LOG"], "not the private key"),
        (["serve", "--key", "logkey", "--state", "state", "--log", "LOG"], "key of a log"),
        (["serve", "--key", "key", "--state", "s", "--log", "LOG"], "is not here"),
        (["serve", "--key", "key", "--state", "state", "--log", "x"], "names no log"),
        (["serve", "--key", "key", "--state", "state", "--log-list", "l"], "l: No such file"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(tmp_path, log, monkeypatch, arguments, said):
    make_witness(tmp_path, log).state.close()
    (tmp_path / "logs").write_text("nothing\n")
    (tmp_path / "logkey").write_text(log.signer.to_text())
    monkeypatch.chdir(tmp_path)
    words = [log.signer.vkey if word == "LOG" else word for word in arguments]
    run = CliRunner().invoke(main, ["witness", *words])
    assert run.exit_code in (1, 2)
    assert said in run.output
    assert not (tmp_path / "new").exists()
    assert Signer.from_text((tmp_path / "logkey").read_text()).seed.hex() not in run.output
