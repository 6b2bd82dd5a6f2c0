"""Who is asking, found out before every request of the staff application.

Machines (``/api``, ``/epcis``) show a key and never a cookie; people have a session and
never a key. A view that is not marked `open_to_all` needs one or the other: a blueprint
cannot forget it. A view marked with the action that it `needs` is closed to every role
without it; whose things the actor may touch is asked of policy.py by the services.
"""

from flask import Flask, current_app, g, request, session
from flask_login import current_user, logout_user
from flask_wtf import CSRFProtect
from werkzeug.exceptions import Forbidden as CrossSite

from foodtrace.trace.access.accounts import actor_of_user
from foodtrace.trace.access.actor import ANONYMOUS, Actor
from foodtrace.trace.access.keys import find_key, note_use
from foodtrace.trace.access.policy import require
from foodtrace.trace.access.security import SIGN_IN
from foodtrace.trace.access.sign_ins import is_open
from foodtrace.trace.bodies import GatedBody
from foodtrace.trace.errors import NotFound, Problem, Unauthenticated, Unavailable, mark
from foodtrace.trace.forms import refuse_control_characters
from foodtrace.trace.web import (
    is_machine_path,
    is_open_to_all,
    needed_action,
    reading,
    store,
    transaction,
)

_LARGEST_OF_STRANGERS = 16 * 1024  # signing in needs no more
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# Views of extensions, which cannot be marked: signing in, and the API's description.
_OPEN = frozenset(
    {
        "trace.static",
        "api-docs.openapi_json",
        "security.login",
        "security.logout",
        "security.two_factor_token_validation",
        "security.two_factor_rescue",
        "security.tf_select",
    }
)


def set_up_identity(app: Flask) -> None:
    """Find out who is asking before each request, and refuse nobody where one is needed."""
    app.before_request(identify)


def identify() -> None:
    """Set the actor of this request; raise Unauthenticated where one is needed."""
    if request.endpoint is None:
        return  # no such page: the same answer for everybody
    is_machine = is_machine_path(request.path)
    g.actor = _machine() if is_machine else _person()
    body = request.environ["wsgi.input"]
    if g.actor != ANONYMOUS and isinstance(body, GatedBody):
        body.welcome()
    if not is_machine and request.method not in _SAFE:
        _refuse_forgery()
    _refuse_control_characters()
    view = current_app.view_functions[request.endpoint]
    if g.actor == ANONYMOUS and request.endpoint not in _OPEN and not is_open_to_all(view):
        raise Unauthenticated()
    action = needed_action(view)
    if action is not None:
        require(g.actor, action)


def _refuse_control_characters() -> None:
    """Refuse what no address holds; forms and bodies are looked at where they are read."""
    if "\0" in request.path:
        raise NotFound()
    for name, value in request.args.items(multi=True):
        refuse_control_characters(value, name)


def _machine() -> Actor:
    """Return who acts with the key of this request; nobody without one."""
    header = request.headers.get("Authorization")
    if header is None:
        return ANONYMOUS
    scheme, _, text = header.partition(" ")
    with store().connection() as connection:
        key = find_key(connection, text.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        raise Unauthenticated(
            Problem(
                "",
                mark("The API key is unknown, expired or withdrawn"),
                mark("Send Authorization: Bearer and a valid key"),
            )
        )
    if key.is_use_due:
        try:
            with transaction() as db:
                note_use(db, key.id)
        except Unavailable:
            current_app.logger.info("the use of key %s could not be noted", key.id)
    return key.actor


def _person() -> Actor:
    """Return who is signed in; a session that was ended elsewhere is ended here, too."""
    if not current_user.is_authenticated:
        return ANONYMOUS
    with reading() as db:
        still_open = is_open(db, session.get(SIGN_IN, ""), current_user.id)
    if not still_open:
        logout_user()
        return ANONYMOUS
    return actor_of_user(current_user)


def _refuse_forgery() -> None:
    """Refuse what another site made the browser send, then check the form's own token."""
    if g.actor == ANONYMOUS:
        request.max_content_length = _LARGEST_OF_STRANGERS
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    # Behind a proxy the scheme may differ, the host may not.
    foreign = site not in (None, "same-origin", "none") or (
        site is None and origin is not None and origin.partition("://")[2] != request.host
    )
    if foreign:
        raise CrossSite("The form was sent from another site")
    csrf: CSRFProtect = current_app.extensions["csrf"]
    csrf.protect()
