"""Lots, stock and the acts on them as JSON."""

from typing import Any, get_args

from marshmallow import Schema, fields, post_load, validate

from foodtrace.producers.events import Condition, DocumentType
from foodtrace.producers.schemas.common import Amount, MovedSchema, ReadingSchema, RowId
from foodtrace.producers.services.acts import MOST_ITEMS
from foodtrace.producers.services.batches import Share


class GoodsSchema(Schema):
    """A lot with an amount, or one thing such as a pallet with its contents."""

    identifier = fields.String(attribute="canonical")
    kind = fields.String()
    product_name = fields.String(allow_none=True)
    product_name_en = fields.String(allow_none=True)
    lot_number = fields.String(allow_none=True)
    production_date = fields.Date(allow_none=True)
    expiry_date = fields.Date(allow_none=True)
    amount = Amount(allow_none=True)
    uom = fields.String(allow_none=True)
    is_recalled = fields.Boolean(
        metadata={"description": "Under an open recall, itself or something inside it"}
    )
    contents = fields.List(fields.Nested(lambda: GoodsSchema()))


class LotQuery(Schema):
    """Which lots: by words, and from which cursor on."""

    search = fields.String(load_default=None, validate=validate.Length(max=100))
    after = fields.String(load_default=None, validate=validate.Length(max=100))


class LotListSchema(Schema):
    """One page of lots; `next` is the cursor of the next page."""

    lots = fields.List(fields.Nested(GoodsSchema))
    next = fields.String(allow_none=True)


class NewLotSchema(Schema):
    """A new lot. Without inputs it was harvested, caught or brought in."""

    product_id = RowId(required=True)
    place_id = RowId(required=True)
    amount = Amount(required=True)
    uom = fields.String(load_default=None, allow_none=True)
    made_at = fields.AwareDateTime(load_default=None)
    production_date = fields.Date(required=True)
    expiry_date = fields.Date(load_default=None, allow_none=True)
    lot_number = fields.String(load_default=None, allow_none=True)
    origin = fields.String(load_default=None, allow_none=True)
    certificate_number = fields.String(load_default=None, allow_none=True)
    inputs = fields.List(
        fields.Nested(MovedSchema), load_default=list, validate=validate.Length(max=MOST_ITEMS)
    )
    readings = fields.List(fields.Nested(ReadingSchema), load_default=list)
    note = fields.String(load_default=None, allow_none=True)
    hidden = fields.Boolean(load_default=False)


class BatchSchema(Schema):
    """A lot that was just made: its identifier, its page for consumers, and its event."""

    identifier = fields.String()
    lot_number = fields.String()
    url = fields.String()
    event_id = fields.String()


