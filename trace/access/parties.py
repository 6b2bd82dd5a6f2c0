"""The organisations that accounts and keys act for, by the names that people type."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.masterdata.services import find_party


def party_named(session: Session, name: str | None) -> int | None:
    """Return the id of the organisation with this name; raise Invalid if there is none."""
    if name is None:
        return None
    party = find_party(session, name=name)
    if party is None:
        raise Invalid(
            Problem(
                "party",
                mark("No organisation is registered under this name"),
                mark("Write its full name, or register it first"),
            )
        )
    return party.id


def party_names(session: Session, ids: Iterable[int | None]) -> dict[int, str]:
    """Return the names of these organisations, by their ids."""
    parties = (find_party(session, party_id=party_id) for party_id in set(ids) if party_id)
    return {party.id: party.name for party in parties if party is not None}
