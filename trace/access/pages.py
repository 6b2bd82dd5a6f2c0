"""Pages about accounts: one's own, and for administrators everybody's and the API keys."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user

from foodtrace.trace.access.accounts import (
    create_user,
    generate_password,
    list_users,
    reset_password,
    reset_second_factor,
    set_active,
)
from foodtrace.trace.access.actor import Role
from foodtrace.trace.access.keys import create_key, list_keys, withdraw_key
from foodtrace.trace.access.parties import party_named, party_names
from foodtrace.trace.access.schemas import ChangeForm, KeyForm, PersonForm
from foodtrace.trace.errors import mark
from foodtrace.trace.forms import form_page, load_form
from foodtrace.trace.masterdata.services import find_party, list_parties
from foodtrace.trace.navigation import Entry, visible_entries
from foodtrace.trace.web import current_actor, needs, reading, transaction

bp = Blueprint("account", __name__, url_prefix="/account")

NAVIGATION = (
    Entry("account.people", mark("People"), "account.manage"),
    Entry("account.keys", mark("API keys"), "account.manage"),
)
ROLE_NAMES = {
    Role.PRODUCER: mark("producer"),
    Role.OPERATOR: mark("operator"),
    Role.LABORATORY: mark("laboratory"),
    Role.INSPECTOR: mark("inspector"),
    Role.REGULATOR: mark("regulator"),
    Role.ADMINISTRATOR: mark("administrator"),
}
_CHINA = ZoneInfo("Asia/Shanghai")


@bp.get("")
def home() -> str:
    """Show who is signed in."""
    with reading() as session:
        known = current_user.party_id is not None
        party = find_party(session, party_id=current_user.party_id) if known else None
        return render_template(
            "trace/account.html", user=current_user, party=party, role_name=role_name
        )


@bp.get("/start")
def start() -> ResponseReturnValue:
    """Lead to the first page of the role."""
    entries = visible_entries()
    return redirect(entries[0][0] if entries else url_for("account.home"))


@bp.get("/people")
@needs("account.manage")
def people() -> str:
    """Show every account, and the form for a new one."""
    with reading() as session:
        accounts = list_users(session, current_actor())
        return render_template(
            "trace/people.html",
            people=accounts,
            role_name=role_name,
            party_names=party_names(session, [person.party_id for person in accounts]),
            parties=list_parties(session),
            role_choices=role_choices(),
        )


@bp.post("/people")
@needs("account.manage")
@form_page(people)
def add_person() -> ResponseReturnValue:
    """Make an account, and show its first password once."""
    form = load_form(PersonForm())
    password = generate_password()
    with transaction() as session:
        user = create_user(
            session,
            current_actor(),
            username=form["username"],
            password=password,
            roles=[form["role"]],
            party_id=party_named(session, form["party"]),
            display_name=form["display_name"],
        )
        name = user.username
    return _secret(gettext("Password of %(name)s", name=name), _FIRST, password, "account.people")


@bp.post("/people/<int:user_id>")
@needs("account.manage")
def change_person(user_id: int) -> ResponseReturnValue:
    """Open or close an account, or give it a new password, or take its codes away."""
    change = load_form(ChangeForm())["change"]
    actor = current_actor()
    with transaction() as session:
        if change == "password":
            password = reset_password(session, actor, user_id=user_id)
        elif change == "codes":
            reset_second_factor(session, actor, user_id=user_id)
        else:
            set_active(session, actor, user_id=user_id, active=change == "open")
    if change == "password":
        return _secret(gettext("New password"), _NEW, password, "account.people")
    flash(gettext("The account is changed."), "success")
    return redirect(url_for("account.people"), 303)


@bp.get("/keys")
@needs("account.manage")
def keys() -> str:
    """Show every API key, and the form for a new one."""
    with reading() as session:
        found = list_keys(session, current_actor())
        return render_template(
            "trace/keys.html",
            keys=found,
            now=datetime.now(UTC),
            role_name=role_name,
            party_names=party_names(session, [key.party_id for key in found]),
            parties=list_parties(session),
            role_choices=role_choices(),
        )


@bp.post("/keys")
@needs("account.manage")
@form_page(keys)
def add_key() -> ResponseReturnValue:
    """Make an API key, and show it once."""
    form = load_form(KeyForm())
    day = form["expires_on"]
    with transaction() as session:
        key = create_key(
            session,
            current_actor(),
            role=form["role"],
            party_id=party_named(session, form["party"]),
            note=form["note"],
            # Until the end of that day, where the service stands.
            expires_at=None
            if day is None
            else datetime.combine(day + timedelta(days=1), time(), _CHINA),
        )
    return _secret(gettext("New API key"), _KEY, key, "account.keys")


@bp.post("/keys/<key_id>/withdraw")
@needs("account.manage")
def withdraw(key_id: str) -> ResponseReturnValue:
    """End an API key."""
    with transaction() as session:
        withdraw_key(session, current_actor(), key_id=key_id)
    flash(gettext("The key is withdrawn."), "success")
    return redirect(url_for("account.keys"), 303)


def role_name(role: str) -> str:
    """Return a role in the reader's language."""
    return str(gettext(ROLE_NAMES[Role(role)]))


def role_choices() -> list[tuple[str, str]]:
    """Return every role with its name in the reader's language."""
    return [(role.value, role_name(role)) for role in Role]


_FIRST = mark("With this password the person signs in, and then chooses another.")
_NEW = mark("The old password is void, and the person is signed out everywhere.")
_KEY = mark("The program sends it with every request, as Authorization: Bearer and the key.")


def _secret(title: str, explanation: str, secret: str, back: str) -> str:
    return render_template(
        "trace/secret.html",
        title=title,
        explanation=gettext(explanation),
        secret=secret,
        back=url_for(back),
    )
