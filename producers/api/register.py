"""The register of parties, places and products."""

from typing import TYPE_CHECKING, Any

from foodtrace.producers.schemas.register import (
    OwnerQuery,
    PartyChangesSchema,
    PartyNameSchema,
    PartyQuery,
    PartySchema,
    PlaceChangesSchema,
    PlaceSchema,
    ProductChangesSchema,
    ProductSchema,
)
from foodtrace.trace.access.policy import require
from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.masterdata import services
from foodtrace.trace.rest import ApiBlueprint
from foodtrace.trace.web import current_actor, needs, reading, transaction

if TYPE_CHECKING:
    from foodtrace.trace.masterdata.models import Party, Place, Product

bp = ApiBlueprint("producers_register", __name__, url_prefix="/api/v1")


@bp.get("/parties")
@needs("party.read")
@bp.arguments(PartyQuery, location="query")
@bp.response(200, PartyNameSchema(many=True))
def list_parties(query: dict[str, Any]) -> "list[Party]":
    """Search parties by name: at most 200, each with name and region."""
    with reading() as session:
        return services.list_parties(session, query["search"])


@bp.post("/parties")
@needs("party.register")
@bp.arguments(PartySchema)
@bp.response(201, PartySchema)
def register_party(facts: dict[str, Any]) -> "tuple[Party, int, dict[str, str]]":
    """Register an organisation: for those who keep the register."""
    with transaction() as session:
        party = services.register_party(session, current_actor(), **facts)
        session.expunge(party)
    return party, 201, {"Location": f"/api/v1/parties/{party.id}"}


@bp.get("/parties/<int:party_id>")
@needs("party.revise")
@bp.etag
@bp.response(200, PartySchema)
def get_party(party_id: int) -> "Party":
    """Read a party: one's own, or any for those who keep the register."""
    require(current_actor(), "party.revise", owner=party_id)
    with reading() as session:
        return services.get_party(session, party_id)


@bp.patch("/parties/<int:party_id>")
@needs("party.revise")
@bp.etag
@bp.arguments(PartyChangesSchema)
@bp.response(200, PartySchema)
def revise_party(changes: dict[str, Any], party_id: int) -> "Party":
    """Correct what the register says of a party. Needs If-Match."""
    actor = current_actor()
    require(actor, "party.revise", owner=party_id)
    with transaction() as session:
        bp.check_etag(services.get_party(session, party_id, for_change=True), PartySchema)
        party = services.revise_party(session, actor, party_id=party_id, **changes)
        session.expunge(party)
    return party


@bp.get("/places")
@needs("lot.read")
@bp.arguments(OwnerQuery, location="query")
@bp.response(200, PlaceSchema(many=True))
def list_places(query: dict[str, Any]) -> "list[Place]":
    """List the places of your party."""
    owner = _owner(query["party_id"])
    require(current_actor(), "lot.read", owner=owner)
    with reading() as session:
        return services.list_places(session, owner)


@bp.post("/places")
@needs("place.register")
@bp.arguments(PlaceSchema)
@bp.response(201, PlaceSchema)
def register_place(facts: dict[str, Any]) -> "tuple[Place, int, dict[str, str]]":
    """Register a place of your party."""
    facts["party_id"] = _owner(facts.get("party_id"))
    with transaction() as session:
        place = services.register_place(session, current_actor(), **facts)
        session.expunge(place)
    return place, 201, {"Location": f"/api/v1/places/{place.id}"}


@bp.get("/places/<int:place_id>")
@needs("lot.read")
@bp.etag
@bp.response(200, PlaceSchema)
def get_place(place_id: int) -> "Place":
    """Read a place of your party."""
    with reading() as session:
        place = services.get_place(session, place_id)
        require(current_actor(), "lot.read", owner=place.party_id)
        return place


@bp.patch("/places/<int:place_id>")
@needs("place.register")
@bp.etag
@bp.arguments(PlaceChangesSchema)
@bp.response(200, PlaceSchema)
def revise_place(changes: dict[str, Any], place_id: int) -> "Place":
    """Correct what the register says of a place. Needs If-Match."""
    actor = current_actor()
    with transaction() as session:
        place = services.get_place(session, place_id, for_change=True)
        require(actor, "place.register", owner=place.party_id)
        bp.check_etag(place, PlaceSchema)
        place = services.revise_place(session, actor, place_id=place_id, **changes)
        session.expunge(place)
    return place


@bp.get("/products")
@needs("lot.read")
@bp.arguments(OwnerQuery, location="query")
@bp.response(200, ProductSchema(many=True))
def list_products(query: dict[str, Any]) -> "list[Product]":
    """List the products of your party."""
    owner = _owner(query["party_id"])
    require(current_actor(), "lot.read", owner=owner)
    with reading() as session:
        return services.list_products(session, owner)


@bp.post("/products")
@needs("product.register")
@bp.arguments(ProductSchema)
@bp.response(201, ProductSchema)
def register_product(facts: dict[str, Any]) -> "tuple[Product, int, dict[str, str]]":
    """Register a kind of food. Without a GTIN it gets a code of this service."""
    facts["party_id"] = _owner(facts.get("party_id"))
    with transaction() as session:
        product = services.register_product(session, current_actor(), **facts)
        session.expunge(product)
    return product, 201, {"Location": f"/api/v1/products/{product.id}"}


@bp.get("/products/<int:product_id>")
@needs("lot.read")
@bp.etag
@bp.response(200, ProductSchema)
def get_product(product_id: int) -> "Product":
    """Read a product of your party."""
    with reading() as session:
        product = services.get_product(session, product_id)
        require(current_actor(), "lot.read", owner=product.party_id)
        return product


@bp.patch("/products/<int:product_id>")
@needs("product.register")
@bp.etag
@bp.arguments(ProductChangesSchema)
@bp.response(200, ProductSchema)
def revise_product(changes: dict[str, Any], product_id: int) -> "Product":
    """Correct what the label says of a product. Every version is kept. Needs If-Match."""
    actor = current_actor()
    with transaction() as session:
        product = services.get_product(session, product_id, for_change=True)
        require(actor, "product.register", owner=product.party_id)
        bp.check_etag(product, ProductSchema)
        product = services.revise_product(session, actor, product_id=product_id, **changes)
        session.expunge(product)
    return product


def _owner(party_id: int | None) -> int:
    """Return whose things are meant: the named party's, else one's own."""
    owner = party_id if party_id is not None else current_actor().party_id
    if owner is None:
        raise Invalid(
            Problem(
                "party_id",
                mark("You act for no party"),
                mark("Name the party that is meant"),
            )
        )
    return owner
