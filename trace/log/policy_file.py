"""The policy of this installation: a file that its operator writes, read again when it changes."""

import logging
import threading
from pathlib import Path
from typing import NamedTuple

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.log.policies import LARGEST_POLICY, Policy, PolicyError, parse_policy
from foodtrace.trace.settings import Settings
from foodtrace.trace.subscriptions.destinations import Destinations

# Of an exchange with a witness, from the look-up of its name to the end of its answer.
SECONDS_TO_ANSWER = 10.0
LONGEST_NAME = 300

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_read: "dict[Path, PolicyFile]" = {}


class PolicyFile(NamedTuple):
    """The octets of the file, for others to read, and what they say.

    `destinations` leads to its witnesses, and nowhere else.
    """

    data: bytes
    policy: Policy
    destinations: Destinations
    seen: tuple[int, int, int]


def policy_of(settings: Settings) -> Policy | None:
    """Return the policy of this installation; None where it has none. Raises Invalid."""
    file = policy_file(settings)
    return None if file is None else file.policy


def policy_file(settings: Settings) -> PolicyFile | None:
    """Return the file of the policy, read again when it has changed; None where there is none.

    A file that was good and is not any more changes nothing, and the log says so. Raises
    Invalid, which names the line, for one that never was.
    """
    path = settings.log_policy
    if path is None:
        return None
    with _lock:
        known = _read.get(path)
        seen = _look(path)
        if known is not None and known.seen == seen:
            return known
        try:
            _read[path] = _load(path, seen, settings)
        except Invalid as refusal:
            if known is None:
                raise
            _log.error("the policy known before stays: %s", refusal)
            _read[path] = known._replace(seen=seen)
        return _read[path]


def _look(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    return status.st_mtime_ns, status.st_size, status.st_ino


def _load(path: Path, seen: tuple[int, int, int], settings: Settings) -> PolicyFile:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_POLICY + 1)
        policy = parse_policy(data)
    except (OSError, PolicyError) as error:
        raise _wrong(path, str(error)) from None
    asked = [witness for witness in policy.witnesses if witness.url is not None]
    names = {witness.verifier.name for witness in asked}
    if len(names) != len(asked):
        raise _wrong(path, "two witnesses that are asked have keys of one name")
    if any(len(name) > LONGEST_NAME for name in names):
        raise _wrong(path, f"the name of a key has more than {LONGEST_NAME} characters")
    urls = [witness.url for witness in asked if witness.url is not None]
    try:
        destinations = Destinations.in_policy(settings, urls, seconds=SECONDS_TO_ANSWER)
    except Invalid:
        raise _wrong(
            path,
            "the address of a witness is https://, a host and a path; http:// is for "
            "127.0.0.1 and [::1] only",
        ) from None
    return PolicyFile(data, policy, destinations, seen)


def _wrong(path: Path, reason: str) -> Invalid:
    return Invalid(
        Problem(
            "FOODTRACE_LOG_POLICY",
            mark("The policy %(path)s cannot be used: %(reason)s"),
            mark("Write it as docs/witness.md says"),
            {"path": str(path), "reason": reason},
        )
    )
