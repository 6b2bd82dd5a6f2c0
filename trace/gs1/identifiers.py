"""One canonical form for every way in which an identifier is written."""

from dataclasses import replace
from functools import lru_cache
from urllib.parse import quote, unquote

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.charset import check_uri_text, encoded
from foodtrace.trace.gs1.digital_link import check_query, find_key, read_key
from foodtrace.trace.gs1.epc_urn import parse_epc_urn
from foodtrace.trace.gs1.model import Identifier, ItemKind
from foodtrace.trace.gs1.public_code import CODE_LENGTH, normal_code

MAX_LENGTH = 500

_SCHEME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+.-")
# Such an address is a program or a file: a page that linked to it would run or show it.
_REFUSED_SCHEMES = frozenset({"javascript", "data", "vbscript", "blob", "file", "about"})


# Places, parties and products recur in event after event; the texts are at most 500 long.
@lru_cache(maxsize=8192)
def parse_identifier(text: str) -> Identifier:
    """Return what the text names. Raises Invalid.

    Accepted: EPC URNs, GS1 Digital Link URIs on any domain, their plain paths
    (``/01/…/10/…``), our own ``/q/CODE`` on any host or none, any other absolute URI.

    >>> parse_identifier("urn:epc:class:lgtin:9506000.013435.L1").canonical
    '/01/09506000134352/10/L1'
    """
    try:
        return _parse(text)
    except Invalid as error:
        raise Invalid(*(replace(each, place="identifier") for each in error.problems)) from None


def lot_path(gtin: str, lot: str) -> str:
    """Return the canonical form of a lot: 14 digits and the lot number, both already checked."""
    return f"/01/{gtin}/10/{encoded(lot)}"


def address_of(canonical: str) -> str:
    """Return a canonical path as the end of one of our own addresses, not escaped.

    >>> address_of("/01/06901234567892/10/A%2F1")
    '01/06901234567892/10/A/1'
    """
    return unquote(canonical.removeprefix("/")) if _is_path(canonical) else canonical


def in_address(text: str) -> str:
    """Return the identifier at the end of an address, as the server decoded it.

    What follows the third slash is one value: a slash in it was escaped.

    >>> in_address("01/06901234567892/10/A/1")
    '/01/06901234567892/10/A%2F1'
    """
    if not _is_path(text):
        return text
    parts = text.split("/", 3)
    return "/" + "/".join(parts[:3] + [quote(value, safe="") for value in parts[3:]])


def _is_path(text: str) -> bool:
    return ":" not in text[:12]


def _parse(text: str) -> Identifier:
    check_uri_text(text, MAX_LENGTH)
    if text.startswith("/"):
        return _parse_path(text)
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if not colon or not rest or not scheme[:1].isalpha() or not _SCHEME.issuperset(scheme):
        raise Invalid(
            Problem(
                "identifier",
                mark("An identifier is a web address, a URN or the path of a GS1 key"),
                mark("Write it as /01/GTIN/10/LOT, or the complete address of the code"),
            )
        )
    if scheme in _REFUSED_SCHEMES:
        raise Invalid(
            Problem(
                "identifier",
                mark("An address that starts with %(scheme)s: names no thing"),
                mark("Use a GS1 key, an https address or a URN"),
                {"scheme": scheme},
            )
        )
    if scheme in ("http", "https"):
        return _parse_web_address(text, rest)
    if text[:8].lower() == "urn:epc:":
        return parse_epc_urn("urn:epc:" + text[8:])
    return Identifier(text, ItemKind.OTHER)


def _parse_path(text: str) -> Identifier:
    path, _, query = text.partition("#")[0].partition("?")
    if path.startswith("/q/"):
        return Identifier("/q/" + normal_code(path[3:]), ItemKind.LOT)
    identifier = read_key(path)
    check_query(identifier, query)
    return identifier


def _parse_web_address(text: str, rest: str) -> Identifier:
    host, _, tail = rest.removeprefix("//").partition("/")
    if not rest.startswith("//") or not host:
        raise Invalid(
            Problem(
                "identifier",
                mark("The web address has no host"),
                mark("Write it as https://host/path"),
            )
        )
    tail, _, query = tail.partition("#")[0].partition("?")
    path = "/" + tail
    _, ours, code = path.rpartition("/q/")
    if ours and len(code.replace("-", "")) == CODE_LENGTH:
        return Identifier("/q/" + normal_code(code), ItemKind.LOT)
    identifier = read_key(path) if host.lower() == "id.gs1.org" else find_key(path)
    if identifier is None:
        return Identifier(text, ItemKind.OTHER)
    check_query(identifier, query)
    return identifier
