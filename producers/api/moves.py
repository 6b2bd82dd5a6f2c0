"""What happens to lots: shipped, received, packed, cooled, sold, destroyed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from foodtrace.producers import services
from foodtrace.producers.api.acting import acted, moment
from foodtrace.producers.schemas.lots import (
    EventSchema,
    GoodsSchema,
    ItemsActSchema,
    NewReceiptSchema,
    NewShipmentSchema,
    PackingSchema,
    ShipmentSchema,
    TemperaturesSchema,
)
from foodtrace.producers.services import Goods, Shipment
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.capture.once import Answer
from foodtrace.trace.capture.services import RecordedEvent
from foodtrace.trace.rest import ONCE, ApiBlueprint
from foodtrace.trace.web import current_actor, needs, reading

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

bp = ApiBlueprint("producers_moves", __name__, url_prefix="/api/v1")


@bp.get("/stock")
@needs("lot.move")
@bp.response(200, GoodsSchema(many=True))
def list_stock() -> list[Goods]:
    """List what lies in your party's hands, pallets with their contents."""
    with reading() as session:
        return services.stock_of(session, current_actor().party_id or 0)


@bp.get("/shipments")
@needs("lot.move")
@bp.response(200, ShipmentSchema(many=True))
def list_shipments() -> list[Shipment]:
    """List the shipments on their way to your party, newest first."""
    with reading() as session:
        return services.shipments_to(session, current_actor().party_id or 0)


@bp.post("/shipments")
@needs("lot.move")
@bp.doc(**ONCE)
@bp.arguments(NewShipmentSchema)
@bp.response(201, EventSchema)
def ship(facts: dict[str, Any]) -> tuple[Answer, int, dict[str, str]]:
    """Send goods to another party."""
    return _recorded(services.ship, facts)


@bp.post("/receipts")
@needs("lot.move")
@bp.doc(**ONCE)
@bp.arguments(NewReceiptSchema)
@bp.response(201, EventSchema)
def receive(facts: dict[str, Any]) -> tuple[Answer, int, dict[str, str]]:
    """Confirm what arrived from another party."""
    return _recorded(services.receive, facts)


@bp.post("/packings")
@needs("lot.move")
@bp.doc(**ONCE)
@bp.arguments(PackingSchema)
@bp.response(201, EventSchema)
def pack(facts: dict[str, Any]) -> tuple[Answer, int, dict[str, str]]:
    """Put goods on a pallet that has an SSCC."""
    return _recorded(services.pack, facts)


@bp.post("/unpackings")
@needs("lot.move")
@bp.doc(**ONCE)
@bp.arguments(PackingSchema)
@bp.response(201, EventSchema)
def unpack(facts: dict[str, Any]) -> tuple[Answer, int, dict[str, str]]:
    """Take goods off a pallet; all of them when none is named."""
    return _recorded(services.unpack, facts)


@bp.post("/temperatures")
@needs("lot.move")
@bp.doc(**ONCE)
@bp.arguments(TemperaturesSchema)
@bp.response(201, EventSchema)
def record_temperatures(facts: dict[str, Any]) -> tuple[Answer, int, dict[str, str]]:
    """Record how cold goods were kept at a place."""
    return _recorded(services.record_temperatures, facts)


@bp.post("/sales")
@needs("lot.move")
@bp.doc(**ONCE)
@bp.arguments(ItemsActSchema)
@bp.response(201, EventSchema)
def sell(facts: dict[str, Any]) -> tuple[Answer, int, dict[str, str]]:
    """Sell goods to consumers."""
    return _recorded(services.sell, facts)


@bp.post("/destructions")
@needs("lot.move")
@bp.doc(**ONCE)
@bp.arguments(ItemsActSchema)
@bp.response(201, EventSchema)
def destroy(facts: dict[str, Any]) -> tuple[Answer, int, dict[str, str]]:
    """Destroy goods; the note says why."""
    return _recorded(services.destroy, facts)


def _recorded(
    service: Callable[..., RecordedEvent], facts: dict[str, Any]
) -> tuple[Answer, int, dict[str, str]]:
    """Do an act that is one event, and answer with the event's id."""
    at = moment(facts)

    def act(session: "Session", actor: Actor, key: str | None) -> tuple[int, Answer]:
        recorded = service(session, actor, at=at, key=key, **facts)
        return recorded.id, {"event_id": recorded.event_id}

    return acted(act)
