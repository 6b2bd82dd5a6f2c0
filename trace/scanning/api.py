"""Scans for programs: a text or a photo goes in, and what it names comes back."""

from typing import Any

from flask import request
from marshmallow import Schema, fields, validate

from foodtrace.trace.errors import TooLarge
from foodtrace.trace.gs1.scanning import MAX_SCAN
from foodtrace.trace.rest import PREFIX, ApiBlueprint
from foodtrace.trace.scanning.model import Known, Scanned
from foodtrace.trace.scanning.photos import MOST_BYTES, Symbol, read_photo, too_large_photo
from foodtrace.trace.scanning.services import look_up
from foodtrace.trace.web import body_limit, current_actor, needs, reading

bp = ApiBlueprint("scans", __name__, url_prefix=PREFIX)

_PHOTOS = ("image/jpeg", "image/png", "image/webp")


class ScanSchema(Schema):
    """A scanned text: a web address, an element string (``^`` for FNC1), or digits."""

    text = fields.String(required=True, validate=validate.Length(1, MAX_SCAN))


class KnownSchema(Schema):
    """What is on record of a thing, as far as your party may know it."""

    identifier = fields.String(attribute="canonical", required=True)
    kind = fields.String(required=True)
    name = fields.String(allow_none=True)
    name_en = fields.String(allow_none=True)
    lot_number = fields.String(allow_none=True)
    maker = fields.String(attribute="owner", allow_none=True)
    expiry_date = fields.Date(allow_none=True)
    is_recalled = fields.Boolean(required=True)


class ScannedSchema(Schema):
    """One code: what it says, what it names, and what is known of that."""

    text = fields.String(required=True)
    symbology = fields.String(
        allow_none=True, metadata={"description": "ISO/IEC 15424, such as ]d2; of photos only"}
    )
    identifier = fields.String(
        allow_none=True, metadata={"description": "null where the text names nothing"}
    )
    kind = fields.String(allow_none=True)
    is_exact = fields.Boolean(
        required=True, metadata={"description": "whether `known` is the very thing"}
    )
    known = fields.Nested(KnownSchema, allow_none=True)
    lots = fields.List(
        fields.Nested(KnownSchema),
        metadata={"description": "in stock, of a product whose code says no lot"},
    )
    unit = fields.String(
        allow_none=True,
        metadata={"description": "of a code on a single thing: waiting, active, void or lost"},
    )
    problem = fields.String(allow_none=True)


class ScansSchema(Schema):
    """The codes of a scan, from top to bottom of a photo."""

    codes = fields.List(fields.Nested(ScannedSchema), required=True)


@bp.post("/scans")
@needs("lot.read")
@body_limit(MOST_BYTES)
@bp.doc(
    requestBody={
        "required": True,
        "content": {
            "application/json": {"schema": ScanSchema},
            **{each: {"schema": {"type": "string", "format": "binary"}} for each in _PHOTOS},
        },
    }
)
@bp.response(200, ScansSchema)
def read_scan() -> dict[str, Any]:
    """Read a scanned text, or a photo (JPEG, PNG, WebP, up to 8 MB), and say what it names."""
    symbols = _symbols()
    symbology = {symbol.text: symbol.symbology for symbol in symbols}
    with reading() as session:
        found = look_up(session, current_actor(), [symbol.text for symbol in symbols])
    return {"codes": [_told(scanned, symbology.get(scanned.text)) for scanned in found]}


def _symbols() -> list[Symbol]:
    """Return what was sent: the codes in a photo, or the text."""
    if not request.mimetype.startswith("image/"):
        text: str = bp.ARGUMENTS_PARSER.parse(ScanSchema(), request, location="json")["text"]
        return [Symbol(text, "")]
    data = request.get_data(cache=False)
    if request.content_length is None and len(data) >= MOST_BYTES:
        # Of a chunked body werkzeug reads as much as is allowed, and leaves the rest unsaid.
        raise TooLarge(too_large_photo())
    return read_photo(data)


def _told(scanned: Scanned, symbology: str | None) -> dict[str, Any]:
    identifier = scanned.identifier
    known: Known | None = scanned.known
    return {
        "text": scanned.text,
        "symbology": symbology or None,
        "identifier": identifier.canonical if identifier else None,
        "kind": identifier.kind if identifier else None,
        "is_exact": scanned.is_exact,
        "known": known,
        "lots": scanned.lots,
        "unit": scanned.unit,
        "problem": scanned.problem.text if scanned.problem else None,
    }
