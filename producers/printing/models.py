"""Print jobs: what was printed, for whom, how often, and what the check of it found."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from foodtrace.trace.store.models import Base
from foodtrace.trace.store.types import Id


class PrintJob(Base):
    """Labels of one kind, drawn by the worker and released when every code was read back.

    State: waiting, drawing, released, refused. `labels` and `drawn` count labels; the file is
    in the data folder under the job's id.
    """

    __tablename__ = "print_job"
    __table_args__ = (
        Index("ix_print_job_party_id", "party_id", "created_at"),
        Index("ix_print_job_state", "state", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    party_id: Mapped[int] = mapped_column(Id)
    created_by: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    # What to print: a lot or a part of a run; layout, printer, texts.
    task: Mapped[dict[str, Any]]
    labels: Mapped[int]
    drawn: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str | None] = mapped_column(String(200))  # why it is printed again
    finding: Mapped[str | None] = mapped_column(String(1000))  # why it was refused
    finished_at: Mapped[datetime | None]
