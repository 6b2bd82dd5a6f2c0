"""Labels that are ordered, as JSON and as forms."""

from dataclasses import replace
from typing import Any

from marshmallow import (
    EXCLUDE,
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from foodtrace.producers.printing.formats import FORMATS, PRINTERS
from foodtrace.producers.printing.services import Order, subject_of
from foodtrace.producers.schemas.common import RowId
from foodtrace.trace.errors import Invalid, mark
from foodtrace.trace.gs1.identifiers import parse_identifier

LONGEST = 500
_LARGEST = 1_000_000


class OrderFields(Schema):
    """What is to be printed, and how."""

    lot = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=LONGEST),
        metadata={"description": "Labels of a lot: its identifier"},
    )
    run = RowId(
        load_default=None,
        allow_none=True,
        metadata={"description": "Or labels of single things: the run of their codes"},
    )
    first = fields.Integer(load_default=1, validate=validate.Range(1, _LARGEST))
    last = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, _LARGEST))
    layout = fields.String(
        required=True,
        validate=validate.Length(max=40),
        metadata={"description": "a4-24, a4-30, a4-65, or the size of a roll in mm, as 60x40"},
    )
    format = fields.String(load_default="pdf", validate=validate.OneOf(list(FORMATS)))
    dpi = fields.Integer(load_default=300, validate=validate.OneOf(PRINTERS))
    copies = fields.Integer(load_default=1, validate=validate.Range(1, _LARGEST))

    @validates_schema
    def name_one(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse labels of a lot and of a run at once."""
        if data.get("lot") is not None and data.get("run") is not None:
            raise ValidationError(mark("A job is for a lot or for a run, not both"), "lot")

    def order_of(self, data: dict[str, Any]) -> Order:
        """Return the order that loaded values are; the lot's identifier in its one form."""
        canonical = None if data["lot"] is None else _canonical(data["lot"])
        named = {name: data[name] for name in Order.__slots__ if name != "lot"}
        return Order(lot=canonical, **named)


class PreviewForm(OrderFields):
    """The choices of the page on which labels are looked at before they are ordered."""

    class Meta:
        """Whatever else stands in the address is not ours."""

        unknown = EXCLUDE

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Order:
        """Return the order."""
        return self.order_of(data)


class PrintForm(OrderFields):
    """An order with its token, and the reason for printing again."""

    reason = fields.String(load_default=None, allow_none=True)
    token = fields.String(load_default=None, validate=validate.Length(max=64))

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Return the order, the reason and the key."""
        token = data["token"]
        key = f"form:{token}" if token else None
        return {"order": self.order_of(data), "reason": data["reason"], "key": key}


class NewPrintSchema(OrderFields):
    """Labels that are to be drawn."""

    reason = fields.String(
        load_default=None,
        allow_none=True,
        metadata={"description": "Needed where labels of this were ordered before"},
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Return the order and the reason."""
        return {"order": self.order_of(data), "reason": data["reason"]}


def _canonical(lot: str) -> str:
    try:
        return parse_identifier(lot).canonical
    except Invalid as refusal:
        raise Invalid(*(replace(each, place="lot") for each in refusal.problems)) from None


class PrintQuery(Schema):
    """From which cursor on."""

    after = fields.String(load_default=None, validate=validate.Length(max=40))


class PrintJobSchema(Schema):
    """A print job; its file is there while it is released."""

    id = fields.String()
    state = fields.String(
        validate=validate.OneOf(["waiting", "drawing", "released", "refused", "past"])
    )
    labels = fields.Integer()
    drawn = fields.Integer()
    lot = fields.Function(lambda job: subject_of(job).lot)
    run = fields.Function(lambda job: subject_of(job).run_id)
    first = fields.Integer()
    last = fields.Integer()
    layout = fields.Function(lambda job: job.task["layout"])
    format = fields.Function(lambda job: job.task["format"])
    dpi = fields.Function(lambda job: job.task["dpi"])
    copies = fields.Function(lambda job: job.task["copies"])
    reason = fields.String(allow_none=True)
    finding = fields.Function(
        lambda job: job.finding and job.finding["rule"] % job.finding["values"],
        metadata={"description": "Why it was refused, or which letters the font lacks"},
    )
    # The first label that was not read back as it must be.
    label = fields.Function(lambda job: job.finding and job.finding.get("label"))
    created_by = fields.String()
    created_at = fields.AwareDateTime()
    finished_at = fields.AwareDateTime(allow_none=True)


class PrintListSchema(Schema):
    """One page of jobs, newest first; `next` is the cursor of the next page."""

    jobs = fields.List(fields.Nested(PrintJobSchema))
    next = fields.String(allow_none=True)
