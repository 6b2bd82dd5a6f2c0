"""Certificates, their results, and recalls.

All are derived tables: each row has the id of the statement that made it. A lot is
named by its canonical identifier and not by a foreign key, so that those who check food
and those who make it keep their records apart.
"""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from foodtrace.trace.store.models import Base
from foodtrace.trace.store.types import Id


class Certificate(Base):
    """A certificate for a lot; its number is unique for each party that issues."""

    __tablename__ = "certificate"
    __table_args__ = (
        Index("uq_certificate_number", "party_id", "number", unique=True),
        Index("ix_certificate_file", "file"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    party_id: Mapped[int] = mapped_column(Id)  # the laboratory or authority
    number: Mapped[str] = mapped_column(String(60))
    lot: Mapped[str] = mapped_column(String(500), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    sampled_on: Mapped[date]
    sampled_at: Mapped[str | None] = mapped_column(String(200))
    sampled_by: Mapped[str | None] = mapped_column(String(200))
    sample_amount: Mapped[Decimal | None]
    sample_uom: Mapped[str | None] = mapped_column(String(3))
    issued_on: Mapped[date]
    valid_until: Mapped[date | None]
    # As certified on the day of issue: a later change of the rules does not rewrite it.
    verdict: Mapped[str] = mapped_column(String(10))
    recorded_at: Mapped[datetime]
    withdrawal_id: Mapped[int | None] = mapped_column(Id)
    withdrawn_at: Mapped[datetime | None]
    withdrawal_reason: Mapped[str | None] = mapped_column(String(500))
    # The report of the laboratory, if there is one: its SHA-256, and who may have it.
    file: Mapped[str | None] = mapped_column(String(64))
    file_type: Mapped[str | None] = mapped_column(String(80))
    file_size: Mapped[int | None]
    file_is_public: Mapped[bool | None]


class CertificateFile(Base):
    """The report of a laboratory as a file. Not derived: statements name it by its hash.

    Whoever brings the same file keeps it as well: nobody learns that another has it.
    """

    __tablename__ = "certificate_file"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    party_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    media_type: Mapped[str] = mapped_column(String(80))
    size: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime]


class Result(Base):
    """One tested item. Numbers are kept as written: 0.050 says more than 0.05."""

    __tablename__ = "certificate_result"
    __table_args__ = ({"sqlite_with_rowid": False},)

    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    analyte: Mapped[str] = mapped_column(String(100))
    analyte_en: Mapped[str | None] = mapped_column(String(100))
    analyte_code: Mapped[str | None] = mapped_column(String(40))
    method: Mapped[str | None] = mapped_column(String(100))
    outcome: Mapped[str] = mapped_column(String(12))
    value: Mapped[str | None] = mapped_column(String(42))
    unit: Mapped[str] = mapped_column(String(20))
    limit_comparator: Mapped[str | None] = mapped_column(String(6))
    limit_value: Mapped[str | None] = mapped_column(String(42))
    limit_standard: Mapped[str | None] = mapped_column(String(100))
    limit_effective_on: Mapped[date | None]


class Recall(Base):
    """A recall of a lot. It reaches what was made of it by the walk, not by rows."""

    __tablename__ = "recall"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    party_id: Mapped[int] = mapped_column(Id)  # who opened it; 0: no party
    lot: Mapped[str] = mapped_column(String(500), index=True)
    recall_class: Mapped[int]
    reason: Mapped[str] = mapped_column(String(1000))
    reason_en: Mapped[str | None] = mapped_column(String(1000))
    hazard: Mapped[str] = mapped_column(String(1000))
    hazard_en: Mapped[str | None] = mapped_column(String(1000))
    advice: Mapped[str] = mapped_column(String(1000))
    advice_en: Mapped[str | None] = mapped_column(String(1000))
    compensation: Mapped[str] = mapped_column(String(500))
    compensation_en: Mapped[str | None] = mapped_column(String(500))
    contact: Mapped[str] = mapped_column(String(100))
    area: Mapped[str | None] = mapped_column(String(300))
    notice_url: Mapped[str | None] = mapped_column(String(500))
    opened_at: Mapped[datetime] = mapped_column(index=True)
    recorded_at: Mapped[datetime]
    end_id: Mapped[int | None] = mapped_column(Id)
    ended_at: Mapped[datetime | None]
    end_statement: Mapped[str | None] = mapped_column(String(1000))
