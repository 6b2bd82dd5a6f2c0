"""The answers of the resolver: pages, link sets, data, redirects, choices and refusals."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from flask import Response, make_response, redirect
from flask_babel import get_locale
from werkzeug.wrappers import Response as AnyResponse

from foodtrace.consumer_web.phrases import current_phrases
from foodtrace.consumer_web.proofs.bundles import Bundle
from foodtrace.consumer_web.proofs.pages import proof_page
from foodtrace.consumer_web.rendering import page
from foodtrace.consumer_web.resolver import data
from foodtrace.consumer_web.resolver.addresses import OUR_CODE, Address
from foodtrace.consumer_web.resolver.linkset import (
    Level,
    Link,
    chosen,
    default_link,
    forwarded,
    linkset,
    own_links,
    titles,
)
from foodtrace.consumer_web.resolver.negotiation import DATA_TYPE, LINKSET_TYPE, Asked, View
from foodtrace.consumer_web.resolver.things import Standing, Thing
from foodtrace.trace.errors import mark
from foodtrace.trace.gs1.model import GS1_ROOT
from foodtrace.trace.language import ENGLISH
from foodtrace.trace.links.models import ThingLink
from foodtrace.trace.links.rules import host_of
from foodtrace.trace.web import settings

# What a page that names one single thing may be kept by: the reader's own browser.
PRIVATE = "private, no-cache"
CONTEXT_PATH = "/linkset-context.jsonld"
JSON_TYPE = "application/json"
_Some = TypeVar("_Some", bound=AnyResponse)
NO_SUCH_LINK = mark("Nothing of this kind is on record for this code")


@dataclass(frozen=True, slots=True)
class Found:
    """A thing with the links that hold of it and of what it is a piece or sort of."""

    thing: Thing
    standings: Sequence[Standing]
    given: Sequence[ThingLink]

    @property
    def address(self) -> str:
        """Its address on this installation."""
        return settings().base_url + self.thing.address.path

    @property
    def levels(self) -> list[Level]:
        """Its links, ours and those that were given, level by level."""
        phrases = current_phrases()
        translated = {text: str(phrases.gettext(text)) for text in titles()}
        return [_level(each, self.given, translated) for each in self.standings]


def shown(found: Found, asked: Asked, values: Mapping[str, Any]) -> AnyResponse:
    """Answer with the view of a thing that was asked for; `values` are for its page."""
    thing, view = found.thing, asked.view
    if view is View.DEFAULT:
        return _led(found, default_link(found.levels, asked), asked)
    if view is View.LINKSET:
        return _json(found, linkset(found.levels), LINKSET_TYPE)
    if view is View.DATA:
        return _json(found, facts_of(thing, found.address), DATA_TYPE)
    if view is View.EVENTS:
        if thing.story is None:
            return missing(asked, NO_SUCH_LINK)
        return _json(found, data.events_of(thing.story, settings().base_url), DATA_TYPE)
    if view is View.PROOF:
        return _proof(found, asked, values.get("bundle"))
    response = page(
        _TEMPLATES[thing.kind],
        cache=_cache(thing),
        facts=data.dumped(facts_of(thing, found.address)),
        links=[(link, where(link)) for link in found.given],
        **values,
    )
    return _linked(response, thing.address)


def _proof(found: Found, asked: Asked, bundle: Bundle | None) -> AnyResponse:
    """Answer with the proof of a thing; there is one of things with a chain only."""
    if bundle is None:
        return missing(asked, NO_SUCH_LINK)
    following = f"{found.address}?view=proof&after={bundle.after}" if bundle.after else None
    if not asked.for_people:
        return _json(found, bundle.values(following), JSON_TYPE)
    response = proof_page(found.thing.address.path, bundle, cache=_cache(found.thing))
    return _linked(response, found.thing.address)


def linked(found: Found, asked: Asked) -> AnyResponse:
    """Answer a request for one type of link: 307, 300 or 404."""
    links = chosen(found.levels, asked, asked.link_type or "")
    if not links:
        return _linked(missing(asked, NO_SUCH_LINK), found.thing.address)
    if len(links) == 1:
        return _led(found, links[0], asked)
    targets = [(link, forwarded(link, asked)) for link in links]
    if asked.view is View.PAGE:
        return _linked(page("choices.html", 300, targets=targets), found.thing.address)
    level = Level(found.address, found.levels[0].description, tuple(links))
    response = _json(found, linkset([level]), LINKSET_TYPE)
    response.status_code = 300
    return response


def led_up(found: Found, missed: Address, asked: Asked) -> AnyResponse:
    """Lead from an unknown sort of a thing to the thing."""
    if asked.view is View.DEFAULT:
        return _led(found, default_link(found.levels, asked), asked)
    ending = "" if asked.view is View.PAGE else f"?view={asked.view.value}"
    parameters = [f"lot={missed.path.rpartition('/')[2]}"] if missed.identifier.lot else []
    above = Asked(asked.view, language=asked.language, others=(*parameters, *asked.others))
    return _led(found, Link("", found.address + ending, ""), above)


def unknown(address: Address, asked: Asked) -> Response:
    """Answer a code of which nothing is on record, or nothing that may be seen."""
    if asked.for_people:
        return page("unknown.html", 404, identifier=address.identifier)
    return missing(asked, mark("No such code"))


def missing(asked: Asked, title: str) -> Response:
    """Answer 404, to people in a page and to programs in a problem document (RFC 9457)."""
    if asked.for_people:
        return page("error.html", 404, title=title)
    return problem(404, title, ())


def problem(status: int, title: str, texts: Sequence[str]) -> Response:
    """Return a problem document."""
    said = {"type": "about:blank", "title": str(current_phrases().gettext(title)), "status": status}
    response = make_response(
        json.dumps(said | ({"detail": " ".join(texts)} if texts else {}), ensure_ascii=False),
        status,
    )
    response.content_type = "application/problem+json"
    response.headers["Cache-Control"] = "no-cache"
    return response


def facts_of(thing: Thing, url: str) -> dict[str, Any]:
    """Return the facts of a thing for machines."""
    if thing.story is not None:
        return data.of_story(thing.story, url)
    if thing.product is not None:
        return data.of_product(thing.product, url)
    if thing.place is not None:
        return data.of_place(thing.place, thing.party, url)
    assert thing.party is not None  # noqa: S101  one of the four is there
    return data.of_party(thing.party, url)


def where(link: ThingLink) -> str:
    """Return where a link that was given leads a person: at once, or by a page of ours."""
    return link.href if host_of(link.href) in settings().link_hosts else f"/away/{link.id}"


_TEMPLATES = {"lot": "trace.html", "product": "product.html", "place": "place.html",
              "party": "place.html"}  # fmt: skip


def _level(standing: Standing, given: Sequence[ThingLink], translated: Mapping[str, str]) -> Level:
    base = settings().base_url
    anchor = base + standing.address.path
    canonical = standing.address.identifier.canonical
    theirs = (_given(link, base) for link in given if link.anchor == canonical)
    return Level(
        anchor,
        _description(standing),
        (*own_links(standing.kind, anchor, translated), *theirs),
    )


def _given(link: ThingLink, base: str) -> Link:
    """Return a link that was given, as it is told: a foreign host by a page of ours."""
    target, title = where(link), link.title
    if target != link.href:
        target, title = base + target, f"{title} · {host_of(link.href)}"
    languages = (link.language,) if link.language else ()
    return Link(link.link_type, target, title, languages, link.media_type)


def _description(standing: Standing) -> str:
    """Return the name of a thing in the reader's language, and which one it is."""
    english = str(get_locale()) == ENGLISH
    names = (standing.name_en, standing.name) if english else (standing.name, standing.name_en)
    pairs = standing.address.pairs
    number = pairs[-1][1] if len(pairs) > 1 or pairs[0][0] == "00" else ""
    return " ".join(filter(None, (names[0] or names[1], number))) or standing.address.path


