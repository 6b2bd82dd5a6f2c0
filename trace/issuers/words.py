"""The words of the signing pages: what a statement is, and what became of a key. Pure.

Texts are English and marked; the page that shows one translates it.
"""

from typing import Any

import msgspec

from foodtrace.trace.errors import mark
from foodtrace.trace.words import STEPS

KINDS = {
    "event": mark("Event"),
    "masterdata": mark("Master data"),
    "party": mark("Organisation"),
    "place": mark("Place"),
    "product": mark("Product data"),
    "link": mark("Link"),
    "link_end": mark("End of a link"),
    "certificate": mark("Certificate"),
    "withdrawal": mark("Withdrawal of a certificate"),
    "recall": mark("Recall"),
    "recall_end": mark("End of a recall"),
}
STATES = {
    "good": mark("may sign"),
    "waiting": mark("waits to be let in"),
    "ended": mark("may no longer sign"),
}
ENDINGS = {
    "replaced": mark("replaced by another key"),
    "ended": mark("no longer used"),
    "lost": mark("lost"),
    "stolen": mark("in other hands"),
}
_event = msgspec.json.Decoder(dict[str, msgspec.Raw])


def word_of(kind: str, content: bytes) -> str:
    """Return what a statement is: of an event its step, else its kind.

    >>> word_of("event", b'{"bizStep": "shipping"}'), word_of("recall", b"{}")
    ('Shipped', 'Recall')
    """
    if kind == "event":
        step = _text(_event.decode(content).get("bizStep"))
        return STEPS.get(step, KINDS[kind])
    return KINDS.get(kind, kind)


def _text(value: msgspec.Raw | None) -> str:
    text: Any = None if value is None else msgspec.json.decode(value)
    return text.rsplit("-", 1)[-1].rsplit("/", 1)[-1] if isinstance(text, str) else ""
