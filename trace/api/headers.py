"""What every answer under /epcis tells: versions, limits, notation, and where the next page is."""

from datetime import UTC, datetime
from importlib.metadata import version
from urllib.parse import quote, urlencode

from flask import Response, request

from foodtrace.trace.api.negotiation import formats
from foodtrace.trace.epcis.strict_json import MAX_BYTES, MAX_EVENTS
from foodtrace.trace.web import is_epcis_path

_SPOKEN = {
    "GS1-EPCIS-Version": "2.0",
    "GS1-EPCIS-Min": "2.0",
    "GS1-EPCIS-Max": "2.0",
    "GS1-CBV-Version": "2.0",
    "GS1-CBV-Min": "2.0",
    "GS1-CBV-Max": "2.0",
    "GS1-Extensions": "foodtrace=https://foodtrace.example/ns/",
    "GS1-Vendor-Version": f"foodtrace-{version('foodtrace')}",
    "GS1-EPCIS-Capture-Limit": str(MAX_EVENTS),
    "GS1-EPCIS-Capture-File-Size-Limit": str(MAX_BYTES),
}
BEHAVIOUR = "GS1-Capture-Error-Behaviour"


def announce(response: Response) -> Response:
    """Say which standard is spoken here, and its limits; also where nothing is found (404)."""
    if not is_epcis_path(request.path):
        return response
    response.headers.update(_SPOKEN)
    response.headers["GS1-EPC-Format"] = formats().epc
    response.headers["GS1-CBV-XML-Format"] = formats().cbv
    response.headers.setdefault(BEHAVIOUR, "rollback")
    response.headers.add("Vary", "Accept, GS1-EPC-Format, GS1-CBV-XML-Format")
    return response


def point_to_next(response: Response, token: str | None, expires_at: datetime | None) -> Response:
    """Say where the next page is; without a token this is the last one.

    The address is relative, so that it holds behind any proxy (RFC 8288, section 3).
    """
    if token is None:
        return response
    query = [(name, value) for name, value in request.args.items(multi=True)]
    query = [each for each in query if each[0] != "nextPageToken"] + [("nextPageToken", token)]
    address = f"{quote(request.path, safe='/:;=@')}?{urlencode(query)}"
    response.headers["Link"] = f'<{address}>; rel="next"'
    if expires_at is not None:
        response.headers["GS1-Next-Page-Token-Expires"] = as_time(expires_at)
    return response


def as_time(moment: datetime) -> str:
    """Return a time as the interface writes it: UTC, milliseconds."""
    written = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return written.replace("+00:00", "Z")
