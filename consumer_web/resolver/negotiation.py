"""What a client asks of a code: which view, which link, in which language and form. Pure.

GS1-Conformant resolver standard, chapter 4, and RFC 9110, sections 12.4.2 and 12.5.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar
from urllib.parse import quote, unquote_plus

from foodtrace.trace.errors import Invalid, Problem, mark

LINKSET_TYPE = "application/linkset+json"
DATA_TYPE = "application/ld+json"
LINKSET_WORDS = frozenset({"linkset", "all"})
GS1_VOCABULARY = "https://gs1.org/voc/"
LONGEST_QUERY = 4_000

# What is meant for the resolver itself; everything else is passed on.
OWN_PARAMETERS = frozenset({"linkType", "lang", "mediaType", "context", "view"})
_VOCABULARIES = ("gs1:", GS1_VOCABULARY, "https://ref.gs1.org/voc/", "https://www.gs1.org/voc/")
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
# Of what a part of a query may hold (RFC 3986, 3.4), what is left as it is.
_SAFE = "-._~!$'()*+,;:@/?%="

_Choice = TypeVar("_Choice")


class View(StrEnum):
    """The forms in which a thing is shown."""

    PAGE = "page"  # for people
    LINKSET = "linkset"  # where else it leads
    DATA = "data"  # the facts of the page as JSON-LD
    EVENTS = "epcis"  # its own steps as EPCIS events
    PROOF = "proof"  # what anybody can check it by: a page, or the bundle for programs
    DEFAULT = "default"  # not said: the client is led to the default link


# In the order in which they are preferred where a client takes them alike.
_VIEWS: Sequence[tuple[str, View]] = (
    ("text/html", View.PAGE),
    (LINKSET_TYPE, View.LINKSET),
    (DATA_TYPE, View.DATA),
    ("application/json", View.DATA),
)
_NAMED_VIEWS = {str(view): view for view in (View.PAGE, View.DATA, View.EVENTS, View.PROOF)}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a thing, read.

    `link_type` is a word of the GS1 vocabulary without its prefix, or None; `language` and
    `media_type` were said in the query; `others` are the parameters to pass on, as written.
    """

    view: View
    link_type: str | None = None
    language: str | None = None
    languages: tuple[str, ...] = ()  # the most wanted first
    media_type: str | None = None
    accept: str = ""
    others: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def for_people(self) -> bool:
        """Whether a page is the answer; a proof is one for those who ask for pages."""
        if self.view is View.PROOF:
            is_json = self.media_type == "application/json"
            return not is_json and preferred_view(self.accept) is View.PAGE
        return self.view in (View.PAGE, View.DEFAULT)


def read_request(query: str, accept: str = "", accept_language: str = "") -> Asked:
    """Return what is asked for. Raises Invalid for a parameter of ours that is said twice.

    >>> read_request("linkType=gs1:pip&batch=7").link_type
    'pip'
    """
    if len(query) > LONGEST_QUERY:
        raise Invalid(
            Problem(
                "query",
                mark("The query of the address has %(length)s characters, %(longest)s are allowed"),
                mark("Shorten it"),
                {"length": len(query), "longest": LONGEST_QUERY},
            )
        )
    values: dict[str, str] = {}
    others = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        name = unquote_plus(name)
        if name in OWN_PARAMETERS and name in values:
            raise Invalid(
                Problem(name, mark("The parameter is given twice"), mark("Write it once"))
            )
        values.setdefault(name, unquote_plus(value))
        if part and name not in OWN_PARAMETERS:
            others.append(quote(part, safe=_SAFE))
    link_type = values.get("linkType") or None
    view = _NAMED_VIEWS.get(values.get("view", "")) or preferred_view(accept)
    if link_type in LINKSET_WORDS:
        view, link_type = View.LINKSET, None
    language = values.get("lang") or None
    languages = by_quality(accept_language)
    return Asked(
        view=view,
        link_type=_word(link_type) if link_type else None,
        language=language,
        languages=(language, *languages) if language else languages,
        media_type=values.get("mediaType") or None,
        accept=accept,
        others=tuple(others),
        values=values,
    )


