"""Pages about personal values: those of one's own, erased, and opened to an authority."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from foodtrace.trace.access.policy import can, require
from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.forms import form_page, load_form
from foodtrace.trace.navigation import Entry
from foodtrace.trace.personal.api import digests_of
from foodtrace.trace.personal.commitments import PersonalValue
from foodtrace.trace.personal.erased_list import ErasedList
from foodtrace.trace.personal.erasing import MOST_LISTED, Ground, erase, list_values, open_values
from foodtrace.trace.personal.schemas import ErasureForm, OpeningForm, SearchForm
from foodtrace.trace.web import current_actor, needs, reading, settings, transaction
from foodtrace.trace.worker import wake

bp = Blueprint("personal", __name__, url_prefix="/account/personal")

NAVIGATION = (
    Entry("personal.listing", mark("Personal data"), "personal.erase"),
    Entry("personal.opening_form", mark("Personal data"), "personal.open"),
)
GROUNDS: Mapping[Ground, str] = {
    Ground.PURPOSE_ENDED: mark("It is not needed any more"),
    Ground.RETENTION_ENDED: mark("The time for which it is kept is over"),
    Ground.CONSENT_WITHDRAWN: mark("The person has withdrawn consent"),
    Ground.UNLAWFUL: mark("It was recorded against law or agreement"),
    Ground.LEGAL_DUTY: mark("A law or an authority demands it"),
}


@bp.get("")
@needs("personal.erase")
def listing() -> str:
    """Show the personal values of one's own organisation, and the form that looks for one."""
    return _listed(None)


@bp.post("/search")
@needs("personal.erase")
@form_page(listing)
def search() -> str:
    """Show where a value stands. It is sent in a form: addresses get into log files."""
    return _listed(load_form(SearchForm())["value"])


@bp.post("/erasures")
@needs("personal.erase")
@form_page(listing)
def erase_chosen() -> ResponseReturnValue:
    """Erase the chosen values."""
    ground = load_form(ErasureForm())["ground"]
    chosen = digests_of(request.form.getlist("chosen")[:MOST_LISTED])
    if not chosen:
        raise Invalid(
            Problem("", mark("Nothing is chosen"), mark("Choose at least one of the values"))
        )
    with transaction() as session:
        kept_outside = ErasedList(settings().anchor_folder)
        erased = erase(session, current_actor(), kept_outside, ground=ground, digests=chosen)
    wake()
    flash(
        ngettext("%(num)s value is erased.", "%(num)s values are erased.", len(erased)), "success"
    )
    return redirect(url_for("personal.listing"), 303)


@bp.get("/openings")
@needs("personal.open")
def opening_form() -> str:
    """Show the form in which an authority names its case."""
    return _opened(())


@bp.post("/openings")
@needs("personal.open")
@form_page(opening_form)
def open_for_case() -> str:
    """Show personal values to an authority; who looked at what is put on record."""
    form: dict[str, Any] = load_form(OpeningForm())
    with transaction() as session:
        values = open_values(
            session,
            current_actor(),
            case=form["case"],
            digests=digests_of(form["commitments"].split()),
        )
    return _opened(values)


def _listed(value: str | None) -> str:
    actor = current_actor()
    require(actor, "personal.erase")
    with reading() as session:
        found = list_values(session, actor, value=value)
    return render_template(
        "trace/personal.html",
        found=found,
        searched=value is not None,
        grounds=list(GROUNDS.items()),
        has_own=can(actor, "personal.read"),
        most=MOST_LISTED,
    )


def _opened(values: "list[PersonalValue] | tuple[()]") -> str:
    return render_template("trace/personal_opening.html", values=values)
