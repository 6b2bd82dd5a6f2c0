"""Pages about subscriptions: what is sent to whom, and what could not be delivered."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from foodtrace.trace.access.parties import party_names
from foodtrace.trace.errors import mark
from foodtrace.trace.navigation import Entry
from foodtrace.trace.subscriptions.services import (
    deliveries,
    end_subscription,
    own_subscription,
    own_subscriptions,
    redeliver,
    undelivered,
)
from foodtrace.trace.web import current_actor, needs, reading, transaction
from foodtrace.trace.worker import wake

bp = Blueprint("subscriptions", __name__, url_prefix="/account/subscriptions")

NAVIGATION = (Entry("subscriptions.listing", mark("Subscriptions"), "event.read"),)
MOST_MESSAGES = 50
STATES = {
    "waiting": mark("waiting"),
    "done": mark("delivered"),
    "past": mark("delivered"),
    "dead": mark("not delivered"),
}
ENDINGS = {
    "gone": mark("The receiver answered that it wants no more messages (410)."),
    "unreachable": mark("No message was taken for ten days."),
    "nobody": mark("Nobody has access for this organisation any more."),
}


@bp.get("")
@needs("event.read")
def listing() -> str:
    """Show the subscriptions of one's own organisation."""
    with reading() as session:
        found = own_subscriptions(session, current_actor())
        return render_template(
            "trace/subscriptions.html",
            subscriptions=found,
            counts=undelivered(session, current_actor()),
            party_names=party_names(session, [each.party_id for each in found]),
            endings=ENDINGS,
        )


@bp.get("/<subscription_id>")
@needs("event.read")
def subscription(subscription_id: str) -> str:
    """Show one subscription, and its last messages."""
    with reading() as session:
        found = own_subscription(session, current_actor(), subscription_id=subscription_id)
        return render_template(
            "trace/subscription.html",
            subscription=found,
            messages=deliveries(
                session, current_actor(), subscription_id=subscription_id, most=MOST_MESSAGES
            ),
            most=MOST_MESSAGES,
            party_name=party_names(session, [found.party_id]).get(found.party_id),
            states=STATES,
            endings=ENDINGS,
        )


@bp.post("/<subscription_id>/end")
@needs("event.read")
def end(subscription_id: str) -> ResponseReturnValue:
    """End a subscription."""
    with transaction() as session:
        end_subscription(session, current_actor(), subscription_id=subscription_id)
    flash(gettext("The subscription is ended."), "success")
    return redirect(url_for("subscriptions.listing"), 303)


@bp.post("/<subscription_id>/messages/<delivery_id>")
@needs("event.read")
def send_again(subscription_id: str, delivery_id: str) -> ResponseReturnValue:
    """Send a message again that could not be delivered."""
    with transaction() as session:
        redeliver(
            session, current_actor(), subscription_id=subscription_id, delivery_id=delivery_id
        )
    wake()
    flash(gettext("The message will be sent again in a moment."), "success")
    return redirect(url_for("subscriptions.subscription", subscription_id=subscription_id), 303)
