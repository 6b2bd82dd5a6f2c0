"""Where the public files are read from: a site, or a folder. Nobody there is believed.

Whoever serves the files may be the one who is audited: sizes and times are limited, nothing is
followed, and what is read is bytes until it was checked.
"""

import os
import socket
import stat
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from foodtrace.trace.http_limits import LimitedHTTPConnection, LimitedHTTPSConnection

CONNECTIONS = 8
AHEAD = 64
LARGEST_AHEAD = 256 * 1024 * 1024
SECONDS_TO_CONNECT = 10.0
SECONDS_OF_SILENCE = 30.0
# Of one audit: whoever audits each night has to hear of it before the next night.
SECONDS_OF_AN_AUDIT = 20 * 3600.0
MOST_ADDRESSES = 3
MOST_ATTEMPTS = 3
LONGEST_PAUSE = 10.0
LARGEST_FILE = 64 * 1024 * 1024
_PORTION = 64 * 1024
_TO_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_OK, _NOT_FOUND, _GONE, _TOO_MANY, _FAILED = 200, 404, 410, 429, 500


class Unreadable(Exception):
    """A file could not be read, or is larger than such a file can be; the text says why."""


class Missing(Unreadable):
    """There is no such file."""


class Source(Protocol):
    """The files below one address; `is_live` is False for a copy, which nobody keeps fresh."""

    is_live: bool
    connections: int

    def read(self, path: str, most: int) -> bytes:
        """Return a file of at most so many bytes. Raises Missing, Unreadable."""
        ...

    def file(self, sha256: str, name: str, size: int) -> bytes:
        """Return a file that a statement names, of at most its size. Raises Missing, Unreadable."""
        ...

    def following(self, url: str, most: int) -> bytes:
        """Return the part that follows what was read. Raises Missing, Unreadable."""
        ...


