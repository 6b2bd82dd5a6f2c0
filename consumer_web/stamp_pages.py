"""Time stamps of the log (RFC 3161), for everybody: tokens, and the bytes that they are over.

    /log/2026/stamps/days.json          the days, with their stamps or gaps
    /log/2026/stamps/2026-11-18.tsr     the stamp of the last head of that day (UTC)
    /log/2026/stamps/2026-11-18.note    that head, as it was stamped
    /log/2026/stamps/12/{salt}.tsr      the stamp of a certificate: salt as its opening shows it,
    /log/2026/stamps/12/{salt}.entry    in hex, and the entry of the log that was stamped

docs/timestamps.md says how to check them.
"""

import re
from datetime import date

from flask import Blueprint, Response, request

from foodtrace.trace.errors import NotFound, Problem, mark
from foodtrace.trace.log.authority import REPLY_TYPE
from foodtrace.trace.log.stamps import Stamped, days_file, days_of, stamp_of_day, stamp_of_leaf
from foodtrace.trace.web import reading

TEXT = "text/plain; charset=utf-8"
OCTETS = "application/octet-stream"
BRIEFLY = "public, max-age=60"
LONG = "public, max-age=3600"
_YEAR = re.compile(r"[1-9][0-9]{3}", re.ASCII)
_INDEX = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_DAY_FILE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.(tsr|note)", re.ASCII)
_LEAF_FILE = re.compile(r"([0-9a-f]{32})\.(tsr|entry)", re.ASCII)

bp = Blueprint("stamps", __name__, url_prefix="/log/<year>/stamps")


@bp.after_request
def open_to_programs(response: Response) -> Response:
    """Let programs in browsers read the files from anywhere: nobody is signed in here."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@bp.get("/days.json")
def days(year: str) -> Response:
    """List the days of a log with their stamps; without a time it is a gap."""
    with reading() as session:
        found = days_of(session, _year(year))
    if found is None:
        raise NotFound(Problem("", mark("No days of this log are stamped here")))
    return _answer(days_file(found), "application/json", BRIEFLY)


@bp.get("/<name>")
def of_day(year: str, name: str) -> Response:
    """Show the stamp of a day's last head, or that head."""
    day, kind = _parts(_DAY_FILE, name)
    try:
        asked = date.fromisoformat(day)
    except ValueError:
        raise NotFound() from None
    with reading() as session:
        found = stamp_of_day(session, _year(year), asked)
    return _file(found, kind)


@bp.get("/<index>/<name>")
def of_certificate(year: str, index: str, name: str) -> Response:
    """Show the stamp of a certificate's entry to who was shown the certificate, or the entry."""
    salt, kind = _parts(_LEAF_FILE, name)
    if not _INDEX.fullmatch(index):
        raise NotFound()
    with reading() as session:
        found = stamp_of_leaf(session, _year(year), int(index), bytes.fromhex(salt))
    return _file(found, kind)


def _year(text: str) -> int:
    if not _YEAR.fullmatch(text):
        raise NotFound()
    return int(text)


def _parts(pattern: re.Pattern[str], name: str) -> tuple[str, str]:
    found = pattern.fullmatch(name)
    if found is None:
        raise NotFound()
    return found[1], found[2]


def _file(found: Stamped | None, kind: str) -> Response:
    if found is None:
        raise NotFound()
    if kind == "tsr":
        return _answer(found.token, REPLY_TYPE, LONG)
    return _answer(found.data, TEXT if kind == "note" else OCTETS, LONG)


def _answer(body: bytes, content_type: str, cache: str) -> Response:
    response = Response(body, content_type=content_type)
    response.headers["Cache-Control"] = cache
    response.add_etag()
    response.make_conditional(request)
    return response
