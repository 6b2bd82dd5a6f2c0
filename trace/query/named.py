"""Named queries: what a party asks again and again, or subscribes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import require
from foodtrace.trace.errors import (
    Conflict,
    Invalid,
    NoSuchName,
    Problem,
    QueryValidation,
    mark,
)
from foodtrace.trace.query.conditions import storable
from foodtrace.trace.query.models import NamedQuery
from foodtrace.trace.query.paging import Position, digest_of, opened, sealed, utc_now
from foodtrace.trace.query.parameters import query_of, stored
from foodtrace.trace.query.results import SIMPLE_EVENT_QUERY
from foodtrace.trace.query.services import check_per_page
from foodtrace.trace.subscriptions.models import Delivery, Subscription

LONGEST_NAME = 200
MOST_QUERIES = 1_000  # a party


@dataclass(frozen=True, slots=True)
class Queries:
    """One page of named queries. Without a token it is the last."""

    queries: list[NamedQuery]
    next_token: str | None = None
    expires_at: datetime | None = None


def create_query(
    session: Session,
    actor: Actor,
    *,
    name: str,
    parameters: Mapping[str, Any],
    prefixes: Mapping[str, str],
) -> NamedQuery:
    """Keep a query under a name that the actor's party has not used.

    `prefixes` are those of its parameters. Raises Invalid for a name that cannot be,
    QueryParameter for a query that cannot be asked, Conflict when the name is taken,
    QueryValidation when the party has too many.
    """
    require(actor, "event.read")
    _check_name(name)
    if name == SIMPLE_EVENT_QUERY:
        raise _taken(name)
    query_of(parameters, prefixes)
    party_id = actor.party_id or 0
    _refuse_too_many(session, party_id)
    query = NamedQuery(
        party_id=party_id,
        name=name,
        query=stored(parameters, prefixes),
        created_by=actor.name,
        created_at=datetime.now(UTC),
    )
    try:
        with session.begin_nested():
            session.add(query)
    except IntegrityError:
        raise _taken(name) from None
    return query


def get_query(session: Session, actor: Actor, name: str) -> NamedQuery:
    """Return a query of the actor's party. Raises NoSuchName."""
    require(actor, "event.read")
    named = select(NamedQuery).where(
        NamedQuery.party_id == (actor.party_id or 0), NamedQuery.name.in_(storable([name]))
    )
    found = session.scalar(named)
    if found is None:
        raise NoSuchName(
            Problem(
                "name",
                mark("There is no query of the name %(name)s"),
                mark("GET /epcis/queries lists those of your organisation"),
                {"name": name[:LONGEST_NAME]},
            )
        )
    return found


def list_queries(
    session: Session, actor: Actor, *, per_page: int, secret: str, token: str | None = None
) -> Queries:
    """Return a page of the queries of the actor's party, in the order of their making.

    Raises QueryParameter for a wrong token.
    """
    require(actor, "event.read")
    check_per_page(per_page)
    party_id = actor.party_id or 0
    collection = digest_of("queries", party_id)
    after = opened(secret, collection, token, utc_now()).id if token else 0
    rows = list(
        session.scalars(
            select(NamedQuery)
            .where(NamedQuery.party_id == party_id, NamedQuery.id > after)
            .order_by(NamedQuery.id)
            .limit(per_page + 1)
        )
    )
    if len(rows) <= per_page:
        return Queries(rows)
    last = Position(id=rows[per_page - 1].id)
    return Queries(rows[:per_page], *sealed(secret, collection, last, utc_now()))


def delete_query(session: Session, actor: Actor, name: str) -> None:
    """Forget a query, its subscriptions, and what was still to be sent to them.

    Raises NoSuchName.
    """
    query = get_query(session, actor, name)
    of_query = select(Subscription.id).where(Subscription.query_id == query.id)
    session.execute(
        delete(Delivery)
        .where(Delivery.subscription_id.in_(of_query))
        .execution_options(synchronize_session=False)
    )
    session.execute(
        delete(Subscription)
        .where(Subscription.query_id == query.id)
        .execution_options(synchronize_session=False)
    )
    session.delete(query)


def _refuse_too_many(session: Session, party_id: int) -> None:
    count = session.scalar(select(func.count()).where(NamedQuery.party_id == party_id))
    if (count or 0) >= MOST_QUERIES:
        raise QueryValidation(
            Problem(
                "",
                mark("Your organisation keeps %(most)s queries already"),
                mark("Delete one that is not needed any more"),
                {"most": MOST_QUERIES},
            )
        )


def _taken(name: str) -> Conflict:
    return Conflict(
        Problem(
            "name",
            mark("There is a query of the name %(name)s already"),
            mark("Choose another name, or delete that query first"),
            {"name": name},
        )
    )


def _check_name(name: str) -> None:
    is_fit = 1 <= len(name) <= LONGEST_NAME and name.isprintable() and "/" not in name
    if not is_fit or name.strip() != name or name in (".", ".."):
        raise Invalid(
            Problem(
                "name",
                mark("This cannot be the name of a query"),
                mark("Use 1 to %(limit)s printable characters, without a slash"),
                {"limit": LONGEST_NAME},
            )
        )
