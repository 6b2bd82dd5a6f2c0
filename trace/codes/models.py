"""Codes on single things: made in runs, given to a lot, and what becomes of them when scanned."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from foodtrace.trace.store.models import Base
from foodtrace.trace.store.types import Id


class CodeRun(Base):
    """Codes that were made together; derived. The id is that of the statement that made them.

    Without a lot they are a roll, printed before anybody knows what it will be stuck on.
    """

    __tablename__ = "code_run"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    party_id: Mapped[int] = mapped_column(Id, index=True)
    product: Mapped[str] = mapped_column(String(500))  # canonical: /01/… or /q/…
    lot: Mapped[str | None] = mapped_column(String(500))  # canonical
    count: Mapped[int]
    note: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]


class UnitCode(Base):
    """One code of a run, for one single thing; derived.

    State: waiting (on a roll), active, void, lost. `position` counts from 1 within the run.
    """

    __tablename__ = "unit_code"
    __table_args__ = (Index("uq_unit_code_run_id", "run_id", "position", unique=True),)

    canonical: Mapped[str] = mapped_column(String(120), primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("code_run.id"))
    position: Mapped[int]
    lot: Mapped[str | None] = mapped_column(String(500), index=True)
    state: Mapped[str] = mapped_column(String(8))
    since: Mapped[datetime]
    reason: Mapped[str | None] = mapped_column(String(200))


class Scan(Base):
    """A look at the page of a single thing; kept for 30 days.

    `client` is a hash with a salt that lives one day: who looked is forgotten with it.
    `region` is a province at most.
    """

    __tablename__ = "scan"
    __table_args__ = (Index("ix_scan_canonical", "canonical", "at"), Index("ix_scan_at", "at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    canonical: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime]
    client: Mapped[bytes] = mapped_column(LargeBinary(16))
    region: Mapped[str | None] = mapped_column(String(2))  # GB/T 2260, first two digits


class ScanTotal(Base):
    """How often a code was scanned, and when first: what stays when the scans are gone."""

    __tablename__ = "scan_total"

    canonical: Mapped[str] = mapped_column(String(120), primary_key=True)
    count: Mapped[int]
    first_at: Mapped[datetime]


class CodeWarning(Base):
    """That scans of a code do not fit one single thing. `kind` is a `rules.Kind`."""

    __tablename__ = "code_warning"

    canonical: Mapped[str] = mapped_column(String(120), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    since: Mapped[datetime]
    scans: Mapped[int]
    looked_at: Mapped[datetime | None]  # by the producer
