"""The time-stamping authority of this installation (RFC 3161): asked, and not believed unread.

Its answer is kept only when it is signed by whom the operator trusts, over the very digest and
number that were sent, and when its clock and ours agree.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from cryptography.x509 import Certificate, ObjectIdentifier, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.tsp import PKIStatus, TimeStampRequest

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.settings import Settings
from foodtrace.trace.subscriptions.destinations import Destinations, Unreachable

SECONDS_TO_ANSWER = 15.0
# The log says its times to within as much (docs/trust.md).
MOST_SECONDS_APART = 300
REQUEST_TYPE = "application/timestamp-query"
REPLY_TYPE = "application/timestamp-reply"
_SHA256 = ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_LARGEST_FILE = 1024 * 1024
_LONGEST_TEXT = 200


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
    roots: tuple[Certificate, ...]
    intermediates: tuple[Certificate, ...]
    destinations: Destinations

    def stamp(self, data: bytes) -> Token:
        """Return a token over the SHA-256 of the data. Raises NotStamped."""
        request = request_of(data)
        return self.judged(self._asked(request), request, datetime.now(UTC))

    def judged(self, answer: bytes, request: TimeStampRequest, now: datetime) -> Token:
        """Return the token in an answer to this request. Raises NotStamped unless it holds."""
        try:
            response = decode_timestamp_response(answer)
            _require_granted(response)
            info = response.tst_info
            if info.message_imprint.hash_algorithm != _SHA256:
                raise NotStamped("its token is over another kind of digest")
            verifier = VerifierBuilder(
                roots=list(self.roots),
                intermediates=list(self.intermediates),
                nonce=request.nonce,
            ).build()
            verifier.verify(response, request.message_imprint.message)
        except VerificationError as error:
            raise NotStamped(f"its token does not hold: {_line(str(error))}") from None
        except ValueError as error:
            raise NotStamped(f"its answer is no time stamp: {_line(str(error))}") from None
        apart = int(abs((info.gen_time - now).total_seconds()))
        if apart > MOST_SECONDS_APART:
            raise NotStamped(f"its clock and that of this server are {apart} seconds apart")
        return Token(answer, info.gen_time)

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
            found = load_pem_x509_certificates(file.read(_LARGEST_FILE))
    except (OSError, ValueError) as error:
        raise _wrong("FOODTRACE_TSA_CERTIFICATE", _line(str(error))) from None
    roots = tuple(each for each in found if each.issuer == each.subject)
    if not roots:
        raise _wrong("FOODTRACE_TSA_CERTIFICATE", "it holds no root certificate")
    try:
        destinations = Destinations.in_policy(
            settings, [settings.tsa_url], seconds=SECONDS_TO_ANSWER
        )
    except Invalid:
        raise _wrong(
            "FOODTRACE_TSA_URL",
            "the address is https://, a host and a path; http:// is for 127.0.0.1 and [::1] only",
        ) from None
    intermediates = tuple(each for each in found if each not in roots)
    return Authority(settings.tsa_url, roots, intermediates, destinations)


def _require_granted(response: TimeStampResponse) -> None:
    if response.status != PKIStatus.GRANTED:
        said = _line(" ".join(response.status_string))
        raise NotStamped(f"it refuses (status {response.status}) {said}".strip())


def _line(text: str) -> str:
    """Return the beginning of what somebody else said, without what could disturb a log."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST_TEXT]


def _wrong(setting: str, reason: str) -> Invalid:
    return Invalid(
        Problem(
            setting,
            mark("The time-stamping authority cannot be used: %(reason)s"),
            mark("Set FOODTRACE_TSA_URL and FOODTRACE_TSA_CERTIFICATE as docs/timestamps.md says"),
            {"reason": reason},
        )
    )
