"""What both applications share of HTTP: the store, the settings and who is asking."""

from contextlib import AbstractContextManager

from flask import current_app, g
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import ANONYMOUS, Actor
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store

STORE = "foodtrace.store"
SETTINGS = "foodtrace.settings"


def store() -> Store:
    """Return the store of the running application."""
    found: Store = current_app.extensions[STORE]
    return found


def settings() -> Settings:
    """Return the settings of the running application."""
    found: Settings = current_app.extensions[SETTINGS]
    return found


def reading() -> AbstractContextManager[Session]:
    """Open a session that only reads."""
    return store().reading()


def transaction() -> AbstractContextManager[Session]:
    """Open the one transaction of a request; leaving it commits."""
    return store().transaction()


def current_actor() -> Actor:
    """Return who is asking: set before each request by the access layer."""
    actor: Actor = g.get("actor", ANONYMOUS)
    return actor
