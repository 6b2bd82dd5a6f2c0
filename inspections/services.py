"""What those who check food do: certify, withdraw, recall, end; and what they read."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from foodtrace.inspections import models, reports
from foodtrace.inspections.checks import (
    CERTIFICATE_PERSONAL,
    CERTIFICATE_TEXTS,
    END_TEXTS,
    WITHDRAWAL_TEXTS,
    check_dates,
    checked_recall,
    checked_results,
    past,
)
from foodtrace.inspections.findings import Certificate, Findings, Recall
from foodtrace.inspections.projections import result_statement, statement
from foodtrace.inspections.queries import certificates_where, findings_among, recalls_where
from foodtrace.inspections.report_files import NamedReport, ReportFile
from foodtrace.inspections.rules import CertificateKind, Result, overall
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.capture.services import record_statement
from foodtrace.trace.errors import Conflict, Forbidden, Invalid, NotFound, Problem, mark
from foodtrace.trace.gs1.model import ItemKind
from foodtrace.trace.gs1.scanning import read_code
from foodtrace.trace.masterdata.models import Lot
from foodtrace.trace.masterdata.rules import checked
from foodtrace.trace.personal.commitments import read_commitment
from foodtrace.trace.personal.keeping import visible_values
from foodtrace.trace.store.models import Item
from foodtrace.trace.store.types import LARGEST_ID

PAGE = 50


def issue_certificate(
    session: Session,
    actor: Actor,
    *,
    number: str,
    lot: str,
    kind: CertificateKind,
    sampled_on: date,
    issued_on: date,
    results: Sequence[Result],
    valid_until: date | None = None,
    sampled_at: str | None = None,
    sampled_by: str | None = None,
    sample_amount: Decimal | None = None,
    sample_uom: str | None = None,
    report: NamedReport | None = None,
    file: ReportFile | None = None,
) -> int:
    """Certify test results of a lot in the name of the actor's party; return its id.

    The verdict follows from the results; the statement commits to the report by its hash. `file`
    is the report itself, where it was not kept before.
    Raises Invalid, and Conflict for a number that the party has used.
    """
    require(actor, "certificate.issue", actor.party_id)
    issuer = _issuer(actor)
    canonical = find_lot(session, lot)[0]
    if file is not None:
        reports.keep_report(session, actor, file)
    texts = checked(
        CERTIFICATE_TEXTS,
        {
            "number": number,
            "sampled_at": sampled_at,
            "sampled_by": sampled_by,
            "sample_uom": sample_uom,
        },
    )
    check_dates(sampled_on, issued_on, valid_until)
    kept = checked_results(results, sampled_on)
    _check_number(session, issuer, texts["number"])
    body = statement(
        texts
        | {
            "lot": canonical,
            "kind": kind,
            "sampled_on": sampled_on,
            "sample_amount": sample_amount,
            "issued_on": issued_on,
            "valid_until": valid_until,
            "verdict": overall(kept),
            "results": [result_statement(result) for result in kept],
            "file": reports.named_report(session, actor, report, texts["number"]),
        }
    )
    try:
        return record_statement(session, actor, "certificate", body, personal=CERTIFICATE_PERSONAL)
    except IntegrityError:
        # Another request used the number between our look and our write.
        raise _number_used(texts["number"]) from None


def withdraw_certificate(
    session: Session,
    actor: Actor,
    *,
    certificate_id: int,
    reason: str,
    at: datetime | None = None,
) -> int:
    """Withdraw a certificate: it stays readable, marked. Raises NotFound or Conflict.

    Returns the id of the withdrawal's statement.
    """
    found = certificate_id <= LARGEST_ID and session.scalar(
        select(models.Certificate).where(models.Certificate.id == certificate_id).with_for_update()
    )
    if not found:
        raise NotFound()
    require(actor, "certificate.withdraw", found.party_id)
    if found.withdrawn_at is not None:
        raise Conflict(Problem("", mark("This certificate is withdrawn already")))
    body = checked(WITHDRAWAL_TEXTS, {"reason": reason}) | {
        "certificate": certificate_id,
        "withdrawn_at": past(at),
    }
    return record_statement(session, actor, "withdrawal", statement(body))


def open_recall(
    session: Session,
    actor: Actor,
    *,
    lot: str,
    recall_class: int,
    reason: str,
    hazard: str,
    advice: str,
    compensation: str,
    contact: str,
    area: str | None = None,
    notice_url: str | None = None,
    reason_en: str | None = None,
    hazard_en: str | None = None,
    advice_en: str | None = None,
    compensation_en: str | None = None,
    at: datetime | None = None,
) -> int:
    """Recall a lot, and by it all that was made of it; return the recall's id.

    Nothing is copied to the descendants: whoever reads a chain walks back to this lot.
    Raises Conflict while the same recall of the lot is open.
    """
    canonical, owner = find_lot(session, lot)
    require(actor, "recall.open", owner)
    texts = checked_recall(
        recall_class,
        {
            "reason": reason,
            "reason_en": reason_en,
            "hazard": hazard,
            "hazard_en": hazard_en,
            "advice": advice,
            "advice_en": advice_en,
            "compensation": compensation,
            "compensation_en": compensation_en,
            "contact": contact,
            "area": area,
            "notice_url": notice_url,
        },
    )
    _wait_for_others(session, canonical)
    _check_not_open(session, canonical, recall_class, texts["reason"])
    body = texts | {"lot": canonical, "recall_class": recall_class, "opened_at": past(at)}
    return record_statement(session, actor, "recall", statement(body))


def end_recall(
    session: Session, actor: Actor, *, recall_id: int, conclusion: str, at: datetime | None = None
) -> int:
    """End a recall with a public conclusion; it stays visible as ended.

    Returns the id of the end's statement. Raises NotFound, or Conflict where it is ended
    already.
    """
    found = recall_id <= LARGEST_ID and session.scalar(
        select(models.Recall).where(models.Recall.id == recall_id).with_for_update()
    )
    if not found:
        raise NotFound()
    require(actor, "recall.close", found.party_id)
    if found.ended_at is not None:
        raise Conflict(Problem("", mark("This recall is ended already")))
    ended_at = past(at)
    if ended_at < found.opened_at:
        raise Invalid(
            Problem(
                "at",
                mark("A recall cannot end before it was opened"),
                mark("Check date and time zone"),
            )
        )
    conclusion = checked(END_TEXTS, {"conclusion": conclusion})["conclusion"]
    body = {"recall": recall_id, "statement": conclusion, "ended_at": ended_at}
    return record_statement(session, actor, "recall_end", statement(body))


def findings_of(session: Session, canonicals: Collection[str]) -> Findings:
    """Return the certificates and recalls of these lots, newest first, in one query.

    A lot is under every recall of itself and of its ancestors: ask with the identifiers
    of its whole chain. Everybody may read findings: they are what the public page shows.
    """
    return findings_among(session, canonicals)


def list_certificates(
    session: Session, actor: Actor, *, lot: str | None = None, before: int | None = None
) -> tuple[Certificate, ...]:
    """Return the newest PAGE certificates that the actor may read, older than `before`.

    A laboratory reads those it issued, a maker those of its own lots.
    """
    require(actor, "certificate.read")
    conditions = [_readable(actor)]
    if lot is not None:
        conditions.append(models.Certificate.lot == read_code(lot).canonical)
    if before is not None:
        conditions.append(models.Certificate.id < min(before, LARGEST_ID))
    return _with_values(session, actor, certificates_where(session, *conditions, limit=PAGE))


def get_certificate(session: Session, actor: Actor, certificate_id: int) -> Certificate:
    """Return one certificate. Raises NotFound where the actor may not read it."""
    require(actor, "certificate.read")
    found = certificate_id <= LARGEST_ID and certificates_where(
        session, models.Certificate.id == certificate_id, _readable(actor), limit=1
    )
    if not found:
        raise NotFound()
    return _with_values(session, actor, found)[0]


def list_recalls(
    session: Session, *, open_only: bool = False, before: int | None = None
) -> tuple[Recall, ...]:
    """Return the newest PAGE recalls, older than `before`. Recalls are public."""
    conditions: list[ColumnElement[bool]] = []
    if open_only:
        conditions.append(models.Recall.ended_at.is_(None))
    if before is not None:
        conditions.append(models.Recall.id < min(before, LARGEST_ID))
    return recalls_where(session, *conditions, limit=PAGE)


def get_recall(session: Session, recall_id: int) -> Recall:
    """Return one recall. Raises NotFound."""
    found = recall_id <= LARGEST_ID and recalls_where(
        session, models.Recall.id == recall_id, limit=1
    )
    if not found:
        raise NotFound()
    return found[0]


def _issuer(actor: Actor) -> int:
    """Return the party in whose name a certificate is issued. Raises Forbidden if there is none."""
    if actor.party_id is None:
        raise Forbidden(
            Problem(
                "",
                mark("A certificate is issued in the name of an organisation"),
                mark("Use an account that acts for the laboratory or authority"),
            )
        )
    return actor.party_id


def _check_not_open(session: Session, canonical: str, recall_class: int, reason: str) -> None:
    """Raise Conflict if this recall of the lot is open already."""
    same = recalls_where(
        session,
        models.Recall.lot == canonical,
        models.Recall.recall_class == recall_class,
        models.Recall.reason == reason,
        models.Recall.ended_at.is_(None),
        limit=1,
    )
    if same:
        raise Conflict(
            Problem(
                "lot",
                mark("This lot is recalled already, for the same reason (recall %(id)s)"),
                mark("End that recall first, or give the new reason"),
                {"id": same[0].id},
            )
        )


def _wait_for_others(session: Session, canonical: str) -> None:
    """Let one recall of a lot after the other look what is open, where writers run at once."""
    row = select(Item.id).where(Item.canonical == canonical)
    session.execute(row.with_for_update(key_share=True))


def find_lot(session: Session, text: str) -> tuple[str, int]:
    """Return the canonical identifier and the maker's party id (0: none) of a recorded lot.

    Raises Invalid where the text names no lot or item, or one that nobody recorded.
    """
    try:
        identifier = read_code(text)
    except Invalid as refusal:
        raise Invalid(*(replace(each, place="lot") for each in refusal.problems)) from None
    if identifier.kind not in (ItemKind.LOT, ItemKind.INSTANCE):
        raise Invalid(
            Problem(
                "lot",
                mark("%(code)s is no lot"),
                mark("Give the code of a lot: /01/GTIN/10/LOT or /q/CODE"),
                {"code": identifier.canonical},
            )
        )
    found = session.execute(
        select(Item.id, Lot.party_id)
        .outerjoin(Lot, Lot.item_id == Item.id)
        .where(Item.canonical == identifier.canonical)
    ).first()
    if found is None:
        raise Invalid(
            Problem(
                "lot",
                mark("Nothing is recorded of the lot %(code)s"),
                mark("Check the code; the lot has to be registered first"),
                {"code": identifier.canonical},
            )
        )
    return identifier.canonical, found.party_id or 0


def _readable(actor: Actor) -> ColumnElement[bool]:
    """The certificates that the actor may read: all, or its own and those of its own lots."""
    if can(actor, "certificate.read", 0):
        return true()
    own_lots = (
        select(Item.canonical)
        .join(Lot, Lot.item_id == Item.id)
        .where(Lot.party_id == actor.party_id)
    )
    return or_(models.Certificate.party_id == actor.party_id, models.Certificate.lot.in_(own_lots))


def _with_values(
    session: Session, actor: Actor, certificates: tuple[Certificate, ...]
) -> tuple[Certificate, ...]:
    """Return certificates with the personal values that the actor may see."""
    digests = {each.id: read_commitment(each.sampled_by or "") for each in certificates}
    values = visible_values(session, actor, {each for each in digests.values() if each})
    return tuple(
        replace(each, sampled_by_value=value.value) if value is not None else each
        for each in certificates
        for value in [values.get(digests[each.id] or b"")]
    )


def _check_number(session: Session, party_id: int, number: str) -> None:
    if session.scalar(
        select(models.Certificate.id).where(
            models.Certificate.party_id == party_id, models.Certificate.number == number
        )
    ):
        raise _number_used(number)


def _number_used(number: str) -> Conflict:
    return Conflict(
        Problem(
            "number",
            mark("You have issued a certificate with the number %(number)s"),
            mark("Give another number; a wrong certificate is withdrawn, never replaced"),
            {"number": number},
        )
    )
