"""What tests of pages and APIs share: settings, a browser that signs in, and the cast."""

import re
from pathlib import Path

from foodtrace.consumer_web.app import create_public_app, create_staff_app
from foodtrace.trace.access.accounts import create_user
from foodtrace.trace.access.actor import SYSTEM, Role
from foodtrace.trace.access.keys import create_key
from foodtrace.trace.access.policy import NEEDS_PARTY
from foodtrace.trace.masterdata.services import ensure_party
from foodtrace.trace.settings import Settings

from .described import check_answers

PASSWORD = "correct horse battery"


def settings_of(store, **changes):
    """Return settings for a test over this store; nothing is written but its database."""
    values = {
        "data": Path("unused"),
        "database_url": store.url,
        "base_url": "http://localhost",
        "secret_key": "a key for tests only, long enough",
        "secure_cookies": False,
    }
    return Settings(**(values | changes))


def staff_app(store, **changes):
    app = create_staff_app(store, settings_of(store, **changes))
    app.testing = True
    check_answers(app)
    return app


def public_app(store, **changes):
    app = create_public_app(store, settings_of(store, **changes))
    app.testing = True
    return app


def add_party(store, name):
    with store.transaction() as session:
        return ensure_party(session, SYSTEM, name).id


def add_person(store, name, *roles, party_id=None):
    with store.transaction() as session:
        user = create_user(
            session,
            SYSTEM,
            username=name,
            password=PASSWORD,
            roles=[Role(role) for role in roles],
            party_id=party_id,
        )
        return user.id


def add_key(store, role, party_id=None):
    """Return the text of a new key; producers, operators and laboratories get a party."""
    if party_id is None and role in NEEDS_PARTY:
        party_id = add_party(store, f"The {role}'s")
    with store.transaction() as session:
        return create_key(session, SYSTEM, role=Role(role), party_id=party_id)


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


class Browser:
    """A person at a browser without scripts: keeps cookies, sends forms with their token."""

    def __init__(self, app):
        self.client = app.test_client()
        self.page = None

    def get(self, address, **options):
        self.page = self.client.get(address, **options)
        return self.page

    def post(self, address, data=None, *, form_on=None, **options):
        """Send a form; its token is taken from the page `form_on`, by default the same one."""
        token = token_of(self.client.get(form_on or address).text)
        self.page = self.client.post(address, data={"csrf_token": token, **(data or {})}, **options)
        return self.page

    def sign_in(self, name, password=PASSWORD):
        return self.post("/login", {"username": name, "password": password})


def token_of(page):
    """Return the CSRF token of the first form of a page, or an empty text."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    return found[1] if found else ""
