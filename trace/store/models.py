"""The tables of the record. DESIGN: bytes received are the truth, the rest is derived.

`document` and `statement` are the record and only ever grow. `capture` remembers
what was answered to whom. `item`, `event`, `event_item`, `edge` and `containment`
are indexes, as are `event_key`, `event_number` and `observed` for queries: `foodtrace
rebuild` throws them away and makes them again.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from foodtrace.trace.store.types import Amount, Id, UtcTime


class Base(DeclarativeBase):
    """The metadata that every package's tables join."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy reads a plain class attribute
        datetime: UtcTime,
        Decimal: Amount,
        dict[str, Any]: JSON(none_as_null=True).with_variant(
            JSONB(none_as_null=True), "postgresql"
        ),
    }


class Document(Base):
    """Bytes as they were received, once, with who sent them and when."""

    __tablename__ = "document"
    __table_args__ = (Index("ix_document_party_id", "party_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    # No foreign key: party is a derived table, and rebuild makes it again.
    party_id: Mapped[int | None] = mapped_column(Id)
    actor: Mapped[str] = mapped_column(String(80))
    content_type: Mapped[str] = mapped_column(String(80))
    received_at: Mapped[datetime]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    # XML as it was received; `body` is then what it says, as EPCIS 2.0 JSON.
    original: Mapped[bytes | None] = mapped_column(LargeBinary)


class Statement(Base):
    """One immutable fact: a slice of the document that stated it.

    `start` and `length` count bytes of `document.body`. An event's slice is the
    event's JSON object exactly as received; other kinds own their whole document.
    """

    __tablename__ = "statement"
    __table_args__ = (
        # For the few that are shown to everybody; events are nearly all.
        Index(
            "ix_statement_kind",
            "kind",
            sqlite_where=text("kind <> 'event'"),
            postgresql_where=text("kind <> 'event'"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"), index=True)
    start: Mapped[int]
    length: Mapped[int]


class Capture(Base):
    """A capture job, or another act that is done once: sending it twice gives the same answer.

    The body's hash is the key of a sender that names none. A job is *waiting* until its
    document is recorded (*done*) or turned out not to be recordable (*failed*); what is not
    a capture of EPCIS is an *act*.
    """

    __tablename__ = "capture"
    __table_args__ = (
        Index("uq_capture_key", "party_id", "key", unique=True),
        Index("ix_capture_created_at", "party_id", "created_at", "id"),
        Index(
            "ix_capture_newest",
            "created_at",
            "id",
            sqlite_where=text("state <> 'act'"),
            postgresql_where=text("state <> 'act'"),
        ),
        Index(
            "ix_capture_waiting",
            "created_at",
            "id",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    party_id: Mapped[int] = mapped_column(Id)  # 0: captured by no party
    key: Mapped[str] = mapped_column(String(255))
    body_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(8), default="done")
    behaviour: Mapped[str] = mapped_column(String(8), default="rollback")
    finished_at: Mapped[datetime | None]
    # Of a capture: eventIDs, duplicates and errors; of an act its answer.
    result: Mapped[dict[str, Any]]


class Item(Base):
    """What events speak of: a class, lot, instance, logistic unit or other thing.

    `canonical` is the path of its GS1 Digital Link (``/01/…/10/…``, ``/00/…``), of
    our own code (``/q/…``), or the identifier itself where it is neither.
    """

    __tablename__ = "item"
    __table_args__ = (
        Index("ix_item_gtin", "gtin", "lot"),
        # Ranges of identifiers (trace/query), whatever the language of the database is.
        Index("ix_item_canonical_bytes", text('canonical COLLATE "C"')).ddl_if(
            dialect="postgresql"
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    canonical: Mapped[str] = mapped_column(String(500), unique=True)
    gtin: Mapped[str | None] = mapped_column(String(14))
    lot: Mapped[str | None] = mapped_column(String(20))
    serial: Mapped[str | None] = mapped_column(String(28))


class Event(Base):
    """What is queried of one EPCIS event; its truth is the statement of the same id."""

    __tablename__ = "event"
    __table_args__ = (
        Index(
            "uq_event_event_id",
            "party_id",
            "event_id",
            unique=True,
            sqlite_where=text("declared_at IS NULL"),
            postgresql_where=text("declared_at IS NULL"),
        ),
        # Small, for few events are declared wrong: whether one is costs hardly anything.
        Index(
            "uq_event_declaration",
            "party_id",
            "event_id",
            unique=True,
            sqlite_where=text("declared_at IS NOT NULL"),
            postgresql_where=text("declared_at IS NOT NULL"),
        ),
        # The ways through the events: of everybody or of one party, by either time.
        Index("ix_event_event_time", "event_time", "id"),
        Index("ix_event_record_time", "record_time", "id"),
        Index("ix_event_party_event_time", "party_id", "event_time", "id"),
        Index("ix_event_party_record_time", "party_id", "record_time", "id"),
        Index("ix_event_destination", "destination", "biz_step"),
    )

    id: Mapped[int] = mapped_column(ForeignKey("statement.id"), primary_key=True)
    event_id: Mapped[str] = mapped_column(String(500), index=True)
    type: Mapped[str] = mapped_column(String(20))
    action: Mapped[str | None] = mapped_column(String(7))
    event_time: Mapped[datetime]
    time_zone_offset: Mapped[str] = mapped_column(String(6))
    record_time: Mapped[datetime]
    biz_step: Mapped[str | None] = mapped_column(String(500))
    disposition: Mapped[str | None] = mapped_column(String(500))
    read_point: Mapped[str | None] = mapped_column(String(500))
    biz_location: Mapped[str | None] = mapped_column(String(500))
    # The captor; 0 where no party captured it. Source and destination are the
    # canonical identifiers that the event itself states.
    party_id: Mapped[int] = mapped_column(Id)
    source: Mapped[str | None] = mapped_column(String(500))
    destination: Mapped[str | None] = mapped_column(String(500))
    transformation_id: Mapped[str | None] = mapped_column(String(500), index=True)
    # Lowest and highest temperature that the event reports, in degrees Celsius.
    temperature_low: Mapped[Decimal | None]
    temperature_high: Mapped[Decimal | None]
    # Set on an error declaration: the event it repeats is declared wrong.
    declared_at: Mapped[datetime | None]
    # Its party keeps the step from the public, who see a numbered blank in its place.
    hidden: Mapped[bool] = mapped_column(default=False)


class EventItem(Base):
    """An item's part in an event. Role: epc, input, output, parent or child."""

    __tablename__ = "event_item"
    __table_args__ = (
        Index("ix_event_item_item_id", "item_id", "event_id", "role", "amount", "uom"),
        {"sqlite_with_rowid": False},
    )

    event_id: Mapped[int] = mapped_column(ForeignKey("event.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(6), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), primary_key=True)
    # What the event says of the amount: null is "not said", an instance counts 1.
    amount: Mapped[Decimal | None]
    uom: Mapped[str | None] = mapped_column(String(3))
    # Named in a list of quantities, as a class of things, not as a thing by itself.
    is_class: Mapped[bool] = mapped_column(default=False)


class Edge(Base):
    """The chain: parent became (part of) child. Kind: made, member.

    *made*: a transformation used the parent and gave the child. *member*: the
    parent is the lot of the child instance. Integer keys and covering indexes both
    ways: a walk reads nothing else.
    """

    __tablename__ = "edge"
    __table_args__ = (
        Index("ix_edge_child_id", "child_id", "parent_id", "event_id", "kind"),
        {"sqlite_with_rowid": False},
    )

    parent_id: Mapped[int] = mapped_column(ForeignKey("item.id"), primary_key=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("item.id"), primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("event.id"), primary_key=True)
    # Part of the key: an event may make serials of a lot out of that very lot.
    kind: Mapped[str] = mapped_column(String(6), primary_key=True)


class Containment(Base):
    """What lay in which logistic unit, from when to when.

    Between `since` and `until` the events of the container belong to the content.
    `until` is null while it still lies there.
    """

    __tablename__ = "containment"
    __table_args__ = (
        Index("ix_containment_container_id", "container_id", "content_id"),
        {"sqlite_with_rowid": False},
    )

    content_id: Mapped[int] = mapped_column(ForeignKey("item.id"), primary_key=True)
    container_id: Mapped[int] = mapped_column(ForeignKey("item.id"), primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)
    until: Mapped[datetime | None]
    amount: Mapped[Decimal | None]
    uom: Mapped[str | None] = mapped_column(String(3))


class EventKey(Base):
    """Everything that an event says and that a query may ask for by equality.

    `key` is a hash of what is said and where (trace/query/fields.py), so that each fact costs
    two integers, whatever its length.
    """

    __tablename__ = "event_key"
    __table_args__ = ({"sqlite_with_rowid": False},)

    key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)


class EventNumber(Base):
    """A number or time that an event says, for queries that compare.

    `field` is a hash of where it stands; measured values are in the base unit of their
    kind, times in seconds since 1970.
    """

    __tablename__ = "event_number"
    __table_args__ = (
        Index("ix_event_number_event_id", "event_id", "field", "value"),
        {"sqlite_with_rowid": False},
    )

    field: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    value: Mapped[float] = mapped_column(Double, primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)


class Observed(Base):
    """A value that the events of a party hold: a step, place, disposition, type or EPC.

    `kind` is eventType, bizStep, bizLocation, readPoint, disposition or epc.
    """

    __tablename__ = "observed"
    __table_args__ = (
        Index("ix_observed_kind", "kind", "value"),
        {"sqlite_with_rowid": False},
    )

    party_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(11), primary_key=True)
    value: Mapped[str] = mapped_column(String(500), primary_key=True)


class Derivation(Base):
    """By which version of the rules the derived tables were made; one row."""

    __tablename__ = "derivation"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
