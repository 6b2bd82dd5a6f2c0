"""What every act of the API does: one transaction, and once for each Idempotency-Key."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.capture.once import Answer
from foodtrace.trace.rest import done_once
from foodtrace.trace.web import current_actor, transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CHINA = ZoneInfo("Asia/Shanghai")

# Does the act with (session, actor, key); returns its statement's id and the answer.
Act = Callable[["Session", Actor, str | None], tuple[int, Answer]]


def acted(act: Act) -> tuple[Answer, int, dict[str, str]]:
    """Do an act in one transaction and return its answer, 201, and whether it is an old one."""
    actor = current_actor()
    with transaction() as session:
        answer, headers = done_once(session, lambda key: act(session, actor, key))
    return answer, 201, headers


def moment(facts: dict[str, Any], name: str = "at") -> datetime:
    """Return when an act happened: as said, else now."""
    said: datetime | None = facts.pop(name)
    return said or datetime.now(CHINA)
