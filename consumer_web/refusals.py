"""What the public site says when it cannot show what was asked for, in one place."""

from flask import Flask, Response, current_app, request
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from foodtrace.consumer_web.rendering import HEADERS, page
from foodtrace.trace.accept import best_of
from foodtrace.trace.errors import FoodtraceError, Invalid, Unavailable, mark
from foodtrace.trace.store.silence import is_away

RETRY_AFTER_SECONDS = "2"
TITLES = {
    400: mark("This request cannot be understood"),
    404: mark("There is no such page"),
    405: mark("This page can only be read"),
    413: mark("The input is over a limit"),
    429: mark("Too many requests: wait a moment, then try again"),
    500: mark("Something went wrong here: the fault is ours"),
    503: mark("Try again in a moment"),
}


def init_app(app: Flask) -> None:
    """Have the application refuse in pages, and say with every answer what it may load."""
    app.register_error_handler(FoodtraceError, _refused)
    app.register_error_handler(DBAPIError, _lost)
    app.register_error_handler(HTTPException, _failed)
    app.after_request(_protected)


def _refused(error: FoodtraceError) -> Response:
    """Say what is wrong with the input, beside the field if there is one."""
    if isinstance(error, Invalid):
        template = "look_up.html" if request.path == "/" else "malformed.html"
        return page(template, error.status, problems=error.problems)
    if _is_for_program():
        said = "\n".join(problem.text for problem in error.problems) or error.title
        response = Response(f"{said}\n", error.status, content_type="text/plain; charset=utf-8")
    else:
        response = page("error.html", error.status, title=error.title, problems=error.problems)
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response


def _is_for_program() -> bool:
    """Answer whether a file of the log was asked for by who does not ask for a page."""
    if not request.path.startswith("/log/"):
        return False
    return best_of(("text/plain", "text/html"), request.accept_mimetypes) == "text/plain"


def _lost(error: DBAPIError) -> Response:
    """Say that the database is away; the log says why. Anything else is a fault of ours."""
    if not is_away(error):
        raise error
    current_app.logger.error("the database did not answer: %s", error.orig)
    return _refused(Unavailable())


def _failed(error: HTTPException) -> AnyResponse:
    """Say in the reader's language what the web framework says in English."""
    if error.code is None or error.code < 400:
        return error.get_response()
    response = page("error.html", error.code, title=TITLES.get(error.code, TITLES[400]))
    for name, value in error.get_response().headers:
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _protected(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