class Folder:
    """A copy of the public files, as `foodtrace log export` writes it."""

    is_live = False
    connections = 1

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def read(self, path: str, most: int) -> bytes:
        """Return a file of at most so many bytes. Raises Missing, Unreadable.

        Who is audited may have packed the folder: no link is followed out of it, and what is no
        file is not waited for.
        """
        try:
            found = (self._folder / path).resolve(strict=True)
            if not found.is_relative_to(self._folder):
                raise Unreadable("a link leads out of the folder")
            with open(os.open(found, _TO_READ), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise Unreadable("it is no file")
                data = file.read(most + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise Missing("there is no such file") from None
        except (OSError, RuntimeError) as error:
            raise Unreadable(getattr(error, "strerror", None) or str(error)) from None
        return _within(data, most)

    def file(self, sha256: str, name: str, size: int) -> bytes:
        """Return a file that lies here by its name. Raises Missing, Unreadable."""
        del sha256
        if not name or name.startswith(".") or not {"/", "\\", "\0"}.isdisjoint(name):
            raise Unreadable("this is no name of a file")
        return self.read(name, _most(size))

    def following(self, url: str, most: int) -> bytes:
        """Raise Missing: a saved part says where the next one is served, not where it lies."""
        del url, most
        raise Missing("the part that follows is not at hand")


class _Connection(LimitedHTTPConnection):
    """A connection to one of the first addresses: a name may have thousands that are silent."""

    def _new_conn(self) -> socket.socket:
        host = self._dns_host
        addresses = _addresses(host, self.port)
        for address in addresses:
            self._dns_host = address
            try:
                return super()._new_conn()
            except HTTPError:
                if address is addresses[-1]:
                    raise
            finally:
                self._dns_host = host
        raise AssertionError  # pragma: no cover


class _TlsConnection(_Connection, LimitedHTTPSConnection):
    """The same with TLS."""


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def _addresses(host: str, port: int) -> list[str]:
    """Return the first addresses of a host; its name, so that it is said, if there are none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return [host]
    return list(dict.fromkeys(str(at[0]) for *_, at in found))[:MOST_ADDRESSES] or [host]


class Site:
    """A site that serves the public files; connections are kept and shared by threads."""

    is_live = True
    connections = CONNECTIONS

    def __init__(self, base: str) -> None:
        self.base = base
        self._pool = urllib3.PoolManager(
            maxsize=CONNECTIONS,
            block=True,
            retries=False,
            timeout=urllib3.Timeout(connect=SECONDS_TO_CONNECT, read=SECONDS_OF_SILENCE),
            headers={
                "User-Agent": "foodtrace-audit",
                "Accept": "application/json, */*;q=0.9",
                "Accept-Encoding": "identity",
            },
        )
        self._pool.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        self._end = time.monotonic() + SECONDS_OF_AN_AUDIT

    def read(self, path: str, most: int) -> bytes:
        """Return a file of at most so many bytes. Raises Missing, Unreadable.

        What may pass (no connection, too many requests, a fault there) is tried again.
        """
        for attempt in range(1, MOST_ATTEMPTS + 1):
            if time.monotonic() > self._end:
                hours = SECONDS_OF_AN_AUDIT / 3600
                raise Unreadable(f"the audit has taken more than {hours:g} hours before this")
            try:
                return self._get(urljoin(self.base, path), most)
            except _Passing as error:
                if attempt == MOST_ATTEMPTS:
                    raise Unreadable(str(error)) from None
                time.sleep(min(error.pause or 0.5 * attempt, LONGEST_PAUSE))
        raise AssertionError  # pragma: no cover

    def file(self, sha256: str, name: str, size: int) -> bytes:
        """Return a file by its hash from where this site serves them. Raises as `read`."""
        del name
        return self.read(f"/reports/{sha256}", _most(size))

    def following(self, url: str, most: int) -> bytes:
        """Return the part that follows, of this site and no other. Raises Missing, Unreadable."""
        try:
            own, other = urlsplit(self.base), urlsplit(urljoin(self.base, url))
        except ValueError:
            raise Unreadable("its address is none") from None
        if (own.scheme, own.netloc) != (other.scheme, other.netloc):
            # Whoever is audited must not send the auditor round its own network.
            raise Unreadable("it is said to stand on another site")
        return self.read(url, most)

    def _get(self, url: str, most: int) -> bytes:
        seconds = LimitedHTTPConnection.seconds_in_all
        end = time.monotonic() + seconds
        data = bytearray()
        try:
            response = self._pool.request("GET", url, preload_content=False, redirect=False)
            try:
                _require_ok(response)
                while len(data) <= most:
                    portion = response.read1(_PORTION, decode_content=False)
                    if not portion:
                        break
                    data += portion
            finally:
                # A connection goes back to the pool only when all of the answer was read.
                if len(data) > most or response.status != _OK:
                    response.close()
                response.release_conn()
        except HTTPError as error:
            if time.monotonic() >= end:
                raise Unreadable(f"it took more than {seconds:g} seconds") from None
            raise _Passing(f"no answer: {error}") from None
        return _within(bytes(data), most)


class _Passing(Exception):
    """A failure that may pass; `pause` is what the server asks for, in seconds."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


def _require_ok(response: urllib3.BaseHTTPResponse) -> None:
    if response.status in (_NOT_FOUND, _GONE):
        raise Missing(f"the answer is {response.status}")
    if response.status == _TOO_MANY or response.status >= _FAILED:
        pause = None
        with suppress(ValueError):
            pause = float(response.headers.get("Retry-After", ""))
        # Nor is a time before now, or no number, a pause.
        is_pause = pause is not None and pause >= 0
        raise _Passing(f"the answer is {response.status}", pause if is_pause else None)
    if response.status != _OK:
        raise Unreadable(f"the answer is {response.status}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise Unreadable("the answer is compressed, though that was not asked for")


def _most(size: int) -> int:
    """Return how much is read of a file that is said to have this size."""
    return max(0, min(size, LARGEST_FILE))


def _within(data: bytes, most: int) -> bytes:
    if len(data) > most:
        raise Unreadable(f"it has more than the {most} bytes that such a file can have")
    return data


Read = bytes | Unreadable


def read_all(source: Source, wanted: Iterable[tuple[str, int]]) -> Iterator[Read]:
    """Yield the files of these paths and largest sizes in their order, read ahead of the reader.

    What cannot be read is yielded as the reason.
    """

    def read(path: str, most: int) -> Read:
        try:
            return source.read(path, most)
        except Unreadable as error:
            return error

    if source.connections == 1:
        for path, most in wanted:
            yield read(path, most)
        return
    with ThreadPoolExecutor(source.connections) as readers:
        ahead: deque[tuple[int, Future[Read]]] = deque()
        held = 0
        for path, most in wanted:
            # What is read ahead may be as large as it can be.
            while ahead and (len(ahead) >= AHEAD or held + most > LARGEST_AHEAD):
                size, oldest = ahead.popleft()
                held -= size
                yield oldest.result()
            ahead.append((most, readers.submit(read, path, most)))
            held += most
        while ahead:
            yield ahead.popleft()[1].result()
