"""Criteria of a query as conditions on a row of `event`, and as the sets they are found by.

A condition tests one event; a *candidate set* finds all events that a criterion can hold
for by an index. All values are bound parameters.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, false, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from foodtrace.trace.epcis.model import Role
from foodtrace.trace.query.keys import key_of
from foodtrace.trace.query.model import (
    Compares,
    DeclaredWrong,
    During,
    Identified,
    Names,
    OfType,
    Pattern,
    Says,
    WithAction,
)
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.models import Event, EventItem, EventKey, EventNumber, Item
from foodtrace.trace.store.sets import among_ids, among_texts

EVENT = table_of(Event)
E = EVENT.c
_KEY = table_of(EventKey).c
_NUMBER = table_of(EventNumber).c
_PART = table_of(EventItem).c
_ITEM = table_of(Item).c

# So few values are written into the statement; more travel as one.
_FEW = 20


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose events are looked at: one party's, or everybody's (None)."""

    party_id: int | None


@dataclass(frozen=True, slots=True)
class Held:
    """The field holds one of these things, each for the captor who says so of it.

    `pairs` are party and canonical identifier. What is among `always` counts whoever captured
    the event.
    """

    field: str
    pairs: frozenset[tuple[int, str]]
    always: frozenset[str] = frozenset()


# What master data decides is looked up before (captors.py), and is Held then.
Test = OfType | WithAction | During | Says | Compares | Names | Held | Identified | DeclaredWrong

# Fields of things that take part in the event, in whatever role: as classes or as EPCs.
_ANY_ROLE = frozenset(Role)
_ITEM_FIELDS = {"epc": False, "epcClass": True}
_PLACES = {"readPoint": E.read_point, "bizLocation": E.biz_location}


class _Unindexed(FunctionElement[Any]):
    """A column that SQLite, which knows no statistics, shall not choose an index by."""

    name = "unindexed"
    inherit_cache = True


@compiles(_Unindexed, "sqlite")
def _unindexed_on_sqlite(element: _Unindexed, compiler: SQLCompiler, **kw: Any) -> str:
    return f"+{compiler.process(element.clauses, **kw)}"


