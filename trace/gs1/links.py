"""GS1 Digital Link URIs, every key and qualifier, by all rules of GS1 Digital Link URI Syntax 1.4.

A link names a thing in its path, the primary key first and then its qualifiers in their order,
and says more about it in its query::

    https://example.com/some/stem/01/09506000134352/10/L1/21/12?17=261231&lang=zh
    └────────── stem ───────────┘└── key ─────────┘└qualifiers┘└─ attributes, others

`parse_identifier` reads the same path for capture, quicker and less strictly.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.application_identifiers import (
    APPLICATION_IDENTIFIERS,
    WORDS,
    ApplicationIdentifier,
    find_ai,
    unknown_ai,
)
from foodtrace.trace.gs1.associations import check_associations
from foodtrace.trace.gs1.charset import decoded, encoded, is_digits
from foodtrace.trace.gs1.check_digits import GTIN_LENGTHS
from foodtrace.trace.gs1.elements import Element, element_string
from foodtrace.trace.gs1.model import GS1_ROOT
from foodtrace.trace.gs1.values import check_value
from foodtrace.trace.gs1.web_address import WebAddress, read_address

_GTIN = "01"


@dataclass(frozen=True, slots=True)
class Link:
    """A Digital Link URI, read and checked.

    `stem` is what stands before the key, without a slash at its end. `path` is the primary key
    and its qualifiers; `attributes` the elements of the query, in their order; `others` the
    parameters of the query that are no GS1 data, as they were written.
    """

    stem: str
    path: tuple[Element, ...]
    attributes: tuple[Element, ...] = ()
    others: tuple[str, ...] = ()
    fragment: str = ""

    @property
    def elements(self) -> tuple[Element, ...]:
        """All GS1 data: the path, then the query."""
        return self.path + self.attributes

    @property
    def element_string(self) -> str:
        """The same data as a bar code holds them, ``^`` for FNC1."""
        return element_string(self.elements)


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a link may have although the standard says otherwise.

    `unknown_ais`: AIs that GS1 has not given out. `unknown_attributes`: those in the query too.
    `zero_suppressed_gtin`: a GTIN of 8, 12 or 13 digits. `words`: ``/gtin/…/lot/…``.
    """

    unknown_ais: bool = False
    unknown_attributes: bool = False
    zero_suppressed_gtin: bool = False
    words: bool = False


NOTHING_MORE = Permissions()


def parse_link(uri: str, permit: Permissions = NOTHING_MORE) -> Link:
    """Return what a Digital Link URI on any domain says. Raises Invalid.

    >>> parse_link("https://example.com/01/09506000134352/10/L1?17=261231").element_string
    '^010950600013435210L1^17261231'
    """
    address = read_address(uri)
    segments = address.path.split("/")[1:]
    start = _start_of_key(segments, permit)
    path = tuple(_read_path(segments[start:], permit))
    _check_order(path)
    attributes, others = _read_query(address.query, path[0].ai, permit)
    _check_single((*path, *attributes))
    check_associations((*path, *attributes))
    stem = "/".join([address.origin, *segments[:start]])
    return Link(stem, path, attributes, others, address.fragment)


def build_link(
    elements: Iterable[tuple[str, str]], stem: str | None = None, permit: Permissions = NOTHING_MORE
) -> str:
    """Return the Digital Link URI of elements, on https://id.gs1.org or behind another stem.

    The first primary key is the one, with as many qualifiers as are there; the other elements
    go into the query as they come, those of predefined length first. Raises Invalid.

    >>> build_link([("10", "L/1"), ("01", "09506000134352")], "https://example.com/stem/")
    'https://example.com/stem/01/09506000134352/10/L%2F1'
    """
    root = _checked_stem(GS1_ROOT if stem is None else stem)
    given = [Element(*element) for element in elements]
    entries = {ai: _checked(ai, value, permit) for ai, value in given}
    check_associations(given)
    values = dict(given)
    key = next((entries[ai] for ai in values if entries[ai].orders is not None), None)
    if key is None:
        raise Invalid(_no_key("elements"))
    path = (key.ai, *_qualifiers(key, values))
    rest = [ai for ai in values if ai not in path]
    for ai in rest:
        _check_attribute(entries[ai], key.ai, permit)
    rest.sort(key=lambda ai: not entries[ai].predefined)
    address = root + "".join(f"/{ai}/{encoded(_segment(ai, values[ai]))}" for ai in path)
    query = "&".join(f"{ai}={encoded(values[ai])}" for ai in rest)
    return f"{address}?{query}" if query else address


def _start_of_key(segments: Sequence[str], permit: Permissions) -> int:
    """Return the index of the rightmost primary key, walking from the end by pairs.

    A word of the stem that looks like a key does not count: a key stands nearer to the end.
    """
    for index in range(len(segments) - 2, -1, -2):
        entry = _entry(segments[index], permit)
        if entry is None:
            raise Invalid(_why_no_key(segments, index))
        if entry.orders is not None:
            return index
    raise Invalid(_no_key("uri"))


def _why_no_key(segments: Sequence[str], index: int) -> Problem:
    """Return what stands between the end of the path and its key, if there is one."""
    has_key = any(
        name in APPLICATION_IDENTIFIERS and APPLICATION_IDENTIFIERS[name].orders is not None
        for name in segments[:index]
    )
    if has_key and not segments[-1]:
        return _slash_at_end()
    if has_key and is_digits(segments[index]):
        return unknown_ai("uri", segments[index])
    return _no_key("uri")


def _entry(name: str, permit: Permissions) -> ApplicationIdentifier | None:
    ai = WORDS.get(name, name) if permit.words else name
    return find_ai(ai, permit_unknown=permit.unknown_ais)


