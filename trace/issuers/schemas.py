"""Keys and signatures as JSON, and as the forms of the pages send them."""

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, post_load, validate

from foodtrace.trace.issuers.keys import state_of
from foodtrace.trace.issuers.signatures import MOST_AT_ONCE, Given
from foodtrace.trace.issuers.texts import (
    SALT_SIZE,
    LotNumber,
    Voucher,
    decoded,
    encoded,
    fingerprint,
    moment_of,
)
from foodtrace.trace.log.ed25519 import KEY_SIZE, SIGNATURE_SIZE
from foodtrace.trace.store.types import LARGEST_ID

_CHINA = ZoneInfo("Asia/Shanghai")
LARGEST_NUMBER = 2**53 - 1  # what every JSON program can read


class Base64(fields.String):
    """Bytes of a fixed number in base64."""

    def __init__(self, size: int, **more: Any) -> None:
        super().__init__(**more)
        self._size = size

    def _serialize(self, value: Any, attr: str | None, obj: Any, **more: Any) -> str | None:
        return None if value is None else encoded(bytes(value))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        try:
            return decoded(super()._deserialize(value, attr, data, **more), self._size)
        except ValueError:
            raise ValidationError(f"Not the base64 of {self._size} bytes.") from None


class SignedMoment(fields.String):
    """A time as it is signed: UTC to the second. It stays the text that it is."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **more)
        try:
            moment_of(text)
        except ValueError:
            raise ValidationError("Not a valid signed time.") from None
        return text


class VoucherSchema(Schema):
    """The word of an older key of the organisation for a new one."""

    by = Base64(KEY_SIZE, required=True, metadata={"description": "The older key"})
    replaces = fields.Boolean(load_default=False)
    signature = Base64(SIGNATURE_SIZE, required=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Voucher:
        """Return the voucher."""
        return Voucher(**data)


class KeySchema(Schema):
    """The key of a device that signs for an organisation."""

    id = fields.Integer(dump_only=True)
    public_key = Base64(KEY_SIZE, required=True, metadata={"description": "Ed25519, base64"})
    name = fields.String(
        required=True,
        validate=validate.Length(max=200),
        metadata={"description": "Of the device; everybody can read it"},
    )
    proof = Base64(SIGNATURE_SIZE, required=True, load_only=True)
    voucher = fields.Nested(VoucherSchema, load_only=True, load_default=None, allow_none=True)
    lost_all = fields.Boolean(
        load_only=True,
        load_default=False,
        metadata={"description": "All older keys are lost: a regulator has to confirm this one"},
    )
    fingerprint = fields.Function(lambda key: fingerprint(key.public_key))
    state = fields.Function(state_of, metadata={"description": "good, waiting or ended"})
    vouched_by = fields.String(dump_only=True)
    revoked_reason = fields.String(dump_only=True)
    compromised_since = fields.AwareDateTime(dump_only=True)
    enrolled_at = fields.AwareDateTime(dump_only=True)


class ConfirmationSchema(Schema):
    """What lets a key in: the word of an older key, or, without, that of a regulator."""

    voucher = fields.Nested(VoucherSchema, load_default=None, allow_none=True)


class EndKeySchema(Schema):
    """Why a key ends."""

    reason = fields.String(load_default="ended", validate=validate.OneOf(["ended", "lost"]))


class CompromiseSchema(Schema):
    """Since when others may have had a key."""

    since = fields.AwareDateTime(required=True)


class LotNumberSchema(Schema):
    """The how-manieth signature of the key about a lot this is."""

    salt = Base64(SALT_SIZE, required=True)
    number = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=1, max=LARGEST_NUMBER)
    )
    lot = fields.String(required=True, validate=validate.Length(max=500))

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> LotNumber:
        """Return the number."""
        return LotNumber(**data)


class SignatureSchema(Schema):
    """A key's signature of one statement."""

    statement = fields.Integer(
        required=True,
        strict=True,
        attribute="statement_id",
        validate=validate.Range(min=1, max=LARGEST_ID),
    )
    public_key = Base64(KEY_SIZE, required=True)
    n = fields.Integer(
        required=True, strict=True, validate=validate.Range(min=1, max=LARGEST_NUMBER)
    )
    signed_at = SignedMoment(required=True, metadata={"example": "2026-11-22T06:30:00Z"})
    lots = fields.List(
        fields.Nested(LotNumberSchema), load_default=list, validate=validate.Length(max=10_000)
    )
    signature = Base64(SIGNATURE_SIZE, required=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Given:
        """Return the signature."""
        return Given(**data | {"lots": tuple(data["lots"])})


class SignaturesSchema(Schema):
    """Signatures that come together: all are taken, or none."""

    signatures = fields.List(
        fields.Nested(SignatureSchema), required=True, validate=validate.Length(1, MOST_AT_ONCE)
    )


class TakenSchema(Schema):
    """The statements that bring the signatures, in the order sent."""

    signatures = fields.List(fields.Integer())


class UnsignedSchema(Schema):
    """A statement to be signed: its exact bytes, and the lots that the signature numbers."""

    id = fields.Integer()
    kind = fields.String()
    content = fields.Function(
        lambda each: encoded(each.content), metadata={"description": "The bytes, in base64"}
    )
    lots = fields.List(fields.String())
    log = fields.Integer(attribute="year")
    index = fields.Integer(attribute="idx")
    received_at = fields.AwareDateTime()


class NextSchema(Schema):
    """The next numbers of a key, in all and of each lot on the list."""

    public_key = Base64(KEY_SIZE)
    n = fields.Integer()
    lots = fields.Dict(keys=fields.String(), values=fields.Integer())


class ToSignSchema(Schema):
    """What no good key of the organisation has signed, newest first, and how keys go on."""

    party = fields.String(metadata={"description": "The identifier of your organisation"})
    statements = fields.List(fields.Nested(UnsignedSchema))
    next = fields.List(fields.Nested(NextSchema))


class ToSignQuery(Schema):
    """Which statements are listed: these, or those before one."""

    statement = fields.List(
        fields.Integer(validate=validate.Range(min=1, max=LARGEST_ID)),
        load_default=None,
        validate=validate.Length(max=200),
    )
    before = fields.Integer(load_default=None, validate=validate.Range(min=1))


class EnrolForm(Schema):
    """The form of a new key; what the script of the page fills in is the word of the key."""

    public_key = Base64(KEY_SIZE, required=True)
    name = fields.String(required=True, validate=validate.Length(max=200))
    proof = Base64(SIGNATURE_SIZE, required=True)
    lost_all = fields.Boolean(load_default=False)
    voucher = fields.Nested(VoucherSchema, load_default=None)


class VouchForm(Schema):
    """What the script fills in to let another device in."""

    voucher = fields.Nested(VoucherSchema, required=True)


class CompromiseForm(Schema):
    """The form that doubts a key: a day, in China."""

    since = fields.Date(required=True)

    @post_load
    def make(self, data: dict[str, date], **_: Any) -> dict[str, datetime]:
        """Return the beginning of the day."""
        return {"since": datetime.combine(data["since"], time(), _CHINA)}


class SignForm(Schema):
    """What the script of the signing page sends: the signatures as JSON."""

    signatures = fields.String(required=True)
