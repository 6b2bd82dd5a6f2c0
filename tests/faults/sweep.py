"""Fail every system call of one cycle once: killed there, told EIO, told that the disk is full.

strace does it (`-e inject=`). First the cycle runs unharmed, and its calls are counted; then
once for each call and each fault, on a copy of the database. After each the same client comes
back with its key, and the checker looks at what there is.
"""

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import time
import uuid
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psycopg

from foodtrace.trace.store.migrate import upgrade
from foodtrace.trace.store.session import Store

from ..conftest import administer, postgresql_url
from ..trace.acts import capture
from ..trace.kept import YEAR, Kept
from .checker import Seen
from .cycle import event, start

# Those that write, or keep others out: the rest only reads.
CALLS = (
    "openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "unlink", "flock",
    "fcntl", "mkdir",
)  # fmt: skip
# What libpq says to the server and hears from it: there, EIO is any fault of the network.
SOCKET_CALLS = ("connect", "sendto", "recvfrom")
FAULTS = {"KILL": "signal=SIGKILL", "EIO": "error=EIO", "ENOSPC": "error=ENOSPC"}
_CALL = re.compile(r"^([a-z0-9_]+)\(")


@dataclass
class Swept:
    """How many calls were failed, and what was wrong after which."""

    injections: int = 0
    acknowledged: int = 0
    killed: int = 0
    violations: dict = field(default_factory=dict)


class Sweep:
    """The cycle over copies of one database: SQLite."""

    dialect = "sqlite"
    calls_of_cycle = CALLS

    def __init__(self, folder, *, error="", size=2):
        self.folder, self.error = folder, error
        self.base = folder / "base"
        self.base.mkdir()
        kept = self._kept(self.base, is_new=True)
        for number in range(size):
            capture(kept.store, event(number), key=str(number))
            kept.keep_all()
        kept.close()

    def _url(self, folder):
        return f"sqlite:///{folder}/log.sqlite"

    def _kept(self, folder, *, is_new=False):
        store = Store(self._url(folder))
        if is_new:
            upgrade(store)
        return Kept(store, folder)

    def _run(self, folder, *options):
        """Run the cycle under strace; return how it ended, and what it said."""
        pid, outlet = start(folder, self._url(folder), "1000", self.error)
        os.waitpid(pid, os.WUNTRACED)
        tracer = subprocess.Popen(
            ["strace", "-qq", "-p", str(pid), "-o", str(folder / "strace.txt"), *options]
        )
        while f"TracerPid:\t{tracer.pid}\n" not in Path(f"/proc/{pid}/status").read_text():
            assert tracer.poll() is None, "strace does not start"
            time.sleep(0.002)
        os.kill(pid, signal.SIGCONT)
        _, status = os.waitpid(pid, 0)
        tracer.wait(30)
        said = os.read(outlet, 100)
        os.close(outlet)
        return os.waitstatus_to_exitcode(status), said

    def _copy(self, name):
        folder = self.folder / name
        shutil.copytree(self.base, folder)
        return folder

    def _remove(self, folder):
        shutil.rmtree(folder)

    def calls(self):
        """Return the calls of the cycle that write, as (name, how-manieth of this name)."""
        folder = self._copy("unharmed")
        status, said = self._run(folder, "-e", f"trace={','.join(self.calls_of_cycle)}")
        assert (status, said) == (0, b"acknowledged\n")
        counted, found = Counter(), []
        for line in (folder / "strace.txt").read_text().splitlines():
            if match := _CALL.match(line):
                counted[match[1]] += 1
                found.append((match[1], counted[match[1]]))
        self._remove(folder)
        return found

    def fail(self, call, number, fault, swept):
        """Fail one call, and judge what is left."""
        folder = self._copy(f"{call}-{number}-{fault}")
        inject = f"inject={call}:{FAULTS[fault]}:when={number}"
        status, said = self._run(folder, "-e", f"trace={call}", "-e", inject)
        seen = Seen()
        swept.injections += 1
        swept.killed += status == -signal.SIGKILL
        if said:
            swept.acknowledged += 1
            seen.acknowledged.add(event("1000")["eventID"])
        if wrong := self._judged(folder, seen):
            swept.violations[f"{call} {number} {fault}"] = wrong
        self._remove(folder)

    def _judged(self, folder, seen):
        kept = self._kept(folder)
        if kept.reason is not None:
            kept.close()
            return [f"nothing is recorded any more: {kept.reason}"]
        size = kept.state().size
        if (note := kept.anchor.note(YEAR)) is not None:
            seen.see(note, kept.state().vkey)
        wrong = kept.violations(seen, is_quiet=False)
        capture(kept.store, event("1000"), key="1000")
        kept.keep_all()
        wrong += kept.violations(seen)
        if kept.state().size != 3:
            wrong.append(f"{kept.state().size} leaves, {size} before the same was sent again")
        capture(kept.store, event("1001"), key="1001")
        kept.keep_all()
        wrong += kept.violations(seen)
        kept.close()
        return wrong


class ServerSweep(Sweep):
    """The same on PostgreSQL: the calls are those of its client, the service."""

    dialect = "postgresql"
    calls_of_cycle = (*CALLS, *SOCKET_CALLS)

    def __init__(self, folder, **options):
        self.name = f"sweep_{uuid.uuid4().hex[:12]}"
        administer(f"CREATE DATABASE {self.name}_base")
        super().__init__(folder, **options)

    def _url(self, folder):
        return postgresql_url(self._database(folder))

    def _database(self, folder):
        return f"{self.name}_{folder.name.replace('-', '_').lower()}"

    def _copy(self, name):
        folder = super()._copy(name)
        administer(f"CREATE DATABASE {self._database(folder)} TEMPLATE {self.name}_base")
        return folder

    def _remove(self, folder):
        super()._remove(folder)
        administer(f"DROP DATABASE {self._database(folder)} WITH (FORCE)")

    def _judged(self, folder, seen):
        # What the killed process held ends with its connections: a moment later.
        with psycopg.connect(postgresql_url("postgres"), autocommit=True) as connection:
            for _ in range(200):
                if not connection.execute(_CONNECTED, [self._database(folder)]).fetchone()[0]:
                    break
                time.sleep(0.05)
        return super()._judged(folder, seen)


_CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"


def sweep(folder: Path, *, rig=Sweep, faults=tuple(FAULTS), every=1, error="", calls=None):
    """Fail each `every`-th call with each of the faults; return what came of it."""
    swept, rig = Swept(), rig(folder, error=error)
    for call, number in [each for each in rig.calls() if each[0] in (calls or each)][::every]:
        for fault in faults:
            if not (fault == "ENOSPC" and call in SOCKET_CALLS):
                rig.fail(call, number, fault, swept)
    return swept


def main(folder, rig, every):
    """Print what came of every so manieth call, as JSON: for a test, in a process of its own."""
    logging.disable()
    print(json.dumps(asdict(sweep(Path(folder), rig=rig, every=every))))
