"""The staff application's navigation: each package of pages says what it adds."""

from dataclasses import dataclass

from flask import Flask, current_app, url_for

from foodtrace.trace.access.policy import Action, can
from foodtrace.trace.web import current_actor

_ENTRIES = "foodtrace.navigation"


@dataclass(frozen=True, slots=True)
class Entry:
    """One link: where to, its English text (marked), and the action one must be allowed.

    Owner 0 shows it only to those who may do this to everybody's things.
    """

    endpoint: str
    text: str
    action: Action
    owner: int | None = None


def add_entries(app: Flask, entries: tuple[Entry, ...]) -> None:
    """Add links to the navigation, after those that are there."""
    app.extensions[_ENTRIES] = (*app.extensions.get(_ENTRIES, ()), *entries)


def visible_entries() -> list[tuple[str, Entry]]:
    """Return address and entry of each link that the signed-in person may use."""
    entries: tuple[Entry, ...] = current_app.extensions.get(_ENTRIES, ())
    actor = current_actor()
    return [
        (url_for(entry.endpoint), entry)
        for entry in entries
        if can(actor, entry.action, entry.owner)
    ]
