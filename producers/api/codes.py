"""Codes on single things: made, given to lots, taken out of use, and sent to the printer."""

from typing import TYPE_CHECKING, Any

from flask import Response

from foodtrace.producers import codes_file
from foodtrace.producers.api.acting import acted
from foodtrace.producers.labels import lot_url
from foodtrace.producers.schemas.codes import (
    ActivationSchema,
    CodesQuery,
    CodesSchema,
    EndCodesSchema,
    NewRunAnswerSchema,
    NewRunSchema,
    RunListSchema,
    RunPageSchema,
    RunQuery,
    RunSchema,
    StretchAnswerSchema,
    StretchSchema,
    WarningQuery,
    WarningSchema,
)
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.capture.once import Answer
from foodtrace.trace.codes import scans, services
from foodtrace.trace.codes.services import RunList, RunPage
from foodtrace.trace.rest import ONCE, ApiBlueprint
from foodtrace.trace.web import current_actor, needs, reading, settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

bp = ApiBlueprint("producers_codes", __name__, url_prefix="/api/v1")


@bp.get("/code-runs")
@needs("lot.register")
@bp.arguments(RunQuery, location="query")
@bp.response(200, RunListSchema)
def list_runs(query: dict[str, Any]) -> RunList:
    """List the runs of codes that your party made, newest first, 50 a page."""
    with reading() as session:
        return services.list_runs(session, current_actor(), **query)


@bp.post("/code-runs")
@needs("lot.register")
@bp.doc(**ONCE)
@bp.arguments(NewRunSchema)
@bp.response(201, NewRunAnswerSchema)
def make_run(facts: dict[str, Any]) -> tuple[Answer, int, dict[str, str]]:
    """Make up to 20,000 codes for single things of a product; without a lot they wait."""

    def act(session: "Session", actor: Actor, _: str | None) -> tuple[int, Answer]:
        run = services.make_run(session, actor, **facts)
        codes = services.codes_of_run(session, actor, run.id)
        ends = {"first": _url(codes[0]), "last": _url(codes[-1])}
        return run.id, RunSchema().dump(run) | ends

    answer, status, headers = acted(act)
    return answer, status, headers | {"Location": f"/api/v1/code-runs/{answer['id']}"}


@bp.get("/code-runs/<int:run_id>")
@needs("lot.register")
@bp.response(200, RunPageSchema)
def get_run(run_id: int) -> RunPage:
    """Read a run of your party, with the state of its codes."""
    with reading() as session:
        return services.get_run(session, current_actor(), run_id)


@bp.get("/code-runs/<int:run_id>/codes")
@needs("lot.register")
@bp.arguments(CodesQuery, location="query")
@bp.response(200, CodesSchema)
def list_codes(query: dict[str, Any], run_id: int) -> dict[str, list[str]]:
    """Read what the codes of a run say, for a printer."""
    with reading() as session:
        codes = services.codes_of_run(session, current_actor(), run_id, **query)
    return {"codes": [_url(code) for code in codes]}


@bp.get("/code-runs/<int:run_id>/codes.csv")
@needs("lot.register")
@bp.arguments(CodesQuery, location="query")
@bp.response(200, content_type="text/csv")
def send_codes(query: dict[str, Any], run_id: int) -> Response:
    """Send the codes of a run as a table, a line each."""
    with reading() as session:
        codes = services.codes_of_run(session, current_actor(), run_id, **query)
    return codes_file.sent(codes, run_id, query["first"], settings().base_url)


@bp.post("/code-runs/<int:run_id>/activations")
@needs("lot.register")
@bp.doc(**ONCE)
@bp.arguments(ActivationSchema)
@bp.response(201, StretchAnswerSchema)
def activate(facts: dict[str, Any], run_id: int) -> tuple[Answer, int, dict[str, str]]:
    """Give a lot the codes of a roll from the first to the last that was scanned."""

    def act(session: "Session", actor: Actor, _: str | None) -> tuple[int, Answer]:
        stretch = services.activate(session, actor, run_id=run_id, **facts)
        return run_id, StretchSchema().dump(stretch)

    return acted(act)


@bp.post("/code-runs/<int:run_id>/ends")
@needs("lot.register")
@bp.doc(**ONCE)
@bp.arguments(EndCodesSchema)
@bp.response(201, StretchAnswerSchema)
def end_codes(facts: dict[str, Any], run_id: int) -> tuple[Answer, int, dict[str, str]]:
    """Take codes out of use for ever: void or lost."""

    def act(session: "Session", actor: Actor, _: str | None) -> tuple[int, Answer]:
        stretch = services.end_codes(session, actor, run_id=run_id, **facts)
        return run_id, StretchSchema().dump(stretch)

    return acted(act)


@bp.get("/code-warnings")
@needs("lot.register")
@bp.arguments(WarningQuery, location="query")
@bp.response(200, WarningSchema(many=True))
def list_warnings(query: dict[str, Any]) -> list[scans.Warned]:
    """List what does not fit in scans of your party's codes: the newest 200."""
    with reading() as session:
        return scans.list_warnings(session, current_actor(), **query)


def _url(canonical: str) -> str:
    return lot_url(settings().base_url, canonical)
