"""Master data: who (party), where (place), what (product, lot).

Party, place and product rows have the id of the statement that made them, and `revision`
is the id of the newest statement that shaped them; a lot's facts are derived from the ILMD
of the event that made the lot. All are derived tables.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from foodtrace.trace.store.models import Base
from foodtrace.trace.store.types import Id


def _own_id(context: Any) -> int:
    """Return the id of the row that is being written: nothing has revised it yet."""
    own: int = context.get_current_parameters()["id"]
    return own


class Party(Base):
    """An organisation. `identifier` is ``/417/{gln}``, or a ``urn:uuid:`` without a GLN."""

    __tablename__ = "party"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    identifier: Mapped[str] = mapped_column(String(100), unique=True)
    name: Mapped[str] = mapped_column(String(200), index=True)
    name_en: Mapped[str | None] = mapped_column(String(200))
    # farm, packer, processor, cold_store, distributor, shop, laboratory, authority, other
    kind: Mapped[str] = mapped_column(String(20))
    uscc: Mapped[str | None] = mapped_column(String(18), unique=True)
    food_licence: Mapped[str | None] = mapped_column(String(16))  # SC + 14 digits
    region: Mapped[str | None] = mapped_column(String(100))  # province, city, county: shown to all
    address: Mapped[str | None] = mapped_column(String(300))
    phone: Mapped[str | None] = mapped_column(String(40))  # the organisation's public number
    revision: Mapped[int] = mapped_column(Id, default=_own_id)


class Place(Base):
    """A place of a party. `identifier`: ``/414/{gln}[/254/{ext}]``, or a ``urn:uuid:``."""

    __tablename__ = "place"
    __table_args__ = (Index("uq_place_name", "party_id", "name", unique=True),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    identifier: Mapped[str] = mapped_column(String(100), unique=True)
    party_id: Mapped[int] = mapped_column(ForeignKey("party.id"))
    name: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str | None] = mapped_column(String(200))
    region: Mapped[str | None] = mapped_column(String(100))
    address: Mapped[str | None] = mapped_column(String(300))
    revision: Mapped[int] = mapped_column(Id, default=_own_id)


class Product(Base):
    """A kind of food. `identifier`: ``/01/{gtin}``, or ``/q/{code}`` without a GTIN."""

    __tablename__ = "product"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    identifier: Mapped[str] = mapped_column(String(100), unique=True)
    party_id: Mapped[int] = mapped_column(ForeignKey("party.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str | None] = mapped_column(String(200))
    brand: Mapped[str | None] = mapped_column(String(100))
    net_content: Mapped[str | None] = mapped_column(String(100))
    storage: Mapped[str | None] = mapped_column(String(200))  # as the label says it
    shelf_life_days: Mapped[int | None]
    standard: Mapped[str | None] = mapped_column(String(100))  # e.g. GB/T 22345-2008
    ingredients: Mapped[str | None] = mapped_column(String(1000))
    allergens: Mapped[str | None] = mapped_column(String(300))
    revision: Mapped[int] = mapped_column(Id, default=_own_id)


class Revision(Base):
    """A statement that made or changed a party, place or product: its history, in order."""

    __tablename__ = "revision"
    __table_args__ = (Index("ix_revision_subject_id", "subject_id", "id"),)

    id: Mapped[int] = mapped_column(
        ForeignKey("statement.id"), primary_key=True, autoincrement=False
    )
    subject_id: Mapped[int] = mapped_column(Id)


class Lot(Base):
    """What is known of one lot, from the ILMD of the event that made it."""

    __tablename__ = "lot"

    item_id: Mapped[int] = mapped_column(
        ForeignKey("item.id"), primary_key=True, autoincrement=False
    )
    event_id: Mapped[int] = mapped_column(ForeignKey("event.id"))
    product_identifier: Mapped[str | None] = mapped_column(String(100), index=True)
    party_id: Mapped[int] = mapped_column(Id, index=True)  # who made it; 0: no party
    made_at: Mapped[datetime]  # eventTime of the making event
    lot_number: Mapped[str | None] = mapped_column(String(20))
    production_date: Mapped[date | None]
    expiry_date: Mapped[date | None]
    origin: Mapped[str | None] = mapped_column(String(200))
    amount: Mapped[Decimal | None]
    uom: Mapped[str | None] = mapped_column(String(3))
    certificate_number: Mapped[str | None] = mapped_column(String(100))  # 承诺达标合格证
    more: Mapped[dict[str, Any] | None]  # the rest of the ILMD, by full IRI


class MasterAttribute(Base):
    """An attribute of a thing in the master data of a captured document (EPCIS 2.0, 6.5).

    Rows are what the party said last of the thing. `element` is canonical as in events;
    `attribute` is a full IRI.
    """

    __tablename__ = "master_attribute"
    __table_args__ = ({"sqlite_with_rowid": False},)

    party_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    element: Mapped[str] = mapped_column(String(500), primary_key=True)
    attribute: Mapped[str] = mapped_column(String(500), primary_key=True)
    value_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    vocabulary: Mapped[str] = mapped_column(String(500))
    value: Mapped[str] = mapped_column(String(10_000))


class MasterChild(Base):
    """That one thing lies in another, in the master data of a captured document."""

    __tablename__ = "master_child"
    __table_args__ = ({"sqlite_with_rowid": False},)

    party_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    parent: Mapped[str] = mapped_column(String(500), primary_key=True)
    child: Mapped[str] = mapped_column(String(500), primary_key=True)
