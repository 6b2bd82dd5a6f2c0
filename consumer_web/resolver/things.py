"""What a code leads to on record: a chain, a product, a place or an organisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from foodtrace.consumer_web.resolver.addresses import Address, address_of
from foodtrace.consumer_web.story import AboutProduct, Story, about_product, tell
from foodtrace.trace.gs1.model import ItemKind
from foodtrace.trace.links.models import ThingLink
from foodtrace.trace.links.services import links_of
from foodtrace.trace.masterdata.models import Party, Place
from foodtrace.trace.masterdata.services import find_party, find_place


@dataclass(frozen=True, slots=True)
class Standing:
    """One level of a thing: its kind (a key of OWN_LINKS), its address and its names."""

    kind: str
    address: Address
    name: str | None
    name_en: str | None


@dataclass(frozen=True, slots=True)
class Thing:
    """What is on record under an address. One of the four is not None."""

    address: Address
    story: Story | None = None
    product: AboutProduct | None = None
    place: Place | None = None
    party: Party | None = None  # of a place, whose it is

    @property
    def kind(self) -> str:
        """Which of the four it is, by its word in OWN_LINKS."""
        if self.story is not None:
            return "lot"
        if self.product is not None:
            return "product"
        return "place" if self.place is not None else "party"

    @property
    def standings(self) -> list[Standing]:
        """The thing and what it is a piece or sort of, the finest first."""
        if self.story is not None:
            return _standings(self.address, self.story)
        shown = self.product.label if self.product else self.place or self.party
        name, name_en = (shown.name, shown.name_en) if shown else (None, None)
        return [Standing(self.kind, self.address, name, name_en)]


def find_thing(session: Session, address: Address, today: date) -> Thing | None:
    """Return what is on record under an address, or None."""
    identifier = address.identifier
    if identifier.kind is ItemKind.PLACE:
        place = find_place(session, identifier.canonical)
        party = find_party(session, party_id=place.party_id) if place else None
        return Thing(address, place=place, party=party) if place else None
    if identifier.kind is ItemKind.PARTY:
        party = find_party(session, identifier=identifier.canonical)
        return Thing(address, party=party) if party else None
    if identifier.kind is not ItemKind.CLASS:
        story = tell(session, identifier.canonical, today)
        if story is not None and _belongs(address, story):
            return Thing(address, story=story)
        if not identifier.canonical.startswith("/q/"):
            return None
    product = about_product(session, identifier)
    if product is None or product.identifier != identifier.canonical:
        return None
    return Thing(address, product=product)


def find_above(session: Session, address: Address, today: date) -> Thing | None:
    """Return the nearest thing that an unknown one is a sort of; never that of a serial."""
    while address.may_walk_up:
        parent = address.parent
        if parent is None:
            return None
        thing = find_thing(session, parent, today)
        if thing is not None:
            return thing
        address = parent
    return None


def given_links(session: Session, standings: Sequence[Standing]) -> list[ThingLink]:
    """Return the links that owners gave to a thing and to what it is a piece or sort of."""
    return links_of(session, [each.address.identifier.canonical for each in standings])


def _standings(address: Address, story: Story) -> list[Standing]:
    item, lot = story.item, story.product
    name, name_en = lot.product_name, lot.product_name_en
    found = [Standing("lot", address, name, name_en)]
    if lot.id != item.id and lot.canonical.startswith("/"):
        found.append(Standing("lot", address_of(lot.canonical), name, name_en))
    product = lot.product_identifier
    if product and lot.product_name is not None and product.startswith("/"):
        found.append(Standing("product", address_of(product), name, name_en))
    return found


def _belongs(address: Address, story: Story) -> bool:
    """Tell whether a piece is of the lot that its code says: a copied label mixes the two."""
    identifier, lot = address.identifier, story.product.lot
    return not (identifier.serial and identifier.lot and lot) or identifier.lot == lot
