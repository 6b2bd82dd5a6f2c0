"""A partner with a key, a named query and a server, and what the worker would do for it."""

import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.query.named import create_query
from foodtrace.trace.subscriptions import services
from foodtrace.trace.subscriptions.looking import look_at
from foodtrace.trace.subscriptions.models import Delivery, Subscription
from foodtrace.trace.subscriptions.sending import attempt, claim_due

from ..web import add_key, add_party, settings_of
from .acts import capture, make

SECRET = "0435ojtojt02"


def now():
    return datetime.now(UTC)


class Partner:
    """Acts for one party; its queries are all or by business step."""

    def __init__(self, store, receiver, name="Alba", role="producer"):
        self.store, self.receiver = store, receiver
        self.party_id = add_party(store, name)
        self.key = add_key(store, role, self.party_id)
        self.actor = Actor(f"key:{name}", self.party_id, frozenset({Role(role)}))
        self.settings = settings_of(
            store,
            webhook_hosts=receiver.destinations().hosts,
            webhook_networks=receiver.destinations().networks,
            webhook_ca_file=receiver.ca_file,
        )

    def ask(self, name="all", **parameters):
        with self.store.transaction() as session:
            create_query(session, self.actor, name=name, parameters=parameters, prefixes={})

    def subscribe(self, query="all", *, at=None, formats=None, **body):
        body = {"dest": self.receiver.url, "secret": SECRET, **body}
        if "schedule" not in body:
            body["stream"] = True
        with self.store.transaction() as session:
            return services.subscribe(
                session, self.actor, self.settings,
                query_name=query, body=body, formats=formats, now=at,
            )  # fmt: skip

    def capture(self, *names, **more):
        """Capture an event for each name, in one document; return their eventIDs."""
        events = [make(1, {name: 1}, **more) for name in names]
        capture(self.store, *events, actor=self.actor)
        return [event["eventID"] for event in events]

    def look(self, at=None, patience=0.5):
        return look_at(self.store, at or now(), patience)

    def send(self, at=None, **changes):
        """Send everything that is due, one subscription after the other."""
        at = at or now()
        destinations = self.receiver.destinations(**changes)
        for claim in claim_due(self.store, at, 100):
            while claim is not None:
                claim = attempt(self.store, destinations, claim, at)

    def deliveries(self):
        with self.store.reading() as session:
            rows = session.scalars(select(Delivery).order_by(Delivery.created_at)).all()
            session.expunge_all()
            return rows

    def subscriptions(self):
        with self.store.reading() as session:
            rows = session.scalars(select(Subscription)).all()
            session.expunge_all()
            return rows


def told(receiver):
    """Return the eventIDs that the receiver was told of, in order."""
    return [event_id for got in receiver.received for event_id in ids_in(got.body)]


def ids_in(body):
    results = json.loads(body)["epcisBody"]["queryResults"]["resultsBody"]
    return [event["eventID"] for event in results["eventList"]]


def soon(**span):
    return now() + timedelta(**span)
