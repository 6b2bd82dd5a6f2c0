"""Looking for new events that subscriptions want, and writing the messages that tell of them.

Each event is told once: the messages, and how far the subscription has looked, are written
in one transaction. What is looked at is *settled* (capture/settled.py): no older event can
appear behind it.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import msgspec
from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from foodtrace.trace.capture.settled import PATIENCE_SECONDS, settled_id
from foodtrace.trace.errors import FoodtraceError, Unavailable
from foodtrace.trace.query.model import During, Query
from foodtrace.trace.query.models import NamedQuery
from foodtrace.trace.query.parameters import query_of
from foodtrace.trace.query.services import each_match
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.models import Event
from foodtrace.trace.store.session import Store
from foodtrace.trace.subscriptions.messages import Letterhead, Message, format_of, messages_of
from foodtrace.trace.subscriptions.models import WAITING, Delivery, Subscription
from foodtrace.trace.subscriptions.services import due_after, end
from foodtrace.trace.subscriptions.standing import actor_of, has_standing

# A look that finds more goes on with the next one.
MOST_MESSAGES = 20
# So many events are passed in one look, whether they fit or not: others wait meanwhile, and
# so do captures that are to be recorded.
MOST_PASSED = 100_000
# While so many wait for their receiver, no more are written: nothing is lost, only later.
MOST_WAITING = 500
# A query that cannot be asked any more is tried again, and its subscriber told, so often.
AFTER_A_REFUSAL = timedelta(hours=1)
# Between the places in the order of two events, so that a message can be cut in halves.
ROOM = timedelta(microseconds=10)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look found, and where the next one begins and when."""

    messages: list[Message]
    position: int
    due_at: datetime
    is_behind: bool = False


def look(store: Store, settings: Settings) -> bool:
    """Write the messages of all subscriptions that are due; a job of the worker."""
    return look_at(store, datetime.now(UTC))


def look_at(store: Store, now: datetime, patience: float = PATIENCE_SECONDS) -> bool:
    """Write the messages of all subscriptions that are due at `now`; say whether any was.

    `patience` is how many seconds to wait for captures that are under way. Raises what went
    wrong with one of them when the others are done.
    """
    with store.reading() as session:
        due = _due(session, now)
    if not due:
        return False
    up_to_id = settled_id(store, patience)
    if up_to_id is None:
        return False
    has_looked = False
    failure: Exception | None = None
    for each in due:
        try:
            has_looked |= _look(store, each, up_to_id, now)
        except (OperationalError, Unavailable):
            raise  # the database is away: for all of them
        except Exception as error:
            failure = failure or error  # those behind it are looked at all the same
    if failure is not None:
        raise failure
    return has_looked


def _due(session: Session, now: datetime) -> list[str]:
    """Return the subscriptions whose time has come, and streams with newer events."""
    newest = select(func.max(Event.id)).scalar_subquery()
    return list(
        session.scalars(
            select(Subscription.id)
            .where(Subscription.ended_at.is_(None), Subscription.due_at <= now)
            .where(or_(Subscription.schedule.is_not(None), Subscription.position < newest))
            .order_by(Subscription.due_at)
        )
    )


def _look(store: Store, subscription_id: str, up_to_id: int, now: datetime) -> bool:
    with store.reading() as session:
        subscription = session.get(Subscription, subscription_id)
        if subscription is None or _is_backlogged(session, subscription_id):
            return False
        stands = has_standing(session, subscription, now)
        seen = _seen(session, subscription, up_to_id, now) if stands else None
    with store.transaction() as session:
        if seen is not None:
            return _write(session, subscription, seen, now)
        abandoned = session.get(Subscription, subscription_id, with_for_update=True)
        if abandoned is not None:
            end(session, abandoned, "nobody", now)
        return True


def _seen(session: Session, subscription: Subscription, up_to_id: int, now: datetime) -> _Seen:
    """Return what is to be told; a query that is refused is told of as a problem document."""
    query = session.get_one(NamedQuery, subscription.query_id)
    letterhead = Letterhead(query.name, subscription.id, format_of(subscription.formats))
    end_id = min(up_to_id, subscription.position + MOST_PASSED)
    try:
        ids = each_match(
            session,
            actor_of(subscription),
            _since(query_of(query.query, {}), subscription.initial_record_time),
            after_id=subscription.position,
            up_to_id=end_id,
        )
        messages = list(islice(messages_of(session, ids, letterhead), MOST_MESSAGES))
    except FoodtraceError as refusal:
        problem = Message(_problem(refusal), 0, subscription.position)
        return _Seen([problem], subscription.position, now + AFTER_A_REFUSAL)
    if len(messages) == MOST_MESSAGES:
        return _Seen(messages, messages[-1].last_id, subscription.due_at)
    if end_id < up_to_id:
        return _Seen(messages, end_id, subscription.due_at, is_behind=True)
    if not messages and subscription.report_if_empty:
        messages = [Message(letterhead.written([]), 0, up_to_id)]
    due_at = due_after(subscription.schedule, now)
    return _Seen(messages, max(up_to_id, subscription.position), due_at)


def _since(query: Query, moment: datetime | None) -> Query:
    """Return the query for events recorded from a moment on."""
    return replace(query, criteria=(*query.criteria, During("recordTime", moment, None)))


def _write(session: Session, subscription: Subscription, seen: _Seen, now: datetime) -> bool:
    """Write the messages, unless another process has looked since."""
    moved = session.execute(
        update(Subscription)
        .where(
            Subscription.id == subscription.id,
            Subscription.position == subscription.position,
            Subscription.due_at == subscription.due_at,
            Subscription.ended_at.is_(None),
        )
        .values(position=seen.position, due_at=seen.due_at)
        .returning(Subscription.id)
    ).all()
    if not moved:
        return False
    place = _next_place(session, subscription.id, now)
    for message in seen.messages:
        session.add(new_delivery(subscription.id, message.body, message.events, place, now))
        place += (message.events + 1) * ROOM
    return bool(seen.messages) or seen.is_behind or subscription.schedule is not None


def new_delivery(
    subscription_id: str, body: bytes, events: int, place: datetime, now: datetime
) -> Delivery:
    """Return a message that waits to be sent; `place` is where it stands in the order."""
    return Delivery(
        id=f"msg_{secrets.token_hex(16)}",
        subscription_id=subscription_id,
        body=body,
        events=events,
        state="waiting",
        attempts=0,
        created_at=place,
        due_at=now,
    )


def _next_place(session: Session, subscription_id: str, now: datetime) -> datetime:
    """Return a place behind all messages that are there, whatever the clock did."""
    last = session.scalars(
        select(Delivery)
        .where(Delivery.subscription_id == subscription_id)
        .order_by(Delivery.created_at.desc())
        .limit(1)
    ).first()
    return now if last is None else max(now, last.created_at + (last.events + 1) * ROOM)


def _is_backlogged(session: Session, subscription_id: str) -> bool:
    waiting = select(func.count()).where(
        Delivery.subscription_id == subscription_id, Delivery.state == WAITING
    )
    return (session.scalar(waiting) or 0) >= MOST_WAITING


def _problem(refusal: FoodtraceError) -> bytes:
    kind = refusal.epcis_type or "ImplementationException"
    return msgspec.json.encode(
        {
            "type": f"epcisException:{kind}",
            "title": refusal.title,
            "status": refusal.status,
            "detail": " ".join(problem.text for problem in refusal.problems) or refusal.title,
        }
    )
