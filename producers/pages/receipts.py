"""Pages of what arrives: announced shipments, and what nobody announced."""

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from foodtrace.producers import services
from foodtrace.producers.pages.common import (
    bp,
    chosen_party,
    own_party,
    party_choices,
    rows,
    submitted,
)
from foodtrace.producers.schemas.forms import (
    UNITS,
    OtherReceiptForm,
    ReceiptForm,
    moved_of,
)
from foodtrace.producers.services import Reading, Shipment
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.capture.once import Answer
from foodtrace.trace.errors import NotFound
from foodtrace.trace.forms import field_value, form_page, load_form
from foodtrace.trace.masterdata.services import list_places
from foodtrace.trace.web import reading

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@bp.get("/receive")
def receive() -> str:
    """Show what is on its way, and a field for the scanner."""
    party_id = own_party()
    with reading() as session:
        return render_template(
            "producers/receive.html", shipments=services.shipments_to(session, party_id)
        )


@bp.get("/receive/<int:shipment_id>")
def receive_shipment(shipment_id: int) -> str:
    """Show the form to confirm a shipment, line by line."""
    party_id = own_party()
    with reading() as session:
        return render_template(
            "producers/receive_shipment.html",
            shipment=_shipment(session, party_id, shipment_id),
            places=list_places(session, party_id),
            scanned=request.args.get("code"),
        )


@bp.post("/receive/<int:shipment_id>")
@form_page(receive_shipment)
@rows("items")
def confirm_shipment(shipment_id: int) -> ResponseReturnValue:
    """Confirm what arrived of a shipment."""
    party_id = own_party()
    facts = load_form(ReceiptForm())
    celsius = facts.pop("celsius")
    if celsius is not None:
        facts["temperatures"] = [Reading(facts["at"], celsius)]

    def act(session: "Session", actor: Actor, key: str | None) -> tuple[int, Answer]:
        sender_id = _shipment(session, party_id, shipment_id).sender_id
        recorded = services.receive(session, actor, sender_id=sender_id, key=key, **facts)
        return recorded.id, {"event_id": recorded.event_id}

    submitted(act)
    flash(gettext("Received. The goods are in your stock."), "success")
    return redirect(url_for("producers.receive"), 303)


@bp.get("/receive/other")
def receive_other() -> str:
    """Show the form for goods that nobody announced."""
    party_id = own_party()
    with reading() as session:
        return render_template(
            "producers/receive_other.html",
            places=list_places(session, party_id),
            choices=party_choices(session, field_value("sender").strip()),
            units=[(unit, gettext(text)) for unit, text in UNITS.items()],
            code=request.args.get("code", ""),
        )


@bp.post("/receive/other")
@form_page(receive_other)
def confirm_other() -> ResponseReturnValue:
    """Record goods that arrived without announcement."""
    own_party()
    facts = load_form(OtherReceiptForm())
    item = moved_of(facts.pop("amount"), facts.pop("uom"), facts.pop("code"))
    name, chosen = facts.pop("sender"), facts.pop("sender_id")
    with reading() as session:
        sender_id = chosen_party(session, "sender", chosen, name)

    def act(session: "Session", actor: Actor, key: str | None) -> tuple[int, Answer]:
        recorded = services.receive(
            session, actor, items=[item], sender_id=sender_id, key=key, **facts
        )
        return recorded.id, {"event_id": recorded.event_id}

    submitted(act)
    flash(gettext("Received. The goods are in your stock."), "success")
    return redirect(url_for("producers.receive"), 303)


def _shipment(session: "Session", party_id: int, shipment_id: int) -> Shipment:
    """Return a shipment on its way to the party. Raises NotFound."""
    for shipment in services.shipments_to(session, party_id):
        if shipment.event_id == shipment_id:
            return shipment
    raise NotFound()
