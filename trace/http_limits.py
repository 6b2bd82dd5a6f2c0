"""Limits of an HTTP exchange with strangers: when it has to end, and how long a header may be.

A limit for each read does not stop one who sends a byte now and then, and `http.client` takes any
number of interim answers and trailers. So all that comes in goes through one reader, which
knows when the exchange has to be over. For lone connections and for those of urllib3's pools.
"""

import http.client
import io
import socket
import time
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection

LARGEST_HEADER = 64 * 1024
_PORTION = 16 * 1024


class HeaderTooLong(http.client.HTTPException):
    """An answer has a header, or interim answers before it, without an end."""


class _Incoming(io.RawIOBase):
    """What a peer sends, up to `end` on the clock of `time.monotonic`.

    `header_left` is how many bytes may come before the header ends; None after it.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, end: float) -> None:
        self._raw, self._sock, self._end = raw, sock, end
        self._silence = sock.gettimeout()
        self.header_left: int | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.header_left is not None and self.header_left <= 0:
            raise HeaderTooLong(f"its header has more than {LARGEST_HEADER} bytes")
        left = _left(self._end)
        self._sock.settimeout(left if self._silence is None else min(left, self._silence))
        count: int | None = self._raw.readinto(buffer)
        if self.header_left is not None:
            self.header_left -= count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _LimitedResponse(http.client.HTTPResponse):
    """An answer that ends in time."""

    def __init__(self, sock: socket.socket, end: float, **options: Any) -> None:
        super().__init__(sock, **options)
        self._incoming = _Incoming(self.fp.detach(), sock, end)
        self.fp = io.BufferedReader(self._incoming)

    def begin(self) -> None:
        """Read the header, after any interim answers."""
        self._incoming.header_left = LARGEST_HEADER
        super().begin()
        self._incoming.header_left = None


class LimitedHTTPConnection(HTTPConnection):
    """A connection on which each exchange ends after `seconds_in_all`, connecting apart.

    What is too late raises TimeoutError, as silence of the usual `timeout` does.
    """

    seconds_in_all = 300.0
    _end = 0.0

    def request(self, *arguments: Any, **options: Any) -> None:
        """Send a request; from now on the time runs."""
        self._end = time.monotonic() + self.seconds_in_all
        super().request(*arguments, **options)

    def send(self, data: Any) -> None:
        """Send bytes, however slowly they are taken, as long as there is time."""
        for start in range(0, len(data), _PORTION):
            if self.sock is not None:
                self.sock.settimeout(_left(self._end))
            super().send(data[start : start + _PORTION])

    def response_class(  # type: ignore[override]
        self, sock: socket.socket, **options: Any
    ) -> http.client.HTTPResponse:
        """Return the answer that `http.client` is to read."""
        return _LimitedResponse(sock, self._end, **options)


class LimitedHTTPSConnection(LimitedHTTPConnection, HTTPSConnection):
    """The same with TLS."""


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("no whole answer in time")
    return left
