"""``/epcis/queries``: queries that are kept under a name, and what they find."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Response, jsonify, request
from werkzeug.exceptions import NotImplemented as NotSupported

from foodtrace.trace.api.found import answer_query
from foodtrace.trace.api.headers import point_to_next
from foodtrace.trace.api.negotiation import extensions
from foodtrace.trace.api.received import received_object, wanted_page
from foodtrace.trace.api.resources import (
    EVENT_TYPES,
    JSON_TYPE,
    PAGING,
    Resources,
    answers,
    takes,
)
from foodtrace.trace.errors import Problem, QueryValidation, mark
from foodtrace.trace.query.named import create_query, delete_query, get_query, list_queries
from foodtrace.trace.query.parameters import prefixes_in, query_of
from foodtrace.trace.web import (
    body_limit,
    current_actor,
    needs,
    reading,
    settings,
    transaction,
)

if TYPE_CHECKING:
    from foodtrace.trace.query.models import NamedQuery

bp = Resources("queries", __name__)

LARGEST_QUERY = 256 * 1024
# What a subscription by WebSocket would take.
_SUBSCRIBING = (
    "stream",
    "second",
    "minute",
    "hour",
    "dayOfMonth",
    "month",
    "dayOfWeek",
    "reportIfEmpty",
    "initialRecordTime",
)


@bp.get("/queries")
@needs("event.read")
@answers(JSON_TYPE)
@takes(*PAGING)
def queries() -> Response:
    """List the queries of one's party."""
    wanted = wanted_page()
    with reading() as session:
        page = list_queries(
            session,
            current_actor(),
            per_page=wanted.per_page,
            secret=settings().secret_key,
            token=wanted.token,
        )
        listed = jsonify([_shown(each) for each in page.queries])
    return point_to_next(listed, page.next_token, page.expires_at)


@bp.post("/queries")
@needs("event.read")
@answers(JSON_TYPE)
@body_limit(LARGEST_QUERY)
def create() -> tuple[Response, int, dict[str, str]]:
    """Keep a query under a name."""
    name, parameters, prefixes = _definition(received_object(LARGEST_QUERY))
    with transaction() as session:
        made = create_query(
            session, current_actor(), name=name, parameters=parameters, prefixes=prefixes
        )
        shown = jsonify(_shown(made))
    return shown, 201, {"Location": f"/epcis/queries/{quote(name, safe='')}"}


@bp.get("/queries/<query_name>")
@needs("event.read")
@answers(JSON_TYPE)
def query(query_name: str) -> Response:
    """Show what a query asks."""
    with reading() as session:
        return jsonify(_shown(get_query(session, current_actor(), query_name)))


@bp.delete("/queries/<query_name>")
@needs("event.read")
def delete(query_name: str) -> tuple[str, int]:
    """Forget a query, and end the subscriptions to it."""
    with transaction() as session:
        delete_query(session, current_actor(), query_name)
    return "", 204


@bp.get("/queries/<query_name>/events")
@needs("event.read")
@answers(*EVENT_TYPES)
@takes(*PAGING, *_SUBSCRIBING)
def events(query_name: str) -> Response:
    """Give the events that a query finds now."""
    if not request.args.keys().isdisjoint(_SUBSCRIBING):
        raise _no_websocket()
    with reading() as session:
        kept = get_query(session, current_actor(), query_name).query
    return answer_query(query_of(kept, {}), query_name=query_name)


@bp.route("/queries/<query_name>/events", websocket=True)
@needs("event.read")
@takes(*PAGING, *_SUBSCRIBING)
def stream(query_name: str) -> Response:
    """Refuse to become a WebSocket."""
    raise _no_websocket()


@bp.delete("/nextPageToken/<token>")
@needs("event.read")
def forget_page(token: str) -> Response:
    """Refuse: nothing is kept for the token of a page, so nothing can be given up."""
    raise NotSupported("A token of a page ties nothing up here; it expires by itself")


def _no_websocket() -> NotSupported:
    return NotSupported(
        "No WebSocket is spoken here: the server answers each request once. "
        "Subscribe with POST to /subscriptions of the query; events are sent to your server"
    )


def _definition(body: Mapping[str, Any]) -> tuple[str, Any, Mapping[str, str]]:
    """Return name, parameters and prefixes of a query to keep. Raises QueryValidation."""
    name, parameters = body.get("name"), body.get("query")
    if not isinstance(name, str) or not isinstance(parameters, dict):
        raise QueryValidation(
            Problem(
                "",
                mark("A query to keep has a name and a query"),
                mark('Write {"name": "shipped", "query": {"EQ_bizStep": ["shipping"]}}'),
            )
        )
    unknown = body.keys() - {"name", "query", "@context"}
    if unknown:
        raise QueryValidation(
            Problem(min(unknown)[:200], mark("The definition of a query has no such part"))
        )
    return name, parameters, prefixes_in(body, extensions())


def _shown(query: "NamedQuery") -> dict[str, Any]:
    return {"name": query.name, "query": query.query}
