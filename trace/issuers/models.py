"""Keys of parties' devices, and the signatures made with them. Both follow from statements.

Whether a key was good for a signature is a matter of where both stand in the log, never of
a clock: the columns name statements, and `leaf` knows their places.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from foodtrace.trace.store.models import Base
from foodtrace.trace.store.types import Id


class IssuerKey(Base):
    """An Ed25519 key of one device of a party. The id is that of the statement that enrols it."""

    __tablename__ = "issuer_key"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    party_id: Mapped[int] = mapped_column(Id, index=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    name: Mapped[str] = mapped_column(String(100))  # of the device
    # Who vouches for it: first (the party's first key), key (an older key of the party),
    # authority (a regulator); while `active_id` is null, who is asked to.
    vouched_by: Mapped[str] = mapped_column(String(10))
    voucher_id: Mapped[int | None] = mapped_column(Id)  # the older key, or the confirmation
    # The statement from which on it is good; null while a confirmation is awaited.
    active_id: Mapped[int | None] = mapped_column(Id)
    # The statement from which on it is good no more, and why.
    revoked_id: Mapped[int | None] = mapped_column(Id)
    # replaced, ended, lost, stolen
    revoked_reason: Mapped[str | None] = mapped_column(String(10))
    # Signatures between the first statement at or after this time and the revocation are to
    # be confirmed again.
    compromised_since: Mapped[datetime | None]
    compromised_id: Mapped[int | None] = mapped_column(Id)
    enrolled_at: Mapped[datetime]


class IssuerSignature(Base):
    """A device's signature over one statement. The id is that of the statement that brings it."""

    __tablename__ = "issuer_signature"
    __table_args__ = (
        Index("ix_issuer_signature_statement_id", "statement_id", "key_id"),
        Index("uq_issuer_signature_n", "key_id", "n", unique=True),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    statement_id: Mapped[int] = mapped_column(Id)  # that is signed
    key_id: Mapped[int] = mapped_column(Id)
    n: Mapped[int] = mapped_column(BigInteger)  # of the key, gapless
    numbers: Mapped[dict[str, Any]]  # of the key for each lot: canonical identifier → number
    signed_at: Mapped[datetime]  # as the device says
    signature: Mapped[bytes] = mapped_column(LargeBinary(64))


class IssuerCount(Base):
    """How often a key has signed something about one lot or logistic unit."""

    __tablename__ = "issuer_count"
    __table_args__ = ({"sqlite_with_rowid": False},)

    key_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    lot: Mapped[str] = mapped_column(String(500), primary_key=True)  # canonical identifier
    last: Mapped[int] = mapped_column(BigInteger)
