"""A builder that fills the derived tables directly: chains of any shape in few lines."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import insert

from foodtrace.trace.masterdata.models import Lot, Party, Place, Product
from foodtrace.trace.store.models import (
    Containment,
    Document,
    Edge,
    Event,
    EventItem,
    Item,
    Statement,
)

START = datetime(2026, 5, 1, 8, tzinfo=UTC)


def hour(number):
    """The time this many hours after the builder's beginning."""
    return START + timedelta(hours=number)


class Graph:
    """Names are short: ``A`` stands for the lot ``/01/09506000134352/10/A``."""

    def __init__(self, session):
        self.session = session
        self.items = {}
        self.clock = 0
        document = Document(actor="test", content_type="test", received_at=START, body=b"")
        session.add(document)
        session.flush()
        self.document_id = document.id

    def canonical(self, name):
        return name if name.startswith(("/", "urn:")) else f"/01/09506000134352/10/{name}"

    def item(self, name, kind=None):
        """Return the id of an item, made on first use."""
        if name not in self.items:
            canonical = self.canonical(name)
            if kind is None:
                kinds = {"/00/": "logistic", "/8003": "logistic"}
                kind = kinds.get(canonical[:4], "instance" if "/21/" in canonical else "lot")
            item = Item(kind=kind, canonical=canonical)
            if canonical.startswith("/01/"):
                item.gtin, item.lot = canonical[4:18], name if kind == "lot" else None
            self.session.add(item)
            self.session.flush()
            self.items[name] = item.id
        return self.items[name]

    def statement(self, kind="event"):
        statement = Statement(kind=kind, document_id=self.document_id, start=0, length=0)
        self.session.add(statement)
        self.session.flush()
        return statement.id

    def event(self, parts=(), at=None, **facts):
        """Record an event; `parts` are (role, name[, amount[, uom]]), `at` hours or a time."""
        if at is None:
            self.clock += 1
            at = self.clock
        moment = at if isinstance(at, datetime) else hour(at)
        number = self.statement()
        columns = {
            "id": number,
            "event_id": f"urn:uuid:{number}",
            "type": "ObjectEvent",
            "action": "OBSERVE",
            "event_time": moment,
            "time_zone_offset": "+08:00",
            "record_time": moment,
            "party_id": 0,
            "hidden": False,
        }
        self.session.execute(insert(Event).values({**columns, **facts}))
        for role, name, *amount in parts:
            quantity, uom = (*amount, None, None)[:2]
            self.session.add(
                EventItem(
                    event_id=number,
                    role=role,
                    item_id=self.item(name),
                    amount=None if quantity is None else Decimal(quantity),
                    uom=uom,
                )
            )
        self.session.flush()
        return number

    def edge(self, parent, child, event_id, kind="made"):
        self.session.add(
            Edge(
                parent_id=self.item(parent), child_id=self.item(child), event_id=event_id, kind=kind
            )
        )
        self.session.flush()

    def made(self, inputs, outputs, **facts):
        """Record a transformation, with its edges; names, or (name, amount, uom)."""
        facts = {"type": "TransformationEvent", "action": None, **facts}
        as_part = [one if isinstance(one, tuple) else (one,) for one in inputs]
        out_part = [one if isinstance(one, tuple) else (one,) for one in outputs]
        parts = [("input", *one) for one in as_part] + [("output", *one) for one in out_part]
        number = self.event(parts, **facts)
        for parent in as_part:
            for child in out_part:
                self.edge(parent[0], child[0], number)
        return number

    def packed(self, container, contents, since, until=None):
        """Pack things into a container (hours), with the events that say so."""
        contents = [one if isinstance(one, tuple) else (one,) for one in contents]
        children = [("child", *one) for one in contents]
        aggregation = {"type": "AggregationEvent", "biz_step": "packing"}
        self.event([("parent", container), *children], since, action="ADD", **aggregation)
        if until is not None:
            self.event([("parent", container), *children], until, action="DELETE", **aggregation)
        for name, *amount in contents:
            quantity, uom = (*amount, None, None)[:2]
            self.session.add(
                Containment(
                    content_id=self.item(name),
                    container_id=self.item(container),
                    since=hour(since),
                    until=None if until is None else hour(until),
                    amount=None if quantity is None else Decimal(quantity),
                    uom=uom,
                )
            )
        self.session.flush()

    def party(self, name, **facts):
        number = self.statement("party")
        facts = {"identifier": f"urn:uuid:party-{number}", "kind": "other", **facts}
        self.session.add(Party(id=number, name=name, **facts))
        self.session.flush()
        return number

    def place(self, name, party_id, **facts):
        number = self.statement("place")
        facts = {"identifier": f"urn:uuid:place-{number}", **facts}
        place = Place(id=number, name=name, party_id=party_id, **facts)
        self.session.add(place)
        self.session.flush()
        return place.identifier

    def product(self, name, party_id, identifier="/01/09506000134352", **facts):
        number = self.statement("product")
        self.session.add(
            Product(id=number, name=name, party_id=party_id, identifier=identifier, **facts)
        )
        self.session.flush()

    def lot(self, name, event_id, party_id=0, **facts):
        facts = {"made_at": START, **facts}
        number = self.item(name)
        self.session.add(Lot(item_id=number, event_id=event_id, party_id=party_id, **facts))
        self.session.flush()