def _led(found: Found, link: Link | None, asked: Asked) -> AnyResponse:
    if link is None:
        return missing(asked, NO_SUCH_LINK)
    response = redirect(forwarded(link, asked), 307)
    response.headers["Cache-Control"] = _cache(found.thing)
    return _linked(response, found.thing.address)


def _json(found: Found, value: dict[str, Any], media_type: str) -> Response:
    # Python's own encoder took half of the time of a bundle with a thousand statements.
    response = make_response(msgspec.json.format(msgspec.json.encode(value), indent=1))
    response.content_type = media_type
    response.headers["Cache-Control"] = _cache(found.thing)
    _linked(response, found.thing.address)
    if media_type == LINKSET_TYPE:
        context = f"<{settings().base_url}{CONTEXT_PATH}>"
        response.headers["Link"] += (
            f', {context}; rel="http://www.w3.org/ns/json-ld#context"; type="{DATA_TYPE}"'
        )
    return response


def _linked(response: _Some, address: Address) -> _Some:
    """Say where the link set is, and by which name everybody knows the thing."""
    links = [
        f"<{settings().base_url}{address.path}?linkType=linkset>; "
        f'rel="linkset"; type="{LINKSET_TYPE}"'
    ]
    if address.pairs[0][0] != OUR_CODE:
        links.append(f'<{GS1_ROOT}{address.path}>; rel="owl:sameAs"')
    response.headers["Link"] = ", ".join(links)
    return response


def _cache(thing: Thing) -> str:
    is_single = thing.unit is not None or thing.address.identifier.serial
    return PRIVATE if is_single else "no-cache"
