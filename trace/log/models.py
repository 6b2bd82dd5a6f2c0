"""The tables of the log. What is published follows from `leaf`, `log_state` and `checkpoint`.

A log is named by its year. `leaf` and `checkpoint` only ever grow: triggers refuse changes.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from foodtrace.trace.store.models import Base
from foodtrace.trace.store.types import Id


class LogState(Base):
    """One log, of one year: how far it has come. The newest year is the one that grows.

    `edge` holds the roots of its perfect subtrees, largest first; `time` is that of the last
    leaf, in milliseconds since 1970. Whoever sequences has taken the newest `epoch`.
    """

    __tablename__ = "log_state"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    origin: Mapped[str] = mapped_column(String(300), unique=True)
    vkey: Mapped[str] = mapped_column(String(500))  # of the log's signatures
    size: Mapped[int] = mapped_column(BigInteger)
    edge: Mapped[bytes] = mapped_column(LargeBinary)
    time: Mapped[int] = mapped_column(BigInteger)
    epoch: Mapped[int] = mapped_column(BigInteger)
    # No leaf follows: the next year's log has begun with this one's last checkpoint.
    is_closed: Mapped[bool]
    # Why nobody may record or sign, as a problem; null while all is well.
    stopped: Mapped[dict[str, Any] | None]


class Leaf(Base):
    """One entry of a log, and the secrets of the statement behind it.

    `header` is what the log adds to the statement (trace/log/leaves.py). A leaf that was
    brought back from the published log after its statement was lost has neither.
    """

    __tablename__ = "leaf"
    __table_args__ = (
        Index("uq_leaf_statement_id", "statement_id", unique=True),
        {"sqlite_with_rowid": False},
    )

    year: Mapped[int] = mapped_column(
        ForeignKey("log_state.year"), primary_key=True, autoincrement=False
    )
    idx: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    statement_id: Mapped[int | None] = mapped_column(ForeignKey("statement.id"))
    time: Mapped[int] = mapped_column(BigInteger)
    commitment: Mapped[bytes] = mapped_column(LargeBinary(32))
    secret: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    header: Mapped[bytes | None] = mapped_column(LargeBinary)


class LogTile(Base):
    """Hashes of a log's tree, up to 256 side by side, as they are published.

    The last tile of each level grows; its beginning is every smaller one there ever was.
    """

    __tablename__ = "log_tile"
    __table_args__ = ({"sqlite_with_rowid": False},)

    year: Mapped[int] = mapped_column(
        ForeignKey("log_state.year"), primary_key=True, autoincrement=False
    )
    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hashes: Mapped[bytes] = mapped_column(LargeBinary)


class LogCheckpoint(Base):
    """A head of a log that was signed and published: the note without cosignatures."""

    __tablename__ = "checkpoint"
    __table_args__ = (
        Index("ix_checkpoint_signed_at", "year", "signed_at"),
        {"sqlite_with_rowid": False},
    )

    year: Mapped[int] = mapped_column(
        ForeignKey("log_state.year"), primary_key=True, autoincrement=False
    )
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    note: Mapped[bytes] = mapped_column(LargeBinary)
    signed_at: Mapped[datetime]


class LogCosignature(Base):
    """What a witness said of a checkpoint: the first time, and the latest.

    `line` is a signature line of the note; `time` is in it, in seconds since 1970.
    """

    __tablename__ = "cosignature"
    __table_args__ = (
        ForeignKeyConstraint(["year", "size"], ["checkpoint.year", "checkpoint.size"]),
        Index("ix_cosignature_time", "year", "time"),
        # How far each witness has come: what it has seen, it has seen with all before.
        Index("ix_cosignature_witness", "year", "witness", "size"),
        {"sqlite_with_rowid": False},
    )

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    witness: Mapped[str] = mapped_column(String(300), primary_key=True)  # name of the key
    is_first: Mapped[bool] = mapped_column(primary_key=True)
    time: Mapped[int] = mapped_column(BigInteger)
    line: Mapped[str] = mapped_column(String(4_000))


class WitnessState(Base):
    """How it stands between a log and a witness, for the asking and for those who run the service.

    `size` and `time` (seconds since 1970) are those of its latest cosignature, `target` is
    the size it was last asked for. Other times are in milliseconds: they are compared in SQL.
    """

    __tablename__ = "witness_state"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(300), primary_key=True)
    size: Mapped[int | None] = mapped_column(BigInteger)
    time: Mapped[int | None] = mapped_column(BigInteger)
    target: Mapped[int | None] = mapped_column(BigInteger)
    asked_at: Mapped[int] = mapped_column(BigInteger, default=0)
    busy_until: Mapped[int] = mapped_column(BigInteger, default=0)
    failures: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(String(500))
    warning: Mapped[str | None] = mapped_column(String(500))
    warned_at: Mapped[int | None] = mapped_column(BigInteger)


class TimeStamp(Base):
    """The answer of a time-stamping authority (RFC 3161) for a checkpoint or a certificate.

    `subject` is ``checkpoint/{year}/{size}`` or ``leaf/{year}/{idx}``; `digest` is the SHA-256
    of the note or entry, `token` the whole answer (DER), `time` what the authority says in it.
    """

    __tablename__ = "time_stamp"

    subject: Mapped[str] = mapped_column(String(80), primary_key=True)
    authority: Mapped[str] = mapped_column(String(300))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    token: Mapped[bytes] = mapped_column(LargeBinary)
    time: Mapped[datetime]


class StampState(Base):
    """How far the stamping has come: one row, made when it begins.

    All days before `day` (UTC) are stamped, and all certificates among the leaves before
    `idx` of the log `year`. Nobody else tries before `busy_until` (milliseconds since 1970).
    """

    __tablename__ = "stamp_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    since: Mapped[date]
    day: Mapped[date]
    year: Mapped[int]
    idx: Mapped[int] = mapped_column(BigInteger)
    busy_until: Mapped[int] = mapped_column(BigInteger)
    failures: Mapped[int]
    error: Mapped[str | None] = mapped_column(String(500))


class Counter(Base):
    """The last number that was given: of a party's statements, or of those about one thing.

    `name` is the party's id, and the thing's canonical identifier behind a blank.
    """

    __tablename__ = "counter"
    __table_args__ = ({"sqlite_with_rowid": False},)

    name: Mapped[str] = mapped_column(String(600), primary_key=True)
    series: Mapped[str] = mapped_column(String(24))
    last: Mapped[int] = mapped_column(BigInteger)


class Unlogged(Base):
    """A statement that has no leaf yet; written by the transaction that records it."""

    __tablename__ = "unlogged"

    statement_id: Mapped[int] = mapped_column(
        Id, ForeignKey("statement.id"), primary_key=True, autoincrement=False
    )


class Numbered(Base):
    """A statement that is no event, and a thing that it is numbered by.

    With the items of the events it gives all statements that a thing's series consist of.
    """

    __tablename__ = "numbered"
    __table_args__ = ({"sqlite_with_rowid": False},)

    thing: Mapped[str] = mapped_column(String(500), primary_key=True)
    statement_id: Mapped[int] = mapped_column(
        Id, ForeignKey("statement.id"), primary_key=True, autoincrement=False
    )
