"""The forms of the producers' pages: what the sent fields mean."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_args
from zoneinfo import ZoneInfo

from marshmallow import Schema, fields, post_load, validate

from foodtrace.producers.events import Condition, DocumentType, Moved, Reading
from foodtrace.producers.schemas.common import Amount, RowId
from foodtrace.trace.errors import mark

# Forms speak of local time: this is a service of one country.
CHINA = ZoneInfo("Asia/Shanghai")
PIECES, JIN = "piece", "JIN"
# What people weigh and count with; the values are UN/CEFACT Rec 20 codes, and our own two.
UNITS = {
    "KGM": mark("kg"),
    JIN: mark("jin (500 g)"),
    "TNE": mark("t"),
    "GRM": mark("g"),
    "LTR": mark("litres"),
    PIECES: mark("pieces"),
}
KILOGRAMS_A_JIN = Decimal("0.5")
NOTE = 500


class LocalMoment(fields.NaiveDateTime):
    """A moment in local time, as a browser's field for date and time sends it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> datetime:
        found: datetime = super()._deserialize(value, attr, data, **more)
        return found.replace(tzinfo=CHINA)


class Form(Schema):
    """A form that is sent once: its token tells a second tap from a second act."""

    token = fields.String(load_only=True, validate=validate.Length(max=64))

    @post_load
    def forget_token(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Leave the token to the page: it is no fact."""
        data.pop("token", None)
        return data


class HeldRow(Schema):
    """A line of the stock that was chosen: its unit and identifier, and how much of it."""

    identifier = fields.String(required=True)
    amount = Amount(load_default=None)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Moved:
        """Return the item; the unit is the one in which it is held."""
        uom, _, identifier = data["identifier"].rpartition(" ")
        return Moved(identifier, data["amount"], uom or None)


class ProfileForm(Form):
    """What a party may say of itself."""

    name_en = fields.String(load_default=None)
    region = fields.String(load_default=None)
    address = fields.String(load_default=None)
    phone = fields.String(load_default=None)


class PlaceForm(Form):
    """A new place."""

    name = fields.String(required=True)
    name_en = fields.String(load_default=None)
    gln = fields.String(load_default=None)
    region = fields.String(load_default=None)
    address = fields.String(load_default=None)


class LabelForm(Form):
    """What the label of a product says."""

    name = fields.String(required=True)
    name_en = fields.String(load_default=None)
    brand = fields.String(load_default=None)
    net_content = fields.String(load_default=None)
    storage = fields.String(load_default=None)
    shelf_life_days = fields.Integer(load_default=None)
    standard = fields.String(load_default=None)
    ingredients = fields.String(load_default=None)
    allergens = fields.String(load_default=None)


class ProductForm(LabelForm):
    """A new product."""

    gtin = fields.String(load_default=None)


class BatchForm(Form):
    """A new lot. An amount in jin is kept in kilograms."""

    product_id = RowId(required=True)
    place_id = RowId(required=True)
    amount = Amount(required=True)
    uom = fields.String(required=True, validate=validate.OneOf(list(UNITS)))
    production_date = fields.Date(required=True)
    lot_number = fields.String(load_default=None)
    made_at = LocalMoment(load_default=None)
    expiry_date = fields.Date(load_default=None)
    origin = fields.String(load_default=None)
    certificate_number = fields.String(load_default=None)
    note = fields.String(load_default=None, validate=validate.Length(max=NOTE))
    inputs = fields.List(fields.Nested(HeldRow), load_default=list)

    @post_load
    def in_standard_units(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Say amounts in units of Rec 20, and when: without a time it is made now."""
        if data["uom"] == JIN:
            data |= {"amount": data["amount"] * KILOGRAMS_A_JIN, "uom": "KGM"}
        elif data["uom"] == PIECES:
            data["uom"] = None
        if data["made_at"] is None:
            data["made_at"] = _end_of(data["production_date"])
        return data


class MoveForm(Form):
    """An act at a place; without a time it happens now."""

    place_id = RowId(required=True)
    at = LocalMoment(load_default=None)
    note = fields.String(load_default=None, validate=validate.Length(max=NOTE))

    @post_load
    def now_by_default(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Say when it happened."""
        data["at"] = data["at"] or datetime.now(CHINA)
        return data


class ItemsForm(MoveForm):
    """An act on lines of the stock."""

    items = fields.List(fields.Nested(HeldRow), load_default=list)


class ShipForm(ItemsForm):
    """Goods for another party: a name to search for, then the one that was chosen."""

    recipient = fields.String(load_default="")
    recipient_id = RowId(load_default=None)
    document = fields.String(load_default=None)
    document_type = fields.String(
        load_default="desadv", validate=validate.OneOf(get_args(DocumentType))
    )
    celsius = Amount(load_default=None)


class ReceiptForm(ItemsForm):
    """What arrived of an announced shipment."""

    condition = fields.String(
        load_default="in_progress", validate=validate.OneOf(get_args(Condition))
    )
    celsius = Amount(load_default=None)


class OtherReceiptForm(MoveForm):
    """What arrived and nobody announced: one lot or pallet, and from whom."""

    code = fields.String(required=True)
    amount = Amount(load_default=None)
    uom = fields.String(load_default="KGM", validate=validate.OneOf(list(UNITS)))
    sender = fields.String(load_default="")
    sender_id = RowId(load_default=None)
    document = fields.String(load_default=None)


class PackForm(MoveForm):
    """Goods for a pallet."""

    sscc = fields.String(required=True)
    contents = fields.List(fields.Nested(HeldRow), load_default=list)


class UnpackForm(MoveForm):
    """A pallet to be emptied."""

    sscc = fields.String(required=True)


class ReadingRow(Schema):
    """One line of a list of temperatures."""

    at = LocalMoment(load_default=None)
    celsius = Amount(required=True)


class TemperaturesForm(ItemsForm):
    """Temperatures of goods; one without a time was measured at the time of the act."""

    readings = fields.List(fields.Nested(ReadingRow), load_default=list)

    @post_load
    def make_readings(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Return readings as services take them."""
        at = data.get("at") or datetime.now(CHINA)
        data["readings"] = [Reading(row["at"] or at, row["celsius"]) for row in data["readings"]]
        return data


class OutForm(ItemsForm):
    """Goods that leave the chain."""

    how = fields.String(load_default="sold", validate=validate.OneOf(["sold", "destroyed"]))


def moved_of(amount: Decimal | None, unit: str, identifier: str) -> Moved:
    """Return an item with an amount in a unit of `UNITS`."""
    if amount is None:
        return Moved(identifier)
    if unit == JIN:
        return Moved(identifier, amount * KILOGRAMS_A_JIN, "KGM")
    return Moved(identifier, amount, None if unit == PIECES else unit)


def _end_of(day: date) -> datetime:
    """Return the moment of making when only the day is known: its end, or now if today."""
    return min(
        datetime.now(CHINA),
        datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=CHINA),
    )
