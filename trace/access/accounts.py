"""Accounts of people: made by an administrator, never by themselves.

A password is hashed with argon2id at OWASP's cost (19 MiB, two rounds, one lane).
"""

import secrets
import unicodedata
import uuid
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from argon2 import PasswordHasher
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.access.keys import check_party_given
from foodtrace.trace.access.models import SignIn, User, UserRole
from foodtrace.trace.access.policy import require
from foodtrace.trace.errors import Conflict, Invalid, NotFound, Problem, mark

ARGON2_MEMORY, ARGON2_TIME, ARGON2_LANES = 19456, 2, 1
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 128
_FEWEST_DIFFERENT_CHARACTERS = 5
_LONGEST_NAME = 32
_NAME_SIGNS = "._-"
# What people type when ten characters are asked of them.
_COMMON_TEXT = """
    1234567890 0123456789 12345678910 123456789a a123456789 1q2w3e4r5t 1qaz2wsx3edc
    qwertyuiop qwertyuiop123 qwerty12345 qwer1234567 asdfghjkl123 abcdefghij abcd123456
    password123 password1234 passw0rd123 p@ssw0rd123 admin12345 admin123456 administrator
    woaini1314520 woaini520131 woaini123456 iloveyou123 5201314520 1314520520 0987654321
    changeme123 letmein1234 welcome1234 zaq12wsxcde foodtrace123 foodtrace2026
"""
_COMMON = frozenset(_COMMON_TEXT.split())


def normal_username(text: str) -> str:
    """Return a user name as it is stored: NFKC, lower case.

    Two to 32 letters of any script, digits, full stops, hyphens and underscores.

    >>> normal_username(" Li.Na ")
    'li.na'
    """
    name = unicodedata.normalize("NFKC", text).strip().casefold()
    if not 2 <= len(name) <= _LONGEST_NAME or not all(
        character.isalnum() or character in _NAME_SIGNS for character in name
    ):
        raise Invalid(
            Problem(
                "username",
                mark("This user name does not fit"),
                mark("Use 2 to 32 letters or digits; . - and _ may stand between them"),
            )
        )
    return name


def normal_password(text: str) -> str:
    """Return the password as it is hashed (NFC): the same on every keyboard."""
    return unicodedata.normalize("NFC", text)


def password_problems(password: str, username: str) -> list[Problem]:
    """Return what is wrong with a new password; nothing if it may be used."""
    if len(password) < SHORTEST_PASSWORD:
        return [
            Problem(
                "password",
                mark("The password is too short"),
                mark("Use %(least)s characters or more; a short sentence is easy to remember"),
                {"least": SHORTEST_PASSWORD},
            )
        ]
    if len(password) > LONGEST_PASSWORD:
        return [
            Problem(
                "password",
                mark("The password is too long"),
                mark("Use at most %(most)s characters"),
                {"most": LONGEST_PASSWORD},
            )
        ]
    plain = password.casefold()
    if plain in _COMMON or username in plain or len(set(plain)) < _FEWEST_DIFFERENT_CHARACTERS:
        return [
            Problem(
                "password",
                mark("This password is easy to guess"),
                mark("Choose one without your user name, that many others do not use"),
            )
        ]
    return []


def create_user(
    session: Session,
    actor: Actor,
    *,
    username: str,
    password: str,
    roles: Collection[Role],
    party_id: int | None = None,
    display_name: str | None = None,
) -> User:
    """Make an account with one role or more."""
    require(actor, "account.manage")
    name = normal_username(username)
    secret = normal_password(password)
    problems = password_problems(secret, name)
    if problems:
        raise Invalid(*problems)
    if not roles:
        raise Invalid(Problem("role", mark("No role is chosen"), mark("Choose one")))
    for role in roles:
        check_party_given(role, party_id)
    if session.scalar(select(User.id).where(User.username == name)) is not None:
        raise Conflict(
            Problem(
                "username",
                mark("There is an account with the user name %(name)s already"),
                mark("Choose another"),
                {"name": name},
            )
        )
    user = User(
        username=name,
        display_name=display_name or username.strip(),
        password=hash_password(secret),
        active=True,
        fs_uniquifier=uuid.uuid4().hex,
        party_id=party_id,
        created_at=datetime.now(UTC),
        roles=[UserRole(name=role.value) for role in roles],
    )
    session.add(user)
    session.flush()
    return user


def hash_password(password: str) -> str:
    """Return the argon2id text of a password."""
    return PasswordHasher(
        memory_cost=ARGON2_MEMORY, time_cost=ARGON2_TIME, parallelism=ARGON2_LANES
    ).hash(password)


def generate_password() -> str:
    """Return a random password of 96 bits, easy to read out: four groups of letters."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def actor_of_user(user: User) -> Actor:
    """Return who acts when this person is signed in.

    By the account's number: the record keeps it for ever, and whose account it is stands only
    in the account, which can be changed and removed.
    """
    return Actor(f"user:{user.id}", user.party_id, user.role_names)


def list_users(session: Session, actor: Actor) -> Sequence[User]:
    """Return every account by user name."""
    require(actor, "account.manage")
    return session.scalars(select(User).order_by(User.username)).all()


def set_active(session: Session, actor: Actor, *, user_id: int, active: bool) -> None:
    """Close an account or open it again; closing ends its sessions at once."""
    require(actor, "account.manage")
    user = _get_user(session, user_id)
    if actor.name == f"user:{user.id}" and not active:
        raise Conflict(
            Problem(
                "", mark("You cannot close your own account"), mark("Ask another administrator")
            )
        )
    user.active = active
    _end_sessions(session, user)


def reset_second_factor(session: Session, actor: Actor, *, user_id: int) -> None:
    """Take the second factor away from a person who lost the phone, and end the sessions."""
    require(actor, "account.manage")
    user = _get_user(session, user_id)
    user.tf_primary_method = user.tf_totp_secret = user.tf_last_counter = None
    _end_sessions(session, user)


def reset_password(session: Session, actor: Actor, *, user_id: int) -> str:
    """Give an account a new password, return it, and end its sessions."""
    require(actor, "account.manage")
    user = _get_user(session, user_id)
    password = generate_password()
    user.password = hash_password(password)
    _end_sessions(session, user)
    return password


def _get_user(session: Session, user_id: int) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise NotFound()
    return user


def _end_sessions(session: Session, user: User) -> None:
    user.fs_uniquifier = uuid.uuid4().hex
    session.execute(delete(SignIn).where(SignIn.account_id == user.id))
