"""Labels: ordered, drawn by and by, and fetched when every code was read back."""

from typing import TYPE_CHECKING, Any

from flask import Response, request, send_file

from foodtrace.producers.printing import services
from foodtrace.producers.printing.services import JobList
from foodtrace.producers.schemas.printing import (
    NewPrintSchema,
    PrintJobSchema,
    PrintListSchema,
    PrintQuery,
)
from foodtrace.trace.rest import KEY, ONCE, ApiBlueprint
from foodtrace.trace.web import current_actor, needs, reading, settings, transaction
from foodtrace.trace.worker import wake

if TYPE_CHECKING:
    from foodtrace.producers.printing.models import PrintJob

bp = ApiBlueprint("producers_printing", __name__, url_prefix="/api/v1")


@bp.post("/prints")
@needs("lot.move")
@bp.doc(**ONCE)
@bp.arguments(NewPrintSchema)
@bp.response(201, PrintJobSchema)
def order_labels(wanted: dict[str, Any]) -> "tuple[PrintJob, int, dict[str, str]]":
    """Order labels of a lot, or of codes of a run; they are drawn after the answer."""
    with transaction() as session:
        job = services.order_labels(
            session, current_actor(), settings(), key=request.headers.get(KEY), **wanted
        )
    wake()
    return job, 201, {"Location": f"/api/v1/prints/{job.id}"}


@bp.get("/prints")
@needs("lot.move")
@bp.arguments(PrintQuery, location="query")
@bp.response(200, PrintListSchema)
def list_jobs(query: dict[str, Any]) -> JobList:
    """List the print jobs of your party, newest first, 50 a page."""
    with reading() as session:
        return services.list_jobs(session, current_actor(), **query)


@bp.get("/prints/<job_id>")
@needs("lot.move")
@bp.response(200, PrintJobSchema)
def get_job(job_id: str) -> "PrintJob":
    """Read how far a print job is."""
    with reading() as session:
        return services.get_job(session, current_actor(), job_id)


@bp.get("/prints/<job_id>/file")
@needs("lot.move")
@bp.response(200, content_type="application/octet-stream")
def get_file(job_id: str) -> Response:
    """Fetch the file of a released job: PDF, ZPL, TSPL, PNG, or a ZIP archive of PNG."""
    with reading() as session:
        found = services.get_file(session, current_actor(), settings(), job_id)
    return send_file(
        found.path, mimetype=found.media_type, as_attachment=True, download_name=found.name
    )
