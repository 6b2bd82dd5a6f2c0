"""Flask-Security, fitted to our store: user name and password, then a TOTP code if set up.

Nobody registers here and no mail is sent: an administrator makes accounts and, when a
phone or a password is lost, resets them.
"""

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request, session
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user, user_logged_in, user_logged_out
from flask_security import (
    PasswordUtil,
    Security,
    Totp,
    UserDatastore,
    UserMixin,
    UsernameUtil,
)
from flask_security.forms import TwoFactorRescueForm, TwoFactorSetupForm
from flask_wtf import CSRFProtect
from passlib.exc import UsedTokenError
from passlib.totp import TotpMatch
from sqlalchemy import inspect, or_, select, update
from sqlalchemy.orm.attributes import set_committed_value
from wtforms import RadioField

from foodtrace.trace.access import accounts
from foodtrace.trace.access.messages import MESSAGES
from foodtrace.trace.access.models import User, UserRole
from foodtrace.trace.access.sign_ins import IDLE, close_sign_in, open_sign_in
from foodtrace.trace.errors import Invalid
from foodtrace.trace.forms import render_wtf, translated
from foodtrace.trace.settings import Settings
from foodtrace.trace.web import reading, transaction

SIGN_IN = "sign_in"
CSRF_TOKEN = "csrf_token"  # noqa: S105  the name of a form field
# Failures count, successes do not. One address, one account; and one account from anywhere.
LIMIT_OF_ADDRESS, LIMIT_OF_ACCOUNT = "10 per 15 minutes", "60 per hour"
GUESSABLE = ("login", "verify", "change_password", "two_factor_token_validation")


class Accounts(UserDatastore):
    """What Flask-Security reads and writes of accounts.

    A user is read once and then lives apart from any session; a change is written at
    once, in a transaction of its own, and only the columns that changed.
    """

    def __init__(self) -> None:
        super().__init__(User, UserRole)

    def find_user(self, case_insensitive: bool = False, **wanted: Any) -> User | None:
        """Return the user whose one attribute has this value."""
        with reading() as db:
            return db.scalars(select(User).filter_by(**wanted)).one_or_none()

    def find_role(self, role: str) -> UserRole | None:
        """Return no role: accounts.py gives roles, Flask-Security never does."""
        return None

    def put(self, model: User) -> None:
        """Write the changed columns of a user now."""
        changes = {
            attribute.key: attribute.value
            for attribute in inspect(model).attrs
            if attribute.history.has_changes()
        }
        if not changes:
            return
        with transaction() as db:
            db.execute(update(User).where(User.id == model.id).values(changes))
        for name, value in changes.items():
            set_committed_value(model, name, value)

    def commit(self) -> None:
        """Do nothing: what was put is written already."""


class PasswordRule(PasswordUtil):
    """Our rule for new passwords."""

    def normalize(self, password: str) -> str:
        """Return the form of a password that is hashed."""
        return accounts.normal_password(password)

    def validate(self, password: str, is_register: bool, **of: Any) -> tuple[list[str] | None, str]:
        """Return what is wrong in the reader's language, and the normal form."""
        normal = accounts.normal_password(password)
        problems = accounts.password_problems(normal, of["user"].username)
        return [translated(problem) for problem in problems] or None, normal


class UsernameRule(UsernameUtil):
    """Our form of user names. A name that cannot be one is simply nobody's."""

    def normalize(self, username: str) -> str | None:
        """Return the stored form, or None."""
        try:
            return accounts.normal_username(username)
        except Invalid:
            return None

    def validate(self, username: str) -> tuple[str | None, str | None]:
        """Return no message, and the stored form."""
        return None, self.normalize(username or "")


class OneTimeCodes(Totp):
    """TOTP codes of which each counts once, also when two requests bring it together."""

    def get_last_counter(self, user: UserMixin) -> int | None:
        """Return the time step of the last code that was taken."""
        return user.tf_last_counter if isinstance(user, User) else None

    def set_last_counter(self, user: UserMixin, tmatch: TotpMatch) -> None:
        """Remember the step of this code; refuse it if another request was faster."""
        newer = or_(User.tf_last_counter.is_(None), User.tf_last_counter < tmatch.counter)
        with transaction() as db:
            taken = db.execute(
                update(User)
                .where(User.id == user.id, newer)
                .values(tf_last_counter=tmatch.counter)
                .returning(User.id)
            ).one_or_none()
        if taken is None:
            raise UsedTokenError()
        set_committed_value(user, "tf_last_counter", tmatch.counter)


class CodesForm(TwoFactorSetupForm):
    """Turn codes on or off: totp.html draws the two buttons."""

    setup = RadioField(choices=[], validate_choice=False)


class LostForm(TwoFactorRescueForm):
    """A lost phone: nothing can be chosen, the page says whom to ask."""

    help_setup = RadioField(choices=[])


def set_up_security(app: Flask, settings: Settings) -> None:
    """Add sign-in, sign-out, change of password and TOTP to the staff application."""
    app.config.update(_session_settings(settings), **_security_settings(settings))
    CSRFProtect(app)
    security = Security(
        app,
        Accounts(),
        password_util_cls=PasswordRule,
        username_util_cls=UsernameRule,
        totp_cls=OneTimeCodes,
        render_template=render_wtf,
        two_factor_setup_form=CodesForm,
        two_factor_rescue_form=LostForm,
    )
    # A session is the only way in here: no tokens of Flask-Security's own, and no JSON.
    security.login_manager.request_loader(lambda _request: None)
    security.want_json(lambda _request: False)
    user_logged_in.connect(_begin_sign_in, app)
    user_logged_out.connect(_end_sign_in, app)
    _limit_guesses(app)


