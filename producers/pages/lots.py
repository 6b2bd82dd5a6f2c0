"""Lots: listed, registered, looked at, and their labels."""

from datetime import datetime
from typing import TYPE_CHECKING

from flask import Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from markupsafe import Markup

from foodtrace.producers import labels, services
from foodtrace.producers.pages.common import bp, own_party, rows, submitted
from foodtrace.producers.paths import canonical_of
from foodtrace.producers.schemas.forms import CHINA, PIECES, UNITS, BatchForm
from foodtrace.producers.services import Goods, LastBatch, LotPage
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can
from foodtrace.trace.capture.corrections import corrections_of
from foodtrace.trace.capture.once import Answer
from foodtrace.trace.forms import form_page, load_form
from foodtrace.trace.issuers.signers import signers_of, to_sign
from foodtrace.trace.masterdata.services import list_places, list_products
from foodtrace.trace.web import current_actor, reading, settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_COPIES = 100


@bp.get("/lots")
def lots() -> str:
    """List the lots that one's party made."""
    own_party()
    search = request.args.get("search", "").strip()
    with reading() as session:
        found = services.list_lots(
            session, current_actor(), search=search or None, after=request.args.get("after")
        )
    return render_template("producers/lots.html", found=found, search=search)


@bp.get("/lots/new")
def new_batch() -> str:
    """Show the form for a new lot; with ``?copy=last`` filled in as the last one was."""
    party_id = own_party("lot.register")
    with reading() as session:
        last = services.last_batch(session, current_actor())
        return render_template(
            "producers/new_batch.html",
            products=list_products(session, party_id),
            places=list_places(session, party_id),
            stock=services.stock_of(session, party_id),
            units=[(unit, gettext(text)) for unit, text in UNITS.items()],
            today=datetime.now(CHINA).date(),
            has_last=last is not None,
            copied=_copied(last) if request.args.get("copy") == "last" else {},
        )


@bp.post("/lots/new")
@form_page(new_batch)
@rows("inputs")
def register_batch() -> ResponseReturnValue:
    """Register a new lot, and show it with its code."""
    own_party("lot.register")
    facts = load_form(BatchForm())

    def act(session: "Session", actor: Actor, key: str | None) -> tuple[int, Answer]:
        batch = services.register_batch(session, actor, key=key, **facts)
        return batch.id, {"identifier": batch.identifier}

    identifier = submitted(act)["identifier"]
    flash(gettext("The batch is registered. Print its label next."), "success")
    return redirect(url_for("producers.lot", identifier=identifier.removeprefix("/")), 303)


@bp.get("/lots/<path:identifier>")
def lot(identifier: str) -> str:
    """Show a lot: its facts, its code, where it is, one step up and one step down."""
    own_party()
    with reading() as session:
        page = services.lot_page(session, current_actor(), canonical_of(identifier))
        ids = [movement.id for movement in page.movements]
        signers = signers_of(session, ids)
        corrections = corrections_of(session, current_actor(), page.goods.canonical)
        return render_template(
            "producers/lot.html",
            page=page,
            corrections=corrections,
            signers=signers,
            to_sign=to_sign(session, current_actor(), ids, signers),
            goods=page.goods,
            qr=Markup(labels.qr_svg(_url(page.goods.canonical))),  # noqa: S704  our own drawing
            url=_url(page.goods.canonical),
            readable=labels.human_readable(page.goods.canonical),
            path=page.goods.canonical.removeprefix("/"),
            recalled=_recalled(page),
            recall_form=_recall_form(page),
        )


@bp.get("/lots/<path:identifier>/label")
def label(identifier: str) -> str:
    """Show labels of a lot, ready to be printed from the browser."""
    own_party()
    with reading() as session:
        page = services.lot_page(session, current_actor(), canonical_of(identifier))
        return render_template(
            "producers/label.html",
            page=page,
            goods=page.goods,
            qr=Markup(labels.qr_svg(_url(page.goods.canonical))),  # noqa: S704  our own drawing
            readable=labels.human_readable(page.goods.canonical),
            path=page.goods.canonical.removeprefix("/"),
            copies=_copies(),
        )


@bp.get("/lots/<path:identifier>/qr.svg")
def qr_svg(identifier: str) -> Response:
    """Send the QR code of a lot as a drawing."""
    drawing = labels.qr_svg(_url_of_visible(identifier))
    return _download(drawing, "image/svg+xml", "qr.svg")


@bp.get("/lots/<path:identifier>/qr.png")
def qr_png(identifier: str) -> Response:
    """Send the QR code of a lot as a picture for a label printer."""
    dpi = request.args.get("dpi", default=300, type=int)
    picture = labels.qr_png(_url_of_visible(identifier), dpi)
    return _download(picture, "image/png", f"qr-{dpi}dpi.png")


def _recalled(page: LotPage) -> list[Goods]:
    """Return what an open recall reaches: the lot, or what lies on a pallet that is held."""
    found = {goods.canonical: goods for held in page.held for goods in held.recalled}
    found |= {goods.canonical: goods for goods in page.goods.recalled}
    return list(found.values())


def _recall_form(page: LotPage) -> str | None:
    """Return where the person may recall this lot, if that is served here and theirs to do.

    The page belongs to those who check food; only its name is known here.
    """
    endpoint = "inspections.recall_form"
    maker = page.maker
    if endpoint not in current_app.view_functions or maker is None:
        return None
    if not can(current_actor(), "recall.open", owner=maker.id):
        return None
    return url_for(endpoint, identifier=page.goods.canonical.removeprefix("/"))


def _url(canonical: str) -> str:
    return labels.lot_url(settings().base_url, canonical)


def _url_of_visible(identifier: str) -> str:
    own_party()
    with reading() as session:
        return _url(services.get_lot(session, current_actor(), canonical_of(identifier)).canonical)


def _download(content: str | bytes, mimetype: str, name: str) -> Response:
    response = Response(content, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _copies() -> int:
    """Return how many labels are wanted: 1 to 100."""
    return min(max(request.args.get("copies", default=1, type=int), 1), MOST_COPIES)


def _copied(last: LastBatch | None) -> dict[str, object]:
    """Return the fields of a new lot that is like the last one."""
    if last is None:
        return {}
    return {
        "product_id": last.product_id,
        "place_id": last.place_id,
        "amount": "" if last.amount is None else f"{last.amount:f}",
        "uom": last.uom or PIECES,
        "origin": last.origin,
    }
