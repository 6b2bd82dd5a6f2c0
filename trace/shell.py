"""The staff application's frame: layout, language, style sheet, helpers of the templates."""

import hashlib
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlencode

from flask import Blueprint, Flask, Response, request, url_for
from flask_babel import Babel, get_locale

from foodtrace.trace.forms import (
    field_error,
    field_errors,
    field_label,
    field_value,
    note_label,
    translated,
)
from foodtrace.trace.language import NAME_OF, TAG_OF, choose_locale, locale_of
from foodtrace.trace.navigation import visible_entries
from foodtrace.trace.web import current_actor, is_machine_path, settings, store

LANGUAGE = "lang"
_YEAR = 365 * 24 * 3600
_NO_DEVICES = "camera=(), microphone=(), geolocation=()"  # the scan page asks for the camera
STATIC = Path(__file__).resolve().parent / "static"

bp = Blueprint(
    "trace",
    __name__,
    template_folder="templates",
    static_folder=str(STATIC),
    static_url_path="/staff/static",
)


def set_up_shell(app: Flask) -> None:
    """Add the layout and everything its templates use."""
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = _YEAR  # addresses change with the content
    Babel(app, locale_selector=current_locale)
    app.register_blueprint(bp)
    app.jinja_env.globals.update(
        asset=asset,
        current_actor=current_actor,
        field_error=field_error,
        field_errors=field_errors,
        field_label=field_label,
        field_value=field_value,
        language_links=language_links,
        language_tag=language_tag,
        note_label=note_label,
        read_only=read_only,
        translated=translated,
        visible_entries=visible_entries,
    )
    app.after_request(_finish_page)


def read_only() -> str | None:
    """Return in the reader's language why nothing may be recorded; None while all is well."""
    reason = store().standing.reason
    return None if reason is None else translated(reason)


def current_locale() -> str:
    """Return the locale of this request: ?lang=, the kept choice, what the browser asks."""
    return choose_locale(
        request.args.get(LANGUAGE), request.cookies.get(LANGUAGE), request.accept_languages
    )


def language_tag() -> str:
    """Return the language of this page for <html lang>."""
    return TAG_OF[str(get_locale())]


def language_links() -> list[tuple[str, str, str]]:
    """Return tag, name and address of this page in the other languages."""
    here = language_tag()
    links = []
    for locale, tag in TAG_OF.items():
        if tag != here:
            # A page that only takes POST has no address of its own in another language.
            path = request.path if request.method in ("GET", "HEAD") else url_for("account.home")
            query = {**request.args.to_dict(), LANGUAGE: tag} if path == request.path else None
            links.append((tag, NAME_OF[locale], _with_query(path, query or {LANGUAGE: tag})))
    return links


def asset(name: str) -> str:
    """Return the address of a static file; it changes when the file does."""
    return url_for("trace.static", filename=name, v=_version_of(name))


@cache
def _version_of(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def _with_query(path: str, query: dict[str, str]) -> str:
    return f"{quote(path)}?{urlencode(query)}"


def _finish_page(response: Response) -> Response:
    """Keep a chosen language, and keep what signed-in people see out of every cache."""
    if request.endpoint is not None and request.endpoint.endswith("static"):
        return response
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("Permissions-Policy", _NO_DEVICES)
    if is_machine_path(request.path):
        return response
    response.vary.add("Accept-Language")
    asked = locale_of(request.args.get(LANGUAGE))
    if asked is not None:
        response.set_cookie(
            LANGUAGE,
            TAG_OF[asked],
            max_age=_YEAR,
            secure=settings().secure_cookies,
            httponly=True,
            samesite="Lax",
        )
    return response
