"""Events in few words, captured through the service, and the rows that follow from them."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.capture.rebuild import derived_tables
from foodtrace.trace.capture.services import capture_document
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.masterdata.models import Lot
from foodtrace.trace.query.model import Identified, Query
from foodtrace.trace.query.results import as_result
from foodtrace.trace.query.services import find_events
from foodtrace.trace.store.models import (
    Base,
    Containment,
    Document,
    Edge,
    Event,
    Item,
    Statement,
)

GTIN = "09506000134352"
START = datetime(2026, 5, 1, 8, tzinfo=UTC)
CONTEXT = [
    "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
    {"foodtrace": "https://foodtrace.example/ns/"},
]

ALBA = Actor("key:alba", 101, frozenset({Role.PRODUCER}))
BRUNO = Actor("key:bruno", 102, frozenset({Role.PRODUCER}))
INES = Actor("user:ines", 103, frozenset({Role.INSPECTOR}))
ROSA = Actor("user:rosa", 104, frozenset({Role.REGULATOR}))

_NEXT = iter(range(1_000_000))


def uri(name):
    """``A`` is a lot, ``A#1`` a serial of lot A, ``#1`` a serial, ``=1`` a pallet."""
    if name.startswith("="):
        return f"https://id.gs1.org/00/{sscc(int(name[1:]))}"
    lot, _, serial = name.partition("#")
    parts = [f"/10/{lot}" if lot else "", f"/21/{serial}" if serial else ""]
    return f"https://id.gs1.org/01/{GTIN}" + "".join(parts)


def sscc(number):
    digits = f"3061414{number:010d}"
    weighted = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(digits))
    return f"{digits}{-weighted % 10}"


def name_of(canonical):
    """The inverse of uri(); what is no lot, serial or pallet keeps its canonical form."""
    if canonical.startswith("/00/"):
        return f"={int(canonical[11:-1])}"
    return canonical.replace(f"/01/{GTIN}/10/", "").replace(f"/01/{GTIN}/21/", "#")


def hour(number):
    return START + timedelta(hours=number)


def event(kind, at, **members):
    return {
        "type": kind,
        "eventID": f"urn:uuid:00000000-0000-4000-8000-{next(_NEXT):012d}",
        "eventTime": hour(at).isoformat(),
        "eventTimeZoneOffset": "+08:00",
        **members,
    }


def things(epcs, classes, names):
    """Return the members of an event that name serials and pallets, and amounts of lots."""
    single = [uri(name) for name in names if "#" in name or name.startswith("=")]
    amounts = names if isinstance(names, dict) else dict.fromkeys(names)
    many = [
        {"epcClass": uri(name), **(amount if isinstance(amount, dict) else kilos(amount))}
        for name, amount in amounts.items()
        if "#" not in name and not name.startswith("=")
    ]
    return {**({epcs: single} if single else {}), **({classes: many} if many else {})}


def kilos(amount):
    return {} if amount is None else {"quantity": amount, "uom": "KGM"}


def make(at, names, ilmd=None, **more):
    """Something comes into being."""
    members = things("epcList", "quantityList", names)
    if ilmd:
        members["ilmd"] = ilmd
    return event("ObjectEvent", at, action="ADD", bizStep="commissioning", **members, **more)


def see(at, names, step="shipping", **more):
    return event(
        "ObjectEvent", at, action="OBSERVE", bizStep=step,
        **things("epcList", "quantityList", names), **more,
    )  # fmt: skip


def transform(at, inputs, outputs, **more):
    return event(
        "TransformationEvent", at,
        **things("inputEPCList", "inputQuantityList", inputs),
        **things("outputEPCList", "outputQuantityList", outputs), **more,
    )  # fmt: skip


def pack(at, parent, children, action="ADD", **more):
    return event(
        "AggregationEvent", at, action=action, parentID=uri(parent),
        **things("childEPCs", "childQuantityList", children), **more,
    )  # fmt: skip


