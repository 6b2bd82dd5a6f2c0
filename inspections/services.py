"""What those who check food do: certify, withdraw, recall, end; and what they read."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from foodtrace.inspections import models
from foodtrace.inspections.findings import Certificate, Findings, Recall
from foodtrace.inspections.projections import result_statement, statement
from foodtrace.inspections.queries import certificates_where, findings_among, recalls_where
from foodtrace.inspections.rules import (
    CHINA,
    RECALL_TERMS,
    CertificateKind,
    Result,
    overall,
    result_problems,
)
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.capture.services import record_statement
from foodtrace.trace.errors import Conflict, Forbidden, Invalid, NotFound, Problem, mark
from foodtrace.trace.gs1.identifiers import parse_identifier
from foodtrace.trace.gs1.model import ItemKind
from foodtrace.trace.masterdata.models import Lot
from foodtrace.trace.store.models import Item

MOST_RESULTS = 500
# Clocks differ a little; what claims to happen later than this is a mistake.
CLOCK_TOLERANCE = timedelta(minutes=5)
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
) -> int:
    """Certify test results of a lot in the name of the actor's party; return its id.

    The verdict follows from the results. Raises Invalid, and Conflict for a number that
    the party has used.
    """
    require(actor, "certificate.issue", actor.party_id)
    if actor.party_id is None:
        raise Forbidden(
            Problem(
                "",
                mark("A certificate is issued in the name of an organisation"),
                mark("Use an account that acts for the laboratory or authority"),
            )
        )
    canonical = find_lot(session, lot)[0]
    _check_dates(sampled_on, issued_on, valid_until)
    _check_results(results, sampled_on)
    _check_number(session, actor.party_id, number)
    body = statement(
        {
            "number": number,
            "lot": canonical,
            "kind": kind,
            "sampled_on": sampled_on,
            "sampled_at": sampled_at,
            "sampled_by": sampled_by,
            "sample_amount": sample_amount,
            "sample_uom": sample_uom,
            "issued_on": issued_on,
            "valid_until": valid_until,
            "verdict": overall(results),
            "results": [result_statement(result) for result in results],
        }
    )
    try:
        return record_statement(session, actor, "certificate", body)
    except IntegrityError:
        # Another request used the number between our look and our write.
        raise _number_used(number) from None


def withdraw_certificate(
    session: Session,
    actor: Actor,
    *,
    certificate_id: int,
    reason: str,
    at: datetime | None = None,
) -> None:
    """Withdraw a certificate: it stays readable, marked. Raises NotFound or Conflict."""
    found = session.scalar(
        select(models.Certificate).where(models.Certificate.id == certificate_id).with_for_update()
    )
    if found is None:
        raise NotFound()
    require(actor, "certificate.withdraw", found.party_id)
    if found.withdrawn_at is not None:
        raise Conflict(Problem("", mark("This certificate is withdrawn already")))
    withdrawn_at = _past(at, "at")
    record_statement(
        session,
        actor,
        "withdrawal",
        statement({"certificate": certificate_id, "reason": reason, "withdrawn_at": withdrawn_at}),
    )


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
    _check_recall(recall_class, notice_url)
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
    body = {
        "lot": canonical,
        "recall_class": recall_class,
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
        "opened_at": _past(at, "at"),
    }
    return record_statement(session, actor, "recall", statement(body))


def end_recall(
    session: Session, actor: Actor, *, recall_id: int, conclusion: str, at: datetime | None = None
) -> None:
    """End a recall with a public conclusion; it stays visible as ended.

    Raises NotFound, or Conflict where it is ended already.
    """
    found = session.scalar(
        select(models.Recall).where(models.Recall.id == recall_id).with_for_update()
    )
    if found is None:
        raise NotFound()
    require(actor, "recall.close", found.party_id)
    if found.ended_at is not None:
        raise Conflict(Problem("", mark("This recall is ended already")))
    ended_at = _past(at, "at")
    if ended_at < found.opened_at:
        raise Invalid(Problem("at", mark("A recall cannot end before it was opened")))
    record_statement(
        session,
        actor,
        "recall_end",
        statement({"recall": recall_id, "statement": conclusion, "ended_at": ended_at}),
    )


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
        conditions.append(models.Certificate.lot == parse_identifier(lot).canonical)
    if before is not None:
        conditions.append(models.Certificate.id < before)
    return certificates_where(session, *conditions, limit=PAGE)


def get_certificate(session: Session, actor: Actor, certificate_id: int) -> Certificate:
    """Return one certificate. Raises NotFound where the actor may not read it."""
    require(actor, "certificate.read")
    found = certificates_where(
        session, models.Certificate.id == certificate_id, _readable(actor), limit=1
    )
    if not found:
        raise NotFound()
    return found[0]


def list_recalls(
    session: Session, *, open_only: bool = False, before: int | None = None
) -> tuple[Recall, ...]:
    """Return the newest PAGE recalls, older than `before`. Recalls are public."""
    conditions: list[ColumnElement[bool]] = []
    if open_only:
        conditions.append(models.Recall.ended_at.is_(None))
    if before is not None:
        conditions.append(models.Recall.id < before)
    return recalls_where(session, *conditions, limit=PAGE)


def get_recall(session: Session, recall_id: int) -> Recall:
    """Return one recall. Raises NotFound."""
    found = recalls_where(session, models.Recall.id == recall_id, limit=1)
    if not found:
        raise NotFound()
    return found[0]


def find_lot(session: Session, text: str) -> tuple[str, int]:
    """Return the canonical identifier and the maker's party id (0: none) of a recorded lot.

    Raises Invalid where the text names no lot or item, or one that nobody recorded.
    """
    try:
        identifier = parse_identifier(text)
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


def _check_dates(sampled_on: date, issued_on: date, valid_until: date | None) -> None:
    problems = []
    if sampled_on > issued_on:
        problems.append(
            Problem("sampled_on", mark("The sample was taken after the certificate was issued"))
        )
    if issued_on > datetime.now(CHINA).date():
        problems.append(Problem("issued_on", mark("The day of issue lies in the future")))
    if valid_until is not None and valid_until < issued_on:
        problems.append(Problem("valid_until", mark("It ends before it is issued")))
    if problems:
        raise Invalid(*problems)


def _check_results(results: Sequence[Result], sampled_on: date) -> None:
    if not 0 < len(results) <= MOST_RESULTS:
        raise Invalid(
            Problem(
                "results",
                mark("A certificate has between 1 and %(most)s results"),
                mark("Enter at least one result, or split the certificate"),
                {"most": MOST_RESULTS},
            )
        )
    problems = [
        problem
        for index, result in enumerate(results)
        for problem in result_problems(result, sampled_on, f"results/{index}/")
    ]
    if problems:
        raise Invalid(*problems[:20])


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


def _check_recall(recall_class: int, notice_url: str | None) -> None:
    problems = []
    if recall_class not in RECALL_TERMS:
        problems.append(
            Problem("recall_class", mark("A recall is of class 1, 2 or 3"), mark("Choose one"))
        )
    # The address becomes a link on public pages: a script address must not pass.
    if notice_url is not None and not notice_url.startswith(("https://", "http://")):
        problems.append(
            Problem(
                "notice_url",
                mark("The address of the notice is no web address"),
                mark("Write it with https:// in front, or leave it empty"),
            )
        )
    if problems:
        raise Invalid(*problems)


def _past(at: datetime | None, place: str) -> datetime:
    """Return the time of an act: now where none is said. Raises Invalid for a future one."""
    now = datetime.now(UTC)
    if at is None:
        return now
    if at > now + CLOCK_TOLERANCE:
        raise Invalid(Problem(place, mark("This time lies in the future")))
    return at
