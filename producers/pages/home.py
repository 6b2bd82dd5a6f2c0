"""The first page: what to do next, what is coming, what is in stock."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from foodtrace.producers import services
from foodtrace.producers.pages.common import bp, own_party
from foodtrace.trace.access.policy import can
from foodtrace.trace.forms import form_page
from foodtrace.trace.gs1.scanning import read_code
from foodtrace.trace.masterdata.services import get_party, list_places, list_products
from foodtrace.trace.web import current_actor, reading

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

RECENT = 5
SHOWN_STOCK = 8


@dataclass(frozen=True, slots=True)
class Task:
    """One step of the way to the first label."""

    text: str
    hint: str
    address: str | None  # None: not yet possible
    is_done: bool


@bp.get("")
def home() -> str:
    """Show the tasks of the beginning, the stock, what is coming, and the newest lots."""
    party_id = own_party()
    with reading() as session:
        recent = services.list_lots(session, current_actor(), limit=RECENT)
        tasks = _tasks(session, party_id, recent)
        stock = services.stock_of(session, party_id)
        return render_template(
            "producers/home.html",
            party=get_party(session, party_id),
            tasks=[] if all(task.is_done for task in tasks) else tasks,
            recalled_count=sum(goods.is_recalled for goods in stock),
            stock=stock[:SHOWN_STOCK],
            more_stock=max(0, len(stock) - SHOWN_STOCK),
            shipments=services.shipments_to(session, party_id),
            recent=recent.lots,
        )


@bp.get("/stock")
def stock() -> str:
    """Show everything that is in stock."""
    party_id = own_party()
    with reading() as session:
        found = services.stock_of(session, party_id)
    return render_template("producers/stock.html", stock=found)


@bp.get("/scan")
@form_page(home)
def scan() -> ResponseReturnValue:
    """Lead from a scanned code to what one can do with it: receive it, or look at it."""
    party_id = own_party()
    canonical = read_code(request.args.get("code", "")).canonical
    with reading() as session:
        for shipment in services.shipments_to(session, party_id):
            for line in shipment.lines:
                inside = {goods.canonical for goods in line.goods.contents}
                if canonical == line.goods.canonical or canonical in inside:
                    return redirect(
                        url_for(
                            "producers.receive_shipment",
                            shipment_id=shipment.event_id,
                            code=line.goods.canonical,
                        )
                    )
        services.get_lot(session, current_actor(), canonical)
    return redirect(url_for("producers.lot", identifier=canonical.removeprefix("/")))


def _tasks(session: "Session", party_id: int, recent: services.LotList) -> list[Task]:
    party = get_party(session, party_id)
    has_place = bool(list_places(session, party_id))
    tasks = [
        Task(
            gettext("Complete your profile"),
            gettext("Region, address and telephone, as they stand on the label"),
            url_for("producers.profile"),
            bool(party.region and party.address and party.phone),
        ),
        Task(
            gettext("Register a place"),
            gettext("A field, a workshop, a store: where things happen"),
            url_for("producers.new_place"),
            has_place,
        ),
    ]
    if not can(current_actor(), "lot.register"):
        return tasks
    has_product = bool(list_products(session, party_id))
    newest = recent.lots[0].canonical.removeprefix("/") if recent.lots else None
    return [
        *tasks,
        Task(
            gettext("Register a product"),
            gettext("What you make, as its label names it"),
            url_for("producers.new_product"),
            has_product,
        ),
        Task(
            gettext("Register the first batch"),
            gettext("What was made or harvested on one day"),
            url_for("producers.new_batch") if has_place and has_product else None,
            newest is not None,
        ),
        Task(
            gettext("Print the first label"),
            gettext("With the QR code that leads consumers to the whole chain"),
            url_for("producers.label", identifier=newest) if newest else None,
            # Nobody tells us what is printed; who made a second batch knows the way.
            len(recent.lots) > 1,
        ),
    ]
