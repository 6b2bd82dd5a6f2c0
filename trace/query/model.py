"""A query for events, as the parameters say it: criteria that must all hold. Pure.

EPCIS 2.0, section 8.2.7.1 (SimpleEventQuery). Values are canonical already: identifiers as
in `gs1/identifiers.py`, standard words of the CBV bare, names of extensions as full IRIs,
measured values in the base unit of their kind, times as seconds since 1970.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from foodtrace.trace.epcis.model import Role

Comparison = Literal["EQ", "GT", "GE", "LT", "LE"]
Time = Literal["eventTime", "recordTime"]
Place = Literal["readPoint", "bizLocation"]


@dataclass(frozen=True, slots=True)
class OfType:
    """The event is of one of these types (``eventType``)."""

    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class WithAction:
    """The event has one of these actions (``EQ_action``)."""

    actions: frozenset[str]


@dataclass(frozen=True, slots=True)
class During:
    """A time of the event lies in the span: not before `since`, and before `until`."""

    time: Time
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Says:
    """The event says at least one of these facts, given as keys (fields.key_of)."""

    keys: frozenset[int]


@dataclass(frozen=True, slots=True)
class Compares:
    """A number of the event at this field (fields.field_of) compares so with one of the values."""

    field: int
    comparison: Comparison
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Identifiers from `low` on, and before `high`; without `high` exactly `low`.

    Of a range only those count that have the shape, written as for SQL's LIKE: ``_`` is one
    character, ``%`` any number of them.
    """

    low: str
    high: str | None = None
    shape: str | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """The event names an item that one of the patterns matches (``MATCH_…``).

    `is_class` says whether it stands in a list of quantities or of EPCs.
    """

    roles: frozenset[Role]
    is_class: bool
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Within:
    """The place is one of these or lies in one, by the captor's own master data (``WD_…``)."""

    place: Place
    identifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attributed:
    """The captor's master data gives a thing that stands in this field an attribute.

    ``HASATTR_field`` names attributes of which one must be there; ``EQATTR_field_attribute``
    names one, and the values that it may have. `field` is readPoint, bizLocation, epc,
    epcClass, source, destination or bizTransaction … as fields.py writes it.
    """

    field: str
    attributes: tuple[str, ...]
    values: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Identified:
    """The event has one of these eventIDs (``EQ_eventID``)."""

    event_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeclaredWrong:
    """The event is an error declaration (``EXISTS_errorDeclaration``)."""


Criterion = (
    OfType
    | WithAction
    | During
    | Says
    | Compares
    | Names
    | Within
    | Attributed
    | Identified
    | DeclaredWrong
)


@dataclass(frozen=True, slots=True)
class Query:
    """All criteria must hold. Without an order the newest records come first.

    `limit` cuts the answer off after so many events (``eventCountLimit``); more than `most`
    of them are refused as too large (``maxEventCount``).
    """

    criteria: tuple[Criterion, ...] = ()
    order_by: Time = "recordTime"
    descending: bool = True
    limit: int | None = None
    most: int | None = None
