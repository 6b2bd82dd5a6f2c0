"""Codes on single things as JSON and as forms."""

from marshmallow import Schema, fields, validate

from foodtrace.producers.schemas.common import RowId
from foodtrace.producers.schemas.forms import Form
from foodtrace.trace.codes.services import ENDED, LARGEST_RUN, LONGEST_TEXT

_CODE = {"description": "What was scanned: the address, or the serial printed beside the code"}


class NewRunSchema(Schema):
    """Codes to be made; without a lot they wait on a roll."""

    product = fields.String(
        required=True, metadata={"description": "Path of its code", "example": "/01/06901234567892"}
    )
    lot = fields.String(load_default=None, allow_none=True)
    count = fields.Integer(required=True, validate=validate.Range(min=1, max=LARGEST_RUN))
    note = fields.String(
        load_default=None, allow_none=True, validate=validate.Length(max=LONGEST_TEXT)
    )


class ActivationSchema(Schema):
    """A stretch of a roll, and the lot that it is for."""

    first = fields.String(required=True, metadata=_CODE)
    last = fields.String(required=True, metadata=_CODE)
    lot = fields.String(required=True)


class EndCodesSchema(Schema):
    """A stretch of codes that are out of use from now on."""

    first = fields.String(required=True, metadata=_CODE)
    last = fields.String(required=True, metadata=_CODE)
    state = fields.String(required=True, validate=validate.OneOf(ENDED))
    reason = fields.String(
        load_default=None, allow_none=True, validate=validate.Length(max=LONGEST_TEXT)
    )


class StretchFactsSchema(Schema):
    """Codes that follow one another and are in the same state; positions count from 1."""

    first = fields.Integer()
    last = fields.Integer()
    state = fields.String(validate=validate.OneOf(["waiting", "active", *ENDED]))
    lot = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)


class StretchSchema(StretchFactsSchema):
    """A stretch, and since when it is so."""

    since = fields.AwareDateTime()


class StretchAnswerSchema(StretchFactsSchema):
    """A stretch as the act on it answers, again and again: the time is a text."""

    since = fields.String(metadata={"format": "date-time"})


class RunFactsSchema(Schema):
    """A run of codes."""

    id = RowId()
    product = fields.String()
    lot = fields.String(allow_none=True)
    count = fields.Integer()
    note = fields.String(allow_none=True)


class RunSchema(RunFactsSchema):
    """A run of codes, and when it was made."""

    created_at = fields.AwareDateTime()


class NewRunAnswerSchema(RunFactsSchema):
    """A run that was just made, with what its first and its last code say."""

    created_at = fields.String(metadata={"format": "date-time"})
    first = fields.String()
    last = fields.String()


class RunPageSchema(Schema):
    """A run, and the state of its codes by stretches."""

    run = fields.Nested(RunSchema)
    stretches = fields.List(fields.Nested(StretchSchema))


class RunListSchema(Schema):
    """One page of runs, newest first; `next` is the cursor of the next page."""

    runs = fields.List(fields.Nested(RunSchema))
    next = RowId(allow_none=True)


class RunQuery(Schema):
    """From which cursor on."""

    after = RowId(load_default=None)


class CodesQuery(Schema):
    """Which codes of a run, by their positions."""

    first = fields.Integer(load_default=1, validate=validate.Range(min=1, max=LARGEST_RUN))
    last = fields.Integer(load_default=None, validate=validate.Range(min=1, max=LARGEST_RUN))


class CodesSchema(Schema):
    """What the codes say, in order."""

    codes = fields.List(fields.String())


class WarningSchema(Schema):
    """That scans of a code do not fit one single thing."""

    identifier = fields.String(attribute="canonical")
    lot = fields.String(allow_none=True)
    run_id = RowId()
    position = fields.Integer()
    kind = fields.String()
    since = fields.AwareDateTime()
    scans = fields.Integer(metadata={"description": "How often the code was looked at, in all"})
    looked_at = fields.AwareDateTime(allow_none=True)
    regions = fields.List(fields.String())


class WarningQuery(Schema):
    """Which warnings: of all runs or of one, all or only those nobody has looked at."""

    run_id = RowId(load_default=None)
    unseen_only = fields.Boolean(load_default=False)


class RunForm(Form):
    """Codes to be made."""

    product = fields.String(required=True)
    lot = fields.String(load_default=None)
    count = fields.Integer(required=True)
    note = fields.String(load_default=None)


class ActivationForm(Form):
    """A roll's first and last code, scanned, and the lot that they are stuck on."""

    first = fields.String(required=True)
    last = fields.String(required=True)
    lot = fields.String(required=True)


class EndForm(Form):
    """Codes that are out of use; one alone is the first and the last."""

    first = fields.String(required=True)
    last = fields.String(load_default=None)
    state = fields.String(required=True, validate=validate.OneOf(ENDED))
    reason = fields.String(load_default=None)


class LookedForm(Form):
    """A code whose warnings somebody has looked at."""

    code = fields.String(required=True)
