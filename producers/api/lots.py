"""Lots: registered, split, listed, read and printed."""

from typing import TYPE_CHECKING, Any

from flask import Response

from foodtrace.producers import labels, services
from foodtrace.producers.api.acting import acted, moment
from foodtrace.producers.paths import canonical_of
from foodtrace.producers.schemas.lots import (
    BatchListSchema,
    BatchSchema,
    LotListSchema,
    LotQuery,
    LotSchema,
    NewLotSchema,
    QrQuery,
    SplitSchema,
)
from foodtrace.producers.services import Batch, LotList, LotPage
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.capture.once import Answer
from foodtrace.trace.rest import ONCE, ApiBlueprint
from foodtrace.trace.web import current_actor, needs, reading, settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

bp = ApiBlueprint("producers_lots", __name__, url_prefix="/api/v1")


@bp.get("/lots")
@needs("lot.read")
@bp.arguments(LotQuery, location="query")
@bp.response(200, LotListSchema)
def list_lots(query: dict[str, Any]) -> LotList:
    """List the lots that your party made, newest first, 50 a page."""
    with reading() as session:
        return services.list_lots(session, current_actor(), **query)


@bp.post("/lots")
@needs("lot.register")
@bp.doc(**ONCE)
@bp.arguments(NewLotSchema)
@bp.response(201, BatchSchema)
def register_batch(facts: dict[str, Any]) -> tuple[Answer, int, dict[str, str]]:
    """Register a new lot and what it was made of; its event is recorded with it."""
    facts["made_at"] = moment(facts, "made_at")

    def act(session: "Session", actor: Actor, key: str | None) -> tuple[int, Answer]:
        batch = services.register_batch(session, actor, key=key, **facts)
        return batch.id, _facts_of(batch)

    answer, status, headers = acted(act)
    return answer, status, headers | {"Location": f"/api/v1/lots{answer['identifier']}"}


@bp.post("/splits")
@needs("lot.register")
@bp.doc(**ONCE)
@bp.arguments(SplitSchema)
@bp.response(201, BatchListSchema)
def split(facts: dict[str, Any]) -> tuple[Answer, int, dict[str, str]]:
    """Split a lot that your party holds into new lots; its dates go over to them."""
    at = moment(facts)

    def act(session: "Session", actor: Actor, key: str | None) -> tuple[int, Answer]:
        batches = services.split(session, actor, at=at, key=key, **facts)
        return batches[0].id, {"lots": [_facts_of(batch) for batch in batches]}

    return acted(act)


@bp.get("/lots/<path:identifier>")
@needs("lot.read")
@bp.etag
@bp.response(200, LotSchema)
def get_lot(identifier: str) -> LotPage:
    """Read a lot that your party made or had: facts, stock, one step up and one down.

    The identifier is the path of its code: ``01/{gtin}/10/{lot}`` or ``q/{code}``.
    """
    with reading() as session:
        return services.lot_page(session, current_actor(), canonical_of(identifier))


@bp.get("/lots/<path:identifier>/qr.svg")
@needs("lot.read")
@bp.response(200, content_type="image/svg+xml")
def draw_qr(identifier: str) -> Response:
    """Draw the QR code of a lot, with its size in millimetres and its quiet zone."""
    return Response(labels.qr_svg(_url(identifier)), mimetype="image/svg+xml")


@bp.get("/lots/<path:identifier>/qr.png")
@needs("lot.read")
@bp.arguments(QrQuery, location="query")
@bp.response(200, content_type="image/png")
def print_qr(query: dict[str, Any], identifier: str) -> Response:
    """Print the QR code of a lot for a label printer of ``dpi`` dots an inch."""
    return Response(labels.qr_png(_url(identifier), query["dpi"]), mimetype="image/png")


def _facts_of(batch: Batch) -> dict[str, str]:
    return {
        "identifier": batch.identifier,
        "lot_number": batch.lot_number,
        "url": labels.lot_url(settings().base_url, batch.identifier),
        "event_id": batch.event_id,
    }


def _url(identifier: str) -> str:
    """Return what the code of a lot says; raise NotFound for a lot one may not see."""
    with reading() as session:
        goods = services.get_lot(session, current_actor(), canonical_of(identifier))
    return labels.lot_url(settings().base_url, goods.canonical)
