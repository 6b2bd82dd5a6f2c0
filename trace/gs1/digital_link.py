"""GS1 Digital Link URIs, uncompressed, on any domain (GS1 Digital Link URI Syntax 1.4)."""

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.charset import decoded
from foodtrace.trace.gs1.keys import CHAIN_KEYS, KEYS, QUALIFIERS, identifier_of
from foodtrace.trace.gs1.model import Identifier

# With fewer digits than this behind it, "00" or "01" is a word of the address, not a key.
_DIGITS_OF_A_KEY = 6


def read_key(path: str) -> Identifier:
    """Return the key that the path of a web address is known to hold. Raises Invalid.

    The rightmost primary key counts, so that a stem of the address may look like one
    (``/00/shop/01/…``).
    """
    segments = path.split("/")[1:]
    start = _start_of_key(segments)
    if start is None:
        raise Invalid(_no_key())
    return _read(segments[start:])


def find_key(path: str) -> Identifier | None:
    """Return the key in the path of any web address; None where the path is something else.

    A faulty GTIN, SSCC or GLN raises Invalid. An address that merely resembles one of the
    other keys is taken for the address it is: no chain is made of those.
    """
    segments = path.split("/")[1:]
    start = _start_of_key(segments)
    if start is None:
        return None
    try:
        return _read(segments[start:])
    except Invalid:
        if segments[start] in CHAIN_KEYS:
            raise
        return None


def check_query(identifier: Identifier, query: str) -> None:
    """Refuse a query that says which lot or serial is meant: that belongs into the path.

    Other data in the query (a date, the content of a pallet) is no part of the identity.
    """
    ai = identifier.canonical.split("/", 2)[1]
    belonging = {ai}.union(*KEYS[ai].orders)
    for pair in query.split("&"):
        name = pair.partition("=")[0]
        if name in belonging:
            raise Invalid(
                Problem(
                    "identifier",
                    mark("Application identifier %(ai)s stands in the query"),
                    mark("Write keys, lots and serials into the path: /01/…/10/…"),
                    {"ai": name},
                )
            )


def _start_of_key(segments: list[str]) -> int | None:
    """Return the index of the rightmost primary key that has a number behind it."""
    for index in range(len(segments) - 2, -1, -1):
        if segments[index] in KEYS:
            digits = sum(map(str.isdigit, segments[index + 1]))
            if digits >= _DIGITS_OF_A_KEY:
                return index
    return None


def _read(segments: list[str]) -> Identifier:
    if len(segments) % 2:
        raise Invalid(_no_key())
    values = [decoded(segment) for segment in segments[1::2]]
    names = segments[2::2]
    for name in names:
        if name not in QUALIFIERS:
            raise Invalid(
                Problem(
                    "identifier",
                    mark("%(part)s is no part of a GS1 key"),
                    mark("Use application identifiers such as 10 (lot) and 21 (serial)"),
                    {"part": name[:40]},
                )
            )
    return identifier_of(segments[0], values[0], list(zip(names, values[1:], strict=True)))


def _no_key() -> Problem:
    return Problem(
        "identifier",
        mark("The path holds no complete GS1 key"),
        mark("Write it as /01/GTIN/10/LOT, /01/GTIN/21/SERIAL, /00/SSCC, /414/GLN or /417/GLN"),
    )
