"""What one can do about subscriptions: make and end them, and see to their messages."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, delete, func, select, true, update
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.epcis.times import written_time
from foodtrace.trace.errors import (
    Conflict,
    NoSuchName,
    NotFound,
    Problem,
    QueryParameter,
    SubscriptionControls,
    mark,
)
from foodtrace.trace.query.models import NamedQuery
from foodtrace.trace.query.named import get_query
from foodtrace.trace.query.services import check_per_page
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.models import Event
from foodtrace.trace.subscriptions.controls import controls_of
from foodtrace.trace.subscriptions.destinations import Destinations
from foodtrace.trace.subscriptions.models import Delivery, Subscription
from foodtrace.trace.subscriptions.schedule import next_time, schedule_of

# The clock that schedules mean: the one of every page, and without summer time, in which an
# hour would come twice or never.
ZONE = ZoneInfo("Asia/Shanghai")
MOST_SUBSCRIPTIONS = 20  # a party
# No capture takes so long: what was recorded so long before a moment has lower numbers than
# all that is recorded after it.
_LONGEST_CAPTURE = timedelta(hours=1)
_ID = re.compile(r"[a-z0-9_-]{1,40}")
_FIRST_YEAR = 1970  # nothing was recorded in it, and the calendar does not end just before
# No party has this id.
_NOBODY = -1
# Parties are numbered from 1: whoever acts for none shares the subscriptions of 0.
_NO_PARTY = 0


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription as its subscriber sees it: all but the secret."""

    id: str
    query_name: str
    party_id: int
    dest: str
    schedule: dict[str, Any] | None
    report_if_empty: bool
    initial_record_time: datetime | None
    created_at: datetime
    due_at: datetime
    last_notified_at: datetime | None
    ended_at: datetime | None
    ended_because: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the subscription as answers have it (REST binding of EPCIS 2.0)."""
        trigger: dict[str, Any] = (
            {"stream": True}
            if self.schedule is None
            else {"schedule": self.schedule, "reportIfEmpty": self.report_if_empty}
        )
        times = {
            "initialRecordTime": self.initial_record_time,
            "createdAt": self.created_at,
            "lastNotifiedAt": self.last_notified_at,
        }
        return {
            "subscriptionID": self.id,
            "queryName": self.query_name,
            "dest": self.dest,
            **trigger,
            **{name: written_time(at) for name, at in times.items() if at is not None},
        }


@dataclass(frozen=True, slots=True)
class Listing:
    """Some of the subscriptions to a query; without a token there are no more."""

    subscriptions: list[Subscribed]
    next_token: str | None


def subscribe(
    session: Session,
    actor: Actor,
    settings: Settings,
    *,
    query_name: str,
    body: Mapping[str, Any],
    formats: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Subscribed:
    """Have a server told of the events that fit one of one's own named queries.

    `formats` are the headers GS1-EPC-Format and GS1-CBV-XML-Format as they were sent. Raises
    NoSuchName, Invalid, or SubscriptionControls, also when the party has too many.
    """
    now = now or datetime.now(UTC)
    query = get_query(session, actor, query_name)
    asked = controls_of(body)
    Destinations.of(settings).target_of(asked.dest)
    _refuse_too_many(session, actor)
    since = asked.initial_record_time or now
    subscription = Subscription(
        id=str(uuid.uuid4()),
        query_id=query.id,
        party_id=query.party_id,
        sees_all=can(actor, "event.read", owner=_NOBODY),
        dest=asked.dest,
        secret=asked.secret,
        schedule=asked.schedule,
        report_if_empty=asked.report_if_empty,
        initial_record_time=since,
        formats=dict(formats or {}),
        position=_position_before(session, since),
        created_by=actor.name,
        created_at=now,
        due_at=due_after(asked.schedule, now),
    )
    session.add(subscription)
    session.flush()
    return _subscribed(subscription, query.name)


def due_after(schedule: dict[str, Any] | None, now: datetime) -> datetime:
    """Return when to look next: at once for a stream, which has no schedule.

    A schedule whose time lies beyond the calendar is never due.
    """
    if schedule is None:
        return now
    found = next_time(schedule_of(schedule), now, ZONE)
    return found or datetime.max.replace(tzinfo=UTC)


def list_subscriptions(
    session: Session,
    actor: Actor,
    *,
    query_name: str,
    per_page: int = 30,
    token: str | None = None,
) -> Listing:
    """Return the active subscriptions to one of one's own queries. Raises NoSuchName."""
    query = get_query(session, actor, query_name)
    check_per_page(per_page)
    if token is not None and not _ID.fullmatch(token):
        raise QueryParameter(
            Problem(
                "nextPageToken",
                mark("The nextPageToken is not one of this service, or it has expired"),
                mark("Ask again without nextPageToken, from the first page"),
            )
        )
    rows = session.scalars(
        select(Subscription)
        .where(Subscription.query_id == query.id, Subscription.ended_at.is_(None))
        .where(Subscription.id > (token or ""))
        .order_by(Subscription.id)
        .limit(per_page + 1)
    ).all()
    page = [_subscribed(row, query.name) for row in rows[:per_page]]
    return Listing(page, page[-1].id if len(rows) > per_page else None)


def get_subscription(
    session: Session, actor: Actor, *, query_name: str, subscription_id: str
) -> Subscribed:
    """Return one active subscription. Raises NoSuchName."""
    query = get_query(session, actor, query_name)
    row = session.get(Subscription, subscription_id) if _ID.fullmatch(subscription_id) else None
    if row is None or row.query_id != query.id or row.ended_at is not None:
        raise NoSuchName(
            Problem(
                "",
                mark("This query has no such subscription"),
                mark("It may have ended; subscribe again"),
            )
        )
    return _subscribed(row, query.name)


