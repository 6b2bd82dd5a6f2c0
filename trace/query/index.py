"""What events say, written down so that queries find it: rows of the query indexes."""

from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from foodtrace.trace.epcis.model import Event
from foodtrace.trace.query.fields import facts_of, key_of
from foodtrace.trace.store.bulk import insert_columns
from foodtrace.trace.store.models import EventKey, EventNumber, Observed


def index_events(session: Session, events: Sequence[tuple[int, Event]], party_id: int) -> None:
    """Write the keys and numbers of these events, which one party captured, and their values.

    Each event comes with the id of its statement. Events that are declared wrong are found
    like all others.
    """
    keys: list[tuple[int, int]] = []
    numbers: list[tuple[int, float, int]] = []
    for event_id, event in events:
        facts = facts_of(event)
        keys += [(key, event_id) for key in facts.keys | set(_kinds_of(event))]
        numbers += [(field, value, event_id) for field, value in facts.numbers]
    # In the order of the primary keys: neighbours are written together.
    _write(session, EventKey, ("key", "event_id"), sorted(keys))
    _write(session, EventNumber, ("field", "value", "event_id"), sorted(numbers))
    # Sorted, two captures of the same values wait for each other instead of for ever.
    observed = {pair for _, event in events for pair in values_of(event)}
    rows = [(party_id, kind, value) for kind, value in sorted(observed)]
    _write(session, Observed, ("party_id", "kind", "value"), rows)


def _kinds_of(event: Event) -> Iterable[int]:
    """Yield keys by which events of rare types and actions are found."""
    yield key_of("eventType", event.type)
    if event.action is not None:
        yield key_of("action", event.action)


def values_of(event: Event) -> Iterable[tuple[str, str]]:
    """Yield what the event adds to the collections of values (EPCIS 2.0, section 12.6.4).

    Identifiers are canonical, standard words bare.
    """
    yield "eventType", event.type
    for kind, value in (
        ("bizStep", event.biz_step),
        ("disposition", event.disposition),
        ("readPoint", event.read_point),
        ("bizLocation", event.biz_location),
    ):
        if value is not None:
            yield kind, value
    for part in event.participations:
        if not part.is_class:
            yield "epc", part.identifier.canonical


def _write(
    session: Session,
    model: type[EventKey] | type[EventNumber] | type[Observed],
    names: Sequence[str],
    rows: Sequence[Sequence[object]],
) -> None:
    if rows:
        columns = zip(*rows, strict=True)
        insert_columns(session, model, dict(zip(names, columns, strict=True)))
