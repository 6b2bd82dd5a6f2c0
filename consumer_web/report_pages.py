"""Test reports that their laboratories have made public, by the hash that the record names."""

import re

from flask import Blueprint, Response, request

from foodtrace.inspections.downloads import attachment
from foodtrace.inspections.reports import public_report
from foodtrace.trace.errors import NotFound
from foodtrace.trace.web import reading

_SHA256 = re.compile(r"[0-9a-f]{64}")

bp = Blueprint("reports", __name__)


@bp.get("/reports/<sha256>")
def report(sha256: str) -> Response:
    """Give a report out, to be saved; whoever has it already is told so once it was looked at."""
    if not _SHA256.fullmatch(sha256):
        raise NotFound()
    with reading() as session:
        served = public_report(session, sha256)
    response = attachment(served)
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.set_etag(sha256)
    response.make_conditional(request)
    return response
