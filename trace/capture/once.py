"""An act that is sent twice is done once.

A person taps twice, a lorry's tablet comes back after a week in the mountains and sends
all it kept: the key that came with the act is remembered as long as the record itself.
"""

import hashlib
import hmac
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.errors import Invalid, Problem, Unprocessable, mark
from foodtrace.trace.masterdata.models import Party
from foodtrace.trace.store.models import Capture, Statement

LONGEST_KEY = 200
# Acts have keys of their own: a document captured with the same key is another matter.
_ACT = "once:"

Answer = dict[str, Any]


def once(
    session: Session,
    actor: Actor,
    key: str | None,
    request: bytes,
    act: Callable[[], tuple[int, Answer]],
    *,
    secret: str,
) -> tuple[Answer, bool]:
    """Do an act, or return what it answered when it came with the same key before.

    `act` returns the id of the statement that it recorded, and the answer as JSON values.
    The second value says whether the answer is an old one. Raises Unprocessable when the
    key came with another request. Of the request a keyed hash is kept, by this secret: it may
    name persons, whom a mere hash would not hide.
    """
    if key is None:
        return act()[1], False
    _check_key(key)
    # Two copies that arrive together: the second waits here until the first is recorded.
    session.execute(select(Party.id).where(Party.id == actor.party_id).with_for_update())
    digest = hmac.digest(secret.encode(), b"once\n" + request, "sha256")
    known = session.scalar(
        select(Capture).where(Capture.party_id == (actor.party_id or 0), Capture.key == _ACT + key)
    )
    if known is not None:
        # Earlier versions kept a mere hash.
        if known.body_sha256 not in (digest, hashlib.sha256(request).digest()):
            raise Unprocessable(
                Problem(
                    "Idempotency-Key",
                    mark("This key came with another request before"),
                    mark("Make a new key for a new act"),
                )
            )
        return known.result, True
    statement_id, answer = act()
    _remember(session, actor, key, digest, statement_id, answer)
    return answer, False


def _check_key(key: str) -> None:
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise Invalid(
            Problem(
                "Idempotency-Key",
                mark("The key has 1 to %(longest)s visible characters"),
                mark("Send a random UUID for each act"),
                {"longest": LONGEST_KEY},
            )
        )


def _remember(
    session: Session, actor: Actor, key: str, digest: bytes, statement_id: int, answer: Answer
) -> None:
    """Keep the answer to an act, beside the document of its statement."""
    document_id = session.execute(
        select(Statement.document_id).where(Statement.id == statement_id)
    ).scalar_one()
    now = datetime.now(UTC)
    session.add(
        Capture(
            id=str(uuid.uuid4()),
            party_id=actor.party_id or 0,
            key=_ACT + key,
            body_sha256=digest,
            document_id=document_id,
            created_at=now,
            state="act",
            finished_at=now,
            result=answer,
        )
    )
    session.flush()
