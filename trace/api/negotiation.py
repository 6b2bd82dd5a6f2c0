"""What both sides agree on before anything is done: version, media type, notation, address.

EPCIS 2.0, sections 12.3 to 12.5. A view says by its marks (resources.py) what it can answer
in and which parameters its address takes; here the request is held against them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from flask import current_app, g, request
from werkzeug.exceptions import NotAcceptable, RequestURITooLarge

from foodtrace.trace.accept import best_of
from foodtrace.trace.api.resources import media_types_of, parameters_of_view
from foodtrace.trace.epcis.context import STANDARD_PREFIXES, prefixes_of
from foodtrace.trace.epcis.translation import CbvFormat, EpcFormat
from foodtrace.trace.errors import Problem, QueryParameter, mark
from foodtrace.trace.web import needed_action

# RFC 9110 asks for 8000 octets at least; longer queries are kept as named ones.
LONGEST_ADDRESS = 8000
SPOKEN = (2, 0, 0)
# An XML document of EPCIS 1.2 may say so in the header of its capture, too.
CAPTURED = frozenset({(1, 2, 0), SPOKEN})
_VERSION = re.compile(r"\d{1,4}(?:\.\d{1,4}){0,2}")
_EXTENSION = re.compile(r"\s*([^=\s,]+)\s*=\s*([^\s,]+)\s*")
_MOST_EXTENSIONS = 50

_Format = TypeVar("_Format", EpcFormat, CbvFormat)


@dataclass(frozen=True, slots=True)
class Formats:
    """How identifiers and standard words are written in the answer."""

    epc: EpcFormat
    cbv: CbvFormat


def negotiate() -> None:
    """Refuse what cannot be spoken or answered, before the view does anything."""
    view = current_app.view_functions[request.endpoint or ""]
    _check_address(parameters_of_view(view))
    is_capture = needed_action(view) == "event.capture"
    _check_versions("GS1-EPCIS", CAPTURED if is_capture else frozenset({SPOKEN}))
    _check_versions("GS1-CBV", frozenset({SPOKEN}))
    g.formats = Formats(
        _one_of(EpcFormat, "GS1-EPC-Format", EpcFormat.ALWAYS_GS1_DIGITAL_LINK),
        _one_of(CbvFormat, "GS1-CBV-XML-Format", CbvFormat.ALWAYS_WEB_URI),
    )
    offered = media_types_of(view)
    if offered:
        g.media_type = best_of(offered, request.accept_mimetypes)
        if g.media_type is None:
            raise NotAcceptable(f"This is answered as {', '.join(offered)}; accept one of these")


def media_type() -> str:
    """Return the media type that was agreed on for the answer."""
    agreed: str = g.media_type
    return agreed


def formats() -> Formats:
    """Return the notation of the answer: what was asked for, else Digital Links and web URIs."""
    default = Formats(EpcFormat.ALWAYS_GS1_DIGITAL_LINK, CbvFormat.ALWAYS_WEB_URI)
    found: Formats = g.get("formats", default)
    return found


def extensions() -> Mapping[str, str]:
    """Return the prefixes that the request may use: the standard ones, and ``GS1-Extensions``.

    The header holds ``name=namespace``, several separated by commas. Raises QueryParameter.
    """
    text = request.headers.get("GS1-Extensions", "")
    pairs = [_EXTENSION.fullmatch(part) for part in text.split(",") if part.strip()]
    if len(pairs) > _MOST_EXTENSIONS or not all(pairs):
        raise QueryParameter(
            Problem(
                "GS1-Extensions",
                mark("The header is a list of at most %(most)s prefixes with their namespaces"),
                mark("Write example=https://ns.example.com/epcis/ and separate them by commas"),
                {"most": _MOST_EXTENSIONS},
            )
        )
    named = {pair[1]: pair[2] for pair in pairs if pair is not None}
    return prefixes_of(named, STANDARD_PREFIXES, "GS1-Extensions")


def _check_address(known: Sequence[str] | None) -> None:
    """Refuse a long address, and parameters that are unknown or given twice."""
    query = request.query_string
    if len(request.environ.get("PATH_INFO", "")) + len(query) > LONGEST_ADDRESS:
        raise RequestURITooLarge(f"An address may have {LONGEST_ADDRESS} bytes")
    if known is None:
        return
    for name, values in request.args.lists():
        if name not in known:
            raise QueryParameter(
                Problem(
                    name[:200],
                    mark("This address takes no such parameter"),
                    mark("Take it away"),
                )
            )
        if len(values) > 1:
            raise QueryParameter(
                Problem(name, mark("The parameter is given twice"), mark("Write it once"))
            )


def _check_versions(standard: str, spoken: frozenset[tuple[int, ...]]) -> None:
    """Refuse a client that does not speak what is spoken here."""
    wanted = _version(f"{standard}-Version")
    lowest, highest = _version(f"{standard}-Min"), _version(f"{standard}-Max")
    if (wanted or SPOKEN) not in spoken or not (lowest or SPOKEN) <= SPOKEN <= (highest or SPOKEN):
        raise NotAcceptable(f"Version 2.0 is spoken here; {standard}-Version, -Min or -Max differ")


def _version(header: str) -> tuple[int, ...] | None:
    text = request.headers.get(header)
    if text is None:
        return None
    if not _VERSION.fullmatch(text.strip()):
        raise NotAcceptable(f"{header} is a version such as 2.0")
    parts = [int(part) for part in text.split(".")]
    return (*parts, 0, 0)[:3]


def _one_of(kind: type[_Format], header: str, preferred: _Format) -> _Format:
    text = request.headers.get(header, "No_Preference").strip()
    known = {each.value: each for each in kind}
    if text not in known:
        raise NotAcceptable(f"{header} is one of {', '.join(known)}")
    return preferred if text == "No_Preference" else known[text]
