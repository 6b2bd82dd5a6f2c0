"""How often the code of a single thing was looked at, this time included.

A look is a page that is sent to a person: never what programs fetch ahead, preview or only ask
about. It is counted in memory, and the page waits for nothing.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import current_app, request
from sqlalchemy.orm import Session

from foodtrace.consumer_web.page_cache import METHOD
from foodtrace.consumer_web.unit_codes import Unit
from foodtrace.trace.codes.clients import Clients
from foodtrace.trace.codes.provinces import province_code
from foodtrace.trace.codes.queue import Scanned, queue_of
from foodtrace.trace.codes.rules import OF_COPIES, Kind, Look
from foodtrace.trace.codes.scans import is_repeat
from foodtrace.trace.web import settings, store

CLIENTS = "foodtrace.clients"
LONGEST_AGENT = 500
# What makes a page before anybody looks at it, and what makes one to show a picture of it.
_AHEAD = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_AHEAD_WORDS = re.compile("prefetch|prerender|preview", re.IGNORECASE)
_PROGRAMS = re.compile(
    "bot|crawl|spider|slurp|preview|facebookexternalhit|whatsapp|telegram|slack|discord|skypeuri"
    "|embedly|headless|monitor|curl/|wget/|python|java/|go-http|okhttp",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ScanLine:
    """What the page says of the looks at a code, this one included."""

    serial: str
    state: str
    count: int
    first_at: datetime | None
    is_odd: bool  # as if the code were copied
    is_sold: bool  # long ago


def count_look(session: Session, unit: Unit) -> ScanLine:
    """Count this request if it is a look, and return what the page says of all looks."""
    canonical, queue = unit.code.canonical, queue_of(store())
    look = _look_of_request()
    if look is not None and not is_repeat(session, canonical, look):
        queue.put(Scanned(canonical, look))
    waiting = queue.open_looks(canonical)
    moments = [each.at for each in waiting]
    if unit.looks.first_at is not None:
        moments.append(unit.looks.first_at)
    return ScanLine(
        serial=canonical.rpartition("/")[2],
        state=unit.code.state,
        count=unit.looks.count + len(waiting),
        first_at=min(moments, default=None),
        is_odd=bool(unit.looks.warnings & OF_COPIES),
        is_sold=Kind.SOLD in unit.looks.warnings,
    )


def _look_of_request() -> Look | None:
    """Return the look that this request is; None if it is none."""
    headers = request.headers
    agent = headers.get("User-Agent", "")[:LONGEST_AGENT]
    if request.environ.get(METHOD, request.method) != "GET":
        return None
    if not agent or _PROGRAMS.search(agent):
        return None
    if any(_AHEAD_WORDS.search(headers.get(name, "")) for name in _AHEAD):
        return None
    chosen = settings()
    now = datetime.now(UTC)
    region = headers.get(chosen.region_header, "") if chosen.region_header else ""
    address = headers.get(chosen.address_header) if chosen.address_header else None
    client = _clients().hash_of(address or request.remote_addr or "", agent, now)
    return Look(now, client, province_code(region))


def _clients() -> Clients:
    """Return what makes the hashes of readers in this application."""
    known = current_app.extensions.get(CLIENTS)
    if known is None:
        known = current_app.extensions.setdefault(CLIENTS, Clients(settings().data))
    found: Clients = known
    return found
