"""Events of any number, as the tables keep them, for benchmarks of queries.

The same events every time. Rows are made one by one, as often as they are asked for: memory
does not grow with them, but for the keys, which are loaded in their own order.
"""

import json
import random
from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from bench.supply import MILLION, checked
from foodtrace.trace.query.keys import key_of
from foodtrace.trace.query.model import Compares
from foodtrace.trace.query.parameters import query_of

START = datetime(2025, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
NAMESPACE = "https://example.com/ns/"
CONTEXT = ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"ex": NAMESPACE}]
STEPS = ("shipping", "receiving", "storing", "inspecting", "commissioning")
EVENTS_OF_A_DOCUMENT = 50
EVENTS_OF_A_LOT = 5
LOTS_OF_A_PRODUCT = 400
FIELDS_OF_A_GROWER = 7
PARTIES = 200
COLUMNS = {
    "document": "id party_id actor content_type received_at body",
    "statement": "id kind document_id start length",
    "item": "id kind canonical gtin lot",
    "event": "id event_id type action event_time time_zone_offset record_time biz_step"
    " disposition read_point party_id hidden",
    "event_item": "event_id role item_id amount uom is_class",
    "event_number": "field value event_id",
    "event_key": "key event_id",
}
Row = tuple[Any, ...]


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S.%f")


def field_of_parameter(name: str) -> int:
    """Return the field of numbers that a parameter of a query compares."""
    (criterion,) = query_of({name: 1}, {}).criteria
    if not isinstance(criterion, Compares):
        raise TypeError(name)
    return criterion.field


@dataclass(frozen=True, slots=True)
class Noted:
    """One event: what its rows are made of."""

    id: int
    step: str
    time: datetime
    party: int
    lot: int
    grower: int | None
    celsius: int | None


