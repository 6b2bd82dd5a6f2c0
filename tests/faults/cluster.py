"""A PostgreSQL server over a given folder, told to checkpoint and vacuum as often as it can."""

import os
import shutil
import signal
import subprocess

from ..postgres import system_binaries, unprivileged_user, wait_for

# Small segments and little of them: they are filled, renamed and removed all the time.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "8MB",
    "min_wal_size": "2MB",
    "max_wal_size": "4MB",
    "checkpoint_completion_target": "0.1",
    "autovacuum_naptime": "1s",
    "autovacuum_vacuum_threshold": "5",
    "autovacuum_vacuum_scale_factor": "0",
    "log_checkpoints": "on",
}
_CHECK = (
    "SELECT count(bt_index_check(index => indexrelid, heapallindexed => true))"
    " FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam"
    " WHERE amname = 'btree' AND relpersistence = 'p' AND indisvalid",
    "SELECT relname, msg FROM pg_class, LATERAL verify_heapam(pg_class.oid)"
    " WHERE relkind IN ('r', 'm', 't') AND relpersistence = 'p'",
)


class Cluster:
    """The server over a folder, at a port; nothing runs before `start`."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port
        self.binaries = system_binaries()
        self.user = unprivileged_user() if os.geteuid() == 0 else None
        self.process = None

    def make(self):
        """Make the folder: an empty cluster with checksums."""
        self.folder.mkdir(parents=True)
        self.own()
        subprocess.run(
            [self.binaries / "initdb", "-U", "foodtrace", "-A", "trust", "--encoding=UTF8",
             "--locale=C", "--data-checksums", "--wal-segsize=1", "-D", self.folder],
            user=self.user, cwd=self.folder, check=True, capture_output=True,
        )  # fmt: skip

    def own(self):
        """Give the folder to the server's user, and to nobody else."""
        self.folder.chmod(0o700)
        if self.user:
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, self.user)

    def start(self, log):
        """Start the server and wait until it answers; what it says goes to that file."""
        settings = [each for name in _SETTINGS.items() for each in ("-c", "=".join(name))]
        self.process = subprocess.Popen(
            [self.binaries / "postgres", "-D", self.folder, "-p", str(self.port), *settings],
            user=self.user, cwd=self.folder, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        wait_for(self.url("postgres"))

    def url(self, database):
        return f"postgresql://foodtrace@127.0.0.1:{self.port}/{database}"

    def stop(self):
        """Stop the server as its operator does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)

    def quit(self):
        """End a server of which only the folder is known."""
        os.kill(int((self.folder / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)


def wrong_tables(connection):
    """Return what PostgreSQL's own checks say of indexes and tables, reading all of them.

    Half a page at the end of a file is no page, and written over later: pg_checksums would
    complain about it.
    """
    indexes, tables = _CHECK
    connection.exec_driver_sql(indexes)
    return [f"{name}: {said}" for name, said in connection.exec_driver_sql(tables)]
