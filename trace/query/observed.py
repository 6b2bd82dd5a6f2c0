"""The values that events hold: steps, places, dispositions, types and EPCs, page by page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.query.conditions import storable
from foodtrace.trace.query.paging import Position, digest_of, opened, sealed, utc_now
from foodtrace.trace.query.services import check_per_page, scope_of
from foodtrace.trace.store.models import Observed

Kind = Literal["eventType", "bizStep", "bizLocation", "readPoint", "disposition", "epc"]


@dataclass(frozen=True, slots=True)
class Values:
    """One page of values, each once. Without a token it is the last."""

    values: list[str]
    next_token: str | None = None
    expires_at: datetime | None = None


def observed_values(
    session: Session,
    actor: Actor,
    kind: Kind,
    *,
    per_page: int,
    secret: str,
    token: str | None = None,
) -> Values:
    """Return a page of what the events hold that the actor may see, in a fixed order.

    Identifiers are canonical, standard words bare. Raises QueryParameter for a wrong token.
    """
    check_per_page(per_page)
    seen = _seen(actor, kind)
    collection = digest_of(kind, scope_of(actor))
    query = select(Observed.value).where(*seen).distinct().order_by(Observed.value)
    if token:
        query = query.where(Observed.value > opened(secret, collection, token, utc_now()).key)
    values = list(session.scalars(query.limit(per_page + 1)))
    if len(values) <= per_page:
        return Values(values)
    position = Position(key=values[per_page - 1])
    return Values(values[:per_page], *sealed(secret, collection, position, utc_now()))


def is_observed(session: Session, actor: Actor, kind: Kind, value: str) -> bool:
    """Answer whether an event that the actor may see holds the value, given in canonical form."""
    query = select(Observed.value).where(*_seen(actor, kind), Observed.value == value).limit(1)
    return bool(storable([value])) and session.scalar(query) is not None


def _seen(actor: Actor, kind: Kind) -> list[ColumnElement[bool]]:
    scope = scope_of(actor)
    seen: list[ColumnElement[bool]] = [Observed.kind == kind]
    if scope.party_id is not None:
        seen.append(Observed.party_id == scope.party_id)
    return seen
