"""Fill the disks of the anchor, of PostgreSQL and of its write-ahead log (root only)."""

import shutil
import subprocess
from contextlib import ExitStack, suppress

from sqlalchemy import event, func, select
from sqlalchemy.exc import DBAPIError

from foodtrace.trace.errors import Unavailable
from foodtrace.trace.store.migrate import upgrade
from foodtrace.trace.store.session import Store

from ..trace.acts import count
from ..trace.kept import Kept
from .cluster import Cluster
from .cutting import ballast, captured, small_disk
from .kills import free_port

# Room for an empty cluster with our tables, and for some segments of one megabyte.
KILOBYTES = {"anchor": 64, "server": 131_072, "journal": 32_768}


_KEEP_ALL = select(func.pg_create_physical_replication_slot("standby", True))


class Filling:
    """A server of its own on small disks, and the log that is kept in it.

    The control: commits that are not durable are acknowledged before they are written.
    """

    def __init__(self, folder, *, is_durable=True):
        self.folder, self.is_durable = folder, is_durable
        self.wrong, self.counts, self.acknowledged = [], {}, 0

    def run(self):
        """Return counts, and what was wrong."""
        self.folder.chmod(0o711)  # the user of PostgreSQL has to get through
        with ExitStack() as stack:
            disks = {
                name: stack.enter_context(small_disk(self.folder / name, size))
                for name, size in KILOBYTES.items()
            }
            cluster = self._made(disks)
            cluster.start(subprocess.DEVNULL)
            try:
                self._fill(cluster, disks)
            finally:
                if cluster.process.poll() is None:
                    cluster.stop()
        return self.counts, self.wrong

    def _made(self, disks):
        """Make a cluster whose write-ahead log lies on a disk of its own."""
        cluster = Cluster(disks["server"] / "data", free_port())
        for name in ("server", "journal"):
            disks[name].chmod(0o711)
        cluster.make()
        journal = cluster.folder / "pg_wal"
        shutil.copytree(journal, disks["journal"] / "wal")
        shutil.rmtree(journal)
        journal.symlink_to(disks["journal"] / "wal")
        cluster.own()
        for path in (disks["journal"] / "wal", *(disks["journal"] / "wal").rglob("*")):
            if cluster.user:
                shutil.chown(path, cluster.user)
        return cluster

    def _fill(self, cluster, disks):
        store = Store(cluster.url("postgres"))
        upgrade(store)
        if not self.is_durable:
            event.listen(store.writers, "connect", _commit_early)
            store.writers.dispose()
            with store.writers.connect().execution_options(isolation_level="AUTOCOMMIT") as one:
                one.exec_driver_sql("ALTER SYSTEM SET wal_writer_delay = '10s'")
                one.exec_driver_sql("SELECT pg_reload_conf()")
        kept = Kept(store, self.folder / "rest", anchor=disks["anchor"])
        self._capture(kept, "before", 5)
        kept.keep_all()
        self._fill_anchor(kept, disks["anchor"])
        for name in ("server", "journal"):
            self._fill_server(kept, cluster, disks[name], name)
        kept.keep_all()
        self.wrong += kept.violations()
        kept.close()

    def _capture(self, kept, when, number):
        found = captured(kept, range(1, number + 1))
        self.acknowledged += found
        self.counts[when] = found
        if found != number:
            self.wrong.append(f"{when}: {found}, not {number}")

    def _fill_anchor(self, kept, disk):
        empty = ballast(disk)
        self._capture(kept, "while the anchor is full", 3)
        with suppress(OSError):
            kept.keep()
            self.wrong.append("something was signed")
        if kept.sizes()[-1] != 5:
            self.wrong.append("something was signed that the anchor does not hold")
        empty()
        kept.keep_all()
        if kept.sizes()[-1] != 8:
            self.wrong.append("it does not go on when the anchor has room")

    def _fill_server(self, kept, cluster, disk, name):
        """Without room for its write-ahead log the server ends, and has to be started again."""
        if name == "journal":
            # A standby that is away: nothing of the write-ahead log is used again.
            with kept.store.writers.begin() as connection:
                connection.execute(_KEEP_ALL)
        empty = ballast(disk)
        self._capture_until_full(kept, name)
        if name == "server" and count(kept.store, "event")["event"] != self.acknowledged:
            self.wrong.append("while the disk is full, what is read is not what was acknowledged")
        empty()
        self._start_again(cluster, name)
        found = count(kept.store, "event")["event"]
        if found != self.acknowledged:
            self.wrong.append(f"{found} are on record, and {self.acknowledged} were acknowledged")
        self._capture(kept, f"after the {name} was full", 5)

    def _capture_until_full(self, kept, name):
        """Capture until that fails ten times in a row."""
        done = failed = 0
        while failed < 10 and done < 10_000:
            if captured(kept, [done % 400]):
                done, failed = done + 1, 0
            else:
                failed += 1
            if self.is_durable:
                with suppress(Unavailable, DBAPIError):
                    kept.keep()
        self.acknowledged += done
        self.counts[f"until the {name} was full"] = done
        if failed < 10:
            self.wrong.append(f"the {name} was never full")

    def _start_again(self, cluster, name):
        if name == "journal":
            with suppress(subprocess.TimeoutExpired):
                cluster.process.wait(20)
            if cluster.process.poll() is None:
                self.wrong.append("the server did not end")
                return
            cluster.start(subprocess.DEVNULL)


def _commit_early(connection, _record):
    connection.execute("SET synchronous_commit = off")
    connection.commit()