def _session_settings(settings: Settings) -> dict[str, Any]:
    secure = settings.secure_cookies
    return {
        "SESSION_COOKIE_NAME": "__Host-foodtrace" if secure else "foodtrace",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": IDLE,
        # identify.py checks, for the paths that people use: machines send no cookies.
        "WTF_CSRF_CHECK_DEFAULT": False,
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session
    }


def _security_settings(settings: Settings) -> dict[str, Any]:
    values: dict[str, Any] = {
        "PASSWORD_HASH": "argon2",
        "PASSWORD_SCHEMES": ["argon2"],
        "PASSWORD_SINGLE_HASH": ["argon2"],
        "PASSWORD_HASH_PASSLIB_OPTIONS": {
            "argon2__memory_cost": accounts.ARGON2_MEMORY,
            "argon2__time_cost": accounts.ARGON2_TIME,
            "argon2__parallelism": accounts.ARGON2_LANES,
        },
        "USERNAME_ENABLE": True,
        "USERNAME_REQUIRED": True,
        "USER_IDENTITY_ATTRIBUTES": [{"username": {"mapper": str, "case_insensitive": False}}],
        "RETURN_GENERIC_RESPONSES": True,
        "API_ENABLED_METHODS": ["session"],
        "CHANGEABLE": True,
        "SEND_PASSWORD_CHANGE_EMAIL": False,
        "TWO_FACTOR": True,
        "TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        "TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,
        "TWO_FACTOR_RESCUE_EMAIL": False,
        "TOTP_SECRETS": {"1": _derived_key(settings, "totp")},
        "TOTP_ISSUER": "foodtrace",
        "LOGIN_URL": "/login",
        "LOGOUT_URL": "/logout",
        "LOGOUT_CSRF": True,
        "CHANGE_URL": "/account/password",
        "VERIFY_URL": "/account/verify",
        "TWO_FACTOR_SETUP_URL": "/account/totp",
        "TWO_FACTOR_TOKEN_VALIDATION_URL": "/login/code",
        "TWO_FACTOR_RESCUE_URL": "/login/lost",
        "TWO_FACTOR_SELECT_URL": "/login/select",
        "CACHE_CONTROL": None,  # shell.py says no-store for every page
        "POST_LOGIN_VIEW": "/account/start",
        "POST_LOGOUT_VIEW": "/login",
        "POST_CHANGE_VIEW": "/account",
        "POST_VERIFY_VIEW": "/account",
        "TWO_FACTOR_POST_SETUP_VIEW": "/account",
        "STATIC_FOLDER": None,
        "CLI_USERS_NAME": None,
        "CLI_ROLES_NAME": None,
        "LOGIN_USER_TEMPLATE": "trace/sign_in.html",
        "LOGOUT_USER_TEMPLATE": "trace/sign_out.html",
        "CHANGE_PASSWORD_TEMPLATE": "trace/password.html",
        "VERIFY_TEMPLATE": "trace/verify.html",
        "TWO_FACTOR_SETUP_TEMPLATE": "trace/totp.html",
        "TWO_FACTOR_VERIFY_CODE_TEMPLATE": "trace/code.html",
        "I18N_DOMAIN": "messages",
        "I18N_DIRNAME": [str(Path(__file__).resolve().parents[1] / "translations")],
        **{f"MSG_{name}": message for name, message in MESSAGES.items()},
    }
    return {f"SECURITY_{name}": value for name, value in values.items()}


def _derived_key(settings: Settings, purpose: str) -> str:
    """Return a key for one purpose, from which the secret key cannot be had."""
    digest = hashlib.sha256(f"foodtrace {purpose} {settings.secret_key}".encode()).digest()
    return base64.b64encode(digest).decode()


def _begin_sign_in(_app: Flask, user: User, **_: Any) -> None:
    """Open a new session on the server; nothing of the one before it lives on."""
    before = session.pop(SIGN_IN, None)
    with transaction() as db:
        if before is not None:
            close_sign_in(db, before)
        session[SIGN_IN] = open_sign_in(db, user.id)
    session.pop(CSRF_TOKEN, None)
    g.pop(CSRF_TOKEN, None)
    session.permanent = True


def _end_sign_in(_app: Flask, **_: Any) -> None:
    token = session.pop(SIGN_IN, None)
    session.permanent = False
    if token is not None:
        with transaction() as db:
            close_sign_in(db, token)


def _limit_guesses(app: Flask) -> None:
    """Slow down whoever guesses passwords and codes."""
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://")
    for name in GUESSABLE:
        endpoint = f"security.{name}"
        view: Callable[..., Any] = app.view_functions[endpoint]
        for limit, key in ((LIMIT_OF_ADDRESS, _address_and_account), (LIMIT_OF_ACCOUNT, _account)):
            view = limiter.limit(
                limit, key_func=key, methods=["POST"], deduct_when=_is_failure, scope=key.__name__
            )(view)
        app.view_functions[endpoint] = view


def _is_failure(response: Response) -> bool:
    """Answer whether the form was shown again: success is always a redirect."""
    return response.status_code == 200


def _address_and_account() -> str:
    return f"{get_remote_address()} {_account()}"


def _account() -> str:
    """Return the account that somebody tries to get into."""
    if current_user.is_authenticated:
        return str(current_user.username)
    typed = request.form.get("username", "")
    try:
        # Full-width and other spellings of a name lead to one account, and so count as one.
        return accounts.normal_username(typed)
    except Invalid:
        return typed.strip().casefold()[:40] or str(session.get("tf_user_id", "nobody"))
