"""What a subscriber is told: EPCIS query documents of some events each, and their signatures."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from foodtrace.trace.epcis.context import STANDARD_PREFIXES, prefixes_of
from foodtrace.trace.epcis.translation import CbvFormat, EpcFormat, translated
from foodtrace.trace.query.results import ENCODER, Found, as_result, query_document, read_found
from foodtrace.trace.subscriptions.controls import key_of

MOST_EVENTS = 100
MOST_BYTES = 1024 * 1024
EPC_FORMAT = "GS1-EPC-Format"


@dataclass(frozen=True, slots=True)
class Message:
    """A body to be sent: how many events it tells of, and the id of the last one."""

    body: bytes
    events: int
    last_id: int


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What all messages of a subscription begin with, and how their events are written."""

    query_name: str
    subscription_id: str
    epc_format: EpcFormat

    def written(self, events: Iterable[bytes]) -> bytes:
        """Return the query document of these events, which are JSON already."""
        document = query_document(
            [], query_name=self.query_name, subscription_id=self.subscription_id
        )
        results = document["epcisBody"]["queryResults"]["resultsBody"]
        results["eventList"] = [msgspec.Raw(event) for event in events]
        return ENCODER.encode(document)


def messages_of(session: Session, ids: Iterator[int], letterhead: Letterhead) -> Iterator[Message]:
    """Yield messages of these events in their order, none of them too large.

    A message has at most MOST_EVENTS events and MOST_BYTES of them, but at least one event.
    """
    while portion := list(islice(ids, MOST_EVENTS)):
        events: list[bytes] = []
        size, last_id = 0, 0
        for found in read_found(session, portion):
            event = _written(found, letterhead.epc_format)
            if events and size + len(event) > MOST_BYTES:
                yield Message(letterhead.written(events), len(events), last_id)
                events, size = [], 0
            events.append(event)
            size, last_id = size + len(event), found.id
        yield Message(letterhead.written(events), len(events), last_id)


def format_of(formats: Mapping[str, Any]) -> EpcFormat:
    """Return how identifiers are to be written; as Digital Links unless something else is said."""
    asked = EpcFormat(formats.get(EPC_FORMAT, EpcFormat.NO_PREFERENCE))
    if asked is EpcFormat.NO_PREFERENCE:
        return EpcFormat.ALWAYS_GS1_DIGITAL_LINK
    return asked


def signed_headers(
    delivery_id: str, secret: str, body: bytes, formats: Mapping[str, Any], now: datetime
) -> dict[str, str]:
    """Return the headers of a message; `now`, in UTC, is part of what is signed.

    ``webhook-signature`` is that of Standard Webhooks and covers number, time and body;
    ``GS1-Signature``, whose kind EPCIS 2.0 leaves open, is the HMAC-SHA256 of the body in Base64.
    """
    key = key_of(secret)
    digest = hmac.new(key, body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "GS1-EPCIS-Version": "2.0",
        "GS1-CBV-Version": "2.0",
        EPC_FORMAT: format_of(formats).value,
        "GS1-Signature": base64.b64encode(digest).decode(),
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(key).sign(delivery_id, now, body.decode()),
    }


def _written(found: Found, epc_format: EpcFormat) -> bytes:
    event = as_result(found)
    prefixes = prefixes_of(event.get("@context", []), STANDARD_PREFIXES, "")
    # Words of the CBV have one form in JSON.
    return ENCODER.encode(
        translated(event, prefixes, epc_format=epc_format, cbv_format=CbvFormat.NO_PREFERENCE)
    )
