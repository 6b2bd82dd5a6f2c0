"""What a code leads to on record: a chain, a product, a place or an organisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from foodtrace.consumer_web.resolver.addresses import Address, address_of
from foodtrace.consumer_web.story import AboutProduct, Story, about_product, tell
from foodtrace.consumer_web.unit_codes import Unit, tell_unit
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
    unit: Unit | None = None  # beside the story of its lot

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
        thing = _find_item(session, address, today)
        if thing is not None and thing.story is not None and _belongs(address, thing.story):
            return thing
        if not identifier.canonical.startswith("/q/"):
            return None
    product = about_product(session, identifier)
    if product is None or product.identifier != identifier.canonical:
        return None
    return Thing(address, product=product)


def _find_item(session: Session, address: Address, today: date) -> Thing | None:
    """Return a lot, a logistic unit or a single thing; the code of the last is tried first.

    Of our own codes most name lots: those are tried last.
    """
    canonical = address.identifier.canonical
    unit = tell_unit(session, canonical, today) if address.identifier.serial else None
    if unit is None:
        story = tell(session, canonical, today)
        if story is not None:
            return Thing(address, story=story)
        if canonical.startswith("/q/"):
            unit = tell_unit(session, canonical, today)
    return Thing(address, story=unit[1], unit=unit[0]) if unit else None


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
    lot = story.product
    name, name_en = lot.product_name, lot.product_name_en
    found = [Standing("lot", address, name, name_en)]
    if lot.canonical != address.identifier.canonical and lot.canonical.startswith("/"):
        found.append(Standing("lot", address_of(lot.canonical), name, name_en))
    product = lot.product_identifier
    if product and lot.product_name is not None and product.startswith("/"):
        found.append(Standing("product", address_of(product), name, name_en))
    return found


def _belongs(address: Address, story: Story) -> bool:
    """Tell whether a piece is of the lot that its code says: a copied label mixes the two."""
    identifier, lot = address.identifier, story.product.lot
    return not (identifier.serial and identifier.lot and lot) or identifier.lot == lot
