"""Print jobs: what was printed, for whom, how often, and what the check of it found."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from foodtrace.trace.store.models import Base
from foodtrace.trace.store.types import Id


class PrintJob(Base):
    """Labels of one kind, drawn by the worker and released when every code was read back.

    State: waiting, drawing, released, refused, past (the file is gone). `labels` and `drawn`
    count labels; the file is in the data folder under the job's id.
    """

    __tablename__ = "print_job"
    __table_args__ = (
        Index("ix_print_job_party_id", "party_id", "created_at"),
        Index("ix_print_job_state", "state", "created_at"),
        Index("ix_print_job_subject", "subject", "party_id"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    party_id: Mapped[int] = mapped_column(Id)
    created_by: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    # A lot's canonical identifier, or run:ID with the first and the last position.
    subject: Mapped[str] = mapped_column(String(500))
    first: Mapped[int]
    last: Mapped[int]
    # How to print it: layout, format, density, copies, texts.
    task: Mapped[dict[str, Any]]
    labels: Mapped[int]
    drawn: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str | None] = mapped_column(String(200))  # why it is printed again
    # What the reader should know: why it was refused, or which letters are boxes.
    finding: Mapped[dict[str, Any] | None]
    attempts: Mapped[int] = mapped_column(default=0)
    alive_at: Mapped[datetime | None]  # when its drawing was last heard of
    finished_at: Mapped[datetime | None]
