"""Evidence for programs: that an event is in the log as it was sent, to keep and to show."""

from marshmallow import Schema, fields

from foodtrace.trace.log.evidence import Evidence, evidence_of
from foodtrace.trace.log.policy_file import policy_of
from foodtrace.trace.rest import ApiBlueprint
from foodtrace.trace.web import current_actor, needs, reading, settings

bp = ApiBlueprint("log_api", __name__, url_prefix="/api/v1")


class LogPlaceSchema(Schema):
    """The place of an entry in the log of a year."""

    year = fields.Integer(required=True)
    index = fields.Integer(required=True, metadata={"description": "Counted from 0"})
    at = fields.DateTime(required=True, data_key="recordedAt")
    witnesses = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Who of the policy's witnesses has cosigned a head over it"},
    )


class EvidenceSchema(Schema):
    """An event, or a declaration that it is wrong, as it stands in the log."""

    event_id = fields.String(required=True, data_key="eventID")
    state = fields.String(required=True, metadata={"enum": ["received", "recorded", "witnessed"]})
    place = fields.Nested(LogPlaceSchema, allow_none=True)
    opening = fields.Dict(
        allow_none=True,
        metadata={"description": "Time, salt and all fields of the statement (docs/proofs.md)"},
    )
    content = fields.String(
        allow_none=True, metadata={"description": "The bytes of the statement, in base64"}
    )
    proof = fields.String(
        allow_none=True,
        metadata={"description": "A proof file (c2sp.org/tlog-proof) over the entry"},
    )


@bp.get("/events/<path:event_id>/proof")
@needs("event.read")
@bp.response(200, EvidenceSchema(many=True))
def event_proof(event_id: str) -> list[Evidence]:
    """Give all that proves an event: to its sender, and to the authorities.

    Behind it stand the declarations that it is wrong. With the opening anybody can be shown
    single fields of the event, or all of them, and compare them with the log.
    """
    with reading() as session:
        return evidence_of(
            session,
            current_actor(),
            event_id,
            policy_of(settings()),
            secret=settings().secret_key,
        )
