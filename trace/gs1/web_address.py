"""Addresses of the web taken apart: scheme, host, path, query and fragment (RFC 3986)."""

from dataclasses import dataclass

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.charset import DIGITS, HEX_DIGITS, LETTERS, URI_CHARACTERS, is_digits
from foodtrace.trace.gs1.faults import shown

_HOST = DIGITS | LETTERS | frozenset("-.")
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class WebAddress:
    """An address; `origin` is scheme, host and port as they were written."""

    origin: str
    path: str
    query: str
    fragment: str


def read_address(text: str, place: str = "uri") -> WebAddress:
    """Return the parts of an http or https address. Raises Invalid, naming the character.

    A user name is refused, as is a host that DNS or IP cannot have.
    """
    if not URI_CHARACTERS.issuperset(text):
        at = next(index for index, char in enumerate(text) if char not in URI_CHARACTERS)
        raise Invalid(
            Problem(
                f"{place}:{at + 1}",
                mark("%(char)s cannot stand in a web address"),
                mark("Write half-width letters and digits, and percent-encode the rest"),
                {"char": shown(text[at])},
            )
        )
    address, _, fragment = text.partition("#")
    address, _, query = address.partition("?")
    scheme, colon, rest = address.partition("://")
    if not colon or scheme.lower() not in ("http", "https"):
        raise Invalid(
            Problem(
                place,
                mark("A web address begins with http:// or https://"),
                mark("Write the complete address, for example https://id.gs1.org/01/…"),
            )
        )
    authority, slash, path = rest.partition("/")
    if not _is_authority(authority):
        raise Invalid(
            Problem(
                f"{place}:{len(scheme) + 4}",
                mark("%(host)s is no host of the web"),
                mark("Write a host name (xn--… if it is in another script) or an IP address"),
                {"host": repr(authority[:80])},
            )
        )
    return WebAddress(f"{scheme}://{authority}", slash + path, query, fragment)


def _is_authority(authority: str) -> bool:
    if authority.startswith("["):
        host, bracket, port = authority[1:].partition("]")
        is_host = bool(bracket) and ":" in host and (HEX_DIGITS | {":", "."}).issuperset(host)
        is_port = not port or port.startswith(":")
        port = port[1:]
    else:
        host, _, port = authority.partition(":")
        is_host = _HOST.issuperset(host) and all(host.removesuffix(".").split("."))
        is_port = True
    return is_host and is_port and _is_port(port)


def _is_port(port: str) -> bool:
    return not port or (is_digits(port) and len(port) <= 5 and int(port) <= _LAST_PORT)
