"""What happens to goods after they are made: moved, packed, cooled, sold."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from foodtrace.producers import events
from foodtrace.producers.events import Condition, DocumentType, Handover, Moved, Occasion, Reading
from foodtrace.producers.services.acts import (
    begin,
    check_moment,
    identified,
    occasion_of,
    paper_of,
    record,
    take,
)
from foodtrace.producers.services.arrivals import as_announced
from foodtrace.producers.services.barriers import Barrier, against_sale
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.capture.services import RecordedEvent
from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.masterdata.models import Party, Place


def ship(
    session: Session,
    actor: Actor,
    *,
    items: Sequence[Moved],
    place_id: int,
    recipient_id: int,
    at: datetime,
    recipient_place_id: int | None = None,
    document: str | None = None,
    document_type: DocumentType = "desadv",
    temperatures: Sequence[Reading] = (),
    note: str | None = None,
    hidden: bool = False,
    key: str | None = None,
) -> RecordedEvent:
    """Send goods to another party. Raises Conflict if the sender does not hold them."""
    party, place = begin(session, actor, "lot.move", place_id)
    recipient = _other_party(session, party, recipient_id, "recipient_id")
    goes_to = _place_of(session, recipient, recipient_place_id)
    occasion = occasion_of(
        party, place, at, note, temperatures, paper_of(document_type, document, party), hidden
    )
    taken = take(session, party, items, "items")
    handover = Handover(party.identifier, recipient.identifier, place.identifier, goes_to)
    return record(session, actor, events.shipped(occasion, taken, handover), key)


def receive(
    session: Session,
    actor: Actor,
    *,
    items: Sequence[Moved],
    place_id: int,
    sender_id: int,
    at: datetime,
    condition: Condition = "in_progress",
    document: str | None = None,
    document_type: DocumentType = "desadv",
    temperatures: Sequence[Reading] = (),
    note: str | None = None,
    hidden: bool = False,
    key: str | None = None,
) -> RecordedEvent:
    """Confirm what arrived from another party, all of a shipment or part of it.

    Without an amount all that is still to come of the item arrived. A `condition` other
    than ``in_progress`` says that no more of it will come: the rest is missing or spoilt.
    What nobody announced can be received too, with its amount: a sender need not use this
    service. Raises Conflict when more arrives than was sent.
    """
    party, place = begin(session, actor, "lot.move", place_id)
    sender = _other_party(session, party, sender_id, "sender_id")
    occasion = occasion_of(
        party, place, at, note, temperatures, paper_of(document_type, document, sender), hidden
    )
    arrived = as_announced(session, party, sender, identified(items, "items"))
    handover = Handover(sender.identifier, party.identifier, None, place.identifier)
    return record(session, actor, events.received(occasion, arrived, handover, condition), key)


def record_temperatures(
    session: Session,
    actor: Actor,
    *,
    items: Sequence[Moved],
    place_id: int,
    readings: Sequence[Reading],
    at: datetime,
    note: str | None = None,
    hidden: bool = False,
    key: str | None = None,
) -> RecordedEvent:
    """Record how cold goods were kept at a place. The readings are in degrees Celsius."""
    if not readings:
        raise Invalid(
            Problem("readings", mark("No temperature is given"), mark("Write at least one"))
        )
    return _observe(
        session, actor, events.stored, items, place_id, at, note, readings, hidden=hidden, key=key
    )


store_cold = record_temperatures


def sell(
    session: Session,
    actor: Actor,
    *,
    items: Sequence[Moved],
    place_id: int,
    at: datetime,
    note: str | None = None,
    hidden: bool = False,
    key: str | None = None,
) -> RecordedEvent:
    """Sell goods to consumers: they leave the stock and the chain.

    Raises Conflict for what is recalled now, and for what was past its date at that time.
    """
    return _observe(
        session,
        actor,
        events.sold,
        items,
        place_id,
        at,
        note,
        hidden=hidden,
        key=key,
        barrier=against_sale(check_moment(at)),
    )


def destroy(
    session: Session,
    actor: Actor,
    *,
    items: Sequence[Moved],
    place_id: int,
    at: datetime,
    note: str | None = None,
    hidden: bool = False,
    key: str | None = None,
) -> RecordedEvent:
    """Destroy goods, say why in the note, and take them out of the stock."""
    return _observe(
        session, actor, events.destroyed, items, place_id, at, note, hidden=hidden, key=key
    )


Builder = Callable[[Occasion, Sequence[Moved]], dict[str, Any]]


def _observe(
    session: Session,
    actor: Actor,
    build: Builder,
    items: Sequence[Moved],
    place_id: int,
    at: datetime,
    note: str | None,
    readings: Sequence[Reading] = (),
    *,
    hidden: bool,
    key: str | None,
    barrier: Barrier | None = None,
) -> RecordedEvent:
    """Record an act on goods that the party holds at a place."""
    party, place = begin(session, actor, "lot.move", place_id)
    occasion = occasion_of(party, place, at, note, readings, hidden=hidden)
    taken = take(session, party, items, "items", barrier)
    return record(session, actor, build(occasion, taken), key)


def _other_party(session: Session, party: Party, other_id: int, field: str) -> Party:
    other = session.get(Party, other_id)
    if other is None:
        raise Invalid(
            Problem(
                field,
                mark("No party is registered under %(id)s"),
                mark("Search for it by name"),
                {"id": other_id},
            )
        )
    if other.id == party.id:
        raise Invalid(
            Problem(
                field,
                mark("This is your own party"),
                mark("Choose who is on the other side"),
            )
        )
    return other


def _place_of(session: Session, party: Party, place_id: int | None) -> str | None:
    """Return the identifier of a place of the recipient, where one is named."""
    if place_id is None:
        return None
    place = session.get(Place, place_id)
    if place is None or place.party_id != party.id:
        raise Invalid(
            Problem(
                "recipient_place_id",
                mark("The recipient has no place with the number %(id)s"),
                mark("Leave it empty if you do not know the place"),
                {"id": place_id},
            )
        )
    return place.identifier
