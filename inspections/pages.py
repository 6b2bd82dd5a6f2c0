"""The console of those who check: lots and their chains, certificates, recalls."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from foodtrace.inspections import lots, reports, services, words
from foodtrace.inspections.chain_graph import draw_chain, holder_name, item_name, item_number
from foodtrace.inspections.downloads import attachment
from foodtrace.inspections.lots import LotView
from foodtrace.inspections.report_files import MOST_BYTES, NamedReport, ReportFile, read_report
from foodtrace.inspections.rules import CertificateKind, Comparator, Outcome
from foodtrace.inspections.schemas import (
    CertificateForm,
    EndSchema,
    RecallForm,
    WithdrawalSchema,
)
from foodtrace.inspections.table import csv_text
from foodtrace.inspections.tracing import Row
from foodtrace.trace.access.actor import Role
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.capture.corrections import corrections_of
from foodtrace.trace.chain.acts import Holder
from foodtrace.trace.chain.model import ChainItem, PartyFacts, PlaceFacts
from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.forms import form_page, is_row_number, load_form
from foodtrace.trace.issuers.signers import signers_of, to_sign
from foodtrace.trace.log.stamps import stamps_of
from foodtrace.trace.navigation import Entry
from foodtrace.trace.shell import language_tag
from foodtrace.trace.web import (
    LARGEST_BODY,
    body_limit,
    current_actor,
    reading,
    transaction,
)
from foodtrace.trace.words import amount_digits, unit_text

bp = Blueprint("inspections", __name__, url_prefix="/inspections", template_folder="templates")

NAVIGATION = (
    Entry("inspections.search", mark("Trace a lot"), "chain.read", owner=0),
    Entry("inspections.certificate_form", mark("New certificate"), "certificate.issue"),
    Entry("inspections.certificates", mark("Certificates"), "certificate.read"),
    Entry("inspections.recalls", mark("Recalls"), "chain.read"),
)
MOST_ROWS = 500  # of a table on a page; the file has all
RESULT_ROWS = 4


@bp.context_processor
def vocabulary() -> dict[str, Any]:
    """Give the templates the words and the names."""
    return {
        "amount_text": amount_text,
        "can": lambda action, owner=None: can(current_actor(), action, owner),
        "item_number": item_number,
        "lot_url": lot_url,
        "name_of": name_of,
        "step_of": words.step_of,
        "words": words,
    }


@bp.get("/lots")
def search() -> ResponseReturnValue:
    """Show the lots that a code, number or name points to; lead to the one that a code names."""
    text = request.args.get("q", "")
    with reading() as session:
        found = lots.search_lots(session, current_actor(), text)
    if text and len(found) == 1:
        return redirect(lot_url(found[0].canonical))
    return render_template("inspections/search.html", found=found, text=text)


@bp.get("/lots/<path:identifier>")
def lot(identifier: str) -> ResponseReturnValue:
    """Show a lot's whole chain as a graph and as a table, or give the table as a file."""
    with reading() as session:
        actor, canonical = current_actor(), lots.canonical_of(identifier)
        view = lots.view_lot(session, actor, canonical)
        corrections = corrections_of(session, actor, canonical)
        rows = view.rows
        shown = rows if request.args.get("rows") == "all" else rows[:MOST_ROWS]
        signers = signers_of(session, {row.hop.id for row in shown})
    if request.args.get("format") == "csv":
        return _file(view)
    return render_template(
        "inspections/lot.html",
        view=view,
        corrections=corrections,
        root=view.chain.root,
        graph=draw_chain(
            view.chain,
            view.affected,
            href=lambda item: lot_url(item.canonical),
            english=_is_english(),
        ),
        rows=shown,
        row_count=len(rows),
        signers=signers,
    )


@bp.get("/recalls")
def recalls() -> str:
    """Show the recalls, newest first."""
    require(current_actor(), "chain.read")
    with reading() as session:
        found = services.list_recalls(session, before=_before())
        names = lots.names_of(session, {recall.lot for recall in found})
    return render_template("inspections/recalls.html", found=found, names=names)


