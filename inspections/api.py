"""The JSON API of those who check: certificates, recalls and chains."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Response, request, url_for

from foodtrace.inspections import lots, reports, services
from foodtrace.inspections.downloads import attachment
from foodtrace.inspections.findings import Certificate, Recall
from foodtrace.inspections.lots import LotView, Reach
from foodtrace.inspections.report_files import (
    JPEG,
    MOST_BYTES,
    PDF,
    read_report,
    too_large_report,
)
from foodtrace.inspections.schemas import (
    CertificateQuery,
    CertificateSchema,
    ChainSchema,
    CorrectionSchema,
    EndSchema,
    KeptReportSchema,
    ReachSchema,
    RecallQuery,
    RecallSchema,
    WithdrawalSchema,
)
from foodtrace.trace.access.policy import require
from foodtrace.trace.capture.corrections import Correction, corrections_of
from foodtrace.trace.errors import TooLarge
from foodtrace.trace.rest import ONCE, ApiBlueprint, done_once
from foodtrace.trace.web import body_limit, current_actor, needs, reading, transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

bp = ApiBlueprint("inspections_api", __name__, url_prefix="/api/v1")


@bp.get("/certificates")
@bp.arguments(CertificateQuery, location="query")
@bp.response(200, CertificateSchema(many=True))
def list_certificates(query: dict[str, Any]) -> list[Certificate]:
    """List the newest 50 certificates that you may read."""
    with reading() as session:
        # A list, because flask-smorest takes a tuple for body, status and headers.
        return list(services.list_certificates(session, current_actor(), **query))


@bp.post("/certificates")
@needs("certificate.issue")
@bp.doc(**ONCE)
@bp.arguments(CertificateSchema)
@bp.response(201, CertificateSchema)
def issue_certificate(facts: dict[str, Any]) -> tuple[Certificate, int, dict[str, str]]:
    """Certify test results of a lot in the name of your organisation."""
    actor = current_actor()
    with transaction() as session:
        found, headers = _once(session, lambda: services.issue_certificate(session, actor, **facts))
        certificate = services.get_certificate(session, actor, found)
    address = url_for("inspections_api.get_certificate", certificate_id=found)
    return certificate, 201, headers | {"Location": address}


@bp.get("/certificates/<int:certificate_id>")
@bp.response(200, CertificateSchema)
def get_certificate(certificate_id: int) -> Certificate:
    """Read one certificate."""
    with reading() as session:
        return services.get_certificate(session, current_actor(), certificate_id)


@bp.post("/certificates/<int:certificate_id>/withdrawal")
@needs("certificate.withdraw")
@bp.doc(**ONCE)
@bp.arguments(WithdrawalSchema)
@bp.response(200, CertificateSchema)
def withdraw_certificate(
    facts: dict[str, Any], certificate_id: int
) -> tuple[Certificate, int, dict[str, str]]:
    """Withdraw a certificate. It stays readable, marked as withdrawn."""
    actor = current_actor()
    with transaction() as session:
        _, headers = _once(
            session,
            lambda: services.withdraw_certificate(
                session, actor, certificate_id=certificate_id, **facts
            ),
        )
        return services.get_certificate(session, actor, certificate_id), 200, headers


@bp.post("/reports")
@needs("certificate.issue")
@body_limit(MOST_BYTES)
@bp.doc(
    requestBody={
        "required": True,
        "content": {
            each: {"schema": {"type": "string", "format": "binary"}}
            for each in (PDF, JPEG, "image/png")
        },
    }
)
@bp.response(201, KeptReportSchema)
def keep_report() -> dict[str, Any]:
    """Send a test report (PDF, JPEG or PNG, up to 10 MB), for a certificate to name by its hash.

    Pictures are drawn anew: the hash is that of the answer. The same file again changes nothing.
    A file that no certificate names within a day is forgotten.
    """
    file = read_report(_body())
    with transaction() as session:
        reports.keep_report(session, current_actor(), file)
    return {"sha256": file.sha256, "size": len(file.body), "media_type": file.media_type}


@bp.get("/certificates/<int:certificate_id>/report")
@bp.doc(
    responses={
        200: {
            "description": "The file",
            "content": {
                each: {"schema": {"type": "string", "format": "binary"}} for each in (PDF, JPEG)
            },
        }
    }
)
def get_report(certificate_id: int) -> Response:
    """Read the test report of a certificate: its laboratory, the maker of the lot, authorities."""
    with reading() as session:
        served = reports.report_of(session, current_actor(), certificate_id)
    return attachment(served)


@bp.get("/recalls")
@bp.arguments(RecallQuery, location="query")
@bp.response(200, RecallSchema(many=True))
def list_recalls(query: dict[str, Any]) -> list[Recall]:
    """List the newest 50 recalls."""
    require(current_actor(), "chain.read")
    with reading() as session:
        return list(services.list_recalls(session, **query))


@bp.post("/recalls")
@needs("recall.open")
@bp.doc(**ONCE)
@bp.arguments(RecallSchema)
@bp.response(201, RecallSchema)
def open_recall(facts: dict[str, Any]) -> tuple[Recall, int, dict[str, str]]:
    """Recall a lot, and by it everything that was made of it."""
    actor = current_actor()
    with transaction() as session:
        found, headers = _once(session, lambda: services.open_recall(session, actor, **facts))
        recall = services.get_recall(session, found)
    address = url_for("inspections_api.get_recall", recall_id=found)
    return recall, 201, headers | {"Location": address}


@bp.get("/recalls/<int:recall_id>")
@bp.response(200, RecallSchema)
def get_recall(recall_id: int) -> Recall:
    """Read one recall."""
    require(current_actor(), "chain.read")
    with reading() as session:
        return services.get_recall(session, recall_id)


@bp.get("/recalls/<int:recall_id>/reach")
@bp.response(200, ReachSchema)
def get_reach(recall_id: int) -> Reach:
    """Read what a recall reaches: lots, and who has how much of them."""
    actor = current_actor()
    lots.require_every_chain(actor)
    with reading() as session:
        return lots.reach_of(session, actor, services.get_recall(session, recall_id).lot)


@bp.post("/recalls/<int:recall_id>/end")
@needs("recall.close")
@bp.doc(**ONCE)
@bp.arguments(EndSchema)
@bp.response(200, RecallSchema)
def end_recall(facts: dict[str, Any], recall_id: int) -> tuple[Recall, int, dict[str, str]]:
    """End a recall with a public conclusion. It stays readable, marked as ended."""
    actor = current_actor()
    with transaction() as session:
        _, headers = _once(
            session, lambda: services.end_recall(session, actor, recall_id=recall_id, **facts)
        )
        return services.get_recall(session, recall_id), 200, headers


@bp.get("/lots/<path:identifier>/chain")
@bp.response(200, ChainSchema)
def get_chain(identifier: str) -> LotView:
    """Read a lot's whole chain, both ways: for inspectors, regulators and administrators.

    The identifier is the path of its code: ``01/{gtin}/10/{lot}`` or ``q/{code}``.
    """
    with reading() as session:
        return lots.view_lot(session, current_actor(), lots.canonical_of(identifier))


def _body() -> bytes:
    """Return the file that was sent. Raises TooLarge, also where no length was said."""
    data = request.get_data(cache=False)
    if request.content_length is None and len(data) >= MOST_BYTES:
        # Of a chunked body werkzeug reads as much as is allowed, and leaves the rest unsaid.
        raise TooLarge(too_large_report())
    return data


@bp.get("/lots/<path:identifier>/corrections")
@needs("event.read")
@bp.response(200, CorrectionSchema(many=True))
def get_corrections(identifier: str) -> list[Correction]:
    """Read what was declared wrong of a lot: of your own events, or for authorities of all.

    Each with its place in the log: the event, the declaration, and what is said instead.
    """
    with reading() as session:
        return corrections_of(session, current_actor(), lots.canonical_of(identifier))


def _once(session: "Session", act: Callable[[], int]) -> tuple[int, dict[str, str]]:
    """Do an act once for its Idempotency-Key; return its statement's id, and headers."""

    def recorded(_key: str | None) -> tuple[int, dict[str, Any]]:
        statement_id = act()
        return statement_id, {"id": statement_id}

    answer, headers = done_once(session, recorded)
    found: int = answer["id"]
    return found, headers
