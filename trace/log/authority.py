"""The time-stamping authority of this installation (RFC 3161): asked, and not believed unread.

Its answer is kept only when it is signed by whom the operator trusts, over the very digest and
number that were sent, and when its clock and ours agree.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
from rfc3161_client.tsp import TimeStampRequest

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.log.tokens import MOST_SECONDS_APART, TokenError, Trust, line_of, time_of
from foodtrace.trace.settings import Settings
from foodtrace.trace.subscriptions.destinations import Destinations, Unreachable

SECONDS_TO_ANSWER = 15.0
REQUEST_TYPE = "application/timestamp-query"
REPLY_TYPE = "application/timestamp-reply"
_LARGEST_FILE = 1024 * 1024


class NotStamped(Exception):
    """The authority gave no token that holds: why, for whoever looks after this service."""


@dataclass(frozen=True, slots=True)
class Token:
    """What an authority answered (DER), and the time that it says in it."""

    answer: bytes
    time: datetime


@dataclass(frozen=True)
class Authority:
    """A time-stamping authority, with the certificates that vouch for it."""

    url: str
    trust: Trust
    destinations: Destinations

    def stamp(self, data: bytes) -> Token:
        """Return a token over the SHA-256 of the data. Raises NotStamped."""
        request = request_of(data)
        return self.judged(self._asked(request), request, datetime.now(UTC))

    def judged(self, answer: bytes, request: TimeStampRequest, now: datetime) -> Token:
        """Return the token in an answer to this request. Raises NotStamped unless it holds."""
        try:
            time = time_of(answer, request.message_imprint.message, self.trust, request.nonce)
        except TokenError as error:
            raise NotStamped(str(error)) from None
        apart = int(abs((time - now).total_seconds()))
        if apart > MOST_SECONDS_APART:
            raise NotStamped(f"its clock and that of this server are {apart} seconds apart")
        return Token(answer, time)

    def _asked(self, request: TimeStampRequest) -> bytes:
        try:
            answer = self.destinations.post(
                self.url, request.as_bytes(), {"Content-Type": REQUEST_TYPE, "Accept": REPLY_TYPE}
            )
        except Unreachable as failure:
            raise NotStamped(str(failure)) from None
        if answer.status != 200:
            raise NotStamped(f"it answers {answer.status} {answer.text}".strip())
        return answer.body


def request_of(data: bytes) -> TimeStampRequest:
    """Return a request for a token over the SHA-256 of the data, with a number used once."""
    return TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build()


@lru_cache(maxsize=8)
def authority_of(settings: Settings) -> Authority | None:
    """Return the authority of this installation; None where it has none. Raises Invalid."""
    if settings.tsa_url is None:
        return None
    path = settings.tsa_certificate
    if path is None:
        raise _wrong("FOODTRACE_TSA_CERTIFICATE", "it is not set")
    try:
        with path.open("rb") as file:
            trust = Trust.from_pem(file.read(_LARGEST_FILE))
    except (OSError, ValueError) as error:
        raise _wrong("FOODTRACE_TSA_CERTIFICATE", line_of(str(error))) from None
    try:
        destinations = Destinations.in_policy(
            settings, [settings.tsa_url], seconds=SECONDS_TO_ANSWER
        )
    except Invalid:
        raise _wrong(
            "FOODTRACE_TSA_URL",
            "the address is https://, a host and a path; http:// is for 127.0.0.1 and [::1] only",
        ) from None
    return Authority(settings.tsa_url, trust, destinations)


def _wrong(setting: str, reason: str) -> Invalid:
    return Invalid(
        Problem(
            setting,
            mark("The time-stamping authority cannot be used: %(reason)s"),
            mark("Set FOODTRACE_TSA_URL and FOODTRACE_TSA_CERTIFICATE as docs/timestamps.md says"),
            {"reason": reason},
        )
    )