@bp.get("/recalls/<int:recall_id>")
def recall(recall_id: int) -> str:
    """Show a recall, and to those who may know it, what it reaches."""
    actor = current_actor()
    require(actor, "chain.read")
    with reading() as session:
        found = services.get_recall(session, recall_id)
        names = lots.names_of(session, {found.lot})
        reach = lots.reach_of(session, actor, found.lot) if can(actor, "chain.read", 0) else None
    return render_template(
        "inspections/recall.html", recall=found, reach=reach, name=names.get(found.lot)
    )


@bp.post("/recalls/<int:recall_id>/end")
@form_page(recall)
def end_recall(recall_id: int) -> ResponseReturnValue:
    """End a recall."""
    form = load_form(EndSchema())
    with transaction() as session:
        services.end_recall(session, current_actor(), recall_id=recall_id, **form)
    flash(gettext("The recall is ended. It stays visible as ended."), "success")
    return redirect(url_for("inspections.recall", recall_id=recall_id), 303)


@bp.get("/recalls/new/<path:identifier>")
def recall_form(identifier: str) -> str:
    """Show what a recall of this lot would reach, and the form that opens it."""
    actor = current_actor()
    require(actor, "recall.open")
    with reading() as session:
        reach = lots.reach_of(session, actor, lots.canonical_of(identifier))
    return render_template("inspections/recall_form.html", reach=reach, root=reach.chain.root)


@bp.post("/recalls/new/<path:identifier>")
@form_page(recall_form)
def open_recall(identifier: str) -> ResponseReturnValue:
    """Open a recall, once the lot's number is typed to confirm it."""
    form = load_form(RecallForm())
    canonical = lots.canonical_of(identifier)
    with transaction() as session:
        _check_confirmation(form.pop("confirmation"), lots.label_number(session, canonical))
        found = services.open_recall(session, current_actor(), lot=canonical, **form)
    flash(gettext("The recall is open. Every page of an affected lot shows it now."), "success")
    return redirect(url_for("inspections.recall", recall_id=found), 303)


@bp.get("/certificates")
def certificates() -> str:
    """Show the certificates that the actor may read, newest first."""
    with reading() as session:
        found = services.list_certificates(session, current_actor(), before=_before())
        names = lots.names_of(session, {certificate.lot for certificate in found})
    return render_template("inspections/certificates.html", found=found, names=names)


@bp.get("/certificates/<int:certificate_id>")
def certificate(certificate_id: int) -> str:
    """Show one certificate, ready to be printed."""
    with reading() as session:
        found = services.get_certificate(session, current_actor(), certificate_id)
        names = lots.names_of(session, {found.lot})
        signers = signers_of(session, [found.id])
        own = [found.id] if found.party_id == current_actor().party_id else []
        stamp = stamps_of(session, [found.id]).get(found.id)
        unsigned = to_sign(session, current_actor(), own, signers)
    return render_template(
        "inspections/certificate.html",
        certificate=found,
        name=names.get(found.lot),
        signers=signers,
        stamp=stamp,
        to_sign=unsigned,
    )


@bp.post("/certificates/<int:certificate_id>/withdrawal")
@form_page(certificate)
def withdraw_certificate(certificate_id: int) -> ResponseReturnValue:
    """Withdraw a certificate."""
    form = load_form(WithdrawalSchema())
    with transaction() as session:
        services.withdraw_certificate(
            session, current_actor(), certificate_id=certificate_id, **form
        )
    flash(gettext("The certificate is withdrawn. It stays visible as withdrawn."), "success")
    return redirect(url_for("inspections.certificate", certificate_id=certificate_id), 303)


@bp.get("/certificates/<int:certificate_id>/report")
def report(certificate_id: int) -> Response:
    """Give the test report of a certificate out, to be saved."""
    with reading() as session:
        served = reports.report_of(session, current_actor(), certificate_id)
    return attachment(served)


@bp.get("/certificates/new")
def certificate_form() -> str:
    """Show the form of a certificate: the lot first, then one row for each result."""
    actor = current_actor()
    require(actor, "certificate.issue")
    official = Role.INSPECTOR in actor.roles
    return render_template(
        "inspections/certificate_form.html",
        rows=_result_rows(),
        kind=CertificateKind.SUPERVISION if official else CertificateKind.COMMISSIONED,
        outcomes=[(each, words.OUTCOMES[each]) for each in Outcome],
        comparators=[(each, words.COMPARATORS[each]) for each in Comparator],
    )


