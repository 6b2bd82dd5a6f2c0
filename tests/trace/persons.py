"""Events that name persons, captured through the door, and what the record holds of them."""

import json
from datetime import UTC, datetime

from sqlalchemy import LargeBinary, select

from foodtrace.trace.capture.reading import LD_JSON_TYPE, read_capture
from foodtrace.trace.capture.services import capture_document
from foodtrace.trace.personal.models import Personal
from foodtrace.trace.store.models import Base

from .acts import ALBA, document, see

NAME, PHONE = "王小明", "13912345678"
PERSONAL = "foodtrace:personal"


def trip(at=1, *, name=NAME, phone=PHONE, **more):
    """A shipment with a driver."""
    said = {"foodtrace:driver": name, "foodtrace:phone": phone}
    return see(at, ["A#1"], **{PERSONAL: said}, **more)


def send(store, body, *, actor=ALBA, key=None, type_=LD_JSON_TYPE, proceed=False):
    """Capture a body as the interface does; an event or several stand for their document."""
    if isinstance(body, dict):
        body = document(body)
    read = read_capture(body, type_, now=datetime.now(UTC), proceed=proceed)
    with store.transaction() as session:
        return capture_document(
            session, actor, read, content_type=type_, key=key,
            behaviour="proceed" if proceed else "rollback",
        )  # fmt: skip


def kept(store):
    """Return the personal values that are kept, by their place."""
    with store.reading() as session:
        return {row.place: row.value for row in session.scalars(select(Personal))}


def commitments(store):
    with store.reading() as session:
        return [
            bytes(row) for row in session.scalars(select(Personal.digest).order_by(Personal.id))
        ]


def record_of(store):
    """Return everything that any table but `personal` holds, as text."""
    found = []
    with store.reading() as session:
        for table in Base.metadata.sorted_tables:
            if table.name == "personal":
                continue
            for row in session.execute(select(table)):
                for column, value in zip(table.columns, row, strict=True):
                    if isinstance(column.type, LargeBinary) and value is not None:
                        found.append(bytes(value).decode("utf-8", "replace"))
                    elif isinstance(value, (dict, list)):
                        found.append(json.dumps(value, ensure_ascii=False))
                    else:
                        found.append(str(value))
    return "\n".join(found)
