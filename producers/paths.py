"""Lots as parts of our own addresses: ``/api/v1/lots/01/{gtin}/10/{lot}``."""

from foodtrace.trace.errors import Invalid, NotFound
from foodtrace.trace.gs1.identifiers import in_address, parse_identifier


def canonical_of(path: str) -> str:
    """Return the canonical identifier for the rest of an address, as the server decoded it.

    Raises NotFound for what names nothing.

    >>> canonical_of("01/6901234567892/10/A/1")
    '/01/06901234567892/10/A%2F1'
    """
    try:
        return parse_identifier(in_address(path)).canonical
    except Invalid:
        raise NotFound() from None
