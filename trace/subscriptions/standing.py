"""In whose name a subscription looks, and whether anybody may still do so.

A subscription outlives the key that made it: keys are replaced. It does not outlive its
party's access: when no valid key and no open account is left that may read as much as it
tells, it ends.
"""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.access.models import ApiKey, User, UserRole
from foodtrace.trace.access.policy import POLICY
from foodtrace.trace.subscriptions.models import Subscription


def actor_of(subscription: Subscription) -> Actor:
    """Return who looks for the subscriber: it sees what the subscriber saw on subscribing."""
    role = Role.INSPECTOR if subscription.sees_all else Role.OPERATOR
    return Actor(
        f"subscription:{subscription.id}", subscription.party_id or None, frozenset({role})
    )


def has_standing(session: Session, subscription: Subscription, now: datetime) -> bool:
    """Answer whether somebody may still read what the subscription tells."""
    scopes = {"any"} if subscription.sees_all else {"any", "own"}
    roles = [role.value for role, may in POLICY.items() if may.get("event.read") in scopes]
    party_id = subscription.party_id or None
    keys = select(ApiKey.id).where(
        ApiKey.party_id.is_(None) if party_id is None else ApiKey.party_id == party_id,
        ApiKey.role.in_(roles),
        ApiKey.withdrawn_at.is_(None),
        or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
    )
    people = (
        select(User.id)
        .join(UserRole, UserRole.account_id == User.id)
        .where(
            User.party_id.is_(None) if party_id is None else User.party_id == party_id,
            UserRole.name.in_(roles),
            User.active,
        )
    )
    return any(session.scalar(each.limit(1)) is not None for each in (keys, people))
