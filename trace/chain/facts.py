"""Rows of walk.FACTS, turned into items, parties and places. Pure, like hops.py."""

from collections.abc import Iterable, Sequence
from typing import Any

from foodtrace.trace.chain.model import ChainItem, PartyFacts, PlaceFacts

# The fields of a row after its first word; the last column of all is a party's id.
ITEM = slice(1, 25)
PLACE = slice(2, 7)
PARTY = slice(1, 11)
OWNER = 25


class Facts:
    """What is known of the items, parties and places of one chain."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        found: dict[str, list[Sequence[Any]]] = {"item": [], "place": [], "party": []}
        for row in rows:
            found[row[0]].append(row)
        self.parties = {row[1]: PartyFacts(*row[PARTY]) for row in found["party"]}
        self._by_identifier = {one.identifier: one for one in self.parties.values()}
        self._places = {
            row[2]: PlaceFacts(*(*row[PLACE], self.parties.get(row[OWNER])))
            for row in found["place"]
        }
        self.items = {
            row[1]: ChainItem(*(*row[ITEM], self.parties.get(row[OWNER]))) for row in found["item"]
        }

    def place(self, identifier: str | None) -> PlaceFacts | None:
        """Return the place of this identifier, which may not be registered."""
        if identifier is None:
            return None
        return self._places.get(identifier) or PlaceFacts(identifier)

    def side(self, identifier: str | None) -> PartyFacts | None:
        """Return the party that a party's or a place's identifier leads to."""
        if identifier is None:
            return None
        place = self._places.get(identifier)
        owner = place.party if place else self._by_identifier.get(identifier)
        return owner or PartyFacts(0, identifier)
