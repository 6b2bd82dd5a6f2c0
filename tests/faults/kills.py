"""Kill the service again and again while eight writers capture, and look what is left.

Writers send each event with a key, until they are told that it is stored; now and then they
send an old one once more. A reader fetches the published head all the time. After each kill
the anchor is read. In the end `checker.violations` says what is wrong.
"""

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from sqlalchemy import make_url, text

from foodtrace.trace.log.anchor import Anchor, BrokenAnchor
from foodtrace.trace.log.electing import _SEQUENCING
from foodtrace.trace.store.session import Store

from ..trace.acts import document, make
from ..web import add_key
from .checker import Seen, violations

ROOT = Path(__file__).parent.parent.parent
WRITERS = 8
# Who holds the lock of the sequencer.
_SEQUENCER = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks"
    f" WHERE locktype = 'advisory' AND objid = {_SEQUENCING} AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@dataclass
class Report:
    """What happened, and what was wrong in the end."""

    kills: int = 0
    backends: int = 0
    acknowledged: int = 0
    replayed: int = 0
    refused: int = 0
    heads: int = 0
    leaves: int = 0
    seconds: float = 0.0
    violations: list = field(default_factory=list)


class Rig:
    """One database, its served process, and those who use it meanwhile."""

    def __init__(self, database_url, folder, *, error=None, workers=1, seed=0, is_forked=True):
        self.url, self.folder = database_url, folder
        self.random = random.Random(seed)
        self.port = free_port()
        self.workers, self.is_forked = workers, is_forked
        self.pids = folder / "pids"
        self.process = None
        self.environment = {
            **os.environ,
            "FOODTRACE_DATA": str(folder),
            "FOODTRACE_ANCHOR": str(folder / "anchor"),
            "FOODTRACE_DATABASE_URL": database_url,
            "FOODTRACE_TEST_ERROR": error or "",
        }
        self.anchor = Anchor(folder / "anchor")
        self.seen, self.report = Seen(), Report()
        self.sent, self.lock = {}, threading.Lock()
        self.is_over = threading.Event()
        self.vkey = None
        store = Store(database_url)
        self.key = add_key(store, "producer")
        store.close()

    # --- the service

    def start(self):
        """Start the service where it does not start itself anew; wait until it answers."""
        if self.process is None or self.process.poll() is not None:
            self.process = self._started()
        for _ in range(1_200):
            if self.process.poll() is not None:
                raise RuntimeError((self.folder / "server.log").read_text()[-2_000:])
            with suppress(OSError, http.client.HTTPException, ValueError):
                return self._get("/readyz")
            time.sleep(0.02)
        raise RuntimeError("the service does not start")

    def _started(self):
        run = f"run({self.port}, {self.workers})"
        if self.is_forked:
            run = f"run_forked({self.port}, {self.workers}, {str(self.pids)!r})"
        with (self.folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    f"from tests.faults.server import *; {run}",
                ],
                env=self.environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self):
        """End all processes of the service at once."""
        if self.is_forked:
            for pid in self.pids.read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        else:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.report.kills += 1
        with suppress(BrokenAnchor):
            if (note := self.anchor.note(YEAR_OF_LOG)) is not None and self.vkey:
                self.seen.see(note, self.vkey)

    def kill_backend(self):
        """End the connection of the one who sequences (PostgreSQL)."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            self.report.backends += len(connection.execute(_SEQUENCER).fetchall())

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    # --- who uses it

    def write(self, writer):
        """Send events until it is over, each until it is acknowledged."""
        choice = random.Random(writer)
        number = 0
        while not self.is_over.is_set():
            number += 1
            is_old = choice.random() < 0.1
            with self.lock:
                key = choice.choice(list(self.sent)) if is_old and self.sent else None
                if key is None:
                    key = f"{writer}-{number}"
                    self.sent[key] = document(
                        make(number % 24, {f"L{writer}-{number % 7}#{number}": 1})
                    )
                body = self.sent[key]
            self._send(key, body, choice)

    def _send(self, key, body, choice):
        while not self.is_over.is_set():
            try:
                status, answer = self._post(key, body)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.02 + choice.random() * 0.05)
                continue
            if status == 202 and answer["success"] and not answer["running"]:
                with self.lock:
                    before = len(self.seen.acknowledged)
                    self.seen.acknowledged.update(answer["eventIDs"])
                    self.report.replayed += before == len(self.seen.acknowledged)
                return
            self.report.refused += 1
            if status not in (202, 503):
                self.seen.wrong.append(f"the answer to a capture was {status}: {answer}")
                return
            time.sleep(0.05)

    def _post(self, key, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(
                "POST",
                "/epcis/capture",
                body,
                {
                    "Authorization": f"Bearer {self.key}",
                    "Content-Type": "application/json",
                    "Idempotency-Key": key,
                },
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def read(self):
        """Fetch the published head all the time: it never becomes smaller."""
        largest = 0
        while not self.is_over.is_set():
            with suppress(OSError, http.client.HTTPException):
                status, note = self._get(f"/log/{YEAR_OF_LOG}/checkpoint")
                if status == 200 and self.vkey:
                    head = self.seen.see(note, self.vkey)
                    if head.size < largest:
                        self.seen.wrong.append(f"head {head.size} was served after {largest}")
                    largest = max(largest, head.size)
            time.sleep(0.01)

    # --- the whole

    def run(self, kills, *, longest=1.0):
        """Kill so many times; return the report."""
        begun = time.monotonic()
        self.start()
        self._learn_key()
        threads = [threading.Thread(target=self.write, args=[n]) for n in range(WRITERS)]
        threads.append(threading.Thread(target=self.read))
        for thread in threads:
            thread.start()
        try:
            self._rounds(kills, longest)
            self._wait_until_quiet()
        finally:
            self.is_over.set()
            for thread in threads:
                thread.join()
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.report.seconds = time.monotonic() - begun
        self._judge()
        return self.report

    def _rounds(self, kills, longest):
        idle = 0
        for number in range(kills):
            before = len(self.seen.acknowledged)
            time.sleep(self.random.uniform(0.05, longest))
            if make_url(self.url).get_backend_name() == "postgresql" and number % 3 == 2:
                self.kill_backend()
                time.sleep(self.random.uniform(0.0, longest))
            self.kill()
            self.start()
            idle = idle + 1 if before == len(self.seen.acknowledged) else 0
            if idle >= 8:
                self.seen.wrong.append("nothing is recorded any more")
                return

    def _learn_key(self):
        for _ in range(200):
            store = Store(self.url)
            with store.reading() as session:
                self.vkey = session.execute(text("SELECT vkey FROM log_state")).scalar()
            store.close()
            if self.vkey:
                return
            time.sleep(0.1)
        raise RuntimeError("no log was opened")

    def _wait_until_quiet(self):
        """Let the writers finish; wait until all that is recorded is published."""
        time.sleep(1)
        self.is_over.set()
        store = Store(self.url)
        for _ in range(150):
            with store.reading() as session:
                left = session.execute(text(_LEFT)).scalar()
            if not left:
                break
            time.sleep(0.1)
        store.close()

    def _judge(self):
        store = Store(self.url)
        self.report.violations = violations(store, self.anchor, self.seen)
        with store.reading() as session:
            self.report.leaves = session.execute(text("SELECT count(*) FROM leaf")).scalar()
        store.close()
        self.report.acknowledged = len(self.seen.acknowledged)
        self.report.heads = len(self.seen.heads)


YEAR_OF_LOG = time.gmtime().tm_year
_LEFT = (
    "SELECT (SELECT count(*) FROM unlogged) + (SELECT max(size) FROM log_state)"
    " - coalesce((SELECT max(size) FROM checkpoint), 0)"
)


def free_port():
    """Return a port that nobody listens on."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
