"""The witness: the standard's rules one by one, races and crashes."""

import base64
import http.client
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.errors import Invalid, Unavailable
from foodtrace.trace.log.checkpoints import cosignatures
from foodtrace.trace.log.notes import (
    COSIGNATURE,
    Signer,
    format_note,
    parse_note,
)
from foodtrace.trace.witness.logs import KnownLogs
from foodtrace.trace.witness.rules import MOST_HASHES, Refusal, parse_submission
from foodtrace.trace.witness.state import FILE, DamagedState, State, create, open_state

from .witnessing import ORIGIN, GrowingLog, make_witness, reopened, sent, serving_witness

NOW = 1_800_000_000
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def log():
    return GrowingLog(300)


@pytest.fixture
def witness(tmp_path, log):
    witness = make_witness(tmp_path, log, now=lambda: NOW)
    yield witness
    witness.state.close()


def cosigned(witness, log, old, new):
    """Have a checkpoint cosigned, and check the line as a client does; return its time."""
    line = witness.add_checkpoint(log.submission(old, new))
    note = parse_note(log.note(new) + line)
    (found,) = cosignatures(note, [witness.signer.verifier])
    return found.time


def refused(witness, body):
    with pytest.raises(Refusal) as caught:
        witness.add_checkpoint(body)
    return caught.value


def test_it_works(witness, log):
    assert cosigned(witness, log, 0, 20) == NOW
    assert cosigned(witness, log, 20, 300) == NOW
    assert witness.state.heads()[ORIGIN].size == 300


def test_the_example_of_the_standard_is_read():
    body = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""  # noqa: E501 - lines of the standard
    submission = parse_submission(body.encode())
    assert submission.old_size == 20852014
    assert len(submission.proof) == 4
    assert submission.checkpoint.size == 20852163
    assert len(submission.note.lines) == 2


def test_every_step_between_two_sizes_is_cosigned(tmp_path):
    log = GrowingLog(20)
    for old in range(20):
        for new in range(max(old, 1), 21):
            folder = tmp_path / f"{old}-{new}"
            witness = make_witness(folder, log)
            if old:
                cosigned(witness, log, 0, old)
            cosigned(witness, log, old, new)
            witness.state.close()


def test_an_unknown_origin_is_404(witness, log):
    other = GrowingLog(3, origin="other.example/log", signer=Signer("other.example/log", bytes(32)))
    assert refused(witness, other.submission(0, 3)).status == 404


def test_no_signature_of_a_known_key_is_403(witness, log):
    stranger = GrowingLog(3, signer=Signer(ORIGIN, bytes([8]) * 32))
    assert refused(witness, stranger.submission(0, 3)).status == 403
    assert witness.state.heads() == {}


def test_a_signature_of_another_text_is_403(witness, log):
    line = log.note(5).split(b"\n\n")[1]
    forged = log.checkpoint(6).text.encode() + b"\n" + line
    assert refused(witness, log.submission(0, 6, note=forged)).status == 403


def test_signatures_of_unknown_keys_are_ignored(witness, log):
    text = log.checkpoint(5).text
    stranger = Signer("stranger.example", bytes([3]) * 32)
    note = format_note(text, [stranger.line(text), log.signer.line(text)])
    assert b"w.example" in witness.add_checkpoint(log.submission(0, 5, note=note))


def test_each_of_several_keys_of_a_log_may_sign(tmp_path, log):
    witness = make_witness(tmp_path, log)
    second = GrowingLog(300, signer=Signer(ORIGIN, bytes([8]) * 32))
    witness.logs = KnownLogs([log.signer.vkey, second.signer.vkey])
    cosigned(witness, log, 0, 5)
    cosigned(witness, second, 5, 9)
    witness.state.close()


def test_an_old_size_above_the_new_one_is_400(witness, log):
    cosigned(witness, log, 0, 9)
    assert refused(witness, log.submission(9, 8, proof=[])).status == 400


def test_another_old_size_than_the_last_cosigned_one_is_409_and_says_it(witness, log):
    refusal = refused(witness, log.submission(5, 9))
    assert (refusal.status, refusal.size) == (409, 0)
    cosigned(witness, log, 0, 9)
    for old, new in [(0, 20), (5, 20), (10, 20), (0, 9), (5, 7)]:
        refusal = refused(witness, log.submission(old, new))
        assert (refusal.status, refusal.size) == (409, 9)
    assert witness.state.heads()[ORIGIN].size == 9


