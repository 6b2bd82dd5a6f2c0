"""Lots as parts of our own addresses: ``/api/v1/lots/01/{gtin}/10/{lot}``."""

from urllib.parse import quote

from foodtrace.trace.errors import Invalid, NotFound
from foodtrace.trace.gs1.identifiers import parse_identifier


def canonical_of(path: str) -> str:
    """Return the canonical identifier for the rest of an address, as the server decoded it.

    What follows the third slash is one value: a slash in it was escaped. Raises NotFound
    for what names nothing.

    >>> canonical_of("01/6901234567892/10/A/1")
    '/01/06901234567892/10/A%2F1'
    """
    parts = path.split("/", 3)
    if len(parts) == 4:
        parts[3] = quote(parts[3], safe="")
    try:
        return parse_identifier("/" + "/".join(parts)).canonical
    except Invalid:
        raise NotFound() from None
