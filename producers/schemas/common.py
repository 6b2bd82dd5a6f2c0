"""Fields that several schemas use."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from foodtrace.producers.events import Moved, Reading
from foodtrace.trace.store.types import LARGEST_ID


class RowId(fields.Integer):
    """The number of a party, place or product in the register."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Range(min=0, max=LARGEST_ID), **options)


class Amount(fields.Decimal):
    """An exact number. Written as a JSON number; read from a number or its text."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **_: Any) -> Any:
        if value is None:
            return None
        # Amounts have at most 15 digits: a float keeps them all.
        return int(value) if value == value.to_integral_value() else float(value)


class MovedSchema(Schema):
    """A lot or pallet, and how much of it; without an amount all of it."""

    identifier = fields.String(
        required=True,
        metadata={
            "description": "Link, path, element string or SSCC",
            "example": "/01/06901234567892/10/20261001-01",
        },
    )
    amount = Amount(load_default=None, allow_none=True)
    uom = fields.String(
        load_default=None,
        allow_none=True,
        metadata={"description": "UN/CEFACT Rec 20 code; none counts pieces", "example": "KGM"},
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Moved:
        """Return the item as services take it."""
        return Moved(**data)


class ReadingSchema(Schema):
    """A temperature in degrees Celsius at a moment."""

    at = fields.AwareDateTime(required=True)
    celsius = Amount(required=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Reading:
        """Return the reading as services take it."""
        return Reading(**data)
