"""Races and crashes of a witness: never two histories, never one that is forgotten."""

import http.client
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from foodtrace.trace.witness.rules import Refusal
from foodtrace.trace.witness.state import State

from .witnessing import (
    ORIGIN,
    GrowingLog,
    cosigned,
    make_witness,
    refused,
    reopened,
    sent,
    serving_witness,
)

NOW = 1_800_000_000
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def log():
    return GrowingLog(300)


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