def unpack(at, parent, children=(), **more):
    return pack(at, parent, children, action="DELETE", **more)


def wrong(declared, at=100):
    """The declaration that an event is wrong: the event again, and why."""
    declaration = {"declarationTime": hour(at).isoformat(), "reason": "incorrect_data"}
    return {**declared, "errorDeclaration": declaration}


def document(*events):
    return json.dumps(
        {
            "@context": CONTEXT,
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-05-01T00:00:00Z",
            "epcisBody": {"eventList": list(events)},
        },
        ensure_ascii=False,
    ).encode()


def capture(store, *events, actor=ALBA, key=None):
    """Capture a document of these events in a transaction of its own."""
    read = read_document(document(*events), now=datetime.now(UTC))
    with store.transaction() as session:
        return capture_document(session, actor, read, content_type="application/ld+json", key=key)


def shown(session, actor, event_id):
    """Return the events of this eventID that the actor sees, in the order of recording."""
    query = Query((Identified((event_id,)),), descending=False)
    page = find_events(session, actor, query, per_page=100, secret="a secret of tests")
    return [as_result(each) for each in page.events]


def statement_bytes(session, statement_id):
    """Return a statement as it was received."""
    row = session.get_one(Statement, statement_id)
    body = session.get_one(Document, row.document_id).body
    return body[row.start : row.start + row.length]


def names(session):
    return {item_id: name_of(c) for item_id, c in session.execute(select(Item.id, Item.canonical))}


def edges(store, kind="made"):
    """Return ``A>B`` for each edge, sorted."""
    with store.reading() as session:
        called = names(session)
        rows = session.execute(select(Edge.parent_id, Edge.child_id).where(Edge.kind == kind))
        return sorted(f"{called[parent]}>{called[child]}" for parent, child in rows)


def containments(store):
    """Return (content, container, from hour, to hour, amount), sorted."""
    with store.reading() as session:
        called = names(session)
        return sorted(
            (
                called[row.content_id],
                called[row.container_id],
                (row.since - START) // timedelta(hours=1),
                None if row.until is None else (row.until - START) // timedelta(hours=1),
                None if row.amount is None else int(row.amount),
            )
            for row in session.scalars(select(Containment))
        )


def lot(store, name):
    """Return the lot row of a name, or None."""
    with store.reading() as session:
        row = session.scalars(
            select(Lot).join(Item, Item.id == Lot.item_id).where(Item.canonical == uri(name)[18:])
        ).one_or_none()
        if row is not None:
            session.expunge(row)
        return row


def rows(store):
    """Return every row of every derived table, in a fixed order."""
    with store.reading() as session:
        return {
            table.name: sorted(repr(tuple(row)) for row in session.execute(select(table)))
            for table in derived_tables()
        }


def rows_by_name(store):
    """Return the same with names in the place of the ids that the database gave."""
    with store.reading() as session:
        called = names(session) | {None: None}
        events = {
            row.id: f"{row.event_id} {row.declared_at}" for row in session.scalars(select(Event))
        }
        called = {
            item: f"event of {events[int(name[6:])]}" if str(name).startswith("event:") else name
            for item, name in called.items()
        }
        translate = {"item_id": called, "parent_id": called, "child_id": called,
                     "content_id": called, "container_id": called, "event_id": events}  # fmt: skip
        dropped = {"record_time", "statement_id"}
        found = {}
        for table in derived_tables():
            if table.name in ("item", "revision"):
                continue
            found[table.name] = Counter(
                repr(sorted(
                    (name, translate.get(name, {}).get(value, value))
                    for name, value in row._asdict().items()
                    if name not in dropped and not (name == "id" and table.name == "event")
                ))
                for row in session.execute(select(table))
            )  # fmt: skip
        found["item"] = Counter(called.values())
        return found


def count(store, *tables):
    """Return the number of rows of every table of the record and of what follows from it."""
    with store.reading() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table))
            for table in Base.metadata.sorted_tables
            if not tables or table.name in tables
        }
