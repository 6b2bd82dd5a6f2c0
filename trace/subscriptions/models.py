"""Subscriptions to named queries, and what is sent to the subscribers."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from foodtrace.trace.store.models import Base
from foodtrace.trace.store.types import Id

# Written into statements as they are: SQLite sees only then that a partial index will do.
WAITING: ColumnElement[str] = literal_column("'waiting'")
DONE: ColumnElement[str] = literal_column("'done'")


class Subscription(Base):
    """Somebody who is told of the events that match a named query.

    Without a schedule it is told as soon as there are some (``stream``). `position` is the id
    of the last event that was looked at: what is newer has not been told yet. It goes when
    its query is deleted.
    """

    __tablename__ = "subscription"
    __table_args__ = (Index("ix_subscription_due_at", "due_at"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    query_id: Mapped[int] = mapped_column(
        ForeignKey("named_query.id", ondelete="CASCADE"), index=True
    )
    party_id: Mapped[int] = mapped_column(Id)  # 0: of no party
    # Whether the subscriber may see everybody's events or those of its party only.
    sees_all: Mapped[bool]
    dest: Mapped[str] = mapped_column(String(2000))
    secret: Mapped[str] = mapped_column(String(500))
    schedule: Mapped[dict[str, Any] | None]
    report_if_empty: Mapped[bool]
    initial_record_time: Mapped[datetime | None]
    formats: Mapped[dict[str, Any]]
    position: Mapped[int] = mapped_column(Id)
    created_by: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    last_notified_at: Mapped[datetime | None]  # when the last message was taken
    # It ends by itself when the receiver wants no more (gone), has not been reached for long
    # (unreachable), or when nobody may act for its party any more (nobody).
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None] = mapped_column(String(20))


class Delivery(Base):
    """One message to a subscriber: *waiting* until it is *done*, or *dead* after many attempts.

    Messages of one subscription are sent in the order of `created_at`, one after the other.
    One that is done for a while is *past*: its body is dropped.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_subscription_id", "subscription_id", "created_at"),
        Index(
            "ix_delivery_waiting",
            "due_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_delivery_next",
            "subscription_id",
            "created_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_delivery_done",
            "finished_at",
            sqlite_where=text("state = 'done'"),
            postgresql_where=text("state = 'done'"),
        ),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    subscription_id: Mapped[str] = mapped_column(ForeignKey("subscription.id", ondelete="CASCADE"))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    events: Mapped[int]
    state: Mapped[str] = mapped_column(String(8))
    attempts: Mapped[int]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    answer: Mapped[str | None] = mapped_column(String(500))
