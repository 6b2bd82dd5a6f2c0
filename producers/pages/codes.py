"""Codes on single things: runs, rolls given to lots by two scans, and what scans tell."""

from typing import TYPE_CHECKING

from flask import Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from foodtrace.producers import codes_file
from foodtrace.producers.pages.common import bp, local_name, own_party, product_name, submitted
from foodtrace.producers.schemas.codes import (
    ActivationForm,
    EndForm,
    LookedForm,
    RunForm,
    RunQuery,
)
from foodtrace.producers.services import list_lots
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.capture.once import Answer
from foodtrace.trace.codes import scans, services
from foodtrace.trace.codes.provinces import PROVINCES
from foodtrace.trace.codes.rules import Kind
from foodtrace.trace.errors import mark
from foodtrace.trace.forms import form_page, load_form, load_query
from foodtrace.trace.language import ENGLISH
from foodtrace.trace.masterdata.services import list_products
from foodtrace.trace.shell import current_locale
from foodtrace.trace.web import current_actor, reading, settings, transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

STATES = {
    "waiting": mark("waiting on the roll"),
    "active": mark("in use"),
    "void": mark("void"),
    "lost": mark("lost"),
}
KINDS = {
    Kind.COUNT: mark("looked at more often than one package is"),
    Kind.CROWD: mark("looked at by many readers within an hour"),
    Kind.TRAVEL: mark("looked at in places too far apart for the time between"),
    Kind.SOLD: mark("looked at long after it was recorded as sold"),
    Kind.EXPIRED: mark("looked at after its date"),
    Kind.RECALLED: mark("looked at during a recall"),
    Kind.ENDED: mark("looked at after it was taken out of use"),
}


@bp.get("/codes")
def codes() -> str:
    """List the runs of codes of one's party, and the warnings that nobody has looked at."""
    party_id = own_party("lot.register")
    query = load_query(RunQuery())
    with reading() as session:
        found = services.list_runs(session, current_actor(), **query)
        return render_template(
            "producers/codes.html",
            found=found,
            counts=services.counts_of(session, found.runs),
            warnings=_by_code(scans.list_warnings(session, current_actor(), unseen_only=True)),
            products=_product_names(session, party_id),
            **_words(),
        )


@bp.get("/codes/new")
def new_codes() -> str:
    """Show the form for new codes."""
    party_id = own_party("lot.register")
    with reading() as session:
        return render_template(
            "producers/new_codes.html",
            products=list(_product_names(session, party_id).items()),
            lots=_lots(session),
            most=services.LARGEST_RUN,
        )


@bp.post("/codes/new")
@form_page(new_codes)
def make_codes() -> ResponseReturnValue:
    """Make codes, and show their run."""
    own_party("lot.register")
    facts = load_form(RunForm())

    def act(session: "Session", actor: Actor, _: str | None) -> tuple[int, Answer]:
        run = services.make_run(session, actor, **facts)
        return run.id, {"id": run.id}

    flash(gettext("The codes are made. Print them next."), "success")
    return redirect(url_for("producers.code_run", run_id=submitted(act)["id"]), 303)


@bp.get("/codes/<int:run_id>")
def code_run(run_id: int) -> str:
    """Show a run: which of its codes are in use, and what scans of them tell."""
    party_id = own_party("lot.register")
    with reading() as session:
        return render_template(
            "producers/code_run.html",
            page=services.get_run(session, current_actor(), run_id),
            warnings=_by_code(scans.list_warnings(session, current_actor(), run_id=run_id)),
            products=_product_names(session, party_id),
            **_words(),
        )


@bp.get("/codes/<int:run_id>/codes.csv")
def codes_csv(run_id: int) -> Response:
    """Send the codes of a run as a table for a label program."""
    own_party("lot.register")
    with reading() as session:
        found = services.codes_of_run(session, current_actor(), run_id)
    return codes_file.sent(found, run_id, 1, settings().base_url)


@bp.get("/codes/activate")
def activation() -> str:
    """Show the form for a roll's first and last code, and the lot that they are for."""
    own_party("lot.register")
    with reading() as session:
        return render_template("producers/activate_codes.html", lots=_lots(session))


@bp.post("/codes/activate")
@form_page(activation)
def activate_codes() -> ResponseReturnValue:
    """Give a stretch of a roll to a lot."""
    own_party("lot.register")
    facts = load_form(ActivationForm())

    def act(session: "Session", actor: Actor, _: str | None) -> tuple[int, Answer]:
        run_id = services.run_of_code(session, actor, facts["first"])
        stretch = services.activate(session, actor, run_id=run_id, **facts)
        return run_id, {"run": run_id, "count": stretch.last - stretch.first + 1}

    return _done(submitted(act))


@bp.get("/codes/end")
def ending() -> str:
    """Show the form for codes that are spoilt or lost."""
    own_party("lot.register")
    return render_template("producers/end_codes.html")


@bp.post("/codes/end")
@form_page(ending)
def end_codes() -> ResponseReturnValue:
    """Take codes out of use."""
    own_party("lot.register")
    facts = load_form(EndForm())
    facts["last"] = facts["last"] or facts["first"]

    def act(session: "Session", actor: Actor, _: str | None) -> tuple[int, Answer]:
        run_id = services.run_of_code(session, actor, facts["first"])
        stretch = services.end_codes(session, actor, run_id=run_id, **facts)
        return run_id, {"run": run_id, "count": stretch.last - stretch.first + 1}

    return _done(submitted(act))


@bp.post("/codes/looked")
def look_at_warning() -> ResponseReturnValue:
    """Note that somebody has looked at the warnings of a code."""
    own_party("lot.register")
    facts = load_form(LookedForm())
    with transaction() as session:
        scans.mark_looked(session, current_actor(), canonical=facts["code"])
    return redirect(url_for("producers.codes"), 303)


def _done(answer: Answer) -> ResponseReturnValue:
    flash(gettext("Recorded for %(count)s codes.", count=answer["count"]), "success")
    return redirect(url_for("producers.code_run", run_id=answer["run"]), 303)


def _words() -> dict[str, object]:
    """Return the words of states, warnings and provinces in the reader's language."""
    is_english = current_locale() == ENGLISH
    return {
        "states": {state: gettext(text) for state, text in STATES.items()},
        "kinds": {kind: gettext(text) for kind, text in KINDS.items()},
        "provinces": {
            code: each.name_en if is_english else each.name for code, each in PROVINCES.items()
        },
    }


def _by_code(warnings: list[scans.Warned]) -> list[list[scans.Warned]]:
    """Return the warnings of each code together, the newest first."""
    found: dict[str, list[scans.Warned]] = {}
    for warning in warnings:
        found.setdefault(warning.canonical, []).append(warning)
    return list(found.values())


def _product_names(session: "Session", party_id: int) -> dict[str, str]:
    return {
        each.identifier: local_name(each.name, each.name_en)
        for each in list_products(session, party_id)
    }


def _lots(session: "Session") -> list[tuple[str, str]]:
    """Return the newest lots of one's party as choices."""
    found = list_lots(session, current_actor()).lots
    return [(lot.canonical, f"{product_name(lot)} · {lot.lot_number or ''}") for lot in found]
