"""The JSON API about personal values: opened to an authority with a case, and erased."""

from typing import Any

from foodtrace.trace.personal.commitments import read_commitment, written, written_salt
from foodtrace.trace.personal.erased_list import ErasedList
from foodtrace.trace.personal.erasing import erase, open_values
from foodtrace.trace.personal.schemas import (
    ErasedSchema,
    ErasureSchema,
    OpenedSchema,
    OpeningSchema,
)
from foodtrace.trace.rest import ApiBlueprint
from foodtrace.trace.web import current_actor, needs, settings, transaction
from foodtrace.trace.worker import wake

bp = ApiBlueprint("personal_api", __name__, url_prefix="/api/v1/personal")


@bp.post("/openings")
@needs("personal.open")
@bp.arguments(OpeningSchema)
@bp.response(200, OpenedSchema(many=True))
def open_for_case(wanted: dict[str, Any]) -> list[dict[str, str]]:
    """See what stands behind commitments, in a case. Who looked at what is put on record."""
    with transaction() as session:
        values = open_values(
            session,
            current_actor(),
            case=wanted["case"],
            digests=digests_of(wanted["commitments"]),
        )
    return [
        {"written": each.written, "value": each.value, "salt": written_salt(each.salt)}
        for each in values
    ]


@bp.post("/erasures")
@needs("personal.erase")
@bp.arguments(ErasureSchema)
@bp.response(200, ErasedSchema)
def erase_values(wanted: dict[str, Any]) -> dict[str, list[str]]:
    """Erase personal values for good: one's own, or for those who run the service, any."""
    with transaction() as session:
        erased = erase(
            session,
            current_actor(),
            ErasedList(settings().anchor_folder),
            ground=wanted["ground"],
            digests=digests_of(wanted["commitments"]),
            value=wanted["value"],
        )
    wake()
    return {"erased": [written(digest) for digest in erased]}


def digests_of(commitments: list[str]) -> list[bytes]:
    """Return the digests of commitments; what is none stands for nothing."""
    return [digest for each in commitments if (digest := read_commitment(each)) is not None]
