"""Keys and signatures for programs: a partner's system, a tablet that was offline."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flask import url_for

from foodtrace.trace.issuers import keys, signatures
from foodtrace.trace.issuers.schemas import (
    CompromiseSchema,
    ConfirmationSchema,
    EndKeySchema,
    KeySchema,
    SignaturesSchema,
    TakenSchema,
    ToSignQuery,
    ToSignSchema,
)
from foodtrace.trace.masterdata.services import get_party
from foodtrace.trace.rest import ApiBlueprint
from foodtrace.trace.web import current_actor, needs, reading, transaction

if TYPE_CHECKING:
    from foodtrace.trace.issuers.models import IssuerKey

bp = ApiBlueprint("issuers_api", __name__, url_prefix="/api/v1")


@bp.get("/keys")
@needs("key.keep")
@bp.response(200, KeySchema(many=True))
def list_keys() -> "list[IssuerKey]":
    """List the keys of your organisation, those that are not ended first."""
    with reading() as session:
        return list(keys.list_keys(session, current_actor()))


@bp.post("/keys")
@needs("key.keep")
@bp.arguments(KeySchema)
@bp.response(201, KeySchema)
def enrol_key(facts: dict[str, Any]) -> "tuple[IssuerKey, int, dict[str, str]]":
    """Enrol the key of a device. The same request again gives the same key."""
    with transaction() as session:
        key = keys.enrol_key(session, current_actor(), **facts)
        return key, 201, {"Location": url_for("issuers_api.list_keys")}


@bp.get("/keys/waiting")
@needs("key.confirm")
@bp.response(200, KeySchema(many=True))
def list_waiting() -> "Sequence[IssuerKey]":
    """List the keys of organisations that have lost all others: they wait for you."""
    with reading() as session:
        return list(keys.keys_to_confirm(session, current_actor()))


@bp.post("/keys/<int:key_id>/confirmation")
@bp.arguments(ConfirmationSchema)
@bp.response(200, KeySchema)
def confirm_key(facts: dict[str, Any], key_id: int) -> "IssuerKey":
    """Let a key in that waits: with the word of an older one, or as a regulator without."""
    with transaction() as session:
        return keys.confirm_key(session, current_actor(), key_id=key_id, **facts)


@bp.post("/keys/<int:key_id>/end")
@needs("key.keep")
@bp.arguments(EndKeySchema)
@bp.response(200, KeySchema)
def end_key(facts: dict[str, Any], key_id: int) -> "IssuerKey":
    """End a key of your organisation. What it signed before stays good."""
    with transaction() as session:
        return keys.end_key(session, current_actor(), key_id=key_id, **facts)


@bp.post("/keys/<int:key_id>/compromise")
@needs("key.keep")
@bp.arguments(CompromiseSchema)
@bp.response(200, KeySchema)
def declare_compromised(facts: dict[str, Any], key_id: int) -> "IssuerKey":
    """Say since when others may have had a key: it ends, and its signatures are in doubt."""
    with transaction() as session:
        return keys.declare_compromised(session, current_actor(), key_id=key_id, **facts)


@bp.get("/unsigned")
@needs("statement.sign")
@bp.arguments(ToSignQuery, location="query")
@bp.response(200, ToSignSchema)
def list_unsigned(query: dict[str, Any]) -> dict[str, Any]:
    """List statements of your organisation that no good key has signed, newest first.

    At most 50, and fewer where they are large: ask on with `before` until nothing comes.
    """
    with reading() as session:
        found = signatures.unsigned(
            session, current_actor(), ids=query["statement"], before=query["before"]
        )
        lots = {lot for each in found for lot in each.lots}
        return {
            "party": get_party(session, current_actor().party_id or 0).identifier,
            "statements": found,
            "next": [
                {"public_key": key.public_key, "n": numbers.n, "lots": numbers.lots}
                for key, numbers in signatures.next_of_each(session, current_actor(), lots)
            ],
        }


@bp.post("/signatures")
@needs("statement.sign")
@bp.arguments(SignaturesSchema)
@bp.response(201, TakenSchema)
def add_signatures(facts: dict[str, Any]) -> dict[str, list[int]]:
    """Send signatures of your devices, at most 100: all are taken, or none."""
    with transaction() as session:
        return {
            "signatures": signatures.add_signatures(session, current_actor(), facts["signatures"])
        }
