"""Making the demonstration: its chain and its accounts, all or nothing."""

import json
import os
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from foodtrace.consumer_web.demonstration import cast
from foodtrace.consumer_web.demonstration.acts import play
from foodtrace.consumer_web.demonstration.stage import Stage
from foodtrace.inspections.rules import CHINA
from foodtrace.trace.access.accounts import create_user, generate_password
from foodtrace.trace.access.actor import SYSTEM, Role
from foodtrace.trace.capture.export import holds_events
from foodtrace.trace.masterdata.services import find_party, list_parties
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store

# Who signs in to the demonstration: user name, role, and for whom.
PEOPLE: tuple[tuple[str, Role, cast.Org | None], ...] = (
    ("shifan.factory", Role.PRODUCER, cast.FACTORY),
    ("shifan.chili", Role.PRODUCER, cast.CHILI_FARM),
    ("shifan.hub", Role.OPERATOR, cast.DISTRIBUTOR),
    ("shifan.shop", Role.OPERATOR, cast.SUPERMARKET),
    ("shifan.lab", Role.LABORATORY, cast.LABORATORY),
    ("shifan.inspector", Role.INSPECTOR, cast.AUTHORITY),
    ("shifan.regulator", Role.REGULATOR, cast.AUTHORITY),
    ("shifan.admin", Role.ADMINISTRATOR, None),
)


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the demonstration, with its password in the clear."""

    username: str
    password: str
    role: str
    organisation: str


def today() -> date:
    """Return the day it is in China."""
    return datetime.now(CHINA).date()


def is_made(session: Session) -> bool:
    """Answer whether this database holds the demonstration."""
    return find_party(session, identifier=f"/417/{cast.FACTORY.gln}") is not None


def is_empty(session: Session) -> bool:
    """Answer whether nobody has registered or captured anything yet."""
    return not list_parties(session, limit=1) and not holds_events(session)


def make(store: Store, settings: Settings, day: date) -> None:
    """Write the chain and the accounts in one transaction.

    The passwords are random, and kept in a file of the data folder that its owner alone can
    read: well-known ones would open every demonstration that stands on a public network.
    """
    with store.transaction() as session:
        stage = Stage(session, day)
        play(stage)
        accounts = [_account(stage, *person) for person in PEOPLE]
        _keep(settings, accounts)


def accounts_of(settings: Settings) -> list[Account]:
    """Return the accounts as they were made; none if their file is gone."""
    try:
        kept = json.loads(_path(settings).read_text())
    except FileNotFoundError:
        return []
    return [Account(**account) for account in kept]


def _account(stage: Stage, username: str, role: Role, org: cast.Org | None) -> Account:
    password = generate_password()
    create_user(
        stage.session,
        SYSTEM,
        username=username,
        password=password,
        roles=[role],
        party_id=stage.parties[org.gln] if org else None,
    )
    return Account(username, password, role.value, org.name if org else "")


def _path(settings: Settings) -> Path:
    return settings.data / "demonstration.json"


def _keep(settings: Settings, accounts: list[Account]) -> None:
    path = _path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        json.dump([asdict(account) for account in accounts], file, ensure_ascii=False, indent=1)
