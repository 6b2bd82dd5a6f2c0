"""Finding events: a query's answer, page by page, or all of it in the order of recording."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.errors import Problem, QueryParameter, QueryTooLarge, mark
from foodtrace.trace.query.budget import SECONDS, budget_of
from foodtrace.trace.query.conditions import Scope
from foodtrace.trace.query.model import Criterion, Query
from foodtrace.trace.query.paging import Position, digest_of, opened, sealed, utc_now
from foodtrace.trace.query.plan import Order, Place, Search
from foodtrace.trace.query.results import Found, read_found

MOST_PER_PAGE = 1_000
# Fewer events make a page where they are so large: it is held in memory.
MOST_BYTES = 8 * 1024 * 1024
# No party has this id: who acts for none has no events of its own.
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an answer. Without a token it is the last; a token is good until `expires_at`."""

    events: list[Found]
    next_token: str | None
    expires_at: datetime | None


def scope_of(actor: Actor) -> Scope:
    """Return whose events the actor may see. Raises Unauthenticated or Forbidden."""
    require(actor, "event.read")
    if can(actor, "event.read", owner=NOBODY):
        return Scope(None)
    return Scope(NOBODY if actor.party_id is None else actor.party_id)


def find_events(
    session: Session,
    actor: Actor,
    query: Query,
    *,
    per_page: int,
    secret: str,
    token: str | None = None,
    budget: float = SECONDS,
) -> Page:
    """Return one page of the events that a query finds among those that the actor may see.

    The pages together are the events that were there at the first, each once, whatever is
    captured meanwhile. `secret` seals the tokens; `budget` is in seconds. Raises
    QueryParameter for a token of another query, QueryTooLarge when there are more events
    than the query allows, QueryTooComplex when finding them takes too long.
    """
    check_per_page(per_page)
    scope = scope_of(actor)
    question = digest_of(query, scope)
    order = Order(query.order_by, query.descending)
    with budget_of(session, budget) as limited:
        search = Search(limited, query.criteria, scope)
        start = opened(secret, question, token, utc_now()) if token else _beginning(search, query)
        wanted = per_page if start.left is None else min(per_page, start.left)
        after = None if start.time is None else Place(start.time, start.id)
        # One more tells whether there is another page.
        rows = search.page(order, after, start.up_to_id, wanted + 1)
    found = read_found(session, [row.id for row in rows[:wanted]], most_bytes=MOST_BYTES)
    given = len(found)
    left = None if start.left is None else start.left - given
    if given == len(rows) or left == 0:
        return Page(found, None, None)
    last = order.of(rows[given - 1])
    position = Position(time=last.time, id=last.id, up_to_id=start.up_to_id, left=left)
    return Page(found, *sealed(secret, question, position, utc_now()))


def _beginning(search: Search, query: Query) -> Position:
    """Return where the first page starts. Raises QueryTooLarge."""
    up_to_id = search.newest_id()
    if query.most is not None and search.count(up_to_id, query.most + 1) > query.most:
        raise QueryTooLarge(
            Problem(
                "maxEventCount",
                mark("The query finds more than %(limit)s events"),
                mark("Narrow it down, or ask for more by maxEventCount"),
                {"limit": query.most},
            )
        )
    return Position(up_to_id=up_to_id, left=query.limit)


def each_match(
    session: Session,
    actor: Actor,
    query: Query,
    *,
    after_id: int = 0,
    up_to_id: int | None = None,
    budget: float = SECONDS,
) -> Iterator[int]:
    """Return the ids of all events that fit, in the order in which they were recorded.

    Order and limits of the query do not count here. However many events there are, they are
    looked at in portions, each with the budget in seconds.
    """
    scope = scope_of(actor)
    return _each_match(session, scope, query.criteria, after_id, up_to_id, budget)


def _each_match(
    session: Session,
    scope: Scope,
    criteria: Sequence[Criterion],
    after_id: int,
    up_to_id: int | None,
    budget: float,
) -> Iterator[int]:
    while up_to_id is None or after_id < up_to_id:
        with budget_of(session, budget) as limited:
            search = Search(limited, criteria, scope)
            up_to_id = search.newest_id() if up_to_id is None else up_to_id
            ids, after_id = search.portion(after_id, up_to_id)
        yield from ids


def check_per_page(per_page: int) -> None:
    """Raise QueryParameter for pages that are too small or too large."""
    if not 1 <= per_page <= MOST_PER_PAGE:
        raise QueryParameter(
            Problem(
                "perPage",
                mark("A page cannot have %(count)s entries"),
                mark("Write a number from 1 to %(limit)s"),
                {"count": per_page, "limit": MOST_PER_PAGE},
            )
        )