@dataclass(frozen=True)
class Journal:
    """So many events of PARTIES parties, over a year, in the order of recording."""

    events: int

    @cached_property
    def lots(self) -> int:
        """How many lots the events are of."""
        return self.events // EVENTS_OF_A_LOT

    def product(self, lot: int) -> str:
        """Return the GTIN of a lot."""
        return checked(f"0690{lot // LOTS_OF_A_PRODUCT:09d}")

    def canonical(self, lot: int) -> str:
        """Return the identifier of a lot."""
        return f"/01/{self.product(lot)}/10/L{lot}"

    def place(self, party: int) -> str:
        """Return the GLN where a party works."""
        return checked(f"690{party:09d}")

    def noted(self) -> Iterator[Noted]:
        """Yield the events."""
        chance = random.Random(self.events)
        for number in range(1, self.events + 1):
            step = STEPS[chance.randrange(len(STEPS))]
            yield Noted(
                id=number,
                step=step,
                time=START + YEAR * number / self.events,
                party=1 + chance.randrange(PARTIES),
                lot=chance.randrange(self.lots),
                grower=self._grower(chance) if step == "commissioning" else None,
                # One reading in a thousand is above ten degrees.
                celsius=min(11, int(1 + chance.expovariate(0.69))) if step == "storing" else None,
            )

    def growers(self) -> int:
        """How many names of growers stand in the ILMD."""
        return max(1, self.events // len(STEPS) // FIELDS_OF_A_GROWER)

    def _grower(self, chance: random.Random) -> int:
        return chance.randrange(self.growers())

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table, in the order of its columns."""
        made: Iterator[Row] = getattr(self, f"_{table}")()
        return made

    def _documents(self) -> Iterator[tuple[int, datetime, bytes, list[tuple[int, int, int]]]]:
        """Yield id, time, body, and the id, start and length of each event."""
        head = (
            f'{{"@context":{json.dumps(CONTEXT)},"type":"EPCISDocument","schemaVersion":"2.0",'
            '"creationDate":"2025-01-01T00:00:00Z","epcisBody":{"eventList":['
        ).encode()
        body, slices, last = bytearray(head), [], START
        for each in self.noted():
            content = json.dumps(self._json(each)).encode()
            slices.append((each.id, len(body), len(content)))
            body += content + b","
            last = each.time
            if len(slices) == EVENTS_OF_A_DOCUMENT:
                yield each.id // EVENTS_OF_A_DOCUMENT, last, bytes(body[:-1]) + b"]}}", slices
                body, slices = bytearray(head), []

    def _json(self, each: Noted) -> dict[str, Any]:
        event: dict[str, Any] = {
            "type": "ObjectEvent",
            "eventID": self._event_id(each),
            "action": "OBSERVE",
            "bizStep": each.step,
            "disposition": "active",
            "eventTime": each.time.isoformat(),
            "eventTimeZoneOffset": "+08:00",
            "readPoint": {"id": f"https://id.gs1.org/414/{self.place(each.party)}"},
            "quantityList": [
                {
                    "epcClass": f"https://id.gs1.org{self.canonical(each.lot)}",
                    "quantity": 100,
                    "uom": "KGM",
                }
            ],
        }
        if each.grower is not None:
            event |= {"action": "ADD", "ilmd": {"ex:grower": f"grower {each.grower}"}}
        if each.celsius is not None:
            report = {"type": "Temperature", "value": each.celsius, "uom": "CEL"}
            event["sensorElementList"] = [{"sensorReport": [report]}]
        return event

    def _event_id(self, each: Noted) -> str:
        return f"urn:uuid:00000000-0000-4000-8000-{each.id:012x}"

    def _document(self) -> Iterator[Row]:
        for number, time, body, _ in self._documents():
            yield number, 1, "bench", "application/ld+json", _text(time), body

    def _statement(self) -> Iterator[Row]:
        for number, _, _, slices in self._documents():
            for event_id, start, length in slices:
                yield event_id, "event", number, start, length

    def _item(self) -> Iterator[Row]:
        for lot in range(self.lots):
            yield lot + 1, "lot", self.canonical(lot), self.product(lot), f"L{lot}"

    def _event(self) -> Iterator[Row]:
        for each in self.noted():
            time = _text(each.time)
            place = f"/414/{self.place(each.party)}"
            action = "ADD" if each.grower is not None else "OBSERVE"
            yield (
                each.id, self._event_id(each), "ObjectEvent", action, time, "+08:00",
                time, each.step, "active", place, each.party, False,
            )  # fmt: skip

    def _event_item(self) -> Iterator[Row]:
        for each in self.noted():
            yield each.id, "epc", each.lot + 1, 100 * MILLION, "KGM", True

    def _event_number(self) -> Iterator[Row]:
        quantities = sorted(map(field_of_parameter, ("EQ_quantity", "EQ_quantity_KGM")))
        measured = field_of_parameter("EQ_value_CEL")
        for field in quantities:
            for each in self.noted():
                yield field, 100.0, each.id
        for each in self.noted():
            if each.celsius is not None:
                yield measured, float(each.celsius), each.id

    def _event_key(self) -> Iterator[Row]:
        by_key: dict[int, array[int]] = defaultdict(lambda: array("q"))
        for each in self.noted():
            for key in self._keys(each):
                by_key[key].append(each.id)
        for key in sorted(by_key):
            for event_id in by_key[key]:
                yield key, event_id

    def _keys(self, each: Noted) -> Iterator[int]:
        """Yield the keys of an event: each value, and that there is one."""
        place = f"/414/{self.place(each.party)}"
        said = [
            ("eventType", "ObjectEvent"),
            ("action", "ADD" if each.grower is not None else "OBSERVE"),
            ("bizStep", each.step),
            ("disposition", "active"),
            ("readPoint", place),
        ]
        if each.grower is not None:
            said.append((f"ILMD_{NAMESPACE}grower", f"grower {each.grower}"))
        for field, value in said:
            yield key_of(field, value)
        for field, _ in said[2:]:
            yield key_of(field, None)
        if each.celsius is not None:
            yield key_of("type", "Temperature")
