"""How the logs stand, for those who run the service: the database, the anchor, the witnesses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select
from sqlalchemy.orm import Session

from foodtrace.trace.log.anchor import Anchor, BrokenAnchor
from foodtrace.trace.log.checking import fault_of
from foodtrace.trace.log.cosigners import Standing, standings
from foodtrace.trace.log.models import LogCheckpoint, LogState
from foodtrace.trace.log.policies import Policy
from foodtrace.trace.log.policy_file import policy_of
from foodtrace.trace.log.sequencing import clock_fault, now_ms, waiting
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.session import Store

# A log that signs is never longer behind than this, and a witness that answers neither.
SECONDS_TO_SIGN = 60
SECONDS_TO_COSIGN = 300
MANY_WAITING = 10_000

_STATE, _CHECKPOINT = table_of(LogState), table_of(LogCheckpoint)
_STATES = select(_STATE).order_by(_STATE.c.year)
_NEWEST = (
    select(_CHECKPOINT.c.size, _CHECKPOINT.c.signed_at)
    .where(_CHECKPOINT.c.year == bindparam("year"))
    .order_by(_CHECKPOINT.c.size.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Surveyed:
    """One log; `time` is that of the last leaf, in milliseconds since 1970."""

    year: int
    origin: str
    is_closed: bool
    size: int
    time: int
    published: int
    signed_at: datetime | None
    anchored: str
    witnesses: Sequence[Standing]


@dataclass(frozen=True, slots=True)
class Survey:
    """All logs; `reason` says why nothing is recorded, `warnings` what somebody has to look at."""

    reason: str | None
    waiting: int
    logs: Sequence[Surveyed]
    warnings: Sequence[str]


def survey(store: Store, settings: Settings) -> Survey:
    """Return how everything stands; nothing is changed."""
    anchor, policy, now = Anchor(settings.anchor_folder), policy_of(settings), now_ms()
    with store.reading() as session:
        fault = fault_of(session, anchor)
        connection = session.connection()
        states = connection.execute(_STATES).all()
        if fault is None and states:
            fault = clock_fault(states[-1].time, now)
        logs = [_surveyed(session, state, anchor, policy, now) for state in states]
        count = waiting(connection)
    reason = None if fault is None else f"READ-ONLY: {fault.text}"
    return Survey(reason, count, logs, _warnings(settings, policy, logs, count, now))


def _surveyed(
    session: Session, state: Row[Any], anchor: Anchor, policy: Policy | None, now: int
) -> Surveyed:
    size, signed_at = _published(session.connection(), state.year)
    return Surveyed(
        year=state.year,
        origin=state.origin,
        is_closed=state.is_closed,
        size=state.size,
        time=state.time,
        published=size,
        signed_at=signed_at,
        anchored=_anchored(anchor, state.year),
        witnesses=standings(session, policy, state.year, now) if policy else (),
    )


def _published(connection: Connection, year: int) -> tuple[int, datetime | None]:
    row = connection.execute(_NEWEST, {"year": year}).one_or_none()
    return (0, None) if row is None else (row.size, row.signed_at)


def _anchored(anchor: Anchor, year: int) -> str:
    try:
        head = anchor.head(year)
    except BrokenAnchor as error:
        return f"cannot be read: {error}"
    return "nothing signed" if head is None else f"{head.size} entries"


def _warnings(
    settings: Settings, policy: Policy | None, logs: Sequence[Surveyed], count: int, now: int
) -> list[str]:
    found = []
    if settings.log_keys is None or settings.anchor is None:
        found.append(
            "FOODTRACE_LOG_KEYS and FOODTRACE_ANCHOR are not set: the key and the anchor are in "
            "the data folder, and a backup of it sets them back with the database."
        )
    if policy is None:
        found.append("FOODTRACE_LOG_POLICY is not set: no witness is asked.")
    if count > MANY_WAITING:
        found.append("Many statements wait for their places: is a process keeping the log?")
    for log in logs[-1:]:
        if log.size > log.published and now - log.time > SECONDS_TO_SIGN * 1000:
            found.append(
                f"{log.size - log.published} leaves of the log {log.year} are not signed: is a "
                "process keeping the log?"
            )
        found += [
            f"{each.name} has not cosigned for more than {SECONDS_TO_COSIGN // 60} minutes."
            for each in log.witnesses
            if log.published and now // 1000 - (each.time or 0) > SECONDS_TO_COSIGN
        ]
    return found
