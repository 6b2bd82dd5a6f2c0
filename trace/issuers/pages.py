"""Pages about signing: the key of this device, the keys of one's organisation, what to sign."""

import json
from typing import TYPE_CHECKING, Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext
from marshmallow import Schema, ValidationError

from foodtrace.trace.epcis.strict_json import read_object
from foodtrace.trace.errors import mark
from foodtrace.trace.forms import form_page, load_form
from foodtrace.trace.issuers import keys, signatures, words
from foodtrace.trace.issuers.schemas import (
    CompromiseForm,
    EndKeySchema,
    EnrolForm,
    NextSchema,
    SignaturesSchema,
    SignForm,
    VouchForm,
)
from foodtrace.trace.issuers.texts import encoded, fingerprint
from foodtrace.trace.masterdata.services import get_party
from foodtrace.trace.navigation import Entry
from foodtrace.trace.validation import invalid_from
from foodtrace.trace.web import current_actor, needs, reading, transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

bp = Blueprint("issuers", __name__, url_prefix="/account")

NAVIGATION = (
    Entry("issuers.signing", mark("Sign"), "statement.sign"),
    Entry("issuers.waiting", mark("Keys to confirm"), "key.confirm"),
)
MOST_STATEMENTS = 20  # on the page: their exact bytes are in it


@bp.context_processor
def vocabulary() -> dict[str, Any]:
    """Give the templates the words of keys and statements."""
    return {
        "encoded": encoded,
        "fingerprint": fingerprint,
        "state_of": keys.state_of,
        "text_of": lambda content: content.decode(errors="replace"),
        "words": words,
    }


@bp.get("/devices")
@needs("key.keep")
def devices() -> str:
    """Show the key of this device and the others of the organisation."""
    with reading() as session:
        found = keys.list_keys(session, current_actor())
        return render_template("trace/devices.html", keys=found, **_signing(session, found))


@bp.post("/devices")
@needs("key.keep")
@form_page(devices)
def enrol() -> ResponseReturnValue:
    """Enrol the key of this device, or one that replaces it."""
    facts = load_form(EnrolForm())
    with transaction() as session:
        key = keys.enrol_key(session, current_actor(), **facts)
        state = keys.state_of(key)
    flash(gettext(_ENROLLED[state]), "success")
    return redirect(url_for("issuers.devices"), 303)


@bp.post("/devices/<int:key_id>/confirmation")
@needs("key.keep")
@form_page(lambda key_id: devices())
def vouch(key_id: int) -> ResponseReturnValue:
    """Let another device in, with the key of this one."""
    facts = load_form(VouchForm())
    with transaction() as session:
        keys.confirm_key(session, current_actor(), key_id=key_id, **facts)
    flash(gettext("The device may sign now."), "success")
    return redirect(url_for("issuers.devices"), 303)


@bp.post("/devices/<int:key_id>/end")
@needs("key.keep")
@form_page(lambda key_id: devices())
def end(key_id: int) -> ResponseReturnValue:
    """End a key."""
    facts = load_form(EndKeySchema())
    with transaction() as session:
        keys.end_key(session, current_actor(), key_id=key_id, **facts)
    flash(gettext("The key is ended. What it signed before stays signed."), "success")
    return redirect(url_for("issuers.devices"), 303)


@bp.post("/devices/<int:key_id>/compromise")
@needs("key.keep")
@form_page(lambda key_id: devices())
def compromise(key_id: int) -> ResponseReturnValue:
    """Say since when others may have had a key."""
    facts = load_form(CompromiseForm())
    with transaction() as session:
        keys.declare_compromised(session, current_actor(), key_id=key_id, **facts)
    flash(gettext("The key is ended. What it signed since is to be signed again."), "success")
    return redirect(url_for("issuers.devices"), 303)


@bp.get("/devices/waiting")
@needs("key.confirm")
def waiting() -> str:
    """Show the keys of organisations that have lost all others."""
    with reading() as session:
        found = keys.keys_to_confirm(session, current_actor())
        return render_template(
            "trace/waiting_keys.html",
            keys=found,
            parties={key.party_id: get_party(session, key.party_id) for key in found},
        )


@bp.post("/devices/waiting/<int:key_id>")
@needs("key.confirm")
@form_page(lambda key_id: waiting())
def confirm(key_id: int) -> ResponseReturnValue:
    """Let the key of an organisation in that has lost all others."""
    with transaction() as session:
        keys.confirm_key(session, current_actor(), key_id=key_id)
    flash(gettext("The device may sign now."), "success")
    return redirect(url_for("issuers.waiting"), 303)


@bp.get("/signing")
@needs("statement.sign")
def signing() -> str:
    """Show what is not signed yet, with the exact bytes that would be signed."""
    actor = current_actor()
    with reading() as session:
        found = signatures.unsigned(
            session,
            actor,
            ids=request.args.getlist("statement", type=int) or None,
            before=request.args.get("before", type=int),
            limit=MOST_STATEMENTS,
        )
        lots = {lot for each in found for lot in each.lots}
        numbers = {
            encoded(key.public_key): NextSchema(exclude=("public_key",)).dump(each)
            for key, each in signatures.next_of_each(session, actor, lots)
        }
        return render_template(
            "trace/signing.html",
            statements=found[::-1],
            more=found[-1].id if signatures.has_more(found, MOST_STATEMENTS) else None,
            numbers=numbers,
            **_signing(session, keys.list_keys(session, actor)),
        )


@bp.post("/signing")
@needs("statement.sign")
@form_page(signing)
def sign() -> ResponseReturnValue:
    """Take the signatures that the script of the page made."""
    sent = load_form(SignForm())["signatures"]
    given = _loaded(SignaturesSchema(), read_object(sent.encode()).value)["signatures"]
    with transaction() as session:
        taken = signatures.add_signatures(session, current_actor(), given)
    flash(
        ngettext("%(num)s entry is signed.", "%(num)s entries are signed.", len(taken)), "success"
    )
    return redirect(url_for("issuers.signing"), 303)


_ENROLLED = {
    "good": mark("This device may sign now."),
    "waiting": mark("The key is on record. It has to be let in before it can sign."),
}


def _signing(session: "Session", found: Any) -> dict[str, Any]:
    """Return what the script of both pages needs to know."""
    actor = current_actor()
    party = get_party(session, actor.party_id) if actor.party_id is not None else None
    return {
        "party": party,
        "states": json.dumps({encoded(key.public_key): keys.state_of(key) for key in found}),
    }


def _loaded(schema: Schema, sent: Any) -> Any:
    try:
        return schema.load(sent)
    except ValidationError as error:
        raise invalid_from(error.messages) from None
