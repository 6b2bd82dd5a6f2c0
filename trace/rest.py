"""The JSON API's frame: blueprints, strict bodies, problem documents and the OpenAPI text."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

from flask import Flask, Request, request
from flask_smorest import Api, Blueprint
from marshmallow import Schema, ValidationError, fields
from webargs import missing
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from foodtrace.trace.capture.once import LONGEST_KEY, Answer, once
from foodtrace.trace.epcis.strict_json import read_object
from foodtrace.trace.validation import invalid_from
from foodtrace.trace.web import LARGEST_BODY, current_actor, settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

PREFIX = "/api/v1"
PROBLEM = "application/problem+json"
KEY = "Idempotency-Key"
# What the description says of an act that is done with `done_once`.
ONCE = {
    "parameters": [
        {
            "in": "header",
            "name": KEY,
            "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
            "description": "The same key with the same request is done once.",
        }
    ]
}

_View = TypeVar("_View", bound=Callable[..., Any])


class _Decorator(Protocol):
    """What marks a view and leaves it as it is."""

    def __call__(self, *args: Any, **options: Any) -> Callable[[_View], _View]: ...


class _Mark(Protocol):
    """The same for a decorator that takes nothing but the view."""

    def __call__(self, view: _View) -> _View: ...


class ProblemErrorSchema(Schema):
    """One broken rule of a problem document."""

    place = fields.String(metadata={"description": "JSON pointer of what breaks the rule"})
    rule = fields.String()
    fix = fields.String()


class ProblemSchema(Schema):
    """A problem document (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String()
    instance = fields.String()
    errors = fields.List(fields.Nested(ProblemErrorSchema))


class StrictParser(FlaskParser):
    """Reads JSON strictly, and refuses with our own errors."""

    DEFAULT_VALIDATION_STATUS = 400

    def load_json(self, req: Request, schema: Schema) -> Any:
        """Return the JSON object that the body is; an empty body counts as none."""
        body = req.get_data()
        if req.content_length is None and len(body) >= (req.max_content_length or LARGEST_BODY):
            # Of a chunked body werkzeug reads as much as is allowed, and leaves the rest unsaid.
            raise RequestEntityTooLarge()
        if not body:
            return missing
        if not req.is_json:
            raise UnsupportedMediaType("Send the body as application/json")
        return read_object(body).value

    def handle_error(
        self, error: ValidationError, req: Request, schema: Schema, **_: Any
    ) -> NoReturn:
        """Refuse the input, naming every problem."""
        messages = error.messages
        # webargs puts the location in front; places are relative to the body or the query.
        inner = messages.values() if isinstance(messages, dict) else [messages]
        merged: dict[str, Any] = {}
        for part in inner:
            merged |= part if isinstance(part, dict) else {"_schema": part}
        raise invalid_from(merged)


class ApiBlueprint(Blueprint):  # type: ignore[misc]  # flask-smorest is not typed
    """A blueprint of the JSON API: mount it with ``api.register_blueprint(bp)``."""

    ARGUMENTS_PARSER = StrictParser()

    # flask-smorest does not annotate its decorators.
    arguments: "_Decorator"
    response: "_Decorator"
    doc: "_Decorator"
    etag: "_Mark"
    get: "_Decorator"
    post: "_Decorator"
    patch: "_Decorator"
    put: "_Decorator"
    delete: "_Decorator"


class ProblemApi(Api):  # type: ignore[misc]  # flask-smorest is not typed
    """flask-smorest with problem documents instead of its own errors."""

    ERROR_SCHEMA = ProblemSchema

    def _register_responses(self) -> None:
        # Responses are described lazily with the type that holds while they are registered.
        self.DEFAULT_RESPONSE_CONTENT_TYPE = PROBLEM
        try:
            super()._register_responses()
        finally:
            del self.DEFAULT_RESPONSE_CONTENT_TYPE

    def _register_error_handlers(self) -> None:
        """Leave errors to problems.py: smorest's handler would answer for pages, too."""


def done_once(
    session: "Session", act: Callable[[str | None], tuple[int, Answer]]
) -> tuple[Answer, dict[str, str]]:
    """Do the act of this request once for its Idempotency-Key.

    `act` takes the key and returns its statement's id and the answer. Returned are the
    answer, and the headers that say whether it is an old one.
    """
    key = request.headers.get(KEY)
    # The same key with another address is another request.
    sent = f"{request.method} {request.path}\n".encode() + request.get_data()
    secret = settings().secret_key
    answer, replayed = once(session, current_actor(), key, sent, lambda: act(key), secret=secret)
    return answer, {"Idempotent-Replayed": "true"} if replayed else {}


def make_api(app: Flask) -> ProblemApi:
    """Return the API of the staff application, ready to take blueprints.

    Its description is served at ``/api/v1/openapi.json`` to everybody.
    """
    app.config.update(
        API_TITLE="foodtrace",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = ProblemApi(
        app,
        spec_kwargs={
            "security": [{"key": []}],
            "info": {"description": "Register food, and trace it. Every request carries a key."},
        },
    )
    api.spec.components.security_scheme("key", {"type": "http", "scheme": "bearer"})
    return api
