"""Sending the messages that wait: at least once, in order, and again until somebody takes them.

A message is claimed in a short transaction, sent outside of any, and what came of it is
written in another. Who crashes in between leaves it to be sent again after LEASE, under the
same number. The next message of a subscription has to wait until the one before is taken
or given up; subscriptions do not wait for each other, but for MOST_AT_ONCE.
"""

import hashlib
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Select, delete, exists, select, update
from sqlalchemy.orm import Session, aliased

from foodtrace.trace.query.results import ENCODER
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store
from foodtrace.trace.subscriptions.destinations import Answer, Destinations, Unreachable
from foodtrace.trace.subscriptions.looking import ROOM, new_delivery
from foodtrace.trace.subscriptions.messages import signed_headers
from foodtrace.trace.subscriptions.models import DONE, WAITING, Delivery, Subscription
from foodtrace.trace.subscriptions.services import end
from foodtrace.trace.subscriptions.standing import has_standing

MOST_AT_ONCE = 8
# One subscription does not keep a place from others for longer.
MOST_IN_A_TURN = 100
# Longer than any attempt takes: look-up, connections, handshake and answer.
LEASE = timedelta(minutes=2)

# 10 s, 30 s, 90 s … at most 20 h: twelve attempts in two days and twenty hours.
MOST_ATTEMPTS = 12
FIRST_PAUSE_SECONDS = 10.0
PAUSE_FACTOR = 3
LONGEST_PAUSE_SECONDS = 20 * 3600.0
# Not all that failed together tries again together.
_JITTER = 0.1
# A receiver that took nothing for so long is given up with the next message that dies.
UNREACHABLE_AFTER = timedelta(days=10)

BODIES_ARE_KEPT = timedelta(days=7)
ENDED_ARE_KEPT = timedelta(days=30)
_MOST_TIDIED = 500

GONE, TOO_LARGE = 410, 413
_LONGEST_ANSWER = 500