@compiles(_Unindexed, "postgresql")
def _unindexed_on_postgresql(element: _Unindexed, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


class _InByteOrder(FunctionElement[str]):
    """A text that compares by its bytes, whatever the language of the database."""

    name = "in_byte_order"
    type = Text()
    inherit_cache = True


@compiles(_InByteOrder, "sqlite")
def _in_byte_order_on_sqlite(element: _InByteOrder, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(_InByteOrder, "postgresql")
def _in_byte_order_on_postgresql(element: _InByteOrder, compiler: SQLCompiler, **kw: Any) -> str:
    return f'{compiler.process(element.clauses, **kw)} COLLATE "C"'


def in_scope(scope: Scope, *, indexed: bool) -> list[ColumnElement[bool]]:
    """Return the condition on the captor, if there is one."""
    if scope.party_id is None:
        return []
    column: Any = E.party_id if indexed else unindexed(E.party_id)
    return [column == scope.party_id]


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the column so that SQLite does not choose one of its indexes."""
    hidden = _Unindexed(column)
    hidden.type = column.type
    return hidden


def condition_of(test: Test, *, walked: str = "") -> ColumnElement[bool]:
    """Return the condition on a row of `event`; `walked` is the time that rows come ordered by."""
    match test:
        case OfType(types):
            return _among(E.type, types)
        case WithAction(actions):
            return _among(E.action, actions)
        case During(time, since, until):
            column = E.event_time if time == "eventTime" else E.record_time
            return _within(column if time == walked else unindexed(column), since, until)
        case Identified(event_ids):
            return _among(E.event_id, event_ids)
        case DeclaredWrong():
            return E.declared_at.is_not(None)
        case Says(keys):
            return _says(keys)
        case Compares():
            probe = select(_NUMBER.event_id).where(_NUMBER.event_id == E.id, _compares(test))
            return probe.correlate(EVENT).exists()
        case Names(roles, is_class, patterns):
            named = _taking_part(roles, is_class).where(_PART.event_id == E.id, _matching(patterns))
            return named.correlate(EVENT).exists()
        case Held():
            return _held(test)


def candidates_of(test: Test, scope: Scope) -> Select[Any]:
    """Return the ids of all events that the criterion can hold for, as an index finds them."""
    found: Select[Any]
    match test:
        case Says(keys):
            found = select(_KEY.event_id).where(_among(_KEY.key, keys))
        case Compares():
            found = select(_NUMBER.event_id).where(_compares(test))
        case Names(roles, is_class, patterns):
            found = _taking_part(roles, is_class).where(_matching(patterns))
        case OfType(types):
            found = _saying("eventType", types)
        case WithAction(actions):
            found = _saying("action", actions)
        case Held():
            found = _holding(test)
        case _:
            found = _by_column(test, scope)
    return found.correlate(None)


def _by_column(test: During | Identified | DeclaredWrong, scope: Scope) -> Select[Any]:
    event = EVENT.alias()
    found = select(event.c.id)
    if isinstance(test, Identified):
        return found.where(_among(event.c.event_id, test.event_ids))
    if isinstance(test, DeclaredWrong):
        return found.where(event.c.declared_at.is_not(None))
    column = event.c.event_time if test.time == "eventTime" else event.c.record_time
    found = found.where(_within(column, test.since, test.until))
    return found if scope.party_id is None else found.where(event.c.party_id == scope.party_id)


def is_exact(test: Test) -> bool:
    """Tell whether the criterion holds for every one of its candidates."""
    return not isinstance(test, Held | During)


def _among(column: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    members = sorted(storable(values))
    if not members:
        return false()
    if len(members) <= _FEW:
        return column.in_(members)
    is_of_ids = isinstance(members[0], int)
    return column.in_(among_ids(members) if is_of_ids else among_texts(members))


def storable(values: Iterable[Any]) -> list[Any]:
    """Return the values without texts that no database keeps, and so no event says."""
    return [value for value in values if not isinstance(value, str) or _is_storable(value)]


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _within(column: ColumnElement[Any], since: Any, until: Any) -> ColumnElement[bool]:
    bounds = [column >= since] if since is not None else []
    bounds += [column < until] if until is not None else []
    return and_(*bounds) if bounds else column.is_not(None)


def _says(keys: Collection[int]) -> ColumnElement[bool]:
    if len(keys) > _FEW:
        # One look-up for each event and key would be too many: all events are found at once.
        return E.id.in_(select(_KEY.event_id).where(_among(_KEY.key, keys)))
    probe = select(_KEY.event_id).where(_KEY.event_id == E.id, _among(_KEY.key, keys))
    return probe.correlate(EVENT).exists()


def _saying(field: str, values: Iterable[str]) -> Select[Any]:
    keys = [key_of(field, value) for value in values]
    return select(_KEY.event_id).where(_among(_KEY.key, keys))


def _compares(test: Compares) -> ColumnElement[bool]:
    """Return the condition on a row of `event_number`: of several bounds the widest counts."""
    value, values = _NUMBER.value, test.values
    compared: ColumnElement[bool]
    match test.comparison:
        case "EQ":
            compared = value.in_(values) if len(values) != 1 else value == values[0]
        case "GT":
            compared = value > min(values)
        case "GE":
            compared = value >= min(values)
        case "LT":
            compared = value < max(values)
        case "LE":
            compared = value <= max(values)
    return and_(_NUMBER.field == test.field, compared)


def _taking_part(roles: frozenset[Role], is_class: bool) -> Select[Any]:
    found = select(_PART.event_id).join(table_of(Item), _ITEM.id == _PART.item_id)
    if roles != _ANY_ROLE:
        found = found.where(_PART.role.in_(sorted(role.value for role in roles)))
    return found.where(_PART.is_class.is_(is_class))


def _matching(patterns: Sequence[Pattern]) -> ColumnElement[bool]:
    canonical = _InByteOrder(_ITEM.canonical)
    exact = [pattern.low for pattern in patterns if pattern.high is None]
    ranges = [
        and_(
            canonical >= pattern.low,
            canonical < pattern.high,
            *([] if pattern.shape is None else [_ITEM.canonical.like(pattern.shape)]),
        )
        for pattern in patterns
        if pattern.high is not None and _is_storable(pattern.low + pattern.high)
    ]
    # SQLite looks nothing up where one of them is known to be false.
    named = [_among(_ITEM.canonical, exact)] if storable(exact) or not ranges else []
    return _any([*named, *ranges])


def _any(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Return whether one of the conditions holds, as a tree that SQLite finds flat enough.

    Of or_() it makes one long branch, and refuses those of some hundred conditions.
    """
    if len(conditions) == 1:
        return conditions[0]
    middle = len(conditions) // 2
    return _any(conditions[:middle]).bool_op("OR")(_any(conditions[middle:]))


def _pairs(texts: ColumnElement[Any], pairs: Iterable[tuple[int, object]]) -> ColumnElement[bool]:
    """Return whether the captor and this text are one of the pairs."""
    told = cast(E.party_id, Text).concat(" ").concat(texts)
    found: ColumnElement[bool] = told.in_(
        among_texts([f"{party_id} {text}" for party_id, text in sorted(pairs)])
    )
    return found


def _held(test: Held) -> ColumnElement[bool]:
    if test.field in _PLACES:
        place = _PLACES[test.field]
        return or_(_among(place, test.always), _pairs(place, test.pairs))
    if test.field in _ITEM_FIELDS:
        part = _taking_part(_ANY_ROLE, _ITEM_FIELDS[test.field]).where(
            _PART.event_id == E.id, _pairs(_ITEM.canonical, test.pairs)
        )
        return part.correlate(EVENT).exists()
    keys = {(party_id, key_of(test.field, thing)) for party_id, thing in test.pairs}
    event = EVENT.alias()
    told = cast(event.c.party_id, Text).concat(" ").concat(cast(_KEY.key, Text))
    said = (
        select(_KEY.event_id)
        .join(event, event.c.id == _KEY.event_id)
        .where(
            _among(_KEY.key, {key for _, key in keys}),
            told.in_(among_texts([f"{party_id} {key}" for party_id, key in sorted(keys)])),
        )
    )
    return E.id.in_(said.correlate(None))


def _holding(test: Held) -> Select[Any]:
    things = test.always | {thing for _, thing in test.pairs}
    if test.field in _ITEM_FIELDS:
        named = _taking_part(_ANY_ROLE, _ITEM_FIELDS[test.field])
        return named.where(_among(_ITEM.canonical, things))
    return _saying(test.field, things)
