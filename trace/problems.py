"""Refusals as answers, in one place: a problem document for programs, a page for people.

A problem document is that of RFC 9457, with ``errors`` as a list of place, rule and fix::

    {"type": "https://foodtrace.example/problems/invalid", "title": "The input breaks a rule",
     "status": 400, "detail": "/gtin: the check digit is wrong. Check the number.",
     "instance": "/api/v1/products", "errors": [{"place": "/gtin", "rule": …, "fix": …}]}

Under ``/epcis`` the type is the exception that EPCIS 2.0 (section 12.8) names.
"""

import json
import re
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, InternalServerError

from foodtrace.trace.accept import best_of
from foodtrace.trace.epcis.xml.problems import problem_xml
from foodtrace.trace.errors import (
    FoodtraceError,
    Problem,
    Unauthenticated,
    Unavailable,
    mark,
)
from foodtrace.trace.forms import translated
from foodtrace.trace.store.silence import is_away
from foodtrace.trace.web import is_epcis_path, is_machine_path

PROBLEM_TYPES = "https://foodtrace.example/problems/"
EPCIS_SCHEME = "epcisException:"
# What a status means to EPCIS where the refusal itself does not say it.
EPCIS_EXCEPTIONS = {
    401: "SecurityException",
    403: "SecurityException",
    404: "NoSuchResourceException",
    406: "NotAcceptableException",
    409: "ResourceAlreadyExistsException",
    413: "CaptureLimitExceededException",
    414: "URITooLongException",
    415: "UnsupportedMediaTypeException",
}
TEMPLATE = "FOODTRACE_ERROR_TEMPLATE"
LONGEST_DETAIL = 2000
RETRY_AFTER_SECONDS = "1"
_JSON_TYPES = ("application/problem+json", "application/json", "application/ld+json")
_XML_TYPES = ("application/problem+xml", "application/xml", "text/xml")
_NAME = re.compile(r"[A-Za-z_][\w.:/-]*")
# What people read; where a status has no sentence here, its name has to do.
_SENTENCES = {
    400: mark("The request could not be understood"),
    404: mark("Not found"),
    405: mark("This page cannot be used in this way"),
    413: mark("What you sent is too large"),
    429: mark("Too many attempts. Wait a quarter of an hour, then try again"),
    500: mark("Something went wrong on our side"),
}
_EXPIRED_FORM = mark("This form was open for too long. Open it again and send it once more")


def register_error_handlers(app: Flask, error_template: str) -> None:
    """Answer every refusal and every crash; `error_template` is the page for people."""
    app.config[TEMPLATE] = error_template
    app.register_error_handler(FoodtraceError, on_refusal)
    app.register_error_handler(DBAPIError, on_lost_database)
    app.register_error_handler(HTTPException, on_http_error)


def on_refusal(error: FoodtraceError) -> ResponseReturnValue:
    """Answer a refusal of ours; people who are not signed in are sent to do so."""
    if isinstance(error, Unauthenticated) and not is_machine_path(request.path):
        return redirect(_sign_in_url(), 303)
    kind = _kind_of(error)
    response = _answer(error.status, error.title, tuple(error.problems), kind)
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = 'Bearer realm="foodtrace"'
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
        if error.__cause__ is not None:  # a full disk, say: whoever is on call must see it
            current_app.logger.error("answered 503: %s", error.__cause__)
    return response


def on_lost_database(error: DBAPIError) -> ResponseReturnValue:
    """Answer 503 while the database is away or full, or has ended the connection.

    Anything else that it refuses is a fault of the program.
    """
    if not is_away(error):
        raise error
    problem = Problem("", mark("The database does not answer"), mark("Try again shortly"))
    refusal = Unavailable(problem)
    refusal.__cause__ = error.orig
    return on_refusal(refusal)


def on_http_error(error: HTTPException) -> ResponseReturnValue:
    """Answer what Flask and its extensions refuse, and crashes (500)."""
    status = error.code or 500
    if status < 400:
        return error.get_response(request.environ)
    title = _EXPIRED_FORM if isinstance(error, CSRFError) else _SENTENCES.get(status, error.name)
    response = _answer(status, title, _details(error), "about:blank")
    for name, value in error.get_headers(request.environ):
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _kind_of(error: FoodtraceError) -> str:
    """Return the type of a refusal: under /epcis the exception of the standard, if it has one."""
    if error.epcis_type and request.path.startswith("/epcis"):
        return EPCIS_SCHEME + error.epcis_type
    return PROBLEM_TYPES + _kebab(type(error).__name__)


def _answer(status: int, title: str, problems: tuple[Problem, ...], kind: str) -> Response:
    if is_machine_path(request.path):
        return problem_response(status, title, problems, kind)
    page = render_template(
        current_app.config[TEMPLATE],
        status=status,
        title=gettext(title),
        texts=[translated(problem) for problem in problems],
    )
    return Response(page, status, mimetype="text/html")


def problem_response(status: int, title: str, problems: tuple[Problem, ...], kind: str) -> Response:
    """Return a problem document as an answer; under /epcis as XML for who wants XML."""
    document = problem_document(status, title, problems, kind, request.path)
    if is_epcis_path(request.path) and _wants_xml():
        return Response(problem_xml(document), status, mimetype="application/problem+xml")
    return Response(
        json.dumps(document, ensure_ascii=False), status, mimetype="application/problem+json"
    )


def _wants_xml() -> bool:
    best = best_of((*_JSON_TYPES, *_XML_TYPES), request.accept_mimetypes)
    return best in _XML_TYPES


def problem_document(
    status: int, title: str, problems: tuple[Problem, ...], kind: str, instance: str
) -> dict[str, Any]:
    """Return the problem document of a refusal (RFC 9457)."""
    if instance.startswith("/epcis") and not kind.startswith(EPCIS_SCHEME):
        fallback = "ValidationException" if status < 500 else "ImplementationException"
        kind = EPCIS_SCHEME + EPCIS_EXCEPTIONS.get(status, fallback)
    detail = " ".join(f"{_pointer(p.place)}: {p.text}" if p.place else p.text for p in problems)
    document: dict[str, Any] = {
        "type": kind,
        "title": title,
        "status": status,
        "detail": detail[:LONGEST_DETAIL] or title,
        "instance": instance,
    }
    if problems:
        document["errors"] = [
            {
                "place": _pointer(problem.place),
                "rule": problem.rule % problem.values,
                "fix": problem.fix % problem.values,
            }
            for problem in problems
        ]
    return document


def _pointer(place: str) -> str:
    """Return a place as a JSON pointer; services name fields without the leading slash."""
    return f"/{place}" if _NAME.fullmatch(place) else place


def _details(error: HTTPException) -> tuple[Problem, ...]:
    """Say more about an HTTP error where there is more to say."""
    if isinstance(error, InternalServerError):
        if "crash_id" not in g:
            return ()
        return (
            Problem(
                "",
                mark("The number of this failure is %(id)s"),
                mark("Tell it to those who run this service"),
                {"id": g.crash_id},
            ),
        )
    if is_machine_path(request.path) and error.description:
        return (Problem("", "%(text)s", "", {"text": error.description.rstrip(".")}),)
    return ()


def _sign_in_url() -> str:
    """Return where to sign in, and come back to the page that was asked for."""
    wanted = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else ""
    address = url_for("security.login")
    return f"{address}?{urlencode({'next': wanted})}" if wanted else address


def _kebab(name: str) -> str:
    """Return TooLarge as too-large."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