_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_places = threading.BoundedSemaphore(MOST_AT_ONCE)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that we are to send now, for the `attempt`-th time, and to whom."""

    delivery_id: str
    subscription_id: str
    dest: str
    secret: str
    formats: Mapping[str, Any]
    body: bytes
    attempt: int


def send(store: Store, settings: Settings) -> bool:
    """Begin to send what is due, each subscription in a thread of its own; a job of the worker."""
    free = 0
    while free < MOST_AT_ONCE and _places.acquire(blocking=False):
        free += 1
    claims: list[Claim] = []
    try:
        if free:
            claims = claim_due(store, datetime.now(UTC), free)
    finally:
        for _ in range(free - len(claims)):
            _places.release()
    destinations = Destinations.of(settings)
    for claim in claims:
        threading.Thread(
            target=_take_turn,
            args=(store, destinations, claim),
            name="foodtrace-sender",
            daemon=True,
        ).start()
    return bool(claims)


def claim_due(store: Store, now: datetime, most: int) -> list[Claim]:
    """Claim the next message of as many subscriptions as have one that is due."""
    with store.reading() as session:
        if session.scalar(_due(now).with_only_columns(Delivery.id).limit(1)) is None:
            return []
    with store.transaction() as session:
        rows = session.execute(
            _due(now).limit(most).with_for_update(skip_locked=True, of=Delivery)
        ).all()
        claims = [_claim(session, delivery, to, now) for delivery, to in rows]
    return [claim for claim in claims if claim is not None]


def attempt(store: Store, destinations: Destinations, claim: Claim, now: datetime) -> Claim | None:
    """Send a claimed message, write what came of it, and claim the next of its subscription.

    None when it was not taken, or when there is no next one that is due.
    """
    headers = signed_headers(claim.delivery_id, claim.secret, claim.body, claim.formats, now)
    answer: Answer | None
    try:
        answer = destinations.post(claim.dest, claim.body, headers)
        said = f"{answer.status} {answer.text}".strip()
    except Unreachable as failure:
        answer, said = None, str(failure)
    with store.transaction() as session:
        if not _settle(session, claim, answer.status if answer else None, said, now):
            return None
        following = _due(now).where(Subscription.id == claim.subscription_id)
        row = session.execute(following.with_for_update(skip_locked=True, of=Delivery)).first()
        return None if row is None else _claim(session, row[0], row[1], now)


def tidy(store: Store, settings: Settings) -> bool:
    """Drop what nobody needs any more; a job of the worker."""
    return tidy_at(store, datetime.now(UTC))


def tidy_at(store: Store, now: datetime) -> bool:
    """Drop bodies that were taken, and subscriptions that ended, a while before `now`."""
    done = (
        select(Delivery.id)
        .where(Delivery.state == DONE, Delivery.finished_at < now - BODIES_ARE_KEPT)
        .limit(_MOST_TIDIED)
    )
    ended = select(Subscription.id).where(Subscription.ended_at < now - ENDED_ARE_KEPT)
    with store.reading() as session:
        if not any(session.scalar(each.limit(1)) is not None for each in (done, ended)):
            return False
    with store.transaction() as session:
        session.execute(
            update(Delivery).where(Delivery.id.in_(done)).values(state="past", body=b"")
        )
        session.execute(delete(Subscription).where(Subscription.id.in_(ended)))
    return True


def pause_after(delivery_id: str, attempts: int) -> timedelta:
    """Return how long to wait after so many attempts; a little different for each message."""
    seconds = min(FIRST_PAUSE_SECONDS * PAUSE_FACTOR ** (attempts - 1), LONGEST_PAUSE_SECONDS)
    digest = hashlib.sha256(f"{delivery_id} {attempts}".encode()).digest()
    share = int.from_bytes(digest[:4]) / 2**32  # from 0 to 1
    return timedelta(seconds=seconds * (1 - _JITTER + 2 * _JITTER * share))


def _take_turn(store: Store, destinations: Destinations, first: Claim) -> None:
    claim: Claim | None = first
    try:
        for _ in range(MOST_IN_A_TURN):
            if claim is None:
                return
            claim = attempt(store, destinations, claim, datetime.now(UTC))
        # One more is claimed than a turn may send: it is given back.
        if claim is not None:
            _give_back(store, claim)
    except Exception:
        # It is sent again when the lease is over.
        _log.exception("a message to %s could not be sent", first.subscription_id)
    finally:
        _places.release()


def _give_back(store: Store, claim: Claim) -> None:
    with store.transaction() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.id == claim.delivery_id, Delivery.attempts == claim.attempt)
            .values(attempts=claim.attempt - 1, due_at=datetime.now(UTC))
        )


def _due(now: datetime) -> Select[Delivery, Subscription]:
    """Return the messages that may be sent: the first that waits of each subscription, if due."""
    earlier = aliased(Delivery)
    return (
        select(Delivery, Subscription)
        .join(Subscription, Subscription.id == Delivery.subscription_id)
        .where(Delivery.state == WAITING, Delivery.due_at <= now)
        .where(
            ~exists().where(
                earlier.subscription_id == Delivery.subscription_id,
                earlier.state == WAITING,
                earlier.created_at < Delivery.created_at,
            )
        )
        .order_by(Delivery.due_at)
    )


def _claim(session: Session, delivery: Delivery, to: Subscription, now: datetime) -> Claim | None:
    """Claim a message; end its subscription instead if nobody may have it any more."""
    if not has_standing(session, to, now):
        end(session, to, "nobody", now)
        return None
    delivery.attempts += 1
    delivery.due_at = now + LEASE
    return Claim(
        delivery.id, to.id, to.dest, to.secret, to.formats, delivery.body, delivery.attempts
    )


def _settle(session: Session, claim: Claim, status: int | None, said: str, now: datetime) -> bool:
    """Write what came of an attempt; answer whether the next message may be sent at once."""
    # In the order in which one who unsubscribes locks them.
    subscription = session.get(Subscription, claim.subscription_id, with_for_update=True)
    delivery = session.get(Delivery, claim.delivery_id, with_for_update=True)
    if subscription is None or delivery is None:
        return False
    if delivery.state != "waiting" or delivery.attempts != claim.attempt:
        # Ended, or so late that somebody else tries already.
        return False
    delivery.answer = said[:_LONGEST_ANSWER]
    if status is not None and 200 <= status < 300:
        delivery.state, delivery.finished_at = "done", now
        subscription.last_notified_at = now
        return True
    if status == GONE:
        end(session, subscription, "gone", now)
        return False
    if status == TOO_LARGE and delivery.events > 1:
        _cut_in_halves(session, delivery, now)
        return True
    if delivery.attempts < MOST_ATTEMPTS:
        delivery.due_at = now + pause_after(delivery.id, delivery.attempts)
        return False
    delivery.state, delivery.finished_at = "dead", now
    if (subscription.last_notified_at or subscription.created_at) < now - UNREACHABLE_AFTER:
        end(session, subscription, "unreachable", now)
    return False


def _cut_in_halves(session: Session, delivery: Delivery, now: datetime) -> None:
    """Replace a message by two, in its place; the receiver asked for smaller ones."""
    document = _decoder.decode(delivery.body)
    results = document["epcisBody"]["queryResults"]["resultsBody"]
    events = results["eventList"]
    middle = len(events) // 2
    place = delivery.created_at
    session.delete(delivery)
    for part in (events[:middle], events[middle:]):
        results["eventList"] = part
        body = ENCODER.encode(document)
        session.add(new_delivery(delivery.subscription_id, body, len(part), place, now))
        place += len(part) * ROOM
    session.flush()
