"""A log that grows in memory, and witnesses that look at it: for tests."""

import asyncio
import base64
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from foodtrace.trace.log.checkpoints import Checkpoint, cosignatures, sign_checkpoint
from foodtrace.trace.log.merkle import consistency_proof, edge_at, leaf_hash, node_hash, root_of
from foodtrace.trace.log.notes import COSIGNATURE, Signer, parse_note
from foodtrace.trace.witness.app import Application
from foodtrace.trace.witness.opening import open_witness
from foodtrace.trace.witness.rules import Refusal
from foodtrace.trace.witness.state import create

ORIGIN = "trace.example/log/2026"


def levels_over(leaves):
    """The roots of all perfect subtrees, level by level."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        pairs = zip(levels[-1][::2], levels[-1][1::2], strict=False)
        levels.append([node_hash(left, right) for left, right in pairs])
    return levels


class GrowingLog:
    """A log of so many leaves; `fork` is another one of the same name and key."""

    def __init__(self, count, *, origin=ORIGIN, signer=None, salt=""):
        self.signer = signer or Signer(origin, bytes([7]) * 32)
        self.origin = origin
        self.leaves = [leaf_hash(f"{salt}{index}".encode()) for index in range(count)]
        self.levels = levels_over(self.leaves)

    def fork(self, at):
        """The same log, but that the leaves from `at` on are others."""
        other = GrowingLog(len(self.leaves), origin=self.origin, signer=self.signer, salt="fork ")
        return GrowingLog.of([*self.leaves[:at], *other.leaves[at:]], self)

    @classmethod
    def of(cls, leaves, like):
        log = cls(0, origin=like.origin, signer=like.signer)
        log.leaves, log.levels = leaves, levels_over(leaves)
        return log

    def hash_at(self, level, index):
        return self.levels[level][index]

    def checkpoint(self, size):
        return Checkpoint(self.origin, size, root_of(edge_at(size, self.hash_at)))

    def note(self, size):
        return sign_checkpoint(self.checkpoint(size), self.signer)

    def proof(self, old, new):
        return consistency_proof(old, new, self.hash_at) if old else []

    def submission(self, old, new, *, proof=None, note=None):
        hashes = self.proof(old, new) if proof is None else proof
        lines = [f"old {old}", *(base64.b64encode(hash_).decode() for hash_ in hashes), "", ""]
        return "\n".join(lines).encode() + (self.note(new) if note is None else note)


def make_witness(folder, log, *, name="w.example", number=9, now=None):
    """A witness with a state of its own that knows one log."""
    signer = Signer(name, bytes([number]) * 32, COSIGNATURE)
    folder.mkdir(exist_ok=True)
    (folder / "key").write_text(signer.to_text())
    (folder / "key").chmod(0o600)
    create(folder / "state", signer.vkey)
    return reopened(folder, log, now=now)


def reopened(folder, log, *, now=None):
    witness = open_witness(folder / "key", folder / "state", [log.signer.vkey])
    if now is not None:
        witness._now = now
    return witness


def free_port():
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


@contextmanager
def serving_witness(folder, *logs, port=None, arguments=(), stop=signal.SIGTERM):
    """A witness in a process of its own, without any setting of foodtrace; yields its address."""
    port = port or free_port()
    command = [Path(sys.executable).with_name("foodtrace"), "witness", "serve"]
    options = ["--key", folder / "key", "--state", folder / "state", "--port", str(port)]
    options += [part for log in logs for part in ("--log", log.signer.vkey)]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("FOODTRACE_")
    }
    process = subprocess.Popen(
        [*command, *options, *arguments],
        env=environment,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(address, process)
        yield address
    finally:
        # One that could not start has said so already.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, stop)
        process.wait(20)


def wait_for(address, process):
    for _ in range(1200):
        assert process.poll() is None, "the witness has ended"
        try:
            with urllib.request.urlopen(f"{address}/", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the witness does not answer")


def piece(data, *, more=False):
    """A part of a body, as an ASGI server hands it to an application."""
    return {"type": "http.request", "body": data, "more_body": more}


def answer_of(witness, messages, *, method="POST", path="/add-checkpoint", headers=()):
    """Ask the application itself, with a body in these pieces; return status, headers, body."""
    pieces, out = list(messages), []

    async def receive():
        if not pieces:
            await asyncio.sleep(3600)
        return pieces.pop(0)

    async def send(message):
        out.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    # In a thread of its own: after a test with a browser, Playwright's loop runs in the main one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, Application(witness)(scope, receive, send)).result()
    start, body = out
    return start["status"], dict(start["headers"]), body["body"]


def sent(address, body, method="POST", path="/add-checkpoint"):
    """Send a request; return status, content type and body."""
    request = urllib.request.Request(f"{address}{path}", data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read()


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
