"""Servers in processes of their own, and the processor time that they use."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.postgres import free_port

TICKS = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Server:
    """A server that answers at `url`."""

    url: str
    pid: int

    def cpu(self) -> float:
        """Return the processor seconds that the server and its children have used."""
        return sum(_ticks(pid) for pid in _family(self.pid)) / TICKS


def foodtrace(environment: Mapping[str, str], ready: str = "/healthz") -> "Starting":
    """Return the service as `foodtrace serve` starts it."""
    return Starting([BIN / "foodtrace", "serve", "--port", "{port}"], ready, environment)


def granian(
    application: str, environment: Mapping[str, str], threads: int, workers: int = 1
) -> "Starting":
    """Return a WSGI application of this folder, under the server that the service has too."""
    command: list[str | Path] = [
        *(BIN / "granian", "--interface", "wsgi", "--port", "{port}", "--workers", str(workers)),
        *("--blocking-threads", str(threads), "--runtime-threads", "1", "--http", "1", "--no-ws"),
        application,
    ]
    return Starting(command, "/", environment)


def nginx(folder: Path, binary: str) -> "Starting":
    """Return an nginx of one worker that serves the files of `folder`/www."""
    configuration = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    template = (Path(__file__).parent / "nginx.conf").read_text()
    return Starting(
        [binary, "-p", str(folder), "-c", str(configuration)],
        "/",
        {},
        (configuration, template.replace("USER", user).replace("FOLDER", str(folder))),
    )


@dataclass(frozen=True)
class Starting:
    """How a server is started; ``{port}`` stands for the port it gets."""

    command: Sequence[str | Path]
    ready: str
    environment: Mapping[str, str]
    configuration: tuple[Path, str] | None = None

    @contextmanager
    def running(self) -> Iterator[Server]:
        """Run the server until the block is left."""
        port = str(free_port())
        if self.configuration:
            path, text = self.configuration
            path.write_text(text.replace("{port}", port))
        process = subprocess.Popen(
            [str(part).replace("{port}", port) for part in self.command],
            env={**os.environ, **self.environment},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server = Server(f"http://127.0.0.1:{port}", process.pid)
        try:
            _wait_for(server.url + self.ready, process)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Return when something answers, whatever it says."""
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args!r} ended with {process.returncode}") from None
            time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} does not answer")


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _ticks(pid: int) -> int:
    """Return user and system time of a process, from fields 14 and 15 of its stat file."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
