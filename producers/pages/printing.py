"""Labels for real printers: chosen with a preview, drawn by and by, fetched when released."""

import base64
from typing import TYPE_CHECKING

from flask import Response, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from foodtrace.producers.labels import human_readable
from foodtrace.producers.pages.common import bp, own_party, product_name
from foodtrace.producers.printing import services
from foodtrace.producers.printing.layouts import ROLLS, SHEETS
from foodtrace.producers.printing.pictures import png_of
from foodtrace.producers.printing.services import Preview, subject_of
from foodtrace.producers.schemas.printing import PreviewForm, PrintForm
from foodtrace.producers.services import Goods, list_lots
from foodtrace.trace.access.policy import can
from foodtrace.trace.codes.services import list_runs
from foodtrace.trace.errors import mark
from foodtrace.trace.forms import form_page, load_form, load_query
from foodtrace.trace.web import current_actor, reading, settings, transaction
from foodtrace.trace.worker import wake

if TYPE_CHECKING:
    from foodtrace.producers.printing.models import PrintJob

FIELDS = ("lot", "run", "first", "last", "layout", "format", "dpi", "copies")
FORMAT_NAMES = {
    "pdf": mark("PDF, for office printers and any driver"),
    "zpl": mark("ZPL, for Zebra and compatible label printers"),
    "tspl": mark("TSPL, for TSC, Gprinter and most Chinese label printers"),
    "png": mark("Picture (PNG)"),
}
STATES = {
    "waiting": mark("waiting"),
    "drawing": mark("being drawn and checked"),
    "released": mark("checked and released"),
    "refused": mark("refused"),
    "past": mark("file removed after 30 days"),
}


@bp.get("/prints")
def prints() -> str:
    """List the print jobs of one's party, newest first."""
    own_party()
    with reading() as session:
        found = services.list_jobs(session, current_actor(), after=request.args.get("after"))
    return render_template("producers/prints.html", found=found, **_words())


def choices() -> str:
    """Show what may be chosen, with what was chosen already."""
    return _page(None)


@bp.get("/prints/new")
@form_page(choices)
def new_print() -> str:
    """Show the choices, and below them the first label as it will be printed."""
    own_party()
    if not request.args.get("layout"):
        return _page(None)
    order = load_query(PreviewForm())
    with reading() as session:
        shown = services.preview(session, current_actor(), settings(), order)
    return _page(shown)


@bp.post("/prints/new")
@form_page(choices)
def order_print() -> ResponseReturnValue:
    """Order labels, and show how far they are."""
    own_party()
    wanted = load_form(PrintForm())
    with transaction() as session:
        job = services.order_labels(session, current_actor(), settings(), **wanted)
    wake()
    flash(gettext("The labels are ordered."), "success")
    return redirect(url_for("producers.print_job", job_id=job.id), 303)


@bp.get("/prints/<job_id>")
def print_job(job_id: str) -> str:
    """Show how far a job is, what its check found, and where its file is."""
    own_party()
    with reading() as session:
        job = services.get_job(session, current_actor(), job_id)
    return render_template(
        "producers/print_job.html", job=job, again=_again(job), finding=_finding(job), **_words()
    )


@bp.get("/prints/<job_id>/file")
def print_file(job_id: str) -> Response:
    """Send the file of a released job."""
    own_party()
    with reading() as session:
        found = services.get_file(session, current_actor(), settings(), job_id)
    return send_file(
        found.path, mimetype=found.media_type, as_attachment=True, download_name=found.name
    )


def _page(shown: Preview | None) -> str:
    chosen = {name: request.values.get(name, "").strip() for name in FIELDS}
    with reading() as session:
        actor = current_actor()
        lots = [] if chosen["run"] else list_lots(session, actor, search=None, after=None).lots
        runs = can(actor, "lot.register") and list_runs(session, actor).runs
        return render_template(
            "producers/new_print.html",
            chosen=chosen,
            lots=_options(chosen["lot"], [(each.canonical, _lot_text(each)) for each in lots]),
            has_runs=bool(runs),
            shown=shown,
            picture=shown and base64.b64encode(png_of(shown.label)).decode("ascii"),
            is_sent=request.method == "POST",
            sheets=list(SHEETS.values()),
            rolls=ROLLS,
            **_words(),
        )


def _options(chosen: str, lots: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the lots to choose from; one that was named elsewhere is among them."""
    if chosen and chosen not in dict(lots):
        return [(chosen, human_readable(chosen)), *lots]
    return lots


def _lot_text(goods: Goods) -> str:
    return f"{product_name(goods)} · {goods.lot_number or human_readable(goods.canonical)}"


def _again(job: "PrintJob") -> dict[str, object]:
    """Return the choices that order the same labels again."""
    subject = subject_of(job)
    task = job.task
    named = {"lot": subject.lot} if subject.run_id is None else {
        "run": subject.run_id, "first": subject.first, "last": subject.last,
    }  # fmt: skip
    dpi = task["dpi"]
    return named | {name: task[name] for name in ("layout", "format", "copies")} | {"dpi": dpi}


def _finding(job: "PrintJob") -> str:
    """Return what the check found, in the reader's language."""
    if job.finding is None:
        return ""
    rule, number = job.finding["rule"], job.finding.get("label")
    why = gettext(rule) % job.finding["values"]
    if number is None:
        return str(why)
    return str(gettext("Label %(number)s was not released: %(why)s", number=number, why=why))


def _words() -> dict[str, object]:
    return {
        "formats": FORMAT_NAMES,
        "states": STATES,
        "subject_of": subject_of,
        "human_readable": human_readable,
    }
