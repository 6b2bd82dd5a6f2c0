"""Links of products, lots and places as JSON and as a form."""

from marshmallow import Schema, fields, validate

from foodtrace.producers.schemas.forms import Form
from foodtrace.trace.links.rules import LINK_TYPES, LONGEST_HREF, LONGEST_TITLE


class ThingLinkSchema(Schema):
    """A link that its owner gives a thing: shown on its page, and to programs in its link set."""

    id = fields.Integer(dump_only=True)
    anchor = fields.String(
        required=True,
        validate=validate.Length(max=500),
        metadata={
            "description": "A product, lot, place or organisation: link, path or barcode number",
            "example": "/01/06901234567892/10/20261001-01",
        },
    )
    link_type = fields.String(
        required=True,
        validate=validate.Length(max=60),
        metadata={"description": "A word of the GS1 vocabulary", "example": "recipeInfo"},
    )
    # Whether it is too long says the rule itself, which all ways in have in common.
    href = fields.String(required=True, metadata={"description": "An https address"})
    title = fields.String(required=True)
    language = fields.String(load_default=None, allow_none=True)
    media_type = fields.String(load_default=None, allow_none=True)
    created_at = fields.AwareDateTime(dump_only=True)


class LinkQuery(Schema):
    """Which links are listed."""

    anchor = fields.String(load_default=None, validate=validate.Length(max=500))


class LinkForm(Form):
    """The form for a new link."""

    anchor = fields.String(required=True, validate=validate.Length(max=500))
    link_type = fields.String(required=True, validate=validate.OneOf(list(LINK_TYPES)))
    href = fields.String(required=True, validate=validate.Length(max=LONGEST_HREF))
    title = fields.String(required=True, validate=validate.Length(max=LONGEST_TITLE))
    language = fields.String(load_default=None, validate=validate.OneOf(("zh", "en")))