def test_a_proof_that_does_not_lead_there_is_422(witness, log):
    cosigned(witness, log, 0, 9)
    good = log.proof(9, 20)
    wrong = [[], good[:-1], [*good, bytes(32)], [bytes(32), *good[1:]], log.proof(10, 20)]
    for proof in wrong:
        assert refused(witness, log.submission(9, 20, proof=proof)).status == 422
    assert witness.state.heads()[ORIGIN].size == 9
    cosigned(witness, log, 9, 20)


def test_a_proof_where_there_is_nothing_to_prove_is_422(witness, log):
    assert refused(witness, log.submission(0, 9, proof=[bytes(32)])).status == 422
    cosigned(witness, log, 0, 9)
    assert refused(witness, log.submission(9, 9, proof=[bytes(32)])).status == 422


def test_the_same_checkpoint_again_is_cosigned_at_the_new_time(witness, log):
    cosigned(witness, log, 0, 9)
    witness._now = lambda: NOW + 60
    assert cosigned(witness, log, 9, 9) == NOW + 60


def test_another_root_of_the_same_size_is_409_without_a_size(witness, log):
    cosigned(witness, log, 0, 9)
    refusal = refused(witness, log.fork(4).submission(9, 9))
    assert (refusal.status, refusal.size) == (409, None)


def test_a_split_view_is_refused_and_kept_as_evidence(witness, log, tmp_path):
    """The log's own key signs both: what it signed stands in the file, in its own words."""
    cosigned(witness, log, 0, 9)
    fork = log.fork(4)
    assert refused(witness, fork.submission(9, 20)).status == 422
    for _ in range(3):
        assert refused(witness, fork.submission(9, 9)).status == 409
    (path,) = (tmp_path / "state" / "evidence").iterdir()
    assert log.note(9) in path.read_bytes()
    assert fork.note(9) in path.read_bytes()
    cosigned(witness, log, 9, 20)


def test_nobody_but_the_log_can_cause_evidence(witness, log, tmp_path, caplog):
    """Its heads are public: whoever sends one with a wrong proof shows nothing about the log."""
    cosigned(witness, log, 0, 9)
    assert refused(witness, log.submission(9, 20, proof=[bytes(32)])).status == 422
    assert not (tmp_path / "state" / "evidence").exists()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_evidence_that_cannot_be_written_changes_no_answer(witness, log, tmp_path):
    cosigned(witness, log, 0, 9)
    (tmp_path / "state" / "evidence").write_text("no folder")
    assert refused(witness, log.fork(4).submission(9, 9)).status == 409


def test_a_tree_without_leaves_is_a_beginning_and_proves_nothing(witness, log):
    cosigned(witness, log, 0, 0)
    assert witness.state.heads()[ORIGIN].size == 0
    cosigned(witness, log, 0, 0)
    cosigned(witness, log, 0, 7)
    assert refused(witness, log.submission(0, 0)).size == 7


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: b"",
        lambda body: b"\n\n",
        lambda body: body.replace(b"old 9", b"old 09"),
        lambda body: body.replace(b"old 9", b"old  9"),
        lambda body: body.replace(b"old 9", b"old +9"),
        lambda body: body.replace(b"old 9", b"old -9"),
        lambda body: body.replace(b"old 9", b"Old 9"),
        lambda body: body.replace(b"old 9", "old ٩".encode()),
        lambda body: body.replace(b"old 9", b"old 9223372036854775808"),
        lambda body: body.replace(b"old 9", b"old " + b"9" * 5000),
        lambda body: body.replace(b"old 9\n", b""),
        lambda body: body.replace(b"old 9\n", b"old 9\r\n"),
        lambda body: body.replace(b"old 9\n", b"old 9\n!!!\n"),
        lambda body: body.replace(b"old 9\n", b"old 9\n" + base64.b64encode(bytes(31)) + b"\n"),
        lambda body: body.replace(b"\n\n", b"\n", 1),
        lambda body: body.replace(b"\n20\n", b"\n020\n"),
        lambda body: body.replace(b"\n20\n", b"\n20\nan extension line\n"),
        lambda body: body.rstrip(b"\n"),
        lambda body: body + b"\n",
        lambda body: body.replace("—".encode(), b"-"),
        lambda body: body + b"\xff\n",
    ],
)
def test_a_malformed_submission_is_400(witness, log, spoil):
    cosigned(witness, log, 0, 9)
    assert refused(witness, spoil(log.submission(9, 20))).status == 400


def test_at_most_63_hashes_are_read(witness, log):
    cosigned(witness, log, 0, 9)
    many = [bytes(32)] * MOST_HASHES
    assert refused(witness, log.submission(9, 20, proof=many)).status == 422
    refusal = refused(witness, log.submission(9, 20, proof=[*many, bytes(32)]))
    assert refusal.status == 400
    assert "63" in refusal.reason


