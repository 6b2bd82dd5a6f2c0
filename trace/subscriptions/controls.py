"""What somebody asks for who subscribes: the body of the request, checked. Pure.

The REST binding of EPCIS 2.0: ``dest``, ``secret`` (``signatureToken`` in some versions of
it), and either ``stream: true`` or a ``schedule``; ``reportIfEmpty`` for schedules.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from foodtrace.trace.errors import (
    FoodtraceError,
    Invalid,
    Problem,
    SubscriptionControls,
    mark,
)
from foodtrace.trace.subscriptions.schedule import schedule_of

# The secret of the standard's own example has twelve characters.
SHORTEST_SECRET, LONGEST_SECRET = 12, 200
# A secret that begins so is the Base64 of the key, as the standard-webhooks libraries make it.
ENCODED = "whsec_"
_SECRET = re.compile(r"[!-~]+")
_SECRETS = ("secret", "signatureToken")
_MEMBERS = ("dest", *_SECRETS, "stream", "schedule", "reportIfEmpty", "initialRecordTime")


@dataclass(frozen=True, slots=True)
class Controls:
    """Where messages go, how they are signed, and when there is one. No schedule: stream."""

    dest: str
    secret: str
    schedule: dict[str, Any] | None
    report_if_empty: bool
    initial_record_time: datetime | None


def controls_of(body: Mapping[str, Any]) -> Controls:
    """Return what a subscription asks for.

    Raises SubscriptionControls when only the trigger is wrong, else Invalid; all faults are
    named at once.
    """
    faults: list[Problem] = [_unknown(name) for name in body if name not in _MEMBERS]
    dest, secret = _dest(body, faults), _secret(body, faults)
    report = body.get("reportIfEmpty", False)
    if not isinstance(report, bool):
        faults.append(Problem("reportIfEmpty", mark("This is neither true nor false")))
    since = _since(body, faults)
    triggers = _trigger_faults(body)
    if faults:
        raise Invalid(*faults, *triggers)
    if triggers:
        raise SubscriptionControls(*triggers)
    return Controls(dest, secret, body.get("schedule"), report, since)


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for.

    >>> key_of("0435ojtojt02"), key_of("whsec_MDQzNQ==")
    (b'0435ojtojt02', b'0435')
    """
    if secret.startswith(ENCODED):
        return base64.b64decode(secret.removeprefix(ENCODED), validate=True)
    return secret.encode()


def _dest(body: Mapping[str, Any], faults: list[Problem]) -> str:
    dest = body.get("dest")
    if isinstance(dest, str):
        return dest
    faults.append(
        Problem(
            "dest",
            mark("The address that messages are to be sent to is missing"),
            mark("Give it as a text that begins with https://"),
        )
    )
    return ""


def _secret(body: Mapping[str, Any], faults: list[Problem]) -> str:
    given = [name for name in _SECRETS if name in body]
    secret = body[given[0]] if len(given) == 1 else None
    if isinstance(secret, str) and _is_good(secret):
        return secret
    faults.append(
        Problem(
            given[0] if given else _SECRETS[0],
            mark("Messages need one secret to be signed with"),
            mark(
                "Make up %(least)s to %(most)s characters without spaces at random, or "
                "whsec_ and the Base64 of as many bytes"
            ),
            {"least": SHORTEST_SECRET, "most": LONGEST_SECRET},
        )
    )
    return ""


def _is_good(secret: str) -> bool:
    if not _SECRET.fullmatch(secret) or len(secret) > LONGEST_SECRET:
        return False
    try:
        return len(key_of(secret)) >= SHORTEST_SECRET
    except (binascii.Error, ValueError):
        return False


def _since(body: Mapping[str, Any], faults: list[Problem]) -> datetime | None:
    text = body.get("initialRecordTime")
    if text is None:
        return None
    if isinstance(text, str):
        with suppress(ValueError, OverflowError):
            since = datetime.fromisoformat(text)
            if since.tzinfo is not None:
                return since.astimezone(UTC)
    faults.append(
        Problem(
            "initialRecordTime",
            mark("This is no time with its offset from UTC"),
            mark("Write it as 2026-05-01T08:00:00+08:00"),
        )
    )
    return None


def _trigger_faults(body: Mapping[str, Any]) -> list[Problem]:
    stream, schedule = body.get("stream"), body.get("schedule")
    has_schedule = "schedule" in body
    if "stream" in body and not isinstance(stream, bool):
        return [Problem("stream", mark("This is neither true nor false"))]
    if bool(stream) == has_schedule:
        return [
            Problem(
                "stream" if has_schedule else "",
                mark("It must be said once when messages are sent"),
                mark('Give either "stream": true, or a schedule'),
            )
        ]
    if not has_schedule:
        return []
    if not isinstance(schedule, dict):
        return [
            Problem(
                "schedule",
                mark("A schedule is an object"),
                mark('Write it as {"hour": "1", "minute": "5"}'),
            )
        ]
    try:
        schedule_of(schedule)
    except FoodtraceError as refusal:
        return list(refusal.problems)
    return []


def _unknown(name: str) -> Problem:
    return Problem(
        f"/{name}"[:LONGEST_SECRET],
        mark("A subscription has no such member"),
        mark("Use %(members)s"),
        {"members": ", ".join(_MEMBERS)},
    )
