"""Tokens of time-stamping authorities (RFC 3161): what holds, and the time that it says. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cryptography.x509 import Certificate, ObjectIdentifier, load_pem_x509_certificates
from rfc3161_client import (
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.tsp import PKIStatus

LARGEST_TOKEN = 64 * 1024
# The clock of an authority and that of a log may differ by so much (docs/trust.md).
MOST_SECONDS_APART = 300
_SHA256 = ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_LONGEST_TEXT = 200
_CERTIFICATES = 0xA0  # [0] IMPLICIT, RFC 5652 section 5.1


class TokenError(ValueError):
    """An answer holds no token that proves anything; the text says why."""


@dataclass(frozen=True)
class Trust:
    """The root certificates that vouch for tokens, and those in between."""

    roots: tuple[Certificate, ...]
    intermediates: tuple[Certificate, ...]

    @classmethod
    def from_pem(cls, data: bytes) -> Self:
        """Return the certificates of a PEM file. Raises ValueError where none is a root."""
        found = load_pem_x509_certificates(data)
        roots = tuple(each for each in found if each.issuer == each.subject)
        if not roots:
            raise ValueError("it holds no root certificate")
        return cls(roots, tuple(each for each in found if each not in roots))


def time_of(answer: bytes, digest: bytes, trust: Trust, nonce: int | None = None) -> datetime:
    """Return the time in an authority's answer (DER) for this SHA-256. Raises TokenError.

    The token has to be over the digest, signed by a certificate for time stamping
    that was valid at its time; and to bear the number that was sent, where one is given.
    """
    if len(answer) > LARGEST_TOKEN:
        raise TokenError("its answer is too large for a time stamp")
    try:
        response = decode_timestamp_response(in_der_order(answer))
        _require_granted(response)
        info = response.tst_info
        if info.message_imprint.hash_algorithm != _SHA256:
            raise TokenError("its token is over another kind of digest")
        verifier = VerifierBuilder(
            roots=list(trust.roots), intermediates=list(trust.intermediates), nonce=nonce
        ).build()
        verifier.verify(response, digest)
    except TokenError:
        raise
    except VerificationError as error:
        raise TokenError(f"its token does not hold: {line_of(str(error))}") from None
    except ValueError as error:
        raise TokenError(f"its answer is no time stamp: {line_of(str(error))}") from None
    return info.gen_time


def in_der_order(answer: bytes) -> bytes:
    """Return an answer with the certificates of its token in the order of DER.

    OpenSSL, which many authorities run, writes them in another one (X.690, section 11.6), and
    the decoder refuses that. They are not signed, so nothing else changes. What is no such
    answer is returned as it is: the decoder says what is wrong with it.
    """
    try:
        _status, token = _parts(answer, *_parts(answer, 0, len(answer))[0][1:])
        _kind, content = _parts(answer, *token[1:])
        (signed,) = _parts(answer, *content[1:])
        for start, inside, end in _parts(answer, *signed[1:]):
            if answer[start] == _CERTIFICATES:
                found = (answer[one:after] for one, _, after in _parts(answer, inside, end))
                return answer[:inside] + b"".join(sorted(found)) + answer[end:]
    except (IndexError, ValueError):
        pass
    return answer


def _parts(data: bytes, start: int, end: int) -> list[tuple[int, int, int]]:
    """Return where each element between two places begins, where its content begins, and ends.

    Raises IndexError or ValueError where the bytes are not DER.
    """
    found = []
    while start < end:
        inside, length = start + 2, data[start + 1]
        if length >= 0x80:  # the length itself has so many bytes
            inside += length - 0x80
            length = int.from_bytes(data[start + 2 : inside], "big")
        if inside + length > end:
            raise ValueError("an element ends behind what it is in")
        found.append((start, inside, inside + length))
        start = inside + length
    return found


def line_of(text: str) -> str:
    """Return the beginning of what somebody else said, without what could disturb a log."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST_TEXT]


def _require_granted(response: TimeStampResponse) -> None:
    if response.status != PKIStatus.GRANTED:
        said = line_of(" ".join(response.status_string))
        raise TokenError(f"it refuses (status {response.status}) {said}".strip())
