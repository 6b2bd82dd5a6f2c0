"""Cut the power of a service that is at work, and start it on what its disks may hold then.

The real service runs under strace while writers capture and a reader fetches heads. Then its
calls are played to a disk that forgets what was not flushed (disk.py), and the play is stopped
at some moments: what the disks may hold there is put into folders, in many ways. On each, the
record is opened as the service opens it; the checker looks at it, clients send again, answered
or not, and the checker looks once more. The next round begins with what a cut has left.

What was acknowledged at a moment is what had begun to leave the service by then.
"""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from foodtrace.trace.log.anchor import Anchor, BrokenAnchor
from foodtrace.trace.store.migrate import upgrade
from foodtrace.trace.store.session import Store

from .disk import PIECES, Volume
from .judging import Cuts, Judge, Known, cluster_of, sqlite_url
from .kills import ROOT, WRITERS, Rig
from .recording import CHANGES, STRACE, Player, escaped, events_of, said, strings

RATIOS = (0, 0.3, 0.7, 1)
# Which disks forget something: the other one is there as it was.
KINDS = {"both": (True, True), "anchor": (False, True), "database": (True, False)}
BASE_URL = "https://trace.example"
# PostgreSQL writes these from memory in which others write on at the same time: behind what the
# write is for, the disk may get other octets than strace saw a moment before.
_SHARED = ("pg/pg_wal/", "pg/pg_xact/", "pg/pg_subtrans/", "pg/pg_multixact/")


