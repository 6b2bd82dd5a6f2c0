"""Parties, places and products as JSON."""

from marshmallow import Schema, fields, validate

from foodtrace.producers.schemas.common import RowId
from foodtrace.trace.masterdata.rules import PARTY_KINDS


def _optional(longest: int) -> fields.String:
    return fields.String(allow_none=True, validate=validate.Length(max=longest))


class PartyChangesSchema(Schema):
    """What may be revised of a party."""

    name = fields.String()
    kind = fields.String(validate=validate.OneOf(PARTY_KINDS))
    name_en = _optional(200)
    uscc = _optional(18)
    food_licence = _optional(16)
    region = _optional(100)
    address = _optional(300)
    phone = _optional(40)


class PartySchema(PartyChangesSchema):
    """An organisation, as those see it who keep the register."""

    id = fields.Integer(dump_only=True)
    identifier = fields.String(dump_only=True)
    name = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(PARTY_KINDS))
    gln = fields.String(load_only=True, allow_none=True)


class PartyNameSchema(Schema):
    """What every member may know of another: enough to choose a recipient."""

    id = fields.Integer()
    name = fields.String()
    name_en = fields.String(allow_none=True)
    region = fields.String(allow_none=True)


class PartyQuery(Schema):
    """How parties are looked for."""

    search = fields.String(load_default=None, validate=validate.Length(max=100))


class PlaceChangesSchema(Schema):
    """What may be revised of a place."""

    name = fields.String()
    name_en = _optional(200)
    region = _optional(100)
    address = _optional(300)


class PlaceSchema(PlaceChangesSchema):
    """A place of a party; without `party_id` it is one's own."""

    id = fields.Integer(dump_only=True)
    identifier = fields.String(dump_only=True)
    party_id = RowId()
    name = fields.String(required=True)
    gln = fields.String(load_only=True, allow_none=True)


class ProductChangesSchema(Schema):
    """What may be revised of a product's label."""

    name = fields.String()
    name_en = _optional(200)
    brand = _optional(100)
    net_content = _optional(100)
    storage = _optional(200)
    shelf_life_days = fields.Integer(allow_none=True, strict=True)
    standard = _optional(100)
    ingredients = _optional(1000)
    allergens = _optional(300)


class ProductSchema(ProductChangesSchema):
    """A kind of food; without `party_id` it is one's own, without `gtin` it gets a code."""

    id = fields.Integer(dump_only=True)
    identifier = fields.String(dump_only=True)
    party_id = RowId()
    name = fields.String(required=True)
    gtin = fields.String(load_only=True, allow_none=True)


class OwnerQuery(Schema):
    """Whose places or products; one's own when nothing is said."""

    party_id = RowId(load_default=None)
