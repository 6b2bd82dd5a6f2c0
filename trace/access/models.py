"""Accounts of people, keys of machines, and the sign-ins that are open.

None of this is part of the record: `rebuild` leaves these tables alone. A party is
named without a foreign key, because party is a derived table.
"""

from datetime import datetime

from flask_security import RoleMixin, UserMixin
from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from foodtrace.trace.access.actor import Role
from foodtrace.trace.store.models import Base
from foodtrace.trace.store.types import Id


class UserRole(Base, RoleMixin):
    """One role of one person."""

    __tablename__ = "account_role"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(20), primary_key=True)


class User(Base, UserMixin):
    """A person's account."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    username: Mapped[str] = mapped_column(String(32), unique=True)
    display_name: Mapped[str] = mapped_column(String(100))
    password: Mapped[str] = mapped_column(String(255))  # argon2id, in its own text form
    active: Mapped[bool] = mapped_column(default=True)
    # Changes with the password, which ends every session of the account.
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    party_id: Mapped[int | None] = mapped_column(Id)
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]  # type: ignore[assignment]  # none before the first
    # The second factor: the secret is encrypted with the installation's key. A code
    # counts once: the counter of the last one that was taken is kept.
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    tf_totp_secret: Mapped[str | None] = mapped_column(String(255))
    tf_last_counter: Mapped[int | None] = mapped_column(Id)
    roles: Mapped[list[UserRole]] = relationship(  # type: ignore[assignment]  # a list of ours
        cascade="all, delete-orphan", lazy="selectin", order_by=UserRole.name
    )

    # Flask-Security sets this when it takes a second factor away; we send no text messages.
    tf_phone_number = None

    @property
    def role_names(self) -> frozenset[Role]:
        """The roles as the policy knows them."""
        return frozenset(Role(role.name) for role in self.roles)


class SignIn(Base):
    """An open session of a person; ending it here ends it, whoever holds the cookie."""

    __tablename__ = "sign_in"

    token_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime]


class ApiKey(Base):
    """A machine's key. Only the hash of its secret is kept: it is shown once."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    role: Mapped[str] = mapped_column(String(20))
    party_id: Mapped[int | None] = mapped_column(Id)
    note: Mapped[str | None] = mapped_column(String(100))
    created_by: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    # Accurate to an hour: a busy key must not turn every read into a write.
    last_used_at: Mapped[datetime | None]
