"""What a request brings besides its address: the body, how many it wants, its idempotency key."""

from dataclasses import dataclass
from typing import Any

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from foodtrace.trace.api.resources import JSON_TYPE, LD_JSON_TYPE
from foodtrace.trace.capture.once import LONGEST_KEY
from foodtrace.trace.epcis.strict_json import read_object
from foodtrace.trace.errors import Invalid, Problem, QueryParameter, TooLarge, mark

DEFAULT_PER_PAGE = 30
MOST_PER_PAGE = 1000
LONGEST_TOKEN = 2000


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many a page has, and which page: the token of the one before says it."""

    per_page: int
    token: str | None


def wanted_page() -> Wanted:
    """Return which page is wanted. Raises QueryParameter.

    More than MOST_PER_PAGE are not given at once, whatever is asked for.
    """
    text = request.args.get("perPage", str(DEFAULT_PER_PAGE))
    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) > 0):
        raise QueryParameter(
            Problem(
                "perPage",
                mark("This is no whole number above 0"),
                mark("Write one of 1 to %(most)s"),
                {"most": MOST_PER_PAGE},
            )
        )
    token = request.args.get("nextPageToken")
    if token is not None and not 0 < len(token) <= LONGEST_TOKEN:
        raise QueryParameter(
            Problem(
                "nextPageToken",
                mark("This is no token of ours"),
                mark("Follow the address in the header Link"),
            )
        )
    return Wanted(min(int(text), MOST_PER_PAGE), token)


def received_body(most: int, *media_types: str) -> bytes:
    """Return the body; over the limit it is refused while it arrives, never held whole."""
    if request.mimetype not in media_types:
        raise UnsupportedMediaType(f"Send the body as {', '.join(media_types)}")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType("Send the body without Content-Encoding")
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) >= most:
        # Of a chunked body werkzeug reads as much as is allowed, and leaves the rest unsaid.
        raise TooLarge(
            Problem(
                "",
                mark("A body may have %(most)s bytes"),
                mark("Send less at once"),
                {"most": most},
            )
        )
    return body


def received_object(most: int) -> dict[str, Any]:
    """Return the JSON object that the body is, read as strictly as events are."""
    value: dict[str, Any] = read_object(received_body(most, JSON_TYPE, LD_JSON_TYPE)).value
    return value


def idempotency_key() -> str | None:
    """Return the key under which the act is done once. Raises Invalid."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 0 < len(key) <= LONGEST_KEY or not all("!" <= char <= "~" for char in key):
        raise Invalid(
            Problem(
                "Idempotency-Key",
                mark("The key has 1 to %(longest)s visible ASCII characters"),
                mark("Send a random UUID for each document"),
                {"longest": LONGEST_KEY},
            )
        )
    return key
