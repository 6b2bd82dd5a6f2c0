"""Numbers without a gap: of each party's statements, and of those about each thing.

They are given in the order of the log, by the one who sequences; so nobody has to wait for
another's capture to know the next.
"""

import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from foodtrace.trace.capture.projections import projection_of
from foodtrace.trace.capture.statements import EVENT, MASTER_DATA
from foodtrace.trace.gs1.model import ItemKind
from foodtrace.trace.log import kinds as _kinds  # noqa: F401  kinds of its own that it numbers
from foodtrace.trace.log.contents import Stated, things_of
from foodtrace.trace.log.leaves import Number
from foodtrace.trace.log.models import Counter, Leaf
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.models import EventItem, Item
from foodtrace.trace.store.sets import id_rows, text_rows

_EVENT_ITEM, _ITEM = table_of(EventItem).c, table_of(Item).c
_COUNTER, _LEAF = table_of(Counter).c, table_of(Leaf).c

# The counter that stands for all parties that have none yet: where leaves were lost, one of them
# may have been numbered before.
FLOOR = ""

# Lots, and what is handled like one. Single things belong to their lot.
_NUMBERED = (ItemKind.LOT, ItemKind.LOGISTIC)
_SERIES_BYTES = 9

_THINGS = (
    select(_EVENT_ITEM.event_id, _ITEM.canonical)
    .join(table_of(Item), _ITEM.id == _EVENT_ITEM.item_id)
    .where(
        _EVENT_ITEM.event_id.in_(select(id_rows("ids").c.id)),
        _ITEM.kind.in_([kind.value for kind in _NUMBERED]),
    )
    .distinct()
)
_HEADERS = select(_LEAF.statement_id, _LEAF.header).where(
    _LEAF.statement_id.in_(select(id_rows("ids").c.id))
)
_COUNTED = select(_COUNTER.name, _COUNTER.series, _COUNTER.last).where(
    _COUNTER.name.in_(select(text_rows("names").c.id))
)


def things_named(connection: Connection, statements: Sequence[Stated]) -> dict[int, list[str]]:
    """Return for each statement the things that it is numbered by, sorted."""
    named: dict[int, list[str]] = {each.id: [] for each in statements}
    events = [each.id for each in statements if each.kind == EVENT]
    if events:
        for row in connection.execute(_THINGS, {"ids": events}):
            named[row.event_id].append(row.canonical)
    earlier: dict[int, int] = {}
    for each in statements:
        about = _about(each)
        if isinstance(about, int):
            earlier[each.id] = about
        elif about is not None:
            named[each.id].append(about)
    if earlier:
        rows = connection.execute(_HEADERS, {"ids": list(earlier.values())}).all()
        known = {row.statement_id: things_of(row.header) for row in rows if row.header}
        for statement_id, about in earlier.items():
            # In the same batch, or in an earlier one.
            named[statement_id] = named.get(about) or known.get(about, [])
    return {statement_id: sorted(set(names)) for statement_id, names in named.items()}


def _about(stated: Stated) -> str | int | None:
    if stated.kind in (EVENT, MASTER_DATA):
        return None
    about = projection_of(stated.kind).about
    return None if about is None else about(msgspec.json.decode(stated.content))


class Counters:
    """The counters that a batch needs: read at once, raised one by one, written at once."""

    def __init__(self, connection: Connection, names: set[str]) -> None:
        rows = connection.execute(_COUNTED, {"names": {*names, FLOOR}}).all()
        self._state = {row.name: (row.series, row.last) for row in rows}
        self._floor = self._state.pop(FLOOR, ("", 0))[1]

    def next(self, name: str, *, is_party: bool = False) -> tuple[str, int]:
        """Return the series of a counter and its next number, from 1.

        A new series of a thing has a name that no other ever had; a party has its name for
        good, and begins above what it may have had before.
        """
        series, last = self._state.get(name) or (
            secrets.token_urlsafe(_SERIES_BYTES),
            self._floor if is_party else 0,
        )
        self._state[name] = series, last + 1
        return series, last + 1

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the counters as they are now."""
        return [
            {"name": name, "series": series, "last": last}
            for name, (series, last) in self._state.items()
        ]


def counter_names(stated: Stated, things: Sequence[str]) -> list[str]:
    """Return the counters that a statement raises: its party's, then one a thing."""
    return [str(stated.party_id), *(f"{stated.party_id} {thing}" for thing in things)]


def numbers_of(
    counters: Counters, stated: Stated, things: Sequence[str]
) -> tuple[int, list[Number]]:
    """Return the number of a statement among its party's, and those among each thing's."""
    own, *others = counter_names(stated, things)
    _series, n = counters.next(own, is_party=True)
    numbers = []
    for name, thing in zip(others, things, strict=True):
        series, number = counters.next(name)
        numbers.append(Number(series, number, thing))
    return n, numbers
