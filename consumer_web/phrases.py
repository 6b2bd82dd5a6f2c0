"""The texts of one language, each looked up once: a page has hundreds of them.

Flask-Babel finds the catalogue; asking it again for every text takes longer than all the
rest of a page.
"""

from typing import Protocol

from flask import current_app
from flask_babel import get_locale, get_translations
from markupsafe import Markup, escape

EXTENSION = "foodtrace.phrases"


class Catalogue(Protocol):
    """What gettext offers."""

    def gettext(self, message: str) -> str:
        """Return the translation, or the message itself."""

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Return the translation for a number."""


class Phrases:
    """The texts of one language, safe to write into a page: what fills them is escaped."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._plain: dict[str, Markup] = {}
        self._filled: dict[str, str] = {}

    def gettext(self, text: str, **values: object) -> Markup:
        """Return a text, its ``%(name)s`` filled with the values."""
        if not values:
            found = self._plain.get(text)
            if found is None:
                found = self._plain[text] = Markup(self._catalogue.gettext(text) % ())  # noqa: S704  our own text
            return found
        form = self._filled.get(text)
        if form is None:
            form = self._filled[text] = self._catalogue.gettext(text)
        return Markup(form % {name: escape(value) for name, value in values.items()})  # noqa: S704  escaped

    def ngettext(self, singular: str, plural: str, num: int, **values: object) -> Markup:
        """Return the text for a number, which it may name as ``%(num)s``."""
        form = self._catalogue.ngettext(singular, plural, num)
        filled = {name: escape(value) for name, value in values.items()}
        return Markup(form % (filled | {"num": num}))  # noqa: S704  escaped


def current_phrases() -> Phrases:
    """Return the phrases of this request's language; each application keeps its own."""
    kept: dict[str, Phrases] = current_app.extensions.setdefault(EXTENSION, {})
    locale = str(get_locale())
    found = kept.get(locale)
    if found is None:
        found = kept[locale] = Phrases(get_translations())
    return found