def _read_path(segments: Sequence[str], permit: Permissions) -> Iterable[Element]:
    for name, text in zip(segments[::2], segments[1::2], strict=True):
        entry = _entry(name, permit)
        if entry is None:
            raise Invalid(unknown_ai("uri", name))
        value = _padded(entry.ai, _decoded(entry.ai, text), permit)
        check_value(entry, _segment(entry.ai, value))
        yield Element(entry.ai, value)


def _read_query(
    query: str, key: str, permit: Permissions
) -> tuple[tuple[Element, ...], tuple[str, ...]]:
    """Return the GS1 data of a query, and what else is in it."""
    attributes = []
    others = []
    for parameter in query.split("&"):
        name, _, text = parameter.partition("=")
        if "=" in parameter and is_digits(name):
            # In a query, unlike a path, + stands for a space. No value of GS1 holds either.
            value = _padded(name, _decoded(name, text.replace("+", " ")), permit)
            _check_attribute(_checked(name, value, permit), key, permit)
            attributes.append(Element(name, value))
        elif parameter:
            others.append(parameter)
    return tuple(attributes), tuple(others)


def _checked(ai: str, value: str, permit: Permissions) -> ApplicationIdentifier:
    entry = find_ai(ai, permit_unknown=permit.unknown_ais)
    if entry is None:
        raise Invalid(unknown_ai(f"({ai[:40]})", ai))
    check_value(entry, value)
    return entry


def _decoded(ai: str, text: str) -> str:
    try:
        return decoded(text)
    except Invalid as error:
        raise Invalid(*(replace(each, place=f"({ai})") for each in error.problems)) from None


def _padded(ai: str, value: str, permit: Permissions) -> str:
    """Return a GTIN of 8, 12 or 13 digits with zeros in front, where that is permitted."""
    if ai != _GTIN or len(value) not in GTIN_LENGTHS[:-1] or not is_digits(value):
        return value
    if permit.zero_suppressed_gtin:
        return value.zfill(GTIN_LENGTHS[-1])
    raise Invalid(
        Problem(
            f"({ai})",
            mark("A GTIN in a link has 14 digits, this has %(length)s"),
            mark("Put zeros in front"),
            {"length": len(value)},
        )
    )


def _segment(ai: str, value: str) -> str:
    """Return a value that may be a segment of a path: web clients take dots for folders."""
    if value in (".", ".."):
        raise Invalid(
            Problem(
                f"({ai})",
                mark("Dots alone cannot stand in the path of a link"),
                mark("Choose a value with a letter or a digit"),
            )
        )
    return value


def _check_order(path: Sequence[Element]) -> None:
    """Refuse qualifiers that the key does not have, or has in another order."""
    key, *names = (ai for ai, _ in path)
    orders = APPLICATION_IDENTIFIERS[key].orders or ()
    for order in ((), *orders):
        expected = iter(order)
        if all(name in expected for name in names):
            return
    raise Invalid(
        Problem(
            f"({names[-1]})",
            mark(
                "Behind (%(key)s) the path of a link has, in this order and some or none: %(order)s"
            ),
            mark("Put the qualifiers into this order, and what is none of them into the query"),
            {"key": key, "order": _words_of(orders)},
        )
    )


def _words_of(orders: Sequence[Sequence[str]]) -> str:
    return " | ".join(" ".join(f"({ai})" for ai in order) for order in orders) or "-"


def _check_attribute(entry: ApplicationIdentifier, key: str, permit: Permissions) -> None:
    """Refuse data that may not stand in a query: the key itself, qualifiers, and some others."""
    orders = APPLICATION_IDENTIFIERS[key].orders or ()
    if entry.ai == key or any(entry.ai in order for order in orders):
        raise Invalid(
            Problem(
                f"({entry.ai})",
                mark("%(name)s belongs into the path, behind (%(key)s): %(order)s"),
                mark("Write it there, once, with no other than these beside it"),
                {"name": entry.name, "key": key, "order": _words_of(orders)},
            )
        )
    if not (entry.attribute if entry.known else permit.unknown_attributes):
        raise Invalid(
            Problem(
                f"({entry.ai})",
                mark("%(name)s may not stand in the query of a link"),
                mark("Leave it out, or make a link of the key that it belongs to"),
                {"name": entry.name},
            )
        )


def _check_single(elements: Sequence[Element]) -> None:
    seen = set()
    for ai, _ in elements:
        if ai in seen:
            raise Invalid(
                Problem(
                    f"({ai})",
                    mark("(%(ai)s) is in the link twice"),
                    mark("Write it once"),
                    {"ai": ai},
                )
            )
        seen.add(ai)


def _qualifiers(key: ApplicationIdentifier, present: Iterable[str]) -> tuple[str, ...]:
    """Return those qualifiers of the key that are there, of the order that has most of them."""
    names = set(present)
    found = [tuple(ai for ai in order if ai in names) for order in key.orders or ()]
    return max(found, key=len, default=())


def _checked_stem(stem: str) -> str:
    address: WebAddress = read_address(stem, "stem")
    if "?" in stem or "#" in stem:
        raise Invalid(
            Problem(
                "stem",
                mark("A stem ends before the query of its address"),
                mark("Leave out everything from ? or # on"),
            )
        )
    return address.origin + address.path.rstrip("/")


def _no_key(place: str) -> Problem:
    return Problem(
        place,
        mark("There is no GS1 key that a link could begin with"),
        mark("Write one such as 01 (GTIN), 00 (SSCC), 414 (GLN) or 8003 (GRAI), and its value"),
    )


def _slash_at_end() -> Problem:
    return Problem(
        "uri", mark("The path of a link ends with a value, not a slash"), mark("Remove it")
    )
