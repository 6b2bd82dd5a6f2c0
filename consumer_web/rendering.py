"""How the public pages are written: language, style, dates, names, and what they may load.

A page is one answer: the style is inside, allowed by its hash, and nothing else is loaded.
A nonce would change with every answer, and with it the ETag.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, render_template, request
from flask_babel import get_locale, gettext
from markupsafe import Markup, escape

from foodtrace.consumer_web import words
from foodtrace.consumer_web.journey import Step, step_word, zone_of
from foodtrace.consumer_web.phrases import Phrases, current_phrases
from foodtrace.trace.chain.model import ChainItem, Hop, PartyFacts
from foodtrace.trace.errors import Problem
from foodtrace.trace.issuers.signers import Signer
from foodtrace.trace.issuers.validity import Standing
from foodtrace.trace.language import ENGLISH, NAME_OF, TAG_OF
from foodtrace.trace.links.rules import LINK_TYPES, host_of
from foodtrace.trace.log.places import Places
from foodtrace.trace.web import store

CHINA = zone_of("+08:00")
Picker = Callable[[str | None, str | None], str | Markup]
Namer = Callable[[PartyFacts | None], str | Markup]
STYLE = (
    files("foodtrace.consumer_web")
    .joinpath("static/consumer.css")
    .read_text(encoding="utf-8")
    .replace("\n", "")
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# Characters that nobody sees and that turn the text around them: a name made of them
# could pass for another. They are shown as what they are: something that is not right.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


def page(template: str, status: int = 200, *, cache: str = "no-cache", **values: Any) -> Response:
    """Return a page. It may be kept only to be asked again each time: nothing is ever stale."""
    html = _UNSEEN.sub("\ufffd", render_template(f"consumer/{template}", **values))
    response = make_response(html, status)
    response.headers["Cache-Control"] = cache
    return response


def add_words(bp: Blueprint) -> None:
    """Give the templates the words and forms of this module."""

    @bp.app_context_processor
    def values() -> dict[str, Any]:
        locale = str(get_locale())
        phrases = current_phrases()
        pick = _picker(english=locale == ENGLISH)
        party = _namer(phrases, pick)
        return {
            "_": phrases.gettext,
            "ngettext": phrases.ngettext,
            "STYLE": Markup(STYLE),  # noqa: S704  our own file
            "lang": TAG_OF.get(locale, "zh-CN"),
            "languages": [(TAG_OF[name], NAME_OF[name]) for name in TAG_OF],
            "in_language": _in_language,
            "pick": pick,
            "party": party,
            "where": lambda hop: _where(hop, party, pick),
            "entry": lambda step, places: _entry(step, places, phrases),
            "signature": lambda signer: _signature(signer, phrases),
            "stamp": stamp,
            "day": day,
            "problem_text": problem_text,
            "read_only": _read_only(),
            "lot_name": lot_name,
            "step_text": lambda step: phrases.gettext(words.step_text(step_word(step.hop))),
            "in_china": lambda moment: moment.astimezone(CHINA),
            "in_offset": lambda moment, offset: moment.astimezone(zone_of(offset)),
            "words": words,
            "link_types": LINK_TYPES,
            "host_of": host_of,
        }


def _read_only() -> str | None:
    """Return why nothing is recorded for now; what to do about it is not for readers."""
    reason = store().standing.reason
    return None if reason is None else problem_text(replace(reason, fix=""))


def stamp(moment: datetime) -> Markup:
    """Return a time to the minute in the offset that it has; named where it is not China's.

    >>> str(stamp(datetime(2026, 11, 2, 8, 30, tzinfo=CHINA)))
    '<time datetime="2026-11-02T08:30+08:00">2026-11-02 08:30</time>'
    """
    exact = moment.isoformat(timespec="minutes")
    zone = "" if exact[16:] == "+08:00" else f" UTC{exact[16:]}"
    # Digits and signs only: nothing to escape, and there are hundreds on a page.
    return Markup(f'<time datetime="{exact}">{exact[:10]} {exact[11:16]}{zone}</time>')  # noqa: S704


def day(value: date) -> Markup:
    """Return a date."""
    return Markup(f"<time>{value.isoformat()}</time>")  # noqa: S704  digits only


def lot_name(item: ChainItem) -> str:
    """Return what the label calls a lot: its number, else its serial, else its code."""
    return item.serial or item.lot_number or item.lot or item.canonical.rpartition("/")[2]


def problem_text(problem: Problem) -> str:
    """Return the rule and the fix of a problem in the reader's language."""
    parts = [gettext(text) % problem.values for text in (problem.rule, problem.fix) if text]
    stop = "." if str(get_locale()) == ENGLISH else "。"
    return (" " if stop == "." else "").join(
        part if part.endswith((".", "?", "。", "？")) else part + stop for part in parts
    )


def _picker(*, english: bool) -> Picker:
    """Return a function that chooses between the Chinese and the English form of a name.

    A name in the other language says so, for those who have the page read to them.
    """

    def pick(chinese: str | None, in_english: str | None) -> str | Markup:
        if not english:
            return chinese or in_english or ""
        if in_english or not chinese:
            return in_english or ""
        if chinese.isascii():
            return chinese
        return Markup(f'<span lang="zh-CN">{escape(chinese)}</span>')  # noqa: S704  escaped

    return pick


def _namer(phrases: Phrases, pick: Picker) -> Namer:
    """Return a function that names a party, each one looked at once.

    Who is not registered is not named by a number that says nothing to a reader.
    """
    named: dict[str, str | Markup] = {}

    def party(facts: PartyFacts | None) -> str | Markup:
        if facts is None:
            return phrases.gettext("an organisation that is not named")
        name = named.get(facts.identifier)
        if name is None:
            name = escape(pick(facts.name, facts.name_en))
            if not name:
                name = phrases.gettext("an organisation that is not registered")
            named[facts.identifier] = name
        return name

    return party


def _where(hop: Hop, party: Namer, pick: Picker) -> Markup:
    """Return who did a step, and in which region: never the exact place."""
    region = hop.place.region if hop.place else None
    name = escape(party(hop.party))
    return name + Markup(" · ") + escape(pick(region, None)) if region else name


def _entry(step: Step, places: Places, phrases: Phrases) -> Markup:
    """Return the number of a step in the log, and when it was recorded there."""
    place = places.by_id.get(step.hop.id)
    recorded = place.at.astimezone(step.at.tzinfo) if place else step.recorded_at
    is_later = recorded.date() != step.at.date()
    time = stamp(recorded) if is_later else recorded.isoformat(timespec="minutes")[11:16]
    if place:
        text = phrases.gettext("No. %(number)s, recorded %(time)s", number=place.number, time=time)
    else:
        text = phrases.gettext("Received %(time)s, not recorded in the log yet", time=time)
    return Markup(f"<small>{text}</small>")  # noqa: S704  filled by gettext


def _signature(signer: Signer | None, phrases: Phrases) -> Markup:
    """Return which device signed something; nothing where none did, which the page says once."""
    if signer is None:
        return Markup()
    if signer.standing is Standing.RECONFIRM:
        text = phrases.gettext("its signature has to be confirmed again")
    else:
        text = phrases.gettext("signed on the device “%(device)s”", device=escape(signer.device))
    return Markup(f"<br><small>{text}</small>")  # noqa: S704  filled by gettext


def _in_language(tag: str) -> str:
    """Return the query that leads to this page in another language."""
    pairs = [
        (name, value)
        for name, value in request.args.items(multi=True)
        if name not in ("lang", "view")
    ]
    return "?" + urlencode([*pairs, ("lang", tag)])