class Power(Rig):
    """One installation: a service, its database, two disks, and those who use it."""

    def __init__(self, folder, dialect, *, error="", seed=0):
        folder.chmod(0o711)  # the user of PostgreSQL has to get through
        self.disks = folder / "disks"
        (self.disks / "anchor").mkdir(parents=True)
        (self.disks / "database" / "data").mkdir(parents=True)
        self.cluster = None
        url = sqlite_url(self.disks)
        if dialect == "postgresql":
            self.cluster = cluster_of(self.disks)
            self.cluster.make()
            self.cluster.start(subprocess.DEVNULL)
            url = self.cluster.url("postgres")
        store = Store(url)
        upgrade(store)
        if self.cluster:
            with store.writers.begin() as connection:
                connection.exec_driver_sql("CREATE EXTENSION amcheck")
        super().__init__(url, folder, error=error, seed=seed)
        store.close()
        if self.cluster:
            self.cluster.stop()
        self.anchor = Anchor(self.disks / "anchor" / "heads")
        self.environment |= {
            "FOODTRACE_DATA": str(self.disks / "database" / "data"),
            "FOODTRACE_ANCHOR": str(self.disks / "anchor" / "heads"),
            "FOODTRACE_BASE_URL": BASE_URL,
        }
        self.known, self.cuts = Known(), Cuts()
        self.judge = Judge(folder, dialect, self.key, self.random, self.cuts)

    # --- recording

    def _started(self):
        before = ""
        if self.cluster:
            before = (
                "from pathlib import Path; from tests.faults.cluster import Cluster;"
                f"Cluster(Path({str(self.cluster.folder)!r}), {self.cluster.port}).start(None);"
            )
        elif self.cuts.rounds % 2:
            # Pages go to the database all the time, and not only after some thousand.
            before = (
                "from foodtrace.trace.store.engine import SQLITE_SAVINGS;"
                "SQLITE_SAVINGS['wal_autocheckpoint'] = 40;"
            )
        run = f"run_forked({self.port}, 1, {str(self.pids)!r})"
        with (self.folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                [*STRACE, "-o", self.folder / "strace.txt", sys.executable, "-c",
                 f"{before}from tests.faults.server import *; {run}"],
                env=self.environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def record(self, seconds):
        """Let the service work for so long, and until it has done something; return its calls."""
        self.is_over.clear()
        before = self._done()
        self.start()
        threads = [threading.Thread(target=self.write, args=[self.cuts.rounds * 100 + n])
                   for n in range(WRITERS)]  # fmt: skip
        threads.append(threading.Thread(target=self.fetch))
        for thread in threads:
            thread.start()
        try:
            self.is_over.wait(seconds)
            for _ in range(600):
                if all(now != then for now, then in zip(self._done(), before, strict=True)):
                    break
                self.is_over.wait(0.1)
        finally:
            self.is_over.set()
            for thread in threads:
                thread.join()
            self._end()
        with (self.folder / "strace.txt").open() as lines:
            return list(events_of(lines))

    def _done(self):
        """What changes as the service works: what is acknowledged, and the anchor."""
        with suppress(BrokenAnchor):
            return len(self.seen.acknowledged), self.anchor.note(time.gmtime().tm_year)
        return len(self.seen.acknowledged), None

    def _end(self):
        """End all processes but strace, which ends when none of them is left."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        for pid in (*children.split(), *self.pids.read_text().split()):
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        if self.cluster:
            self.cluster.quit()
        self.process.wait(60)
        self.process = None

    def fetch(self):
        """Fetch the published head all the time."""
        path = f"/log/{time.gmtime().tm_year}/checkpoint"
        while not self.is_over.wait(0.01):
            with suppress(OSError):
                self._get(path)

    # --- cutting

    def round(self, seconds, points, kinds=tuple(KINDS), ratios=RATIOS):
        """Record once, cut at so many moments, judge all that may be left; go on with one."""
        volumes = [Volume(self.disks / name) for name in ("database", "anchor")]
        events = self.record(seconds)
        player = Player(volumes, str(self.cluster.folder) if self.cluster else str(ROOT))
        moments = self._moments(events, points)
        left = known = None
        for number, event in enumerate(events):
            self.known.hear(said(event) or self._signed(event))
            player.play(event)
            if number in moments:
                left, known = self._judge_moment(volumes, event, kinds, ratios), self.known.copy()
        self._compare(volumes)
        self.cuts.rounds += 1
        self.cuts.calls += sum(event.is_end for event in events)
        self.cuts.moments += len(moments)
        self.cuts.violations += self.seen.wrong
        self.seen.wrong.clear()
        if left is not None:
            self.known = known
            self.judge.put(left, self.disks)
        # Nobody sends again what he sent after the moment with which it goes on.
        for key in self.known.without(self.sent):
            del self.sent[key]

    def _signed(self, event):
        """Return the head that begins to be anchored: it was signed, and may be somewhere."""
        is_anchored = escaped(str(self.disks / "anchor")) in event.arguments[:1_000]
        if event.is_end or event.name != "write" or not is_anchored:
            return b""
        return b"".join(strings(event.arguments))

    def _moments(self, events, points):
        """Choose moments: an answer begins, the anchor is written, anything is written."""
        anchor, database = (escaped(str(self.disks / name)) for name in ("anchor", "database"))
        answers, anchored, written = [], [], []
        heard = self.known.copy()
        for number, event in enumerate(events):
            if heard.hear(said(event)):
                answers.append(number)
            elif event.name not in CHANGES:
                continue
            elif anchor in event.arguments[:1_000]:
                anchored.append(number)
            elif database in event.arguments[:1_000]:
                written.append(number)
        if not answers or not anchored:
            self.cuts.violations.append("nothing is acknowledged any more")
        self.cuts.acknowledged += len(heard.acknowledged - self.known.acknowledged)
        chosen = set()
        for point in range(self.cuts.rounds * points, (self.cuts.rounds + 1) * points):
            among = (answers, anchored, written, written)[point % 4] or written
            chosen.add(self.random.choice(among))
        return chosen

    def _compare(self, volumes):
        """What was played is what is there: no call was missed."""
        for volume in volumes:
            played, there = (
                {
                    path: len(data) if data and path.startswith(_SHARED) else data
                    for path, data in each.after_cut(1, 4_096, self.random).items()
                }
                for each in (volume, Volume(Path(volume.root)))
            )
            if played != there:
                paths = played.keys() | there.keys()
                wrong = sorted(path for path in paths if played.get(path, 0) != there.get(path, 0))
                raise AssertionError(f"the play of the calls is wrong: {wrong[:9]}")

    def _judge_moment(self, volumes, event, kinds, ratios):
        """Judge what the disks may hold now; return one of the contents."""
        done, goes_on = set(), None
        for kind in kinds:
            for ratio in ratios:
                piece = self.random.choice(PIECES)
                contents = [
                    volume.after_cut(ratio if forgets else 1, piece, self.random)
                    for volume, forgets in zip(volumes, KINDS[kind], strict=True)
                ]
                self.cuts.states += 1
                if (name := _digest(contents)) in done:
                    continue
                done.add(name)
                if goes_on is None or (kind == "both" and self.random.random() < 0.4):
                    goes_on = contents
                found = self.judge.judged(contents, self.known, self.sent)
                self.cuts.wrong += bool(found)
                where = f"round {self.cuts.rounds}, {event.name}, {kind}, {ratio}"
                self.cuts.violations += [f"{wrong} ({where})" for wrong in found]
        return goes_on


def cut_power(folder, dialect, rounds, *, error="", seconds=2.0, points=3, **options):
    """Do so many rounds; stop early when an error made on purpose is found."""
    begun = time.monotonic()
    power = Power(folder, dialect, error=error)
    while power.cuts.rounds < rounds and not (error and power.cuts.violations):
        power.round(seconds, points, **options)
        if len(power.cuts.violations) > 100:
            break
    power.cuts.seconds = round(time.monotonic() - begun, 1)
    return power.cuts


def _digest(contents):
    digest = hashlib.sha256()
    for content in contents:
        for path, data in sorted(content.items()):
            digest.update(f"{path}\0{data is None}\0{len(data or b'')}\0".encode())
            digest.update(data or b"")
    return digest.digest()
