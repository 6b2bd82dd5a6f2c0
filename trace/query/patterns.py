"""Which items a ``MATCH_`` parameter means: single ones, and patterns of EPCs. Pure.

A pattern is a pure identity pattern of the EPC Tag Data Standard (section 8), such as
``urn:epc:idpat:sgtin:9506000.013435.*`` or ``urn:epc:idpat:sscc:9506000.*``; its stars stand at the
end. It becomes ranges of canonical identifiers: one, or ten where the first digit of the key
stands before the company prefix. The canonical form of a key does not say how long its company
prefix is, so that a pattern of a short prefix also matches the longer prefixes that begin
with it. Anything without a star matches itself and nothing else: a product does not match its
lots (EPCIS 2.0, section 8.2.7.1.1).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.charset import is_digits
from foodtrace.trace.gs1.identifiers import parse_identifier
from foodtrace.trace.query.keys import thing
from foodtrace.trace.query.model import Pattern

_ID_PATTERN = "urn:epc:idpat:"
_STAR = "*"
_TEN = "0123456789"


@dataclass(frozen=True, slots=True)
class _Scheme:
    """An EPC scheme: its application identifier and how many fields it has.

    `lead` is what stands before the company prefix: a digit of the reference, or always the
    same text. The key has so many digits (`number`; 0: any), and `behind` them stands what
    tells the single thing from its class.
    """

    ai: str
    fields: int
    lead: str | None = ""  # None: one digit, which a URN writes behind the company prefix
    number: int = 0
    behind: str = ""
    form: str = "id"

    def shape(self, *, of_classes: bool) -> str | None:
        """Return the shape of the things that the scheme names, or of their classes."""
        if not self.number or not self.behind:
            return None
        single = self.form == "class" or not of_classes
        return f"/{self.ai}/{'_' * self.number}{self.behind if single else ''}"


_SCHEMES: Mapping[str, _Scheme] = {
    "sgtin": _Scheme("01", 3, None, 14, "/21/%"),
    "lgtin": _Scheme("01", 3, None, 14, "/10/%", "class"),
    "upui": _Scheme("01", 3, None, 14, "/235/%"),
    "itip": _Scheme("8006", 5, None, 18, "/21/%"),
    "sscc": _Scheme("00", 2, None),
    "sgln": _Scheme("414", 3),
    "pgln": _Scheme("417", 2),
    "grai": _Scheme("8003", 3, "0", 14, "_%"),
    "giai": _Scheme("8004", 2),
    "gsrn": _Scheme("8018", 2),
    "gsrnp": _Scheme("8017", 2),
    "gdti": _Scheme("253", 3, "", 13, "_%"),
    "sgcn": _Scheme("255", 3, "", 13, "_%"),
    "cpi": _Scheme("8010", 3),
    "ginc": _Scheme("401", 2),
    "gsin": _Scheme("402", 2),
}


def is_pattern(text: str) -> bool:
    """Say whether a text names a whole range: a pattern with stars."""
    return text[: len(_ID_PATTERN)].lower() == _ID_PATTERN and _STAR in text


def patterns_of(text: str, *, of_classes: bool) -> Iterator[Pattern]:
    """Yield the ranges of identifiers that a value means. Raises Invalid.

    `of_classes`: it is matched with classes of things. There ``…:sgtin:9506000.013435.*`` is the
    product itself; among EPCs it is all its serials.
    """
    if not is_pattern(text):
        yield Pattern(thing(text))
        return
    name, _, body = text[len(_ID_PATTERN) :].partition(":")
    scheme = _SCHEMES.get(name)
    fields = body.split(".")
    known = fields.index(_STAR) if _STAR in fields else len(fields)
    if (
        scheme is None
        or len(fields) != scheme.fields
        or any(field != _STAR for field in fields[known:])
        or any(_STAR in field for field in fields[:known])
        or (known and not is_digits(fields[0]))
    ):
        raise Invalid(_malformed())
    shape = scheme.shape(of_classes=of_classes)
    if known == 0:
        yield _beginning_with(f"/{scheme.ai}/{scheme.lead or ''}", shape)
    elif known == 1:
        for lead in _TEN if scheme.lead is None else (scheme.lead,):
            yield _beginning_with(f"/{scheme.ai}/{lead}{fields[0]}", shape)
    else:
        yield from _of_reference(name, scheme, fields[:known], of_classes=of_classes)


def _of_reference(
    name: str, scheme: _Scheme, known: list[str], *, of_classes: bool
) -> Iterator[Pattern]:
    """Yield the ranges of a pattern that leaves the serial open, or the pieces of an ITIP."""
    if len(known) == scheme.fields - 1:
        stem = ".".join(known)
        if of_classes and scheme.form == "id":
            # As a class is written; a scheme without classes matches only the same text.
            yield Pattern(parse_identifier(f"{_ID_PATTERN}{name}:{stem}.*").canonical)
            return
        if name == "sgln":  # extension 0 is written as none
            yield Pattern(parse_identifier(f"urn:epc:id:sgln:{stem}.0").canonical)
        one = parse_identifier(f"urn:epc:{scheme.form}:{name}:{stem}.1").canonical
        yield _beginning_with(one[:-1], scheme.shape(of_classes=False))
    elif name == "itip" and len(known) == 2:
        piece = parse_identifier(f"urn:epc:id:itip:{'.'.join(known)}.01.01.1").canonical
        yield _beginning_with(piece[: len("/8006/") + 14], scheme.shape(of_classes=of_classes))
    else:
        raise Invalid(_malformed())


def _beginning_with(start: str, shape: str | None) -> Pattern:
    """Return the range of all texts with this start, in the order of their bytes."""
    return Pattern(start, start[:-1] + chr(ord(start[-1]) + 1), shape)


def _malformed() -> Problem:
    return Problem(
        "identifier",
        mark("The pattern does not have the parts of its EPC scheme"),
        mark("Write stars for the last parts, for example urn:epc:idpat:sgtin:9506000.*.*"),
    )
