"""Items: the integer keys of everything that events speak of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from foodtrace.trace.gs1.model import Identifier, ItemKind
from foodtrace.trace.store.bulk import insert_rows, reserve_ids, table_of
from foodtrace.trace.store.models import Item
from foodtrace.trace.store.sets import text_rows

# An event that stands for itself in the chain; no identifier names such an item.
EVENT_NODE = "event"

_ITEM = table_of(Item).c
_KNOWN = select(_ITEM.canonical, _ITEM.id).where(
    _ITEM.canonical.in_(select(text_rows("names").c.id))
)


@dataclass(frozen=True, slots=True)
class Known:
    """The ids of items by canonical form, and which of them this call made."""

    ids: Mapping[str, int]
    fresh: frozenset[int]


def node_of(event_id: int) -> str:
    """Return the canonical form of the item that stands for an event."""
    return f"{EVENT_NODE}:{event_id}"


def items_of(
    session: Session, identifiers: Mapping[str, Identifier], nodes: Iterable[str] = ()
) -> Known:
    """Return the items of these identifiers (by canonical form) and event nodes; make new ones.

    New items get rising ids in the order of their canonical forms: the same in a rebuild,
    and two captures that make the same items wait for each other instead of for ever.
    """
    names = sorted({*identifiers, *nodes})
    ids = _find(session, names)
    missing = [name for name in names if name not in ids]
    if not missing:
        return Known(ids, frozenset())
    reserved = reserve_ids(session, Item, len(missing))
    rows = [
        _row(item_id, name, identifiers.get(name))
        for item_id, name in zip(reserved, missing, strict=True)
    ]
    insert_rows(session, Item, rows)
    if session.get_bind().dialect.name == "postgresql":
        # Another capture may have made some of them since we looked.
        ids |= _find(session, missing)
    else:
        ids |= zip(missing, reserved, strict=True)
    return Known(ids, frozenset(reserved) & frozenset(ids.values()))


def _row(item_id: int, name: str, identifier: Identifier | None) -> dict[str, object]:
    if identifier is None:
        return {
            "id": item_id, "kind": EVENT_NODE, "canonical": name,
            "gtin": None, "lot": None, "serial": None,
        }  # fmt: skip
    return {
        "id": item_id,
        "kind": identifier.kind.value,
        "canonical": name,
        "gtin": identifier.gtin,
        # Not every event that names a serial names its lot too: the *member* edge does.
        "lot": identifier.lot if identifier.kind is ItemKind.LOT else None,
        "serial": identifier.serial,
    }


def _find(session: Session, names: list[str]) -> dict[str, int]:
    return {
        name: item_id for name, item_id in session.connection().execute(_KNOWN, {"names": names})
    }