class ShareSchema(Schema):
    """One new lot of a split. Without a product it stays what it was."""

    amount = Amount(required=True)
    uom = fields.String(load_default=None, allow_none=True)
    lot_number = fields.String(load_default=None, allow_none=True)
    product_id = RowId(load_default=None, allow_none=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Share:
        """Return the share as services take it."""
        return Share(**data)


class SplitSchema(Schema):
    """A lot that is split into new lots, each with a number of its own."""

    identifier = fields.String(required=True)
    place_id = RowId(required=True)
    at = fields.AwareDateTime(load_default=None)
    shares = fields.List(
        fields.Nested(ShareSchema), required=True, validate=validate.Length(min=1, max=MOST_ITEMS)
    )
    hidden = fields.Boolean(load_default=False)


class BatchListSchema(Schema):
    """The lots that came out of a split."""

    lots = fields.List(fields.Nested(BatchSchema))


class MovementSchema(Schema):
    """One of the party's own events about a lot."""

    event_id = fields.String()
    at = fields.AwareDateTime()
    type = fields.String()
    action = fields.String(allow_none=True)
    biz_step = fields.String(allow_none=True)
    disposition = fields.String(allow_none=True)
    role = fields.String()
    amount = Amount(allow_none=True)
    uom = fields.String(allow_none=True)
    container = fields.String(allow_none=True)
    place = fields.String(allow_none=True)
    source = fields.String(allow_none=True)
    destination = fields.String(allow_none=True)
    temperature_low = Amount(allow_none=True)
    temperature_high = Amount(allow_none=True)


class MakerSchema(Schema):
    """Who made a lot: what its label says, too."""

    id = fields.Integer()
    name = fields.String()
    name_en = fields.String(allow_none=True)


class HandoverSumSchema(Schema):
    """How much of a lot went to one recipient, and how much of that was confirmed."""

    party_id = RowId()
    name = fields.String()
    name_en = fields.String(allow_none=True)
    uom = fields.String(allow_none=True)
    sent = Amount(allow_none=True)
    confirmed = Amount(allow_none=True)


class LotSchema(Schema):
    """All that a party may know of one lot."""

    goods = fields.Nested(GoodsSchema)
    made_at = fields.AwareDateTime(allow_none=True)
    origin = fields.String(allow_none=True)
    certificate_number = fields.String(allow_none=True)
    maker = fields.Nested(MakerSchema, allow_none=True)
    inputs = fields.List(fields.Nested(GoodsSchema))
    outputs = fields.List(fields.Nested(GoodsSchema))
    held = fields.List(fields.Nested(GoodsSchema))
    sent = fields.List(fields.Nested(HandoverSumSchema))
    movements = fields.List(fields.Nested(MovementSchema))


class QrQuery(Schema):
    """The printer's density in dots an inch."""

    dpi = fields.Integer(load_default=300)


class ActSchema(Schema):
    """What every act says: where, when, and a note. Without a time it happens now."""

    place_id = RowId(required=True)
    at = fields.AwareDateTime(load_default=None)
    note = fields.String(load_default=None, allow_none=True)
    hidden = fields.Boolean(load_default=False)


class ItemsActSchema(ActSchema):
    """An act on lots or pallets."""

    items = fields.List(
        fields.Nested(MovedSchema),
        required=True,
        validate=validate.Length(min=1, max=MOST_ITEMS),
    )


class HandoverSchema(ItemsActSchema):
    """An act between two parties."""

    document = fields.String(load_default=None, allow_none=True)
    document_type = fields.String(
        load_default="desadv", validate=validate.OneOf(get_args(DocumentType))
    )
    temperatures = fields.List(fields.Nested(ReadingSchema), load_default=list)


class NewShipmentSchema(HandoverSchema):
    """Goods sent to another party."""

    recipient_id = RowId(required=True)
    recipient_place_id = RowId(load_default=None, allow_none=True)


class NewReceiptSchema(HandoverSchema):
    """Goods that arrived. A condition other than in_progress: no more of them will come."""

    sender_id = RowId(required=True)
    condition = fields.String(
        load_default="in_progress", validate=validate.OneOf(get_args(Condition))
    )


class PackingSchema(ActSchema):
    """Goods put on a pallet, or with `unpack` taken off it (all of them if none is named)."""

    sscc = fields.String(required=True)
    contents = fields.List(
        fields.Nested(MovedSchema), load_default=list, validate=validate.Length(max=MOST_ITEMS)
    )


class TemperaturesSchema(ItemsActSchema):
    """Temperatures measured where goods lie."""

    readings = fields.List(
        fields.Nested(ReadingSchema), required=True, validate=validate.Length(min=1)
    )


class EventSchema(Schema):
    """The event that an act was recorded as: it is served at /epcis/events/{event_id}."""

    event_id = fields.String()


class ShipmentLineSchema(Schema):
    """One line of a shipment, and how much of it is still to come."""

    goods = fields.Nested(GoodsSchema)
    to_come = Amount(allow_none=True)


class ShipmentSchema(Schema):
    """Goods on their way to you: who says to have sent them, and when."""

    sent_at = fields.AwareDateTime()
    sender_id = RowId()
    sender_name = fields.String()
    sender_name_en = fields.String(allow_none=True)
    lines = fields.List(fields.Nested(ShipmentLineSchema))
