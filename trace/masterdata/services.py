"""What one can do to the register of parties, places and products, and ask of it.

Each act is a statement, so that who wrote what and when stays on record: the law asks for
it where a label's text is changed.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, TypeVar, Unpack

import msgspec
from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import require
from foodtrace.trace.capture.services import record_statement
from foodtrace.trace.errors import Conflict, Invalid, NotFound, Problem, mark
from foodtrace.trace.gs1.public_code import new_code, normal_code
from foodtrace.trace.masterdata.models import Party, Place, Product, Revision
from foodtrace.trace.masterdata.projections import REVISES
from foodtrace.trace.masterdata.rules import (
    PARTY_FIELDS,
    PLACE_FIELDS,
    PRODUCT_FIELDS,
    Field,
    checked,
    checked_shelf_life,
)
from foodtrace.trace.store.models import Document, Statement

Row = TypeVar("Row", Party, Place, Product)

# What says which organisation this is: only those who keep the register change it.
REGISTRAR_FIELDS = frozenset({"name", "kind", "uscc", "food_licence"})
# These are in the identifier, by which events and labels name the thing for ever.
IDENTIFYING_FIELDS = frozenset({"gln", "gtin"})


class PartyChanges(TypedDict, total=False):
    """What may be revised of a party; None empties a field."""

    name: str
    name_en: str | None
    kind: str
    uscc: str | None
    food_licence: str | None
    region: str | None
    address: str | None
    phone: str | None


class PlaceChanges(TypedDict, total=False):
    """What may be revised of a place; None empties a field."""

    name: str
    name_en: str | None
    region: str | None
    address: str | None


class ProductChanges(TypedDict, total=False):
    """What may be revised of a product; None empties a field."""

    name: str
    name_en: str | None
    brand: str | None
    net_content: str | None
    storage: str | None
    shelf_life_days: int | None
    standard: str | None
    ingredients: str | None
    allergens: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """One statement in the history of a party, place or product: who wrote what, and when.

    `party_id` is 0 where the writer acted for no party. The first version has all fields,
    later ones those that they changed.
    """

    statement_id: int
    at: datetime
    actor: str
    party_id: int
    fields: Mapping[str, Any]


def register_party(
    session: Session,
    actor: Actor,
    *,
    name: str,
    kind: str,
    name_en: str | None = None,
    gln: str | None = None,
    uscc: str | None = None,
    food_licence: str | None = None,
    region: str | None = None,
    address: str | None = None,
    phone: str | None = None,
) -> Party:
    """Register an organisation. Raises Conflict if its GLN or credit code is taken."""
    require(actor, "party.register")
    body = checked(
        PARTY_FIELDS,
        {
            "name": name,
            "name_en": name_en,
            "kind": kind,
            "gln": gln,
            "uscc": uscc,
            "food_licence": food_licence,
            "region": region,
            "address": address,
            "phone": phone,
        },
    )
    gln = body.pop("gln")
    body["identifier"] = f"/417/{gln}" if gln else f"urn:uuid:{uuid.uuid4()}"
    _refuse_taken(session, Party.identifier, body["identifier"], "gln")
    _refuse_taken(session, Party.uscc, body["uscc"], "uscc")
    return _registered(session, actor, "party", Party, body)


def revise_party(
    session: Session, actor: Actor, *, party_id: int, **changes: Unpack[PartyChanges]
) -> Party:
    """Correct what the register says of a party. Its identifier stays.

    Name, kind, credit code and licence are for those who keep the register.
    """
    require(actor, "party.revise", owner=party_id)
    if REGISTRAR_FIELDS & changes.keys():
        require(actor, "party.register")
    body = _changed(PARTY_FIELDS, changes)
    party = get_party(session, party_id, for_change=True)
    if body.get("uscc") != party.uscc:
        _refuse_taken(session, Party.uscc, body.get("uscc"), "uscc")
    return _revised(session, actor, "party", party, body)


def register_place(
    session: Session,
    actor: Actor,
    *,
    party_id: int,
    name: str,
    name_en: str | None = None,
    gln: str | None = None,
    region: str | None = None,
    address: str | None = None,
) -> Place:
    """Register a place of a party. Raises Conflict if its GLN or its name there is taken."""
    require(actor, "place.register", owner=party_id)
    get_party(session, party_id)
    given = {"name": name, "name_en": name_en, "gln": gln, "region": region, "address": address}
    body = checked(PLACE_FIELDS, given)
    gln = body.pop("gln")
    body["identifier"] = f"/414/{gln}" if gln else f"urn:uuid:{uuid.uuid4()}"
    body["party_id"] = party_id
    _refuse_taken(session, Place.identifier, body["identifier"], "gln")
    _refuse_same_name(session, party_id, body["name"])
    return _registered(session, actor, "place", Place, body)


def revise_place(
    session: Session, actor: Actor, *, place_id: int, **changes: Unpack[PlaceChanges]
) -> Place:
    """Correct what the register says of a place. Its identifier and its party stay."""
    place = get_place(session, place_id, for_change=True)
    require(actor, "place.register", owner=place.party_id)
    body = _changed(PLACE_FIELDS, changes)
    if body.get("name", place.name) != place.name:
        _refuse_same_name(session, place.party_id, body["name"])
    return _revised(session, actor, "place", place, body)


def register_product(
    session: Session,
    actor: Actor,
    *,
    party_id: int,
    name: str,
    gtin: str | None = None,
    name_en: str | None = None,
    brand: str | None = None,
    net_content: str | None = None,
    storage: str | None = None,
    shelf_life_days: int | None = None,
    standard: str | None = None,
    ingredients: str | None = None,
    allergens: str | None = None,
    code: str | None = None,
) -> Product:
    """Register a kind of food. Without a GTIN it gets a code of ours (``/q/…``).

    `code` names that code; without one a new one is made.

    Raises Conflict if the GTIN is registered already.
    """
    require(actor, "product.register", owner=party_id)
    get_party(session, party_id)
    body = checked(
        PRODUCT_FIELDS,
        {
            "name": name,
            "gtin": gtin,
            "name_en": name_en,
            "brand": brand,
            "net_content": net_content,
            "storage": storage,
            "standard": standard,
            "ingredients": ingredients,
            "allergens": allergens,
        },
    )
    gtin = body.pop("gtin")
    own_code = normal_code(code) if code else new_code()
    body["identifier"] = f"/01/{gtin}" if gtin else f"/q/{own_code}"
    body["party_id"] = party_id
    body["shelf_life_days"] = checked_shelf_life(shelf_life_days)
    _refuse_taken(session, Product.identifier, body["identifier"], "gtin")
    return _registered(session, actor, "product", Product, body)


def revise_product(
    session: Session, actor: Actor, *, product_id: int, **changes: Unpack[ProductChanges]
) -> Product:
    """Correct what the label says of a product. Its identifier and its party stay."""
    product = get_product(session, product_id, for_change=True)
    require(actor, "product.register", owner=product.party_id)
    return _revised(session, actor, "product", product, _changed(PRODUCT_FIELDS, changes))


def ensure_party(session: Session, actor: Actor, name: str) -> Party:
    """Return the party of this name; register it, as of kind *other*, if there is none."""
    return find_party(session, name=name) or register_party(session, actor, name=name, kind="other")


def find_party(
    session: Session,
    *,
    party_id: int | None = None,
    identifier: str | None = None,
    name: str | None = None,
) -> Party | None:
    """Return the party with this id, identifier or exact name, or None.

    Raises Conflict when several parties have the name.
    """
    if party_id is not None:
        return session.get(Party, party_id)
    column, value = (Party.identifier, identifier) if identifier else (Party.name, name)
    found = session.scalars(select(Party).where(column == value).order_by(Party.id).limit(2)).all()
    if len(found) > 1:
        raise Conflict(
            Problem(
                "name",
                mark("Several parties are called %(name)s"),
                mark("Say which one by its identifier"),
                {"name": name},
            )
        )
    return found[0] if found else None


def find_product(session: Session, identifier: str) -> Product | None:
    """Return the product with this identifier (``/01/{gtin}``, ``/q/{code}``), or None."""
    return session.scalars(select(Product).where(Product.identifier == identifier)).one_or_none()


def find_place(session: Session, identifier: str) -> Place | None:
    """Return the place with this identifier (``/414/{gln}``, with or without extension)."""
    return session.scalars(select(Place).where(Place.identifier == identifier)).one_or_none()


def get_party(session: Session, party_id: int, *, for_change: bool = False) -> Party:
    """Return a party; `for_change` keeps it from others until the end. Raises NotFound."""
    return _got(session, Party, party_id, "party_id", for_change)


def get_place(session: Session, place_id: int, *, for_change: bool = False) -> Place:
    """Return a place; `for_change` keeps it from others until the end. Raises NotFound."""
    return _got(session, Place, place_id, "place_id", for_change)


def get_product(session: Session, product_id: int, *, for_change: bool = False) -> Product:
    """Return a product; `for_change` keeps it from others until the end. Raises NotFound."""
    return _got(session, Product, product_id, "product_id", for_change)


def list_parties(session: Session, search: str | None = None, limit: int = 200) -> list[Party]:
    """Return parties by name; with `search`, those whose name has it.

    A credit code or GLN finds its party when it is whole: parts of it would tell what the
    rest is to somebody who tries one digit after the other.
    """
    query = select(Party).order_by(Party.name, Party.id).limit(limit)
    if search and (wanted := search.strip()):
        query = query.where(
            or_(
                Party.name.icontains(wanted, autoescape=True),
                Party.name_en.icontains(wanted, autoescape=True),
                Party.uscc == wanted.upper(),
                Party.identifier.in_((wanted, f"/417/{wanted}")),
            )
        )
    return list(session.scalars(query))


def list_places(session: Session, party_id: int) -> list[Place]:
    """Return the places of a party, by name."""
    return list(
        session.scalars(
            select(Place).where(Place.party_id == party_id).order_by(Place.name, Place.id)
        )
    )


def list_products(session: Session, party_id: int) -> list[Product]:
    """Return the products of a party, by name."""
    return list(
        session.scalars(
            select(Product).where(Product.party_id == party_id).order_by(Product.name, Product.id)
        )
    )


def history_of(session: Session, kind: str, subject_id: int) -> list[Version]:
    """Return every version of a party, place or product (`kind`), the first one first."""
    rows = session.execute(
        select(
            Statement.id,
            Document.received_at,
            Document.actor,
            func.coalesce(Document.party_id, 0),
            Document.body,
        )
        .join(Revision, Revision.id == Statement.id)
        .join(Document, Document.id == Statement.document_id)
        .where(Revision.subject_id == subject_id, Statement.kind == kind)
        .order_by(Statement.id)
    )
    return [
        Version(statement_id, at, who, party_id, _fields(body))
        for statement_id, at, who, party_id, body in rows
    ]


def _fields(body: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.json.decode(body)
    fields.pop(REVISES, None)
    return fields


def _got(
    session: Session, model: type[Row], row_id: int, field: str, for_change: bool = False
) -> Row:
    # Who compares a row with what it knows of it, and then changes it, must be alone meanwhile.
    # New rows that point to it need not wait: its id stays.
    lock = {"key_share": True} if for_change else None
    found = session.get(model, row_id, with_for_update=lock, populate_existing=for_change)
    if found is None:
        raise NotFound(
            Problem(field, mark("Nothing is registered under %(id)s"), "", {"id": row_id})
        )
    return found


def _registered(
    session: Session, actor: Actor, kind: str, model: type[Row], body: dict[str, Any]
) -> Row:
    return _got(session, model, _recorded(session, actor, kind, body), "id")


def _revised(session: Session, actor: Actor, kind: str, row: Row, body: dict[str, Any]) -> Row:
    """Record what really changes; saying again what is known leaves no trace."""
    changes = {name: value for name, value in body.items() if getattr(row, name) != value}
    if changes:
        _recorded(session, actor, kind, {REVISES: row.id, **changes})
        session.refresh(row)
    return row


def _recorded(session: Session, actor: Actor, kind: str, body: dict[str, Any]) -> int:
    try:
        with session.begin_nested():
            return record_statement(session, actor, kind, body)
    except IntegrityError:
        # Somebody wrote the same number or name between our look and our writing.
        raise Conflict(
            Problem(
                "",
                mark("Somebody registered the same at this moment"),
                mark("Look at the register again"),
            )
        ) from None


def _changed(fields: Mapping[str, Field], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Check the fields that are given: what is not, stays."""
    texts = {name: value for name, value in changes.items() if name != "shelf_life_days"}
    if unknown := texts.keys() - (fields.keys() - IDENTIFYING_FIELDS):
        raise Invalid(*(Problem(name, mark("This cannot be changed")) for name in sorted(unknown)))
    body = checked(fields, texts)
    if "shelf_life_days" in changes:
        body["shelf_life_days"] = checked_shelf_life(changes["shelf_life_days"])
    return body


def _refuse_taken(
    session: Session,
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None],
    value: str | None,
    field: str,
) -> None:
    """Raise Conflict when another row of the register has the value already."""
    if value is None:
        return
    if session.scalar(select(func.count()).where(column == value)):
        raise Conflict(
            Problem(
                field,
                mark("%(value)s is registered already"),
                mark("Look it up instead of registering it again"),
                {"value": value.rpartition("/")[2]},
            )
        )


def _refuse_same_name(session: Session, party_id: int, name: str) -> None:
    taken = select(func.count()).where(Place.party_id == party_id, Place.name == name)
    if session.scalar(taken):
        raise Conflict(
            Problem(
                "name",
                mark("This party has a place called %(name)s already"),
                mark("Give the new place a name of its own"),
                {"name": name},
            )
        )
