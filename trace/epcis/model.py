"""An EPCIS 2.0 event as this service uses it, read from the bytes received."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from foodtrace.trace.epcis.master_data import MasterData
from foodtrace.trace.errors import Problem
from foodtrace.trace.gs1.model import Identifier
from foodtrace.trace.personal.commitments import PersonalValue


class Role(StrEnum):
    """The part an item plays in an event."""

    EPC = "epc"  # epcList / quantityList of object and transaction events
    INPUT = "input"  # inputEPCList / inputQuantityList
    OUTPUT = "output"  # outputEPCList / outputQuantityList
    PARENT = "parent"  # parentID
    CHILD = "child"  # childEPCs / childQuantityList


@dataclass(frozen=True, slots=True)
class Participation:
    """One item in one event. `amount` is 1 for an instance, None where nothing is said."""

    role: Role
    identifier: Identifier
    amount: Decimal | None
    uom: str | None  # UN/CEFACT Rec 20, e.g. KGM; None counts pieces
    is_class: bool = False  # it stands in a list of quantities, not of EPCs


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `start` and `length` give its bytes within the document received.

    `biz_step` and `disposition` are bare CBV words (``shipping``) where they are
    standard and URIs otherwise; `source` and `destination` are canonical identifiers of
    the possessing (else owning) party, else of the location. `body` is the parsed JSON,
    whose fractions are Decimal.
    """

    start: int
    length: int
    event_id: str
    type: str
    action: str | None
    event_time: datetime
    time_zone_offset: str
    biz_step: str | None
    disposition: str | None
    read_point: str | None
    biz_location: str | None
    source: str | None
    destination: str | None
    transformation_id: str | None
    participations: tuple[Participation, ...]
    temperature_low: Decimal | None
    temperature_high: Decimal | None
    declared_at: datetime | None
    ilmd: dict[str, Any] | None  # keys expanded to full IRIs
    body: dict[str, Any]
    prefixes: Mapping[str, str]  # the namespaces in force in `body`
    hidden: bool = False  # foodtrace:visibility is "hidden": not shown to the public


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """An event that was left out of a document, by its number, and why."""

    index: int
    event_id: str | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class EventDocument:
    """A checked EPCIS document or bare event.

    `body` is JSON; what came as XML has the XML as received in `original`. Personal values are
    taken out of it already, and XML that holds any is not kept. `digests` are those by which a
    document that names persons is known when it comes again, the one to be kept first.
    """

    body: bytes
    events: tuple[Event, ...]
    refused: tuple[RefusedEvent, ...] = ()
    master_data: MasterData | None = None
    original: bytes | None = None
    personal: tuple[PersonalValue, ...] = ()
    digests: tuple[bytes, ...] = ()