@bp.post("/certificates/new")
@body_limit(MOST_BYTES + LARGEST_BODY)
@form_page(certificate_form)
def issue_certificate() -> ResponseReturnValue:
    """Issue a certificate, or show the form again with more rows."""
    if "more" in request.form:
        g.form_problems = ()  # nothing is wrong: what was typed comes back in a longer form
        return certificate_form()
    form = load_form(CertificateForm())
    is_public, file = form.pop("report_is_public"), _report_file()
    named = NamedReport(file.sha256, is_public) if file else None
    with transaction() as session:
        found = services.issue_certificate(
            session, current_actor(), **form, report=named, file=file
        )
    flash(gettext("The certificate is issued."), "success")
    return redirect(url_for("inspections.certificate", certificate_id=found), 303)


def lot_url(canonical: str) -> str:
    """Return the page of a lot."""
    return url_for("inspections.lot", identifier=canonical.removeprefix("/"))


def name_of(thing: Any) -> str:
    """Return the name of a lot, party, place, holder or finding in the reader's language."""
    english = _is_english()
    match thing:
        case None:
            return "–"
        case ChainItem():
            return item_name(thing, english)
        case Holder():
            return holder_name(thing, english)
        case PartyFacts() | PlaceFacts():
            return (english and thing.name_en) or thing.name or thing.identifier
        case _:
            return str((english and thing.name_en) or thing.name)


def amount_text(amount: Any, uom: str | None) -> str:
    """Return an amount with its unit; where nobody said how much, say so."""
    if amount is None:
        return str(gettext("amount not said"))
    return f"{amount_digits(amount)} {gettext(unit_text(uom))}"


def _report_file() -> ReportFile | None:
    """Return the report that came with the form. Raises Invalid, TooLarge or Unavailable."""
    sent = request.files.get("report")
    return read_report(sent.read()) if sent else None


def _is_english() -> bool:
    return language_tag() == "en"


def _before() -> int | None:
    """Return where the page of a list begins."""
    return request.args.get("before", type=int)


def _check_confirmation(typed: str, number: str) -> None:
    if typed.strip() != number:
        raise Invalid(
            Problem(
                "confirmation",
                mark("This is not the number of the lot"),
                mark("Type %(number)s to confirm the recall"),
                {"number": number},
            )
        )


def _result_rows() -> int:
    """Return how many rows of results the form has: those that were sent, and room for more."""
    sent = [name.split(".")[1] for name in request.form if name.startswith("results.")]
    known = max((int(index) + 1 for index in sent if is_row_number(index)), default=0)
    if "more" in request.form:
        known += RESULT_ROWS
    return min(max(known, RESULT_ROWS), 500)


def _file(view: LotView) -> Response:
    """Return the table of a chain as a CSV file."""
    header = [gettext(text) for text in _COLUMNS]
    response = Response(csv_text(header, (_cells(row) for row in view.rows)), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename="chain.csv")
    return response


_COLUMNS = (
    mark("Time"),
    mark("Recorded"),
    mark("Step"),
    mark("Product name"),
    mark("Lot"),
    mark("Code"),
    mark("Part in the step"),
    mark("Amount"),
    mark("Unit"),
    mark("Place"),
    mark("Recorded by"),
    mark("From"),
    mark("To"),
    mark("Standing"),
    mark("In container"),
    mark("Lowest temperature"),
    mark("Highest temperature"),
    mark("Event"),
)


def _cells(row: Row) -> Sequence[str]:
    """Return one line of the file; times carry the offset of the place where it happened."""
    hop = row.hop
    return (
        hop.event_time.isoformat(),
        hop.record_time.isoformat(),
        gettext(words.step_of(hop)),
        name_of(row.item),
        item_number(row.item),
        row.item.canonical,
        gettext(words.ROLES[row.role]) if words.ROLES[row.role] else "",
        "" if row.amount is None else f"{row.amount:f}",
        row.uom or "",
        name_of(hop.place) if hop.place else "",
        name_of(hop.party) if hop.party else "",
        name_of(row.sender) if row.sender else "",
        name_of(row.recipient) if row.recipient else "",
        gettext(words.STANDINGS[row.standing]) if row.standing else "",
        row.container.canonical if row.container else "",
        "" if hop.temperature_low is None else f"{hop.temperature_low:f}",
        "" if hop.temperature_high is None else f"{hop.temperature_high:f}",
        hop.event_id,
    )
