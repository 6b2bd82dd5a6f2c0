"""What is asked about personal values: opened to an authority, or erased."""

from marshmallow import Schema, fields, validate

from foodtrace.trace.personal.commitments import LONGEST_VALUE
from foodtrace.trace.personal.erasing import Ground

GROUNDS = tuple(ground for ground in Ground if ground is not Ground.RESTORED)
MOST_COMMITMENTS = 1_000


class Commitments(Schema):
    """Commitments, as events and certificates show them."""

    commitments = fields.List(
        fields.String(validate=validate.Regexp(r"\Ani:///sha-256;[A-Za-z0-9_-]{43}\Z")),
        required=True,
        validate=validate.Length(min=1, max=MOST_COMMITMENTS),
        metadata={"description": "ni:///sha-256;…, as events and certificates show them"},
    )


class OpeningSchema(Commitments):
    """An authority's wish to see what stands behind commitments."""

    case = fields.String(
        required=True,
        validate=validate.Length(min=1, max=60),
        metadata={"description": "The number of the case; it is put on record"},
    )


class OpenedSchema(Schema):
    """A personal value with what its commitment is checked by."""

    commitment = fields.String(attribute="written")
    value = fields.String()
    salt = fields.String(metadata={"description": "Base64url"})


class ErasureSchema(Schema):
    """What is to be erased: commitments, or a value wherever it stands; and why."""

    commitments = fields.List(
        fields.String(validate=validate.Regexp(r"\Ani:///sha-256;[A-Za-z0-9_-]{43}\Z")),
        load_default=list,
        validate=validate.Length(max=MOST_COMMITMENTS),
    )
    value = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(min=1, max=LONGEST_VALUE),
        metadata={"description": "A value wherever you may erase it, as it was recorded"},
    )
    ground = fields.Enum(
        Ground,
        by_value=True,
        required=True,
        validate=validate.OneOf(GROUNDS),
    )


class ErasedSchema(Schema):
    """What was erased."""

    erased = fields.List(fields.String())


class SearchForm(Schema):
    """A value that is looked for."""

    value = fields.String(required=True, validate=validate.Length(min=1, max=LONGEST_VALUE))


class ErasureForm(Schema):
    """The chosen values, one or several commitments, and why they are erased."""

    chosen = fields.Raw(load_default=())
    ground = fields.Enum(
        Ground,
        by_value=True,
        required=True,
        validate=validate.OneOf(GROUNDS),
    )


class OpeningForm(Schema):
    """The commitments that an authority asks about, one a line, and its case."""

    case = fields.String(required=True, validate=validate.Length(min=1, max=60))
    commitments = fields.String(required=True, validate=validate.Length(max=100_000))
