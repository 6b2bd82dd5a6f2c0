"""The log, for everybody: its files as tlog-tiles has them, and a page about it for people.

No cookie and no gate: programs of people whom nobody here knows read every byte of it.
"""

import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from foodtrace.consumer_web.page_cache import accepts_gzip
from foodtrace.consumer_web.rendering import page
from foodtrace.trace.accept import best_of
from foodtrace.trace.errors import NotFound, Problem, mark
from foodtrace.trace.log.cosigners import standings
from foodtrace.trace.log.policy_file import policy_file
from foodtrace.trace.log.sequencing import now_ms
from foodtrace.trace.log.services import (
    checkpoint_of,
    history_of,
    keys_of,
    logs_file,
    logs_of,
    tile_of,
    witnessed_of,
)
from foodtrace.trace.log.tiles import ENTRIES, Tile, parse_tile_path
from foodtrace.trace.web import reading, settings, store

TEXT = "text/plain; charset=utf-8"
LINES = "application/jsonl; charset=utf-8"
# A head is new every second where much is recorded; a tile never changes.
BRIEFLY = "public, max-age=2"
FOREVER = "public, max-age=31536000, immutable"
_YEAR_DIGITS = 4
_NO_POLICY = Problem(
    "",
    mark("This service asks no witness: it has no policy"),
    mark("Read the newest head at /log/<year>/checkpoint"),
)
_NO_QUORUM = Problem(
    "",
    mark("No head of this log has the cosignatures that the policy of this service asks for"),
    mark("Read the newest head at /log/<year>/checkpoint, or come back in a minute"),
)
_NO_HEAD = Problem(
    "",
    mark("No head of a log of this year is published here"),
    mark("All logs are listed in /log/logs.json"),
)
_NO_HISTORY = Problem(
    "",
    mark("No head of this log was published on this day (UTC)"),
    mark("Days are written 2026-11-22; all logs are listed in /log/logs.json"),
)
_NOT_COVERED = Problem(
    "",
    mark("No published head covers this tile, or its address is written otherwise"),
    mark("Read the size of the log at /log/<year>/checkpoint"),
)

bp = Blueprint("log", __name__, url_prefix="/log")


@bp.after_request
def open_to_programs(response: Response) -> Response:
    """Let programs in browsers read the files from anywhere: nobody is signed in here."""
    if response.mimetype != "text/html":
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@bp.get("/")
def about() -> AnyResponse:
    """Say what the log is, and how it stands; programs get the list of logs."""
    if best_of(("text/html", "application/json"), request.accept_mimetypes) == "application/json":
        response = logs()
    else:
        file = policy_file(settings())
        with reading() as session:
            found = logs_of(session)
            newest = found[-1] if found else None
            head = checkpoint_of(session, newest.year) if newest else None
            witnesses = (
                standings(session, file.policy, newest.year, now_ms()) if file and newest else []
            )
        response = page(
            "log.html",
            logs=found[::-1],
            head=head.decode() if head else None,
            witnesses=witnesses,
            has_policy=file is not None,
            moment=lambda seconds: datetime.fromtimestamp(seconds, UTC),
        )
    response.headers["Vary"] = "Accept, Accept-Language"
    return response


@bp.get("/logs.json")
def logs() -> Response:
    """List the logs: the newest is the one that grows."""
    with reading() as session:
        found = logs_file(logs_of(session))
    return _answer(found, "application/json", BRIEFLY)


@bp.get("/policy")
def policy() -> Response:
    """Show which witnesses the operator of this service asks; what counts, readers decide."""
    file = policy_file(settings())
    return _answer(None if file is None else file.data, TEXT, BRIEFLY, _NO_POLICY)


@bp.get("/<year>/")
def of_year(year: str) -> AnyResponse:
    """Lead on who has typed the name of a log as an address."""
    _year(year)
    return redirect("/log/", 302)


@bp.get("/<year>/checkpoint")
def checkpoint(year: str) -> Response:
    """Show the newest head, with what its witnesses have said of it so far."""
    with reading() as session:
        note = checkpoint_of(session, _year(year))
    return _answer(note, TEXT, BRIEFLY, _NO_HEAD)


@bp.get("/<year>/witnessed")
def witnessed(year: str) -> Response:
    """Show the newest head that a quorum of the policy has cosigned."""
    file = policy_file(settings())
    if file is None:
        raise NotFound(_NO_POLICY)
    with reading() as session:
        note = witnessed_of(session, _year(year), file.policy)
    return _answer(note, TEXT, BRIEFLY, _NO_QUORUM)


@bp.get("/<year>/tile/<path:path>")
def tile(year: str, path: str) -> Response:
    """Show a tile of hashes or a bundle of entries, for good."""
    named = _tile(path)
    with reading() as session:
        found = tile_of(session, _year(year), named)
    if found is None:
        raise NotFound(_NOT_COVERED)
    response = Response(found, content_type="application/octet-stream")
    response.headers["Cache-Control"] = FOREVER
    if named.level == ENTRIES:
        response.headers["Vary"] = "Accept-Encoding"
        if accepts_gzip(request.headers.get("Accept-Encoding", "")):
            # Commitments cannot be made smaller: only what stands between them.
            response.data = gzip.compress(found, compresslevel=1, mtime=0)
            response.headers["Content-Encoding"] = "gzip"
    return response


@bp.get("/<year>/keys")
def keys(year: str) -> Response:
    """Show the statements that everybody may read, opened: keys, erasures, the log's own."""
    of_year = _year(year)
    with reading() as session:
        if checkpoint_of(session, of_year) is None:
            raise NotFound(_NO_HEAD)
    return _whole(keys_of(store().reading, of_year))


@bp.get("/<year>/history/<day>")
def history(year: str, day: str) -> Response:
    """Show the heads of a day (UTC) that were cosigned, and the last of the day."""
    response = _whole(history_of(store().reading, _year(year), _day(day)))
    if not response.content_length:
        raise NotFound(_NO_HISTORY)
    return response


def _year(text: str) -> int:
    """Return the year of an address. Raises NotFound for any but its one spelling."""
    if len(text) != _YEAR_DIGITS or not (text.isascii() and text.isdigit()) or text[0] == "0":
        raise NotFound()
    return int(text)


def _tile(path: str) -> Tile:
    try:
        return parse_tile_path(f"tile/{path}")
    except ValueError:
        raise NotFound() from None


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise NotFound() from None
    if found.isoformat() != text:
        raise NotFound()
    return found


def _answer(
    body: bytes | None, content_type: str, cache: str, missing: Problem | None = None
) -> Response:
    """Answer with a file, or why there is none; who has these bytes already is told so."""
    if body is None:
        raise NotFound(*(() if missing is None else (missing,)))
    response = Response(body, content_type=content_type)
    response.headers["Cache-Control"] = cache
    response.add_etag()
    response.make_conditional(request)
    return response


def _whole(lines: Iterator[bytes]) -> Response:
    """Answer with all lines, or not at all.

    The server ends an answer that fails on its way as if that were all of it: an audit would take
    what is missing for left out.
    """
    response = Response(b"".join(lines), content_type=LINES)
    response.headers["Cache-Control"] = BRIEFLY
    return response
