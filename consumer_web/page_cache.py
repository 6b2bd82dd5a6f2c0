"""The guarded page cache: a WSGI function in front of Flask that is never stale.

A finished page is kept as ``path + language + view -> (etag, headers, body, gzip)`` and served
while it is proved to be right:

* the day in China is the one it was made on (a lot expires at midnight), and
* `version` says that nothing in the database has changed since, or, when something has,
  `fingerprint` of the chain, its certificates and its recalls is the one it was made from. What
  the log says of them is covered by the version alone, until all witnesses have seen it: then
  nothing is left to be said (GUARDED).

The version and the fingerprint are read *before* the page is made, so what is in the page
is at least as new as they are. Facts are only ever added, so a fingerprint never returns
to an earlier value: if it is the same before and after, the page in between is the same.
"""

import gzip
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from foodtrace.consumer_web.language import choose
from foodtrace.consumer_web.resolver.addresses import PREFIXES, read_path
from foodtrace.consumer_web.resolver.negotiation import View, preferred_view
from foodtrace.consumer_web.story import fingerprint
from foodtrace.trace.errors import Invalid, Unavailable
from foodtrace.trace.log.policy_file import policy_file
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# What the cache and the application tell each other in the WSGI environment: the day that
# the page is made for, and that the fingerprint covers all that the page shows.
TODAY = "foodtrace.today"
GUARDED = "foodtrace.guarded"
# … the method that the client used, and that the page is for this reader alone.
METHOD = "foodtrace.method"
PERSONAL = "foodtrace.personal"
CAPACITY = 64 * 2**20
SMALLEST_GZIP = 400
CHINA_OFFSET = 8 * 3600  # no summer time since 1991
LISTS = frozenset({"/", "/recalls"})
_SERIAL = "/21/"
# The queries that a kept page may have, with the language and the view that they ask for (None:
# by their headers). All others are made anew.
KEPT_QUERIES: dict[str, tuple[str, View | None]] = {
    "": ("", None),
    "lang=zh-CN": ("zh-CN", None),
    "lang=en": ("en", None),
    "view=page": ("", View.PAGE),
    "view=page&lang=zh-CN": ("zh-CN", View.PAGE),
    "view=page&lang=en": ("en", View.PAGE),
    "view=data": ("", View.DATA),
    "view=epcis": ("", View.EVENTS),
    "linkType=linkset": ("", View.LINKSET),
    "linkType=all": ("", View.LINKSET),
}
# What would make Flask answer with something other than the whole page.
_CONDITIONAL = (
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_RANGE",
    "HTTP_RANGE",
    "HTTP_ACCEPT_ENCODING",
)
_OVERHEAD = 2048  # headers, strings and objects of one page, in bytes

