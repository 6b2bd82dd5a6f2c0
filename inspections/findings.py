"""What those who check food found: certificates and recalls as everybody reads them."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from foodtrace.inspections.rules import (
    CertificateKind,
    Result,
    Verdict,
    recall_finish_by,
    recall_start_by,
)


@dataclass(frozen=True, slots=True)
class Report:
    """The test report behind a certificate, as the record names it. `size` is in bytes.

    Everybody may know its hash, and so check a report that somebody shows; the file itself is
    for everybody only where `is_public` says so.
    """

    sha256: str
    name: str
    size: int
    type: str  # media type
    is_public: bool

    @property
    def size_text(self) -> str:
        """Its size for people."""
        if self.size < 1_000_000:
            return f"{max(1, round(self.size / 1_000))} KB"
        return f"{self.size / 1_000_000:.1f} MB"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A laboratory's certificate for one lot. Withdrawn ones stay, and say so."""

    id: int
    lot: str  # canonical identifier
    number: str
    kind: CertificateKind
    party_id: int
    laboratory: str
    laboratory_en: str | None
    sampled_on: date
    sampled_at: str | None  # the place, in words
    sampled_by: str | None  # a commitment, if the certificate is not older than these
    sample_amount: Decimal | None
    sample_uom: str | None
    issued_on: date
    valid_until: date | None
    verdict: Verdict
    recorded_at: datetime
    withdrawn_at: datetime | None
    withdrawal_reason: str | None
    results: tuple[Result, ...]
    report: Report | None = None
    # Whom `sampled_by` names, for those who may see it, while it is not erased.
    sampled_by_value: str | None = None

    def counts_on(self, day: date) -> bool:
        """Tell whether it is neither withdrawn nor past its date on that day."""
        return self.withdrawn_at is None and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True, slots=True)
class Recall:
    """A recall of one lot, and so of everything made from it. Ended ones stay."""

    id: int
    lot: str  # canonical identifier
    recall_class: int  # 1 is the gravest
    party_id: int  # who opened it; 0: no party
    authority: str | None
    authority_en: str | None
    reason: str
    reason_en: str | None
    hazard: str
    hazard_en: str | None
    advice: str  # what to do with food at home
    advice_en: str | None
    compensation: str  # who pays, and how
    compensation_en: str | None
    contact: str  # telephone
    area: str | None  # where it was sold
    notice_url: str | None
    opened_at: datetime
    recorded_at: datetime  # when this service was told
    ended_at: datetime | None
    end_statement: str | None

    @property
    def is_open(self) -> bool:
        """True until the recall is ended."""
        return self.ended_at is None

    @property
    def start_by(self) -> datetime:
        """Until when the recall has to be under way."""
        return recall_start_by(self.recall_class, self.opened_at)

    @property
    def finish_by(self) -> date:
        """The working day by which the recall has to be complete."""
        return recall_finish_by(self.recall_class, self.opened_at)


@dataclass(frozen=True, slots=True)
class Findings:
    """All certificates and recalls of a set of lots, newest first."""

    certificates: tuple[Certificate, ...] = ()
    recalls: tuple[Recall, ...] = ()

    @property
    def open_recalls(self) -> tuple[Recall, ...]:
        """The recalls that are not ended, gravest first."""
        return tuple(
            sorted((r for r in self.recalls if r.is_open), key=lambda r: (r.recall_class, -r.id))
        )
