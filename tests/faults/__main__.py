"""Make faults, many of them, and count what was wrong afterwards: `make faults`.

KILLS, POWER (rounds), SWEEP (every n-th system call; 0 for none), NETWORK and STORAGE (0 for
none) are environment variables. Each part runs once more with errors of the program made on
purpose: where those are not found, the part has shown nothing. The status is 1 if anything is not
as it should be.
"""

import logging
import os
import shutil
import sys
import tempfile
import time
import uuid
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from foodtrace.trace.store.migrate import upgrade
from foodtrace.trace.store.session import Store

from ..conftest import SERVER
from ..postgres import PostgresServer, fast_folder
from .cutting import fill_disks
from .filling import Filling
from .kills import Rig
from .network import Network
from .power import cut_power
from .proxy import RESET, SILENT
from .sleeping import Sleeping
from .storing import sweep_storage
from .sweep import ServerSweep, Sweep, sweep

KILLS = int(os.environ.get("KILLS", "200"))
POWER = int(os.environ.get("POWER", "30"))
SWEEP = int(os.environ.get("SWEEP", "1"))
NETWORK = int(os.environ.get("NETWORK", "1"))
STORAGE = int(os.environ.get("STORAGE", "1"))
# Which error is made, on which database, and how many kills it takes to see it.
KILL_ERRORS = (
    ("acknowledge-early", "sqlite", 12),
    ("publish-early", "sqlite", 12),
    ("forget-keys", "sqlite", 6),
    ("numbers-twice", "sqlite", 2),
    ("publish-early", "postgresql", 12),
    ("last-id", "postgresql", 6),
    ("forget-keys", "postgresql", 6),
    ("numbers-twice", "postgresql", 2),
)
# The same for cuts of the power: so many rounds at most.
POWER_ERRORS = (
    ("sqlite-off", "sqlite", 6),
    ("sqlite-normal", "sqlite", 6),
    ("acknowledge-early", "sqlite", 6),
    ("anchor-unflushed", "sqlite", 6),
    ("anchor-late", "sqlite", 6),
    ("publish-early", "sqlite", 6),
    ("postgresql-asynchronous", "postgresql", 6),
    ("anchor-unflushed", "postgresql", 6),
)


@contextmanager
def folder():
    """Yield a folder that is gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="faults-", dir=fast_folder()))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def new_database(server, path=None):
    """Make a database with our tables on this server, or SQLite's in a folder; return its URL."""
    url = f"sqlite:///{path}/log.sqlite"
    if server is not None:
        name = f"faults_{uuid.uuid4().hex}"
        server.run(f"CREATE DATABASE {name}")
        url = server.database(name)
    store = Store(url)
    upgrade(store)
    store.close()
    return url


def killed(server, dialect, kills, error=None, *, is_forked=True):
    """Kill the service over a new database so many times; return the report."""
    with folder() as path:
        url = new_database(server if dialect == "postgresql" else None, path)
        workers = 2 if dialect == "postgresql" else 1
        rig = Rig(url, path, error=error, workers=workers, is_forked=is_forked)
        return rig.run(kills)


class Findings:
    """What was counted, line by line; `is_bad` once anything is not as it should be."""

    is_bad = False

    def tell(self, part, counts, wrong, *, is_error=False):
        """Print what a part came to. An error made on purpose is to be found."""
        self.is_bad = self.is_bad or bool(wrong) == (not is_error)
        print(f"{part}: {counts}, {len(wrong)} violations", flush=True)
        for each in wrong[: 3 if is_error else 20]:
            print(f"    {each}", flush=True)


def kill_all(postgres, findings):
    for dialect in ("sqlite", "postgresql"):
        for is_forked, kills in ((True, KILLS), (False, KILLS // 20)):
            report = asdict(killed(postgres, dialect, kills, is_forked=is_forked))
            wrong = report.pop("violations")
            findings.tell(
                f"kills, {dialect}, {'forked' if is_forked else 'granian'}", report, wrong
            )
    for error, dialect, kills in KILL_ERRORS:
        report = asdict(killed(postgres, dialect, kills, error))
        wrong = report.pop("violations")
        findings.tell(f"kills with the error {error}, {dialect}", report, wrong, is_error=True)


def cut_all(findings):
    for dialect in ("sqlite", "postgresql"):
        with folder() as path:
            report = asdict(cut_power(path, dialect, POWER))
        wrong = report.pop("violations")
        findings.tell(f"power cuts, {dialect}", report, wrong)
    for error, dialect, rounds in POWER_ERRORS:
        with folder() as path:
            report = asdict(cut_power(path, dialect, rounds, error=error))
        wrong = report.pop("violations")
        findings.tell(f"power cuts with the error {error}, {dialect}", report, wrong, is_error=True)


def sweep_all(findings):
    for rig, every in ((Sweep, SWEEP), (ServerSweep, SWEEP * 4)):
        for error, faults in (("", ("KILL", "EIO", "ENOSPC")), ("publish-early", ("KILL",))):
            with folder() as path:
                swept = sweep(path, rig=rig, faults=faults, every=every, error=error)
            wrong = [f"{place}: {what[0]}" for place, what in swept.violations.items()]
            counts = {"injections": swept.injections, "killed": swept.killed}
            part = f"system calls, {rig.dialect}, {error and f'with the error {error}'}"
            findings.tell(part, counts, wrong, is_error=bool(error))


def disturb_all(postgres, findings):
    for part, rig, error, times, more in (
        ("network", Network, "", 0, {}),
        ("network", Network, "patient", 0, {"plan": ((SILENT, 15),)}),
        ("network", Network, "forget-keys", 0, {"plan": ((RESET, 5),)}),
        ("a keeper that sleeps", Sleeping, "", 3, {}),
        ("a keeper that sleeps", Sleeping, "sequencer-for-good", 1, {}),
    ):
        with folder() as path:
            url = new_database(postgres)
            report = asdict(rig(url, path, error=error, workers=2, **more).run(times))
        wrong = report.pop("violations")
        name = f"{part} with the error {error}" if error else part
        findings.tell(name, report, wrong, is_error=bool(error))


def main():
    logging.disable()
    server, findings, begun = PostgresServer(), Findings(), time.monotonic()
    os.environ[SERVER] = server.database("{}")
    try:
        if KILLS:
            kill_all(server, findings)
        if POWER:
            cut_all(findings)
        if SWEEP:
            sweep_all(findings)
        if NETWORK:
            disturb_all(server, findings)
        if STORAGE:
            with folder() as path:
                for part, count, wrong in sweep_storage(path):
                    findings.tell(part, {"plans": count}, wrong)
            with folder() as path:
                findings.tell("full disks, sqlite", *fill_disks(path))
            for is_durable in (True, False):
                with folder() as path:
                    found = Filling(path, is_durable=is_durable).run()
                part = f"full disks, postgresql{'' if is_durable else ', acknowledged early'}"
                findings.tell(part, *found, is_error=not is_durable)
    finally:
        server.stop()
    print(f"{time.monotonic() - begun:.0f} s", flush=True)
    return findings.is_bad


if __name__ == "__main__":
    sys.exit(main())
