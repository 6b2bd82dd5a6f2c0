"""Personal data, apart from the record: the record holds a salted commitment in its place."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from foodtrace.trace.store.models import Base
from foodtrace.trace.store.types import Id


class Personal(Base):
    """One value that names or describes a person. Erasing it removes the row, salt included.

    Not derived: it is nowhere else. `digest` is what the record says in its place.
    """

    __tablename__ = "personal"
    __table_args__ = (
        Index("ix_personal_digest", "digest"),
        Index("ix_personal_document_id", "document_id"),
        Index("ix_personal_party_id", "party_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    document_id: Mapped[int] = mapped_column(Id)
    party_id: Mapped[int] = mapped_column(Id)  # who recorded it
    place: Mapped[str] = mapped_column(String(500))  # JSON pointer, in the document
    value: Mapped[str] = mapped_column(String(2_000))
    salt: Mapped[bytes] = mapped_column(LargeBinary(16))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    recorded_at: Mapped[datetime]