@settings(max_examples=150)
@given(
    st.binary(max_size=200)
    | st.builds(lambda n, rest: b"old %d\n" % n + rest, st.integers(0), st.binary())
)
def test_any_bytes_are_read_or_refused(data):
    with suppress(Refusal):
        parse_submission(data)


# The clock


def test_no_time_is_before_the_last_one_of_the_log(witness, log):
    """Else a witness would say of two sizes that the smaller was the largest it knew, later."""
    cosigned(witness, log, 0, 9)
    witness._now = lambda: NOW - 5
    assert cosigned(witness, log, 9, 20) == NOW
    witness._now = lambda: NOW - 3600
    assert refused(witness, log.submission(20, 30)).status == 503
    assert witness.state.heads()[ORIGIN].size == 20
    witness._now = lambda: NOW + 1
    assert cosigned(witness, log, 20, 30) == NOW + 1


# Races


def race(witnesses, log, rounds):
    """Two submit at once, again and again: one for one leaf more, one for two."""
    barrier = threading.Barrier(2)
    answers = [[None] * rounds, [None] * rounds]
    size, sizes = 1, [1]
    witnesses[0].add_checkpoint(log.submission(0, 1))

    def submit(who):
        for number in range(rounds):
            if who == 0:
                sizes.append(witnesses[0].state.heads()[ORIGIN].size)
            barrier.wait(60)
            old = sizes[-1]
            new = old + 1 + (who + number) % 2
            try:
                line = witnesses[who].add_checkpoint(log.submission(old, new))
                answers[who][number] = ("cosigned", new, line)
            except Refusal as refusal:
                answers[who][number] = ("refused", new, refusal.size)
            barrier.wait(60)

    threads = [threading.Thread(target=submit, args=(who,)) for who in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for first, second in zip(*answers, strict=True):
        assert sorted([first[0], second[0]]) == ["cosigned", "refused"]
        won, lost = (first, second) if first[0] == "cosigned" else (second, first)
        assert lost[2] == won[1], "the loser is told the size that was cosigned"
        assert won[1] > size, "a witness was rolled back"
        size = won[1]
    assert witnesses[0].state.heads()[ORIGIN].size == size


RACES = int(os.environ.get("FOODTRACE_TEST_RACES", "300"))


def test_of_two_submissions_at_once_one_is_cosigned(tmp_path):
    """The race of the standard, in threads that share a state."""
    log = GrowingLog(2 * RACES + 4)
    witness = make_witness(tmp_path, log)
    race([witness, witness], log, RACES)
    witness.state.close()


def test_two_connections_to_one_state_are_one_witness(tmp_path):
    """The same race where two have the file open."""
    log = GrowingLog(2 * RACES + 4)
    witnesses = [make_witness(tmp_path, log), reopened(tmp_path, log)]
    race(witnesses, log, RACES)
    for witness in witnesses:
        witness.state.close()


def climb(folder, until):
    """Have the log cosigned, one or two leaves more each time; print each step."""
    log = GrowingLog(until + 2)
    witness = reopened(Path(folder), log)
    old = witness.state.heads()[ORIGIN].size
    print("ready", flush=True)
    sys.stdin.readline()
    while old < until:
        new = old + 1 + old % 2
        try:
            witness.add_checkpoint(log.submission(old, new))
        except Refusal as refusal:
            old = refusal.size
        else:
            print(old, new)
            old = new


def test_two_processes_of_one_witness_are_one(tmp_path):
    """What both have cosigned is one way up: no size is left twice, and none is missing."""
    log = GrowingLog(RACES + 2)
    witness = make_witness(tmp_path, log)
    witness.add_checkpoint(log.submission(0, 1))
    act = f"from {__name__} import climb; climb({str(tmp_path)!r}, {RACES})"
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", act],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert [run.stdout.readline() for run in runs] == ["ready\n"] * 2
    for run in runs:
        run.stdin.write("go\n")
        run.stdin.flush()
    lines = [line for run in runs for line in run.communicate(timeout=600)[0].splitlines()]
    assert [run.returncode for run in runs] == [0, 0]
    steps = sorted(tuple(map(int, line.split())) for line in lines)
    assert steps[0][0] == 1
    assert all(before[1] == after[0] for before, after in pairwise(steps))
    assert steps[-1][1] == witness.state.heads()[ORIGIN].size >= RACES
    witness.state.close()


def test_a_witness_that_looks_and_writes_apart_fails_the_race(tmp_path, monkeypatch):
    """The control: without the transaction, both are cosigned or the state goes back."""

    def advance(state, origin, decide):
        head = decide(state.heads().get(origin))
        state._file.execute(
            "INSERT OR REPLACE INTO head (origin, size, root, note, time) VALUES (?, ?, ?, ?, ?)",
            (origin, *head),
        )
        return head

    log = GrowingLog(2 * 1000 + 4)
    witnesses = [make_witness(tmp_path, log), reopened(tmp_path, log)]
    monkeypatch.setattr(State, "advance", advance)
    with pytest.raises(AssertionError, match=r"cosigned|rolled back|told the size"):
        race(witnesses, log, 1000)
    for witness in witnesses:
        witness.state.close()


# Crashes


def crash(folder, at, size):
    """Have a process submit `size` leaves after 9, and kill itself before or after the commit."""
    log = GrowingLog(300)
    witness = reopened(Path(folder), log, now=lambda: NOW)
    file = witness.state._file

    class Killed:
        in_transaction = True

        def execute(self, statement, *values):
            if statement == "COMMIT" and at == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = file.execute(statement, *values)
            if statement == "COMMIT" and at == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return result

    witness.state._file = Killed()
    witness.add_checkpoint(log.submission(9, size))


@pytest.mark.parametrize(("at", "kept"), [("before", 9), ("after", 20)])
def test_a_witness_that_is_killed_never_cosigns_a_fork_of_what_it_may_have_answered(
    tmp_path, log, at, kept
):
    witness = make_witness(tmp_path, log, now=lambda: NOW)
    cosigned(witness, log, 0, 9)
    witness.state.close()
    act = f"from {__name__} import crash; crash({str(tmp_path)!r}, {at!r}, 20)"
    run = subprocess.run([sys.executable, "-c", act], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL, run.stderr
    witness = reopened(tmp_path, log, now=lambda: NOW)
    assert witness.state.heads()[ORIGIN].size == kept
    fork = log.fork(4)
    for old in (0, 9, 20):
        for new in (20, 30):
            assert refused(witness, fork.submission(old, new)).status in (409, 422)
    # The honest log asks again, and gets what it did not hear.
    cosigned(witness, log, kept, 20)
    witness.state.close()


def test_a_witness_that_is_killed_again_and_again_keeps_all_that_it_answered(tmp_path, log):
    make_witness(tmp_path, log).state.close()
    answered = 0

    def ask_in_vain(address, body):
        with suppress(OSError, http.client.HTTPException):
            sent(address, body)

    for _ in range(2):
        with serving_witness(tmp_path, log, stop=signal.SIGKILL) as address:
            for _ in range(10):
                assert sent(address, log.submission(answered, answered + 1))[0] == 200
                answered += 1
            # One more is under way while it is killed.
            body = log.submission(answered, answered + 1)
            under_way = threading.Thread(target=ask_in_vain, args=(address, body))
            under_way.start()
        under_way.join()
        witness = reopened(tmp_path, log)
        kept = witness.state.heads()[ORIGIN].size
        assert kept in (answered, answered + 1)
        assert refused(witness, log.fork(4).submission(kept, 200)).status == 422
        witness.state.close()
        answered = kept


# The state


def test_a_state_that_is_not_there_is_refused_and_never_begun_anew(tmp_path, log):
    """A disk that is not mounted must not make a witness forget."""
    make_witness(tmp_path, log).state.close()
    (tmp_path / "state").rename(tmp_path / "elsewhere")
    with pytest.raises(Unavailable, match="not here"):
        reopened(tmp_path, log)
    assert not (tmp_path / "state").exists()


def test_the_state_of_another_key_is_refused(tmp_path, log):
    make_witness(tmp_path, log).state.close()
    other = Signer("w.example", bytes([5]) * 32, COSIGNATURE)
    with pytest.raises(Unavailable, match="another key"):
        open_state(tmp_path / "state", other.vkey)


def test_no_state_is_made_over_another(tmp_path):
    create(tmp_path / "state", "a")
    before = (tmp_path / "state" / FILE).read_bytes()
    with pytest.raises(FileExistsError):
        create(tmp_path / "state", "b")
    assert (tmp_path / "state" / FILE).read_bytes() == before


@pytest.mark.parametrize("spoil", ["garbage", "empty", "cut", "flipped"])
def test_a_damaged_state_is_refused(tmp_path, log, spoil):
    witness = make_witness(tmp_path, log)
    cosigned(witness, log, 0, 9)
    witness.state.close()
    path = tmp_path / "state" / FILE
    data = path.read_bytes()
    root = data.index(log.checkpoint(9).root)
    path.write_bytes(
        {
            "garbage": b"x" * len(data),
            "empty": b"",
            "cut": data[: len(data) // 2],
            "flipped": data[:root] + bytes([data[root] ^ 1]) + data[root + 1 :],
        }[spoil]
    )
    with pytest.raises(Unavailable, match="cannot be used"):
        reopened(tmp_path, log)


def test_a_state_that_is_damaged_while_it_serves_cosigns_nothing(tmp_path, log):
    witness = make_witness(tmp_path, log)
    cosigned(witness, log, 0, 9)
    with sqlite3.connect(tmp_path / "state" / FILE) as file:
        file.execute("UPDATE head SET note = x'00'")
    file.close()
    with pytest.raises(DamagedState, match="damaged"):
        witness.add_checkpoint(log.submission(9, 20))
    witness.state.close()


def test_a_head_can_neither_be_removed_nor_go_back(witness, log):
    cosigned(witness, log, 0, 9)
    for statement in ("DELETE FROM head", "UPDATE head SET size = 8", "UPDATE head SET time = 1"):
        with pytest.raises(sqlite3.IntegrityError):
            witness.state._file.execute(statement)


def test_a_state_that_cannot_be_written_is_refused(tmp_path, log, monkeypatch):
    """As on a disk that was mounted for reading only; the system's administrator may write all."""
    make_witness(tmp_path, log).state.close()
    path = tmp_path / "state" / FILE
    real = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda file, **options: real(file.replace("=rw", "=ro"), **options)
    )
    with pytest.raises(Unavailable, match="readonly"):
        reopened(tmp_path, log)
    assert path.exists()


def test_a_commit_that_fails_is_not_cosigned(witness, log):
    cosigned(witness, log, 0, 9)
    file = witness.state._file

    class Full:
        in_transaction = True

        def execute(self, statement, *values):
            if statement == "COMMIT":
                raise sqlite3.OperationalError("database or disk is full")
            return file.execute(statement, *values)

    witness.state._file = Full()
    with pytest.raises(DamagedState, match="full"):
        witness.add_checkpoint(log.submission(9, 20))
    witness.state._file = file
    assert witness.state.heads()[ORIGIN].size == 9
    cosigned(witness, log, 9, 20)


def test_whoever_holds_the_file_too_long_stops_the_cosigning_and_not_for_ever(
    tmp_path, log, monkeypatch
):
    monkeypatch.setattr("foodtrace.trace.witness.state.SECONDS_TO_WAIT", 0.05)
    witness = make_witness(tmp_path, log)
    other = sqlite3.connect(tmp_path / "state" / FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(DamagedState, match="locked"):
        witness.add_checkpoint(log.submission(0, 9))
    other.execute("ROLLBACK")
    other.close()
    cosigned(witness, log, 0, 9)
    witness.state.close()


# The logs that are known


def test_a_log_can_be_added_while_it_serves(tmp_path, log):
    next_year = Signer("trace.example/log/2027", bytes([2]) * 32)
    path = tmp_path / "logs"
    path.write_text(f"# logs of our province\n\n{log.signer.vkey}\n")
    known = KnownLogs([], path)
    assert known.origins() == [ORIGIN]
    path.write_text(f"{log.signer.vkey}\n  {next_year.vkey}  \n")
    assert known.verifiers_of(next_year.name) == [next_year.verifier]
    assert known.origins() == [ORIGIN, next_year.name]


@pytest.mark.parametrize("text", ["nonsense\n", "no end", "\udcff\n", None])
def test_a_list_that_cannot_be_read_changes_nothing_and_is_told_once(tmp_path, log, text, caplog):
    path = tmp_path / "logs"
    path.write_text(f"{log.signer.vkey}\n")
    known = KnownLogs([], path)
    path.unlink()
    if text is not None:
        path.write_text(text, errors="surrogateescape")
    for _ in range(3):
        assert known.verifiers_of(ORIGIN) == [log.signer.verifier]
    (record,) = caplog.records
    assert "the logs known before stay" in record.message
    path.write_text("# none any more\n")
    assert known.verifiers_of(ORIGIN) == []


@pytest.mark.parametrize("vkey", ["", "x", Signer("w.example", bytes(32), COSIGNATURE).vkey])
def test_what_is_no_key_of_a_log_is_refused_at_the_start(vkey, tmp_path):
    with pytest.raises(Invalid, match="names no log"):
        KnownLogs([vkey])
    (tmp_path / "logs").write_text(f"\n{vkey or 'x'}\n")
    with pytest.raises(Invalid, match="line 2"):
        KnownLogs([], tmp_path / "logs")
