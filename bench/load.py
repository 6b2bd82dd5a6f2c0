"""Load on a server: wrk for pages, if it is installed, and a client of our own.

Our client sends requests that stand ready as bytes, each on one of many connections, from
one thread. It is slower than wrk, and so leaves the server more often without work: compare
processor time between runs of the same client only.
"""

import re
import selectors
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

SCRIPT = Path(__file__).parent / "load.lua"
WRK = shutil.which("wrk")


@dataclass(frozen=True)
class Answered:
    """How many requests were answered well, in how many seconds."""

    requests: int
    seconds: float


def get(url: str, paths: Path, connections: int, seconds: int) -> Answered:
    """Ask for the paths of a file, again and again, for so many seconds."""
    if WRK is None:
        browser = {"Accept": "text/html"}
        requests = [
            _request(url, "GET", path, headers=browser) for path in paths.read_text().split()
        ]
        return _Client(url, cycle(requests), seconds).run(connections)
    output = subprocess.run(
        [
            *(WRK, "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "20s"),
            *("-s", str(SCRIPT), url, "--", str(paths)),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    if refused := re.search(r"Non-2xx.*|Socket errors: connect [1-9].*", output):
        raise RuntimeError(f"{url}: {refused[0]}")
    found = re.search(r"answered (\d+)", output)
    assert found, output
    return Answered(int(found[1]), seconds)


def post(
    url: str, path: str, bodies: list[bytes], connections: int, headers: dict[str, str]
) -> Answered:
    """Send each body once, and wait for all the answers."""
    requests = [_request(url, "POST", path, body, headers) for body in bodies]
    return _Client(url, iter(requests)).run(connections)


def _request(
    url: str, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> bytes:
    lines = {"Host": urlsplit(url).netloc, "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


@dataclass
class _Connection:
    """One connection with at most one request under way."""

    socket: socket.socket
    unsent: bytes = b""
    received: bytearray = field(default_factory=bytearray)

    def write(self) -> None:
        self.unsent = self.unsent[self.socket.send(self.unsent) :]

    def read(self) -> bytes | None:
        """Take in what has arrived; return the first line of the answer when it is whole."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise RuntimeError("the server closed the connection")
        self.received += data
        head, separator, rest = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if not separator or (length and len(rest) < int(length[1])):
            return None
        self.received.clear()
        return bytes(head.split(b"\r\n", 1)[0])


class _Client:
    """Sends requests until there are no more, or the time is over."""

    def __init__(self, url: str, requests: Iterator[bytes], seconds: float = 600) -> None:
        self._address = urlsplit(url)
        self._requests = requests
        self._seconds = seconds
        self._selector = selectors.DefaultSelector()
        self._answered = 0

    def run(self, connections: int) -> Answered:
        begin = time.perf_counter()
        for _ in range(connections):
            host, port = self._address.hostname, self._address.port
            connection = _Connection(socket.create_connection((host or "", port or 80)))
            connection.socket.setblocking(False)
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
            self._next(connection)
        while self._selector.get_map():
            for key, events in self._selector.select(30):
                self._serve(key.data, events)
            if time.perf_counter() - begin > self._seconds:
                self._requests = iter(())
        return Answered(self._answered, time.perf_counter() - begin)

    def _serve(self, connection: _Connection, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            connection.write()
            self._watch(connection)
        if events & selectors.EVENT_READ and (status := connection.read()):
            if b" 20" not in status:
                raise RuntimeError(f"{self._address.netloc}: {status.decode()}")
            self._answered += 1
            self._next(connection)

    def _next(self, connection: _Connection) -> None:
        request = next(self._requests, None)
        if request is None:
            self._selector.unregister(connection.socket)
            connection.socket.close()
            return
        connection.unsent = request
        connection.write()
        self._watch(connection)

    def _watch(self, connection: _Connection) -> None:
        """Wait for the server to take the rest of the request, if there is a rest."""
        write = selectors.EVENT_WRITE if connection.unsent else 0
        self._selector.modify(connection.socket, selectors.EVENT_READ | write, connection)
