"""The form of an identifier that EPCIS event hashes are made of (event hash ID, CBV 2.0).

A "constrained canonical" Digital Link stands on https://id.gs1.org, has no query, and names
the finest of a few levels only: a serial number but no lot beside it, no product variant.
"""

import re
from functools import lru_cache
from urllib.parse import quote, unquote

from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.application_identifiers import WORDS
from foodtrace.trace.gs1.identifiers import MAX_LENGTH, parse_identifier
from foodtrace.trace.gs1.model import GS1_ROOT

_QUALIFIERS = frozenset({"10", "21", "235", "254", "8011"})
# GS1 Digital Link leaves these as they are in a path; our own paths escape them.
_PLAIN = "'-._;="
# Digital Link 1.1 also had words for application identifiers.
_WORD = re.compile(f"(?<=/)(?:{'|'.join(WORDS)})(?=/)")


@lru_cache(maxsize=8192)
def constrained_uri(text: str) -> str | None:
    """Return the constrained canonical Digital Link of an EPC URN or Digital Link.

    None for any other text, and for a key with a wrong check digit.

    >>> constrained_uri("https://example.com/01/9506000134352/10/L1/21/12?17=260101")
    'https://id.gs1.org/01/09506000134352/21/12'
    """
    start = text[:8].lower()
    if len(text) > MAX_LENGTH or not start.startswith(("urn:epc:", "http://", "https://")):
        return None
    try:
        canonical = parse_identifier(_without_query(text)).canonical
    except Invalid:
        return None
    if not canonical.startswith("/") or canonical.startswith("/q/"):
        return None
    if "%" in canonical:
        canonical = "/".join(quote(unquote(part), safe=_PLAIN) for part in canonical.split("/"))
    _, ai, value, *qualifier = canonical.split("/")
    if qualifier and qualifier[0] not in _QUALIFIERS:
        canonical = f"/{ai}/{value}"
    return GS1_ROOT + canonical


def _without_query(text: str) -> str:
    """Return a web address up to its query, its words for keys as numbers."""
    if text[:4].lower() == "urn:":
        return text
    address = text.partition("#")[0].partition("?")[0]
    return _WORD.sub(lambda match: WORDS[match.group()], address)