def unsubscribe(session: Session, actor: Actor, *, query_name: str, subscription_id: str) -> None:
    """End a subscription: nothing more is sent, and its messages are gone. Raises NoSuchName."""
    found = get_subscription(session, actor, query_name=query_name, subscription_id=subscription_id)
    session.execute(delete(Subscription).where(Subscription.id == found.id))


def own_subscriptions(session: Session, actor: Actor) -> list[Subscribed]:
    """Return the party's subscriptions, new ones first, and those that ended by themselves.

    Who keeps the accounts sees everybody's: somebody has to look after them.
    """
    require(actor, "event.read")
    rows = session.execute(
        select(Subscription, NamedQuery.name)
        .join(NamedQuery, NamedQuery.id == Subscription.query_id)
        .where(_seen_by(actor))
        .order_by(Subscription.created_at.desc(), Subscription.id)
    )
    return [_subscribed(row, name) for row, name in rows]


def own_subscription(session: Session, actor: Actor, *, subscription_id: str) -> Subscribed:
    """Return one of own_subscriptions(). Raises NotFound."""
    found = (each for each in own_subscriptions(session, actor) if each.id == subscription_id)
    subscribed = next(found, None)
    if subscribed is None:
        raise NotFound()
    return subscribed


def end_subscription(session: Session, actor: Actor, *, subscription_id: str) -> None:
    """End one of own_subscriptions(), and forget its messages. Raises NotFound."""
    found = own_subscription(session, actor, subscription_id=subscription_id)
    session.execute(delete(Subscription).where(Subscription.id == found.id))


def deliveries(
    session: Session, actor: Actor, *, subscription_id: str, most: int = 50
) -> Sequence[Delivery]:
    """Return the last messages of a subscription, dead ones first, then new before old."""
    own_subscription(session, actor, subscription_id=subscription_id)
    return session.scalars(
        select(Delivery)
        .where(Delivery.subscription_id == subscription_id)
        .order_by(Delivery.state != "dead", Delivery.created_at.desc())
        .limit(most)
    ).all()


def undelivered(session: Session, actor: Actor) -> dict[str, dict[str, int]]:
    """Return how many messages of own_subscriptions() wait or are dead, by id and state."""
    require(actor, "event.read")
    rows = session.execute(
        select(Delivery.subscription_id, Delivery.state, func.count())
        .join(Subscription, Subscription.id == Delivery.subscription_id)
        .where(_seen_by(actor), Delivery.state.in_(("waiting", "dead")))
        .group_by(Delivery.subscription_id, Delivery.state)
    )
    counts: dict[str, dict[str, int]] = {}
    for subscription_id, state, count in rows:
        counts.setdefault(subscription_id, {})[state] = count
    return counts


def redeliver(
    session: Session,
    actor: Actor,
    *,
    subscription_id: str,
    delivery_id: str,
    now: datetime | None = None,
) -> None:
    """Send a dead message again, as if for the first time but under the same number.

    Raises NotFound, and Conflict when there is nothing to send or nobody to send it to.
    """
    subscription = own_subscription(session, actor, subscription_id=subscription_id)
    delivery = session.get(Delivery, delivery_id) if _ID.fullmatch(delivery_id) else None
    if delivery is None or delivery.subscription_id != subscription.id:
        raise NotFound()
    if subscription.ended_at is not None:
        raise Conflict(
            Problem(
                "",
                mark("This subscription has ended"),
                mark("Subscribe again, with initialRecordTime for what was missed"),
            )
        )
    if delivery.state != "dead":
        raise Conflict(Problem("", mark("This message is delivered already, or will be")))
    delivery.state, delivery.attempts, delivery.finished_at = "waiting", 0, None
    delivery.due_at = now or datetime.now(UTC)


def end(session: Session, subscription: Subscription, because: str, now: datetime) -> None:
    """Have a subscription end by itself; what waits to be sent is dead, and can be looked at."""
    subscription.ended_at, subscription.ended_because = now, because
    session.execute(
        update(Delivery)
        .where(Delivery.subscription_id == subscription.id, Delivery.state == "waiting")
        .values(state="dead", finished_at=now)
    )


def _refuse_too_many(session: Session, actor: Actor) -> None:
    count = session.scalar(
        select(func.count()).where(
            Subscription.party_id == (actor.party_id or _NO_PARTY),
            Subscription.ended_at.is_(None),
        )
    )
    if (count or 0) >= MOST_SUBSCRIPTIONS:
        raise SubscriptionControls(
            Problem(
                "",
                mark("Your organisation has %(most)s subscriptions already"),
                mark("End one that is not needed any more"),
                {"most": MOST_SUBSCRIPTIONS},
            )
        )


def _position_before(session: Session, since: datetime) -> int:
    """Return the number of an event that is surely older than all recorded from `since` on."""
    if since.year <= _FIRST_YEAR:
        return 0
    newest = session.scalar(
        select(Event.id)
        .where(Event.record_time < since - _LONGEST_CAPTURE)
        .order_by(Event.record_time.desc(), Event.id.desc())
        .limit(1)
    )
    return newest or 0


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    if can(actor, "account.manage"):
        return true()
    return Subscription.party_id == (actor.party_id or _NO_PARTY)


def _subscribed(row: Subscription, query_name: str) -> Subscribed:
    return Subscribed(
        id=row.id,
        query_name=query_name,
        party_id=row.party_id,
        dest=row.dest,
        schedule=row.schedule,
        report_if_empty=row.report_if_empty,
        initial_record_time=row.initial_record_time,
        created_at=row.created_at,
        due_at=row.due_at,
        last_notified_at=row.last_notified_at,
        ended_at=row.ended_at,
        ended_because=row.ended_because,
    )
