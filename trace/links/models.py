"""Links of things: where else a code leads, besides our own pages."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from foodtrace.trace.store.models import Base
from foodtrace.trace.store.types import Id


class ThingLink(Base):
    """A link that a producer gives a product, a lot or a place (RFC 9264); derived.

    `anchor` is canonical (``/01/…``, ``/01/…/10/…``, ``/414/…``); the id is that of the
    statement that made it.
    """

    __tablename__ = "thing_link"
    __table_args__ = (Index("ix_thing_link_anchor", "anchor", "link_type"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    party_id: Mapped[int] = mapped_column(Id)
    anchor: Mapped[str] = mapped_column(String(500))
    link_type: Mapped[str] = mapped_column(String(60))  # a word of the GS1 vocabulary: pip
    href: Mapped[str] = mapped_column(String(2000))
    title: Mapped[str] = mapped_column(String(200))
    language: Mapped[str | None] = mapped_column(String(35))  # BCP 47
    media_type: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
