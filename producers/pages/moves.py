"""Pages of what happens to goods in stock: shipped, packed, cooled, sold."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
    OutForm,
    PackForm,
    ShipForm,
    TemperaturesForm,
    UnpackForm,
)
from foodtrace.producers.services import Goods, Reading
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.capture.once import Answer
from foodtrace.trace.capture.services import RecordedEvent
from foodtrace.trace.errors import Invalid
from foodtrace.trace.forms import field_value, form_page, load_form
from foodtrace.trace.gs1.scanning import read_scan
from foodtrace.trace.masterdata.services import get_party, list_places
from foodtrace.trace.web import reading

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

READING_ROWS = 3


@bp.get("/ship")
def ship() -> str:
    """Show the form for a shipment: goods from the stock, and who gets them."""
    with reading() as session:
        return render_template(
            "producers/ship.html",
            choices=party_choices(session, field_value("recipient").strip()),
            **_stock(session),
        )


@bp.post("/ship")
@form_page(ship)
@rows("items")
def send_shipment() -> ResponseReturnValue:
    """Send goods to another party."""
    own_party()
    facts = load_form(ShipForm())
    name, chosen = facts.pop("recipient"), facts.pop("recipient_id")
    celsius = facts.pop("celsius")
    if celsius is not None:
        facts["temperatures"] = [Reading(facts["at"], celsius)]
    with reading() as session:
        facts["recipient_id"] = chosen_party(session, "recipient", chosen, name)
        recipient = get_party(session, facts["recipient_id"]).name
    _record(services.ship, facts)
    flash(gettext("Shipped to %(name)s. They can confirm it now.", name=recipient), "success")
    return redirect(url_for("producers.home"), 303)


@bp.get("/pack")
def pack() -> str:
    """Show the form for a pallet."""
    party_id = own_party()
    with reading() as session:
        proposed = services.proposed_sscc(session, get_party(session, party_id))
        return render_template("producers/pack.html", proposed=proposed or "", **_stock(session))


@bp.post("/pack")
@form_page(pack)
@rows("contents")
def pack_pallet() -> ResponseReturnValue:
    """Put goods on a pallet."""
    own_party()
    facts = load_form(PackForm())
    _record(services.pack, facts)
    flash(gettext("Packed on pallet %(sscc)s.", sscc=facts["sscc"]), "success")
    return redirect(url_for("producers.home"), 303)


@bp.get("/unpack")
def unpack() -> str:
    """Show the form to empty a pallet."""
    with reading() as session:
        return render_template("producers/unpack.html", **_stock(session))


@bp.post("/unpack")
@form_page(unpack)
def unpack_pallet() -> ResponseReturnValue:
    """Take everything off a pallet."""
    own_party()
    _record(services.unpack, load_form(UnpackForm()))
    flash(gettext("Unpacked. What lay on the pallet is in your stock."), "success")
    return redirect(url_for("producers.home"), 303)


@bp.get("/temperatures")
def temperatures() -> str:
    """Show the form for temperatures."""
    with reading() as session:
        return render_template(
            "producers/temperatures.html", reading_rows=range(READING_ROWS), **_stock(session)
        )


@bp.post("/temperatures")
@form_page(temperatures)
@rows("items")
@rows("readings")
def record_temperatures() -> ResponseReturnValue:
    """Record temperatures of goods."""
    own_party()
    _record(services.record_temperatures, load_form(TemperaturesForm()))
    flash(gettext("The temperatures are recorded."), "success")
    return redirect(url_for("producers.home"), 303)


@bp.get("/sell")
def sell() -> str:
    """Show the form for goods that leave the chain."""
    with reading() as session:
        return render_template("producers/sell.html", **_stock(session))


@bp.post("/sell")
@form_page(sell)
@rows("items")
def sell_goods() -> ResponseReturnValue:
    """Sell goods to consumers, or destroy them."""
    own_party()
    facts = load_form(OutForm())
    is_sale = facts.pop("how") == "sold"
    _record(services.sell if is_sale else services.destroy, facts)
    flash(gettext("Recorded. The goods have left your stock."), "success")
    return redirect(url_for("producers.home"), 303)


def _record(service: Callable[..., RecordedEvent], facts: dict[str, Any]) -> None:
    """Do an act that is one event."""

    def act(session: "Session", actor: Actor, key: str | None) -> tuple[int, Answer]:
        recorded = service(session, actor, key=key, **facts)
        return recorded.id, {"event_id": recorded.event_id}

    submitted(act)


def _stock(session: "Session") -> dict[str, Any]:
    """Return what a form about goods in stock shows; scanned goods are chosen already."""
    party_id = own_party()
    stock = services.stock_of(session, party_id)
    codes = [code for code in request.args.getlist("code") if code.strip()]
    scanned, unknown = _scanned(codes, stock)
    return {
        "places": list_places(session, party_id),
        "stock": stock,
        "codes": codes,
        "scanned": scanned,
        "unknown": unknown,
    }


def _scanned(codes: list[str], stock: list[Goods]) -> tuple[set[str], list[str]]:
    """Return which goods in stock were scanned, and which codes name none of them."""
    held = {goods.canonical for goods in stock}
    found: set[str] = set()
    unknown: list[str] = []
    for code in codes:
        named = [name for name in _named_by(code) if name in held]
        if named:
            found.add(named[0])
        else:
            unknown.append(code)
    return found, unknown


def _named_by(code: str) -> list[str]:
    """Return what a code may name, the finest first; one bad scan must not lose the others."""
    try:
        return [name.canonical for names in read_scan(code) for name in names]
    except Invalid:
        return []
