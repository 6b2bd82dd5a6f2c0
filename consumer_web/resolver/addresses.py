"""What the path of a page names: a GS1 key with its qualifiers, or a code of ours. Pure.

The server hands paths over decoded, so a slash inside of a lot looks like one that parts the
path. Read is what stands there; a lot or serial with a slash is the second guess, and is only
believed where such a thing is on record.
"""

import re
from dataclasses import dataclass

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.charset import decoded, encoded
from foodtrace.trace.gs1.identifiers import parse_identifier
from foodtrace.trace.gs1.keys import KEYS, identifier_of
from foodtrace.trace.gs1.model import Identifier

OUR_CODE = "q"
# The first segments of the pages of things.
FIRST_SEGMENTS = (*KEYS, OUR_CODE)
PREFIXES = tuple(f"/{segment}/" for segment in FIRST_SEGMENTS)
# Qualifiers that name a sort of the thing. Whoever asks for an unknown one is led to the thing
# itself. The others are numbers of single pieces: an unknown one may be a forged label, which
# must not lead to the page of the genuine goods.
WALK_UP = frozenset({"22", "10", "254", "7040"})

Pairs = tuple[tuple[str, str], ...]

_WITH_SLASHES = re.compile(r"/01/([^/]*)(?:/10/(.+?))?(?:/21/(.+?))?/?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """A path, read: application identifiers with their values, decoded, as they stand there.

    `doubt` says why it is no such path, where it is one only if a value holds a slash.
    """

    pairs: Pairs
    identifier: Identifier
    doubt: Invalid | None = None

    @property
    def path(self) -> str:
        """The path, uncompressed and escaped: ``/01/…/10/…/21/…``."""
        return "".join(f"/{ai}/{encoded(value)}" for ai, value in self.pairs)

    @property
    def parent(self) -> "Address | None":
        """The thing of which this is a sort or a piece; None for a key alone."""
        return _address(self.pairs[:-1]) if len(self.pairs) > 1 else None

    @property
    def may_walk_up(self) -> bool:
        """Whether an unknown one leads to what it is a sort of."""
        return len(self.pairs) > 1 and all(ai in WALK_UP for ai, _ in self.pairs[1:])


def read_path(path: str) -> Address:
    """Return what a decoded path names. Raises Invalid.

    >>> read_path("/01/06901234567892/10/L1/21/7/").path
    '/01/06901234567892/10/L1/21/7'
    >>> read_path("/01/06901234567892/10/A/1").path
    '/01/06901234567892/10/A%2F1'
    """
    segments = path.removesuffix("/").split("/")[1:]
    try:
        if not segments or len(segments) % 2 or not all(segments):
            raise _incomplete()
        return _address(tuple(zip(segments[::2], segments[1::2], strict=True)))
    except Invalid as error:
        doubt = error
    match = _WITH_SLASHES.fullmatch(path)
    if match is None:
        raise doubt
    values = zip(("01", "10", "21"), match.groups(), strict=True)
    pairs = tuple((ai, value) for ai, value in values if value)
    if not any("/" in value for _, value in pairs):
        raise doubt
    try:
        found = _address(pairs)
    except Invalid:
        raise doubt from None
    return Address(found.pairs, found.identifier, doubt)


def address_of(canonical: str) -> Address:
    """Return the address of a canonical identifier.

    >>> address_of("/01/06901234567892/10/A%2F1").pairs
    (('01', '06901234567892'), ('10', 'A/1'))
    """
    parts = canonical.split("/")[1:]
    values = map(decoded, parts[1::2])
    return _address(tuple(zip(parts[::2], values, strict=True)))


def _address(pairs: Pairs) -> Address:
    (key, value), *qualifiers = pairs
    if key == OUR_CODE and not qualifiers:
        identifier = parse_identifier(f"/{OUR_CODE}/{value}")
        return Address(((OUR_CODE, identifier.canonical[3:]),), identifier)
    if key not in KEYS:
        raise _incomplete()
    identifier = identifier_of(key, value, qualifiers)
    if identifier.gtin:  # with its 14 digits
        value = identifier.gtin
    return Address(((key, value), *qualifiers), identifier)


def _incomplete() -> Invalid:
    return Invalid(
        Problem(
            "identifier",
            mark("The path holds no complete GS1 key"),
            mark("Write it as /01/GTIN/10/LOT, /01/GTIN/21/SERIAL, /00/SSCC, /414/GLN or /417/GLN"),
        )
    )
