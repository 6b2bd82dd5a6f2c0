"""Queries that somebody gave a name."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from foodtrace.trace.store.models import Base
from foodtrace.trace.store.types import Id


class NamedQuery(Base):
    """A query that a party keeps under a name of its own."""

    __tablename__ = "named_query"
    __table_args__ = (Index("uq_named_query_name", "party_id", "name", unique=True),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    party_id: Mapped[int] = mapped_column(Id)  # 0: of no party
    name: Mapped[str] = mapped_column(String(200))
    # The parameters as JSON values, with full IRIs for names: they need no prefixes.
    query: Mapped[dict[str, Any]]
    created_by: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