Headers = list[tuple[str, str]]
Key = tuple[str, str, View]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to send an answer: its headers, and its body in the list that granian likes."""

    etag: str
    headers: Headers
    body: list[bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer, plain and gzipped, for all who may ask."""

    status: str
    plain: Variant
    zipped: Variant

    @property
    def size(self) -> int:
        """The bytes of memory it takes, roughly."""
        return len(self.plain.body[0]) + len(self.zipped.body[0]) + _OVERHEAD

    def send(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        """Answer GET and HEAD, with 304 where the reader has these bytes already."""
        accepts = environ.get("HTTP_ACCEPT_ENCODING", "")
        variant = self.zipped if accepts and accepts_gzip(accepts) else self.plain
        known = environ.get("HTTP_IF_NONE_MATCH")
        if known and variant.etag and self._is_known(known):
            start_response("304 Not Modified", _without_length(variant.headers))
            return [b""]
        start_response(self.status, variant.headers)
        return variant.body if environ["REQUEST_METHOD"] == "GET" else [b""]

    def _is_known(self, header: str) -> bool:
        """Compare weakly (RFC 9110, 13.1.2), with both encodings: their content is one."""
        tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
        return "*" in tags or not tags.isdisjoint((self.plain.etag, self.zipped.etag))


class Page:
    """An answer that is kept, with what proves that it is still right."""

    __slots__ = ("answer", "day", "fingerprint", "used", "version")

    def __init__(self, answer: Answer, version: str, fingerprint: str | None, day: int) -> None:
        self.answer = answer
        self.version = version
        self.fingerprint = fingerprint
        self.day = day
        self.used = False


class PageCache:
    """A WSGI application that answers from memory what another one has answered before.

    `away` are the exceptions by which `version` and `fingerprint` say that the database is.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        *,
        version: Callable[[], str],
        fingerprint: Callable[[str], str | None],
        away: tuple[type[Exception], ...],
        capacity: int = CAPACITY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._application = application
        self._version = version
        self._fingerprint = fingerprint
        self._away = away
        self._capacity = capacity
        self._clock = clock
        self._pages: OrderedDict[Key, Page] = OrderedDict()
        self._size = 0
        self._changing = threading.Lock()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or not _is_page(path):
            return self._application(environ, start_response)
        day = int(self._clock() + CHINA_OFFSET) // 86400
        key = _key_of(path, environ)
        if key is None:
            return self._make(environ, day)[0].send(environ, start_response)
        try:
            version = self._version()
            page = self._pages.get(key)
            if page is not None and page.day == day and page.version == version:
                page.used = True
                return page.answer.send(environ, start_response)
            fingerprint = self._fingerprint(path)
        except self._away:
            # Nothing kept can be proved right, so nothing kept is served: the application
            # says what is the matter.
            return self._make(environ, day)[0].send(environ, start_response)
        if page is not None and page.day == day and fingerprint == page.fingerprint is not None:
            page.version = version
            page.used = True
            return page.answer.send(environ, start_response)
        answer, said = self._make(environ, day)
        if not said.get(PERSONAL):
            covered = fingerprint if said.get(GUARDED) else None
            self._replace(key, Page(answer, version, covered, day))
        return answer.send(environ, start_response)

    @property
    def size(self) -> int:
        """The bytes of memory that the pages take, roughly."""
        return self._size

    def _make(self, environ: "WSGIEnvironment", day: int) -> "tuple[Answer, WSGIEnvironment]":
        """Have the application make the whole page, whatever the reader has already.

        Beside it stands the environment in which the application said what the page is.
        """
        inner = {name: value for name, value in environ.items() if name not in _CONDITIONAL}
        inner[METHOD] = environ["REQUEST_METHOD"]
        inner["REQUEST_METHOD"] = "GET"
        inner[TODAY] = date(1970, 1, 1) + timedelta(days=day)
        started: list[tuple[str, Headers]] = []

        def start(status: str, headers: Headers, _error: Any = None) -> Callable[[bytes], object]:
            started[:] = [(status, headers)]
            return lambda _data: None

        chunks = self._application(inner, start)
        try:
            body = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        return finished(*started[0], body), inner

    def _replace(self, key: Key, page: Page) -> None:
        """Keep a page (200 only); the oldest that nobody asked for since make room for it."""
        with self._changing:
            former = self._pages.pop(key, None)
            if former is not None:
                self._size -= former.answer.size
            if not page.answer.status.startswith("200 ") or page.answer.size > self._capacity // 8:
                return
            self._pages[key] = page
            self._size += page.answer.size
            while self._size > self._capacity:
                oldest, candidate = self._pages.popitem(last=False)
                if candidate.used:  # a second chance
                    candidate.used = False
                    self._pages[oldest] = candidate
                else:
                    self._size -= candidate.answer.size


def finished(status: str, headers: Headers, body: bytes) -> Answer:
    """Return the answer with its lengths, its gzipped form, and ETags if it is a page (200)."""
    zipped = gzip.compress(body, compresslevel=6, mtime=0) if len(body) > SMALLEST_GZIP else body
    tag = hashlib.sha256(body).hexdigest()[:24] if status.startswith("200 ") else ""
    kept = [(name, value) for name, value in headers if name.lower() not in _OWN_HEADERS]
    kept.append(("Vary", "Accept, Accept-Language, Accept-Encoding"))
    encoded = [*kept, ("Content-Encoding", "gzip")] if zipped is not body else kept
    return Answer(
        status,
        _variant(kept, body, f'"{tag}"' if tag else ""),
        _variant(encoded, zipped, f'"{tag}-gzip"' if tag else ""),
    )


_OWN_HEADERS = frozenset({"content-length", "content-encoding", "etag", "vary"})


def _variant(headers: Headers, body: bytes, etag: str) -> Variant:
    own = [("Content-Length", str(len(body)))]
    if etag:
        own.append(("ETag", etag))
    return Variant(etag, headers + own, [body])


@lru_cache(maxsize=256)
def accepts_gzip(header: str) -> bool:
    """Tell whether an Accept-Encoding header takes gzip (RFC 9110, 12.5.3).

    >>> accepts_gzip("br, gzip;q=0.5"), accepts_gzip("gzip;q=0, *"), accepts_gzip("*")
    (True, False, True)
    """
    weights = {}
    for part in header.lower().split(","):
        coding, _, parameter = part.partition(";")
        weights[coding.strip()] = parameter.replace(" ", "") not in {
            "q=0",
            "q=0.0",
            "q=0.00",
            "q=0.000",
        }
    return weights.get("gzip", weights.get("*", False))


def _without_length(headers: Headers) -> Headers:
    return [pair for pair in headers if pair[0] not in ("Content-Length", "Content-Encoding")]


def _is_page(path: str) -> bool:
    return path.startswith(PREFIXES) or path in LISTS


def _key_of(path: str, environ: "WSGIEnvironment") -> Key | None:
    """Return under what the answer to a request is kept; None for one that is made anew."""
    asked = KEPT_QUERIES.get(environ.get("QUERY_STRING", ""))
    # A page of a single thing says how often it was looked at.
    if asked is None or _SERIAL in path:
        return None
    language, view = asked
    if path in LISTS:
        view = View.PAGE
    elif view is None:
        view = preferred_view(environ.get("HTTP_ACCEPT", ""))
    return path, choose(language, environ.get("HTTP_ACCEPT_LANGUAGE", "")), view


def guard(app: Flask, store: Store, settings: Settings) -> PageCache:
    """Return the cache in front of a public application, guarded by its database and policy."""

    def fingerprint_of(path: str) -> str | None:
        try:
            canonical = read_path(path).identifier.canonical
        except Invalid:
            return None
        with store.reading() as session:
            found = fingerprint(session, canonical)
        # Every page says so while the record is read-only, and which witnesses count.
        return found and f"{found} {store.standing.changes} {policy()}"

    def policy() -> str:
        file = policy_file(settings)
        return "" if file is None else str(file.seen)

    return PageCache(
        app.wsgi_app,
        version=lambda: f"{store.version()} {policy()}",
        fingerprint=fingerprint_of,
        away=(SQLAlchemyError, store.readers.dialect.loaded_dbapi.Error, Unavailable),
    )
