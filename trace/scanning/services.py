"""From scanned texts to what is on record of them, for the person who asks.

Those who keep goods register here how they are found and which lots are at hand, each
telling no more than the actor may know: another's thing and an unknown one look the same.
"""

from collections.abc import Callable, Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can
from foodtrace.trace.codes.scans import find_code
from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.identifiers import parse_identifier
from foodtrace.trace.gs1.model import Identifier, ItemKind
from foodtrace.trace.gs1.scanning import Names, read_scan
from foodtrace.trace.masterdata.models import Party, Place
from foodtrace.trace.masterdata.services import find_party, find_product
from foodtrace.trace.scanning.model import GOODS, Known, Scanned

MOST_TEXTS = 20

Finder = Callable[[Session, Actor, Identifier], Known | None]
LotFinder = Callable[[Session, Actor, str], tuple[Known, ...]]

_finders: list[Finder] = []
_lot_finders: list[LotFinder] = []


def finder(function: Finder) -> Finder:
    """Register what finds a thing that the actor may know of, or None."""
    _finders.append(function)
    return function


def lot_finder(function: LotFinder) -> LotFinder:
    """Register what finds the lots of a product (canonical) that the actor has at hand."""
    _lot_finders.append(function)
    return function


def look_up(session: Session, actor: Actor, texts: Iterable[str]) -> list[Scanned]:
    """Return what scanned texts name and what is known of it, each thing once.

    A text that a scanner may have mangled is read in the ways that name something on
    record; where none does, as it stands.
    """
    found: dict[str, Scanned] = {}
    for text in list(texts)[:MOST_TEXTS]:
        for scanned in _readings(session, actor, text):
            # One thing may carry several codes that say the same.
            said = scanned.identifier.canonical if scanned.identifier else text
            found.setdefault(said, scanned)
    return list(found.values())


def _readings(session: Session, actor: Actor, text: str) -> list[Scanned]:
    try:
        ways = read_scan(text)
    except Invalid as refusal:
        return [Scanned(text, problem=refusal.problems[0])]
    read = [_read(session, actor, text, names) for names in ways]
    certain = [scanned for scanned in read if scanned.is_exact and scanned.is_goods]
    return certain or [scanned for scanned in read if scanned.is_goods] or read[:1]


def _read(session: Session, actor: Actor, text: str, names: Names) -> Scanned:
    """Return what is known of a thing by its finest name that is on record."""
    is_unit = names[0].kind == ItemKind.INSTANCE or names[0].canonical.startswith("/q/")
    code = find_code(session, names[0].canonical) if is_unit else None
    if code is not None and code.lot is not None:
        names = (names[0], parse_identifier(code.lot), *names[1:])
    for name in names:
        known = _known(session, actor, name)
        if known is not None:
            lots = _lots(session, actor, known) if name is names[0] else ()
            # Who may see the lot, or made the code, may know what became of the code.
            told = code and (known.kind in GOODS or can(actor, "lot.read", owner=code.party_id))
            return Scanned(text, names[0], known, lots, unit=code.state if code and told else None)
    return Scanned(text, names[0])


def _known(session: Session, actor: Actor, name: Identifier) -> Known | None:
    match name.kind:
        case ItemKind.CLASS:
            return _product(session, name)
        case ItemKind.PLACE:
            return _place(session, actor, name)
        case ItemKind.PARTY:
            return _party(session, actor, name)
        case _:
            found = (find(session, actor, name) for find in _finders)
            goods = next((known for known in found if known is not None), None)
            # A product without GTIN has a code like those of lots.
            return goods or _product(session, name)


def _lots(session: Session, actor: Actor, known: Known) -> tuple[Known, ...]:
    if known.kind != ItemKind.CLASS:
        return ()
    return tuple(lot for find in _lot_finders for lot in find(session, actor, known.canonical))


def _product(session: Session, name: Identifier) -> Known | None:
    """Return a registered product: its label is for everybody."""
    product = find_product(session, name.canonical)
    if product is None:
        return None
    owner = session.get(Party, product.party_id)
    return Known(
        product.identifier,
        ItemKind.CLASS,
        product.name,
        product.name_en,
        owner=owner.name if owner else None,
        owner_en=owner.name_en if owner else None,
    )


def _place(session: Session, actor: Actor, name: Identifier) -> Known | None:
    """Return a place of the actor's own, or any for those who keep the register."""
    place = session.scalar(select(Place).where(Place.identifier == name.canonical))
    if place is None or not can(actor, "place.register", owner=place.party_id):
        return None
    owner = session.get(Party, place.party_id)
    return Known(
        place.identifier,
        ItemKind.PLACE,
        place.name,
        place.name_en,
        owner=owner.name if owner else None,
        owner_en=owner.name_en if owner else None,
    )


def _party(session: Session, actor: Actor, name: Identifier) -> Known | None:
    party = find_party(session, identifier=name.canonical)
    if party is None or not can(actor, "party.read"):
        return None
    return Known(party.identifier, ItemKind.PARTY, party.name, party.name_en)
