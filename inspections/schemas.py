"""What the API and the forms take and give: certificates, recalls and chains."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from foodtrace.inspections.report_files import NamedReport
from foodtrace.inspections.rules import (
    CertificateKind,
    Comparator,
    Limit,
    Outcome,
    Result,
    Verdict,
    number,
)
from foodtrace.inspections.tracing import Standing
from foodtrace.trace.chain.ledger import State

LARGEST_AMOUNT = Decimal(10**9)


class Line(fields.String):
    """A text on one line: line breaks from a text area become spaces."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        return " ".join(text.split("\n")).replace("\r", "")


class Number(fields.Field[Decimal]):
    """An unsigned decimal number with its digits as written: ``"0.050"`` or ``0.050``."""

    default_error_messages = {"invalid": "Not a valid number."}  # noqa: RUF012  marshmallow's way

    def _serialize(self, value: Decimal | None, attr: str | None, obj: Any, **_: Any) -> Any:
        return None if value is None else f"{value:f}"

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise self.make_error("invalid")
        text = f"{value:f}" if isinstance(value, Decimal) else str(value)
        found = number(text.strip())
        if found is None:
            raise self.make_error("invalid")
        return found


class ResultSchema(Schema):
    """One tested item. Without a limit it is information and is not judged.

    `value` is the measured number; with ``not_detected`` the detection limit and with
    ``below_loq`` the limit of quantification. Value and limit share the unit.
    """

    analyte = Line(required=True)
    analyte_en = Line(load_default=None, allow_none=True)
    analyte_code = Line(load_default=None, allow_none=True)
    method = Line(load_default=None, allow_none=True)
    outcome = fields.Enum(Outcome, by_value=True, load_default=Outcome.MEASURED)
    value = Number(load_default=None, allow_none=True)
    unit = Line(load_default="")
    limit_comparator = fields.Enum(
        Comparator, by_value=True, allow_none=True, attribute="limit.comparator"
    )
    limit_value = Number(allow_none=True, attribute="limit.value")
    limit_standard = Line(allow_none=True, attribute="limit.standard")
    limit_effective_on = fields.Date(allow_none=True, attribute="limit.effective_on")
    verdict = fields.Enum(Verdict, by_value=True, dump_only=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Result:
        """Return the result; a limit without a comparator is the highest value allowed."""
        limit = data.pop("limit", {})
        if all(value is None for value in limit.values()):
            return Result(**data)
        return Result(
            **data,
            limit=Limit(
                comparator=limit.get("comparator") or Comparator.AT_MOST,
                value=limit.get("value"),
                standard=limit.get("standard") or "",
                effective_on=limit.get("effective_on"),
            ),
        )


class ReportSchema(Schema):
    """The test report behind a certificate: the file was sent before, and is named by its hash."""

    sha256 = fields.String(required=True, validate=validate.Regexp(r"[0-9a-f]{64}\Z"))
    is_public = fields.Boolean(
        load_default=False, metadata={"description": "Whether everybody may have the file"}
    )
    name = fields.String(dump_only=True)
    size = fields.Integer(dump_only=True, metadata={"description": "in bytes"})
    type = fields.String(dump_only=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> NamedReport:
        """Return which file it is."""
        return NamedReport(**data)


class KeptReportSchema(Schema):
    """A file that was kept, for a certificate to name."""

    sha256 = fields.String()
    size = fields.Integer(metadata={"description": "in bytes"})
    type = fields.String(attribute="media_type")


class CertificateSchema(Schema):
    """A certificate of a laboratory or authority for one lot."""

    id = fields.Integer(dump_only=True)
    number = Line(required=True)
    lot = fields.String(
        required=True,
        metadata={"description": "/01/GTIN/10/LOT, /q/CODE, or what a scanner reads"},
    )
    kind = fields.Enum(CertificateKind, by_value=True, required=True)
    sampled_on = fields.Date(required=True)
    sampled_at = Line(load_default=None, allow_none=True)
    sampled_by = Line(
        load_default=None,
        allow_none=True,
        metadata={"description": "Given: who sampled. Answered: a commitment to it"},
    )
    sampled_by_value = fields.String(
        dump_only=True,
        allow_none=True,
        metadata={"description": "Who sampled, for those who may see it, until it is erased"},
    )
    sample_amount = Number(
        load_default=None, allow_none=True, validate=validate.Range(max=LARGEST_AMOUNT)
    )
    sample_uom = Line(load_default=None, allow_none=True)
    issued_on = fields.Date(required=True)
    valid_until = fields.Date(load_default=None, allow_none=True)
    results = fields.List(
        fields.Nested(ResultSchema), required=True, validate=validate.Length(min=1, max=500)
    )
    report = fields.Nested(ReportSchema, load_default=None, allow_none=True)
    laboratory = fields.String(dump_only=True)
    laboratory_en = fields.String(dump_only=True)
    verdict = fields.Enum(Verdict, by_value=True, dump_only=True)
    recorded_at = fields.DateTime(dump_only=True)
    withdrawn_at = fields.DateTime(dump_only=True)
    withdrawal_reason = fields.String(dump_only=True)


class CertificateForm(CertificateSchema):
    """The form of a certificate: the file of the report comes with it."""

    class Meta:
        """The file is no field of text."""

        exclude = ("report",)

    report_is_public = fields.Boolean(load_default=False)


class WithdrawalSchema(Schema):
    """Why a certificate is withdrawn."""

    reason = Line(required=True)


class RecallSchema(Schema):
    """A recall of one lot, which reaches everything that was made of it."""

    id = fields.Integer(dump_only=True)
    lot = fields.String(required=True)
    recall_class = fields.Integer(required=True, metadata={"description": "1 is the gravest"})
    reason = Line(required=True)
    reason_en = Line(load_default=None, allow_none=True)
    hazard = Line(required=True)
    hazard_en = Line(load_default=None, allow_none=True)
    advice = Line(required=True)
    advice_en = Line(load_default=None, allow_none=True)
    compensation = Line(required=True)
    compensation_en = Line(load_default=None, allow_none=True)
    contact = Line(required=True)
    area = Line(load_default=None, allow_none=True)
    notice_url = Line(load_default=None, allow_none=True)
    authority = fields.String(dump_only=True)
    authority_en = fields.String(dump_only=True)
    opened_at = fields.DateTime(dump_only=True)
    recorded_at = fields.DateTime(dump_only=True)
    start_by = fields.DateTime(dump_only=True)
    finish_by = fields.Date(dump_only=True)
    ended_at = fields.DateTime(dump_only=True)
    end_statement = fields.String(dump_only=True)


class RecallForm(RecallSchema):
    """The form of a recall: the lot stands in the page's address, and its number is typed."""

    class Meta:
        """The lot is not a field of the form."""

        exclude = ("lot",)

    confirmation = fields.String(required=True)


class EndSchema(Schema):
    """With what result a recall is ended."""

    conclusion = Line(required=True)


class PageSchema(Schema):
    """Which page of a list: those older than an id."""

    before = fields.Integer(load_default=None, validate=validate.Range(min=1))


class CertificateQuery(PageSchema):
    """Which certificates to list."""

    lot = fields.String(load_default=None)


class RecallQuery(PageSchema):
    """Which recalls to list."""

    open_only = fields.Boolean(load_default=False)


class PartyFactsSchema(Schema):
    """An organisation in a chain; without a name it is not registered here."""

    identifier = fields.String()
    name = fields.String(allow_none=True)
    name_en = fields.String(allow_none=True)
    region = fields.String(allow_none=True)


class PlaceFactsSchema(PartyFactsSchema):
    """A place in a chain."""

    address = fields.String(allow_none=True)


class ItemSchema(Schema):
    """A lot, an instance or a logistic unit."""

    id = fields.Integer()
    canonical = fields.String()
    kind = fields.String()
    product_name = fields.String(allow_none=True)
    product_name_en = fields.String(allow_none=True)
    lot_number = fields.String(allow_none=True)
    serial = fields.String(allow_none=True)
    production_date = fields.Date(allow_none=True)
    expiry_date = fields.Date(allow_none=True)
    amount = Number(allow_none=True)
    uom = fields.String(allow_none=True)
    party = fields.Nested(PartyFactsSchema, allow_none=True)


class LinkSchema(Schema):
    """The parent became (part of) the child."""

    parent_id = fields.Integer()
    child_id = fields.Integer()
    kind = fields.String()


class HolderSchema(Schema):
    """Who gave or took: an organisation, or a place of which nobody says whose it is."""

    party = fields.Nested(PartyFactsSchema, allow_none=True)
    place = fields.Nested(PlaceFactsSchema, allow_none=True)


class RowSchema(Schema):
    """One lot in one event."""

    event_id = fields.String(attribute="hop.event_id")
    event_time = fields.DateTime(attribute="hop.event_time")
    time_zone_offset = fields.String(attribute="hop.time_zone_offset")
    record_time = fields.DateTime(attribute="hop.record_time")
    type = fields.String(attribute="hop.type")
    action = fields.String(attribute="hop.action", allow_none=True)
    biz_step = fields.String(attribute="hop.biz_step", allow_none=True)
    recorded_by = fields.Nested(PartyFactsSchema, attribute="hop.party", allow_none=True)
    place = fields.Nested(PlaceFactsSchema, attribute="hop.place", allow_none=True)
    temperature_low = fields.Decimal(
        attribute="hop.temperature_low", as_string=True, allow_none=True
    )
    temperature_high = fields.Decimal(
        attribute="hop.temperature_high", as_string=True, allow_none=True
    )
    lot = fields.String(attribute="item.canonical")
    role = fields.String()
    amount = Number(allow_none=True)
    uom = fields.String(allow_none=True)
    container = fields.String(attribute="container.canonical", allow_none=True)
    sender = fields.Nested(HolderSchema, allow_none=True)
    recipient = fields.Nested(HolderSchema, allow_none=True)
    standing = fields.Enum(Standing, by_value=True, allow_none=True)


class HoldingSchema(Schema):
    """An amount of a lot, and where it is."""

    item_id = fields.Integer()
    state = fields.Enum(State, by_value=True)
    party = fields.Nested(PartyFactsSchema, allow_none=True)
    place = fields.Nested(PlaceFactsSchema, allow_none=True)
    other = fields.Nested(PartyFactsSchema, allow_none=True)
    amount = Number(allow_none=True)
    uom = fields.String(allow_none=True)
    since = fields.DateTime()


class ChainSchema(Schema):
    """A lot's whole chain, back to the farms and forward to the shops."""

    lot = fields.String(attribute="chain.root.canonical")
    items = fields.List(fields.Nested(ItemSchema))
    links = fields.List(fields.Nested(LinkSchema), attribute="chain.links")
    rows = fields.List(fields.Nested(RowSchema))
    holdings = fields.List(fields.Nested(HoldingSchema))
    certificates = fields.List(fields.Nested(CertificateSchema), attribute="findings.certificates")
    recalls = fields.List(
        fields.Nested(RecallSchema), metadata={"description": "Recalls that reach this lot"}
    )


class VersionSchema(Schema):
    """An event, or the declaration that it is wrong, and its place in the log."""

    event_id = fields.String()
    biz_step = fields.String(allow_none=True)
    event_time = fields.DateTime()
    record_time = fields.DateTime()
    log_year = fields.Integer(attribute="year", allow_none=True)
    log_index = fields.Integer(attribute="index", allow_none=True)


class CorrectionSchema(Schema):
    """An event that was declared wrong, why, and what is said instead."""

    wrong = fields.Nested(VersionSchema)
    declaration = fields.Nested(VersionSchema)
    reason = fields.String(allow_none=True)
    corrections = fields.List(fields.Nested(VersionSchema))
    missing = fields.List(
        fields.String(), metadata={"description": "eventIDs of corrections not on record"}
    )


class ReachSchema(Schema):
    """What a recall reaches: the lot, all that was made of it, and who has it."""

    lots = fields.List(fields.Nested(ItemSchema))
    holdings = fields.List(fields.Nested(HoldingSchema))
    holders = fields.Integer()
