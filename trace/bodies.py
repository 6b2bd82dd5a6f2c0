"""Request bodies, guarded against slow and broken senders.

A WSGI server gives a body to the application while it still arrives, and a thread waits
for it. So only some of the threads may wait at once: who sends slowly takes those, and
pages, which have no body, go on. Strangers, who can do nothing but sign in, have places
of their own, so that they cannot take those of captures. A body that ends before its
length is refused: half a form must never be stored.
"""

import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from foodtrace.trace.errors import FoodtraceError, Invalid, Problem, Unavailable, mark

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TOO_LARGE = "413"
MOST_DROPPED = 64 * 1024 * 1024  # of a body that is refused for its size
PIECE = 64 * 1024


class BodyGate:
    """A WSGI application that receives so many bodies of strangers and of others at once."""

    def __init__(self, application: "WSGIApplication", *, strangers: int, known: int) -> None:
        self._application = application
        self._strangers = threading.BoundedSemaphore(strangers)
        self._known = threading.BoundedSemaphore(known)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Pass the request on; its body is received when somebody reads it."""
        length = environ.get("CONTENT_LENGTH") or ""
        body = environ["wsgi.input"] = GatedBody(
            environ["wsgi.input"],
            int(length) if length.isdecimal() else None,
            self._strangers,
            self._known,
        )
        statuses: list[str] = []

        def start(status: str, *more: Any) -> Any:
            statuses.append(status)
            return start_response(status, *more)

        answer = self._application(environ, start)
        if statuses and statuses[-1].startswith(TOO_LARGE):
            body.drop(MOST_DROPPED)
        return answer


class GatedBody:
    """A request body, of which a thread may read only while it holds a place.

    It comes from a stranger until `welcome` says otherwise. Raises Unavailable when no
    place is free, Invalid when the body ends early.
    """

    def __init__(
        self,
        stream: IO[bytes],
        length: int | None,
        strangers: threading.BoundedSemaphore,
        known: threading.BoundedSemaphore,
    ) -> None:
        self._stream = stream
        self._missing = length
        self._places = strangers
        self._known = known

    def welcome(self) -> None:
        """Let the body take a place of those who are known: its sender has shown who it is."""
        self._places = self._known

    def drop(self, most: int) -> None:
        """Read up to `most` bytes and forget them, while a place is free.

        Many clients hear no answer before they have sent all: to them a connection that is
        closed early is broken, and they would send the same again.
        """
        with suppress(FoodtraceError):
            while most > 0 and (piece := self.read(min(most, PIECE))):
                most -= len(piece)

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes, or all that are left."""
        # With the length known, the last read need not wait for the end of the connection.
        if self._missing is not None:
            size = self._missing if size < 0 else min(size, self._missing)
        if size == 0:
            return b""
        if not self._places.acquire(blocking=False):
            raise Unavailable(
                Problem("", mark("Too many senders are slow"), mark("Send it again shortly"))
            )
        try:
            data = self._stream.read(size) if size > 0 else self._stream.read()
        finally:
            self._places.release()
        if self._missing is not None:
            self._missing -= len(data)
            if len(data) < size:
                raise Invalid(
                    Problem("", mark("The body ended early"), mark("Send it again, whole"))
                )
        return data
