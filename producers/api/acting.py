"""What every act of the API does: one transaction, and once for each Idempotency-Key."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask import request

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.capture.once import Answer, once
from foodtrace.trace.web import current_actor, transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

HEADER = "Idempotency-Key"
ONCE = {
    "parameters": [
        {
            "in": "header",
            "name": HEADER,
            "schema": {"type": "string", "maxLength": 200},
            "description": "The same key with the same request is done once.",
        }
    ]
}
CHINA = ZoneInfo("Asia/Shanghai")

# Does the act with (session, actor, key); returns its statement's id and the answer.
Act = Callable[["Session", Actor, str | None], tuple[int, Answer]]


def acted(act: Act) -> tuple[Answer, int, dict[str, str]]:
    """Do an act in one transaction and return its answer, 201, and whether it is an old one."""
    actor, key = current_actor(), request.headers.get(HEADER)
    sent = f"{request.method} {request.path}\n".encode() + request.get_data()
    with transaction() as session:
        answer, replayed = once(session, actor, key, sent, lambda: act(session, actor, key))
    return answer, 201, {"Idempotent-Replayed": "true"} if replayed else {}


def moment(facts: dict[str, Any], name: str = "at") -> datetime:
    """Return when an act happened: as said, else now."""
    said: datetime | None = facts.pop(name)
    return said or datetime.now(CHINA)
