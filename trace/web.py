"""What both applications share of HTTP: the store, the settings, the limits and who is asking."""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from typing import IO, Any, TypeVar

from flask import Flask, Request, Response, current_app, g, request
from flask.json.provider import DefaultJSONProvider
from sqlalchemy.orm import Session
from werkzeug.routing import IntegerConverter

from foodtrace.trace.access.actor import ANONYMOUS, Actor
from foodtrace.trace.access.policy import Action
from foodtrace.trace.gs1.identifiers import address_of
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store
from foodtrace.trace.store.types import LARGEST_ID

STORE = "foodtrace.store"
SETTINGS = "foodtrace.settings"
LARGEST_BODY = 1024 * 1024
MOST_FORM_PARTS = 1000

_View = TypeVar("_View", bound=Callable[..., Any])


class ReadableJson(DefaultJSONProvider):
    """JSON in which Chinese stays readable, as in problem documents."""

    ensure_ascii = False


class MemoryRequest(Request):
    """A request whose files never touch the disk: a photo is read and forgotten."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        # What a request may hold is bounded by max_content_length.
        return BytesIO()


class Application(Flask):
    """A Flask application that gives every crash an id, for the page and for the log."""

    request_class = MemoryRequest
    json_provider_class = ReadableJson

    def log_exception(self, exc_info: Any) -> None:
        """Log a crash with its id."""
        g.crash_id = secrets.token_hex(6)
        self.logger.error(
            "%s %r failed, id %s", request.method, request.path, g.crash_id, exc_info=exc_info
        )


class IdConverter(IntegerConverter):
    """``<int:…>`` in the address of a view: a number that both databases can keep.

    A larger one becomes the largest, under which nothing is found either.
    """

    def to_python(self, value: str) -> int:
        """Return the number; one of thousands of digits is not even read."""
        return LARGEST_ID if len(value) >= len(str(LARGEST_ID)) else int(value)


def store() -> Store:
    """Return the store of the running application."""
    found: Store = current_app.extensions[STORE]
    return found


def settings() -> Settings:
    """Return the settings of the running application."""
    found: Settings = current_app.extensions[SETTINGS]
    return found


def reading() -> AbstractContextManager[Session]:
    """Open a session that only reads."""
    return store().reading()


def transaction() -> AbstractContextManager[Session]:
    """Open the one transaction of a request; leaving it commits."""
    return store().transaction()


def current_actor() -> Actor:
    """Return who is asking: set before each request by the access layer."""
    actor: Actor = g.get("actor", ANONYMOUS)
    return actor


def open_to_all(view: _View) -> _View:
    """Mark a view of the staff application that needs nobody to be signed in."""
    view.open_to_all = True  # type: ignore[attr-defined]  # a mark on the function
    return view


def needs(action: Action) -> Callable[[_View], _View]:
    """Mark a view with the action it is for: who may never do it is refused before parsing."""

    def mark(view: _View) -> _View:
        view.needs = action  # type: ignore[attr-defined]  # a mark on the function
        return view

    return mark


def body_limit(size: int) -> Callable[[_View], _View]:
    """Let one view take bodies of up to `size` bytes instead of LARGEST_BODY."""

    def mark(view: _View) -> _View:
        view.body_limit = size  # type: ignore[attr-defined]  # a mark on the function
        return view

    return mark


def is_open_to_all(view: Callable[..., Any]) -> bool:
    """Answer whether a view is marked `open_to_all`."""
    return getattr(view, "open_to_all", False)


def needed_action(view: Callable[..., Any]) -> Action | None:
    """Return the action that a view is marked with, if any."""
    return getattr(view, "needs", None)


def is_machine_path(path: str) -> bool:
    """Answer whether programs are served there: keys instead of cookies, problem documents."""
    return path.startswith("/api/") or is_epcis_path(path)


def is_epcis_path(path: str) -> bool:
    """Answer whether it belongs to the EPCIS binding, which has words of its own for refusals."""
    return path == "/epcis" or path.startswith("/epcis/")


def prepare(app: Flask, store: Store, settings: Settings) -> None:
    """Give an application its store, its settings, its limits and its safe headers."""
    app.extensions[STORE] = store
    app.extensions[SETTINGS] = settings
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        MAX_FORM_PARTS=MOST_FORM_PARTS,
        BABEL_TRANSLATION_DIRECTORIES=";".join(_translations()),
        BABEL_DEFAULT_LOCALE="zh_Hans_CN",
        BABEL_DEFAULT_TIMEZONE="Asia/Shanghai",
    )
    app.url_map.converters["int"] = IdConverter
    app.url_defaults(_write_identifier)
    app.before_request(_apply_body_limit)
    app.after_request(_add_headers)


def _translations() -> list[str]:
    """Return the folders of all catalogues: a text may come from any of the packages."""
    root = Path(__file__).resolve().parent.parent
    names = ("trace", "producers", "inspections", "consumer_web")
    return [str(root / name / "translations") for name in names]


def _write_identifier(endpoint: str, values: dict[str, Any]) -> None:
    """Escape an identifier once in an address: as it stands in the path it is escaped already."""
    if current_app.url_map.is_endpoint_expecting(endpoint, "identifier"):
        values["identifier"] = address_of(values["identifier"])


def _apply_body_limit() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    limit = getattr(view, "body_limit", None)
    if limit is not None:
        request.max_content_length = limit


def _add_headers(response: Response) -> Response:
    """Close what a page of ours never needs; a view may have said otherwise."""
    headers = response.headers
    headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    )
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if settings().secure_cookies:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