@lru_cache(maxsize=512)
def preferred_view(accept: str) -> View:
    """Return the view that an Accept header asks for by name; DEFAULT where it names none.

    >>> preferred_view("text/html,application/xhtml+xml,*/*;q=0.8").value
    'page'
    >>> preferred_view("*/*").value, preferred_view("").value
    ('default', 'default')
    """
    ranges = _ranges(accept)
    named = {name: quality for name, quality in ranges.items() if name != "*/*"}
    best = max(_VIEWS, key=lambda each: _quality(each[0], named))
    quality = _quality(best[0], named)
    return best[1] if quality > 0 and quality >= ranges.get("*/*", 0) else View.DEFAULT


def by_quality(header: str) -> tuple[str, ...]:
    """Return the languages of an Accept-Language header, the most wanted first.

    >>> by_quality("en;q=0.5, zh-CN, fr;q=0")
    ('zh-CN', 'en')
    """
    ranked = _weighted(header)
    wanted = [(name, quality) for name, quality in ranked if quality > 0 and name != "*"]
    return tuple(name for name, _ in sorted(wanted, key=lambda each: -each[1]))


def fitting(
    choices: Sequence[_Choice],
    asked: Asked,
    *,
    languages: Callable[[_Choice], Sequence[str]],
    media_type: Callable[[_Choice], str | None],
) -> Sequence[_Choice]:
    """Return those of several links that fit a request best: one, or several that fit alike."""
    if len(choices) > 1:
        choices = _in_language(choices, asked.languages, languages)
    if len(choices) > 1 and asked.media_type:
        choices = [one for one in choices if media_type(one) == asked.media_type] or choices
    if len(choices) > 1:
        ranges = _ranges(asked.accept) or {"*/*": 1.0}
        marks = [_quality(media_type(one) or "text/html", ranges) for one in choices]
        best = max(marks)
        choices = [one for one, mark_ in zip(choices, marks, strict=True) if mark_ == best]
    return choices


def _in_language(
    choices: Sequence[_Choice], wanted: Iterable[str], languages: Callable[[_Choice], Sequence[str]]
) -> Sequence[_Choice]:
    """Return those in the first language of the reader in which there are any.

    Without one, those in no language in particular; without these, all.
    """
    for tag in wanted:
        exact = [one for one in choices if tag.lower() in map(str.lower, languages(one))]
        near = [
            one
            for one in choices
            if _primary(tag) in (_primary(language) for language in languages(one))
        ]
        if exact or near:
            return exact or near
    return [one for one in choices if not languages(one)] or choices


def _word(link_type: str) -> str:
    """Return the word of a link type; of one in another vocabulary all of it: nobody has it."""
    for prefix in _VOCABULARIES:
        if link_type.startswith(prefix):
            return link_type.removeprefix(prefix) or link_type
    return f"other:{link_type}"


def _ranges(accept: str) -> dict[str, float]:
    return {name.lower(): quality for name, quality in _weighted(accept)}


def _weighted(header: str) -> list[tuple[str, float]]:
    """Return the members of a header with their weights, leaving out what is malformed."""
    found = []
    for part in header.split(",")[:50]:
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weights = [p[2:].strip() for p in parameters if p[:2].lower() == "q="]
        weight = weights[0] if weights else "1"
        if name and _QUALITY.fullmatch(weight):
            found.append((name, float(weight)))
    return found


def _quality(media_type: str, ranges: Mapping[str, float]) -> float:
    """Return how much a media type is wanted: the most specific range counts."""
    kind = media_type.partition("/")[0]
    return next((ranges[each] for each in (media_type, f"{kind}/*", "*/*") if each in ranges), 0)


def _primary(tag: str) -> str:
    return tag.lower().partition("-")[0]
