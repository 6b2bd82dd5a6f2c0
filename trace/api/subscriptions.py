"""``/epcis/queries/{query_name}/subscriptions``: have a server told of what a query finds."""

from urllib.parse import quote

from flask import Response, jsonify, request

from foodtrace.trace import worker
from foodtrace.trace.api.headers import point_to_next
from foodtrace.trace.api.received import received_object, wanted_page
from foodtrace.trace.api.resources import JSON_TYPE, PAGING, Resources, answers, takes
from foodtrace.trace.subscriptions.services import (
    get_subscription,
    list_subscriptions,
    subscribe,
    unsubscribe,
)
from foodtrace.trace.web import (
    body_limit,
    current_actor,
    needs,
    reading,
    settings,
    transaction,
)

bp = Resources("subscriptions", __name__)

LARGEST_SUBSCRIPTION = 64 * 1024
_ALL = "/queries/<query_name>/subscriptions"
_ONE = f"{_ALL}/<subscription_id>"
_FORMATS = ("GS1-EPC-Format", "GS1-CBV-XML-Format")


@bp.get(_ALL)
@needs("event.read")
@answers(JSON_TYPE)
@takes(*PAGING)
def subscriptions(query_name: str) -> Response:
    """List the active subscriptions to a query."""
    wanted = wanted_page()
    with reading() as session:
        page = list_subscriptions(
            session,
            current_actor(),
            query_name=query_name,
            per_page=wanted.per_page,
            token=wanted.token,
        )
    listed = jsonify([each.as_json() for each in page.subscriptions])
    return point_to_next(listed, page.next_token, None)


@bp.post(_ALL)
@needs("event.read")
@answers(JSON_TYPE)
@body_limit(LARGEST_SUBSCRIPTION)
def start(query_name: str) -> tuple[Response, int, dict[str, str]]:
    """Subscribe to a query: messages are sent in the notation of this request."""
    body = received_object(LARGEST_SUBSCRIPTION)
    formats = {name: request.headers[name] for name in _FORMATS if name in request.headers}
    with transaction() as session:
        made = subscribe(
            session,
            current_actor(),
            settings(),
            query_name=query_name,
            body=body,
            formats=formats,
        )
    worker.wake()
    location = f"/epcis/queries/{quote(query_name, safe='')}/subscriptions/{made.id}"
    return jsonify(made.as_json()), 201, {"Location": location}


@bp.get(_ONE)
@needs("event.read")
@answers(JSON_TYPE)
def subscription(query_name: str, subscription_id: str) -> Response:
    """Show an active subscription."""
    with reading() as session:
        found = get_subscription(
            session, current_actor(), query_name=query_name, subscription_id=subscription_id
        )
    return jsonify(found.as_json())


@bp.delete(_ONE)
@needs("event.read")
def end(query_name: str, subscription_id: str) -> tuple[str, int]:
    """End a subscription."""
    with transaction() as session:
        unsubscribe(
            session, current_actor(), query_name=query_name, subscription_id=subscription_id
        )
    return "", 204
