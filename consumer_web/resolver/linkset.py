"""Link sets (RFC 9264) of a thing and of what it is a piece or sort of. Pure.

::

    {"linkset": [{"anchor": "https://trace.example/01/06901234567892/10/L1",
                  "itemDescription": "剁椒酱 L1",
                  "https://gs1.org/voc/defaultLink": [{"href": "…?view=page", "title": "…"}],
                  "https://gs1.org/voc/pip": [{"href": "…", "title": "…", "type": "text/html",
                                               "hreflang": ["zh", "en"]}]},
                 {"anchor": "https://trace.example/01/06901234567892", …}]}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foodtrace.consumer_web.resolver.negotiation import (
    DATA_TYPE,
    GS1_VOCABULARY,
    Asked,
    fitting,
)
from foodtrace.trace.errors import mark

HTML = "text/html"
DEFAULT, DEFAULT_MULTI = "defaultLink", "defaultLinkMulti"
# The page speaks both: which one, the reader's browser says.
SPOKEN = ("zh", "en")
TAGS = {"zh": "zh-CN", "en": "en"}


@dataclass(frozen=True, slots=True)
class Link:
    """One link."""

    relation: str  # a word of the GS1 vocabulary
    href: str
    title: str
    languages: tuple[str, ...] = ()
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """A thing and its links. `anchor` is its address, uncompressed."""

    anchor: str
    description: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class OwnLink:
    """A link that this service gives everything of a kind: `ending` is put to the address."""

    relation: str
    title: str
    ending: str
    media_type: str = HTML


_PAGE = OwnLink("pip", mark("What is on the label, and what is on record"), "?view=page")
_MASTER_DATA = OwnLink("masterData", mark("The facts of the page as data"), "?view=data", DATA_TYPE)
_RECALL = OwnLink("recallStatus", mark("Whether it is recalled"), "#verdict")
_SAFETY = OwnLink("safetyInfo", mark("Allergens, storage and dates"), "#facts")

# By the kind of thing; the fragments are sections of its page.
OWN_LINKS: Mapping[str, Sequence[OwnLink]] = {
    "product": (_PAGE, _RECALL, _SAFETY, _MASTER_DATA),
    "lot": (
        _PAGE,
        OwnLink("traceability", mark("Every step from the farm to the shop"), "#journey"),
        OwnLink("epcis", mark("Its own steps as EPCIS events"), "?view=epcis", DATA_TYPE),
        OwnLink("certificationInfo", mark("Tests and certificates"), "#tests"),
        _RECALL,
        _SAFETY,
        _MASTER_DATA,
    ),
    "place": (
        OwnLink("locationInfo", mark("What is on record of the place"), "?view=page"),
        _MASTER_DATA,
    ),
    "party": (
        OwnLink("pip", mark("What is on record of the organisation"), "?view=page"),
        _MASTER_DATA,
    ),
    "sort": (),
}
DEFAULT_TITLE = mark("The page of this code")
_MULTI_TITLES = {"zh": mark("The page of this code, in Chinese"),
                 "en": mark("The page of this code, in English")}  # fmt: skip


def own_links(kind: str, address: str, translate: Mapping[str, str]) -> tuple[Link, ...]:
    """Return the links of ours of a thing at this address; `translate` holds their titles."""
    described = OWN_LINKS[kind]
    if not described:
        return ()
    return (
        Link(DEFAULT, f"{address}?view=page", translate[DEFAULT_TITLE]),
        *(
            Link(
                DEFAULT_MULTI,
                f"{address}?view=page&lang={TAGS[tag]}",
                translate[_MULTI_TITLES[tag]],
                (tag,),
                HTML,
            )
            for tag in SPOKEN
        ),
        *(
            Link(
                own.relation,
                address + own.ending,
                translate[own.title],
                SPOKEN if own.media_type == HTML else (),
                own.media_type,
            )
            for own in described
        ),
    )


def titles() -> tuple[str, ...]:
    """Return the titles of all links of ours, to be translated."""
    described = [own.title for kind in OWN_LINKS.values() for own in kind]
    return tuple(dict.fromkeys([DEFAULT_TITLE, *_MULTI_TITLES.values(), *described]))


def linkset(levels: Sequence[Level]) -> dict[str, Any]:
    """Return the link set of these things, the finest first."""
    return {"linkset": [_context(level) for level in levels]}


def chosen(levels: Sequence[Level], asked: Asked, relation: str) -> Sequence[Link]:
    """Return the links of a type that fit a request: none, one, or several that fit alike.

    The finest level that has the type counts.
    """
    for level in levels:
        found = [link for link in level.links if link.relation == relation]
        if found:
            return fitting(
                found,
                asked,
                languages=lambda link: link.languages,
                media_type=lambda link: link.media_type,
            )
    return ()


def default_link(levels: Sequence[Level], asked: Asked) -> Link | None:
    """Return where a request that names no link leads."""
    if asked.languages:
        found = chosen(levels, asked, DEFAULT_MULTI)
        if len(found) == 1:
            return found[0]
    found = chosen(levels, asked, DEFAULT)
    return found[0] if found else None


def forwarded(link: Link, asked: Asked) -> str:
    """Return the target of a link with the query of the request passed on.

    The language is passed on too, unless it chose the link.

    >>> forwarded(Link("pip", "https://a.example/x#y", ""), Asked(None, others=("b=1",)))
    'https://a.example/x?b=1#y'
    """
    parameters = list(asked.others)
    if asked.language and len(link.languages) != 1 and asked.language in TAGS.values():
        parameters.append(f"lang={asked.language}")
    if not parameters:
        return link.href
    target, hash_, fragment = link.href.partition("#")
    joint = "&" if "?" in target else "?"
    return f"{target}{joint}{'&'.join(parameters)}{hash_}{fragment}"


def _context(level: Level) -> dict[str, Any]:
    context: dict[str, Any] = {"anchor": level.anchor, "itemDescription": level.description}
    for link in level.links:
        context.setdefault(GS1_VOCABULARY + link.relation, []).append(_target(link))
    return context


def _target(link: Link) -> dict[str, Any]:
    target: dict[str, Any] = {"href": link.href, "title": link.title}
    if link.media_type:
        target["type"] = link.media_type
    if link.languages:
        target["hreflang"] = list(link.languages)
    return target
