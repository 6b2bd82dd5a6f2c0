"""The test reports behind certificates: kept by their hash, and given out to whom they are for.

Everybody gets a report that its laboratory has made public. Any other goes to the laboratory,
the maker of the lot, and the authorities; not to those who run this service. What is stored is
hashed again each time: another file is never given out as the report.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from foodtrace.inspections.findings import Report
from foodtrace.inspections.models import Certificate, CertificateFile
from foodtrace.inspections.report_files import PLACE, NamedReport, ReportFile, is_whole, name_of
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can, require
from foodtrace.trace.errors import Damaged, Invalid, NotFound, Problem, TooLarge, mark
from foodtrace.trace.masterdata.models import Lot
from foodtrace.trace.store.models import Item
from foodtrace.trace.store.types import LARGEST_ID

# A report that no certificate names within a day was sent by mistake.
UNNAMED = timedelta(days=1)
# What a party may send in a day: a thousand scanned reports, and no disk is filled over a night.
DAY = timedelta(days=1)
MOST_OF_A_DAY = 1024 * 1024 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """A report as it is given out."""

    report: Report
    body: bytes


def keep_report(session: Session, actor: Actor, file: ReportFile) -> None:
    """Keep a file that a certificate is to name; the same file again changes nothing.

    Files of the party that no certificate has named within a day are forgotten. Raises TooLarge
    for more than MOST_OF_A_DAY.
    """
    require(actor, "certificate.issue", actor.party_id)
    session.info["standing"].require()
    now = datetime.now(UTC)
    session.execute(
        delete(CertificateFile).where(
            CertificateFile.party_id == (actor.party_id or 0),
            CertificateFile.received_at < now - UNNAMED,
            CertificateFile.sha256.not_in(
                select(Certificate.file).where(
                    Certificate.party_id == (actor.party_id or 0), Certificate.file.is_not(None)
                )
            ),
        )
    )
    _check_day(session, actor, len(file.body), now)
    row = {
        "sha256": file.sha256,
        "party_id": actor.party_id or 0,
        "media_type": file.media_type,
        "size": len(file.body),
        "body": file.body,
        "received_at": now,
    }
    add = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(add(CertificateFile).on_conflict_do_nothing(), row)


def _check_day(session: Session, actor: Actor, size: int, now: datetime) -> None:
    sent = select(func.coalesce(func.sum(CertificateFile.size), 0)).where(
        CertificateFile.party_id == (actor.party_id or 0), CertificateFile.received_at > now - DAY
    )
    if session.execute(sent).scalar_one() + size > MOST_OF_A_DAY:
        raise TooLarge(
            Problem(
                PLACE,
                mark("Your organisation has sent more than %(limit)s MB of reports in a day"),
                mark("Send the rest tomorrow"),
                {"limit": MOST_OF_A_DAY >> 20},
            )
        )


def named_report(
    session: Session, actor: Actor, given: NamedReport | None, number: str
) -> dict[str, Any] | None:
    """Return what the statement of a certificate says of its report.

    Raises Invalid for a file that the actor's party has not sent: the hash of another's report
    gives no right to it.
    """
    if given is None:
        return None
    found = session.execute(
        # Touched, so that it is not forgotten at this very moment.
        update(CertificateFile)
        .where(
            CertificateFile.sha256 == given.sha256,
            CertificateFile.party_id == (actor.party_id or 0),
        )
        .values(received_at=datetime.now(UTC))
        .returning(CertificateFile.media_type, CertificateFile.size)
    ).one_or_none()
    if found is None:
        raise Invalid(
            Problem(
                f"{PLACE}/sha256",
                mark("No report with this SHA-256 was received from you"),
                mark("Send the file first, and name the hash of the answer"),
            )
        )
    return {
        "sha256": given.sha256,
        "name": name_of(number, found.media_type),
        "size": found.size,
        "type": found.media_type,
        "is_public": given.is_public,
    }


def public_report(session: Session, sha256: str) -> Served:
    """Return a report that its laboratory has made public. Raises NotFound, or Damaged."""
    return _served(session, Certificate.file == sha256, Certificate.file_is_public.is_(True))


def report_of(session: Session, actor: Actor, certificate_id: int) -> Served:
    """Return the report of a certificate for those it is for. Raises NotFound, or Damaged."""
    require(actor, "report.read")
    if certificate_id > LARGEST_ID:
        raise NotFound()
    return _served(
        session,
        Certificate.id == certificate_id,
        Certificate.file.is_not(None),
        _readable(actor),
    )


def _readable(actor: Actor) -> ColumnElement[bool]:
    if can(actor, "report.read", 0):
        return true()
    own_lots = (
        select(Item.canonical)
        .join(Lot, Lot.item_id == Item.id)
        .where(Lot.party_id == actor.party_id)
    )
    return (Certificate.party_id == actor.party_id) | Certificate.lot.in_(own_lots)


def _served(session: Session, *conditions: ColumnElement[bool]) -> Served:
    found = session.execute(
        select(
            Certificate.id,
            Certificate.number,
            Certificate.file,
            Certificate.file_type,
            Certificate.file_size,
            Certificate.file_is_public,
            CertificateFile.body,
        )
        .outerjoin(
            CertificateFile,
            (CertificateFile.sha256 == Certificate.file)
            & (CertificateFile.party_id == Certificate.party_id),
        )
        .where(*conditions)
        .order_by(Certificate.id)
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NotFound()
    if found.body is None or not is_whole(found.body, found.file):
        is_gone = found.body is None
        _log.critical(
            "the report of certificate %d is %s: the record says SHA-256 %s",
            found.id, "gone" if is_gone else "another file than was recorded", found.file,
        )  # fmt: skip
        raise Damaged(_what_is_wrong(is_gone=is_gone, sha256=found.file))
    report = Report(
        found.file,
        name_of(found.number, found.file_type),
        found.file_size,
        found.file_type,
        found.file_is_public,
    )
    return Served(report, bytes(found.body))


def _what_is_wrong(*, is_gone: bool, sha256: str) -> Problem:
    return Problem(
        "",
        mark("The file of this report is gone here")
        if is_gone
        else mark("The file kept here is not the report that was recorded"),
        mark("Ask the laboratory for its report; its SHA-256 has to be %(sha256)s"),
        {"sha256": sha256},
    )
