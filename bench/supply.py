"""A supply graph of any size: farms → packers → processors → distribution → shops.

The same edges every time for the same size. Rows come as tuples in the order of COLUMNS,
with times and amounts as the tables keep them, ready for bulk loading.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from foodtrace.trace.gs1.check_digits import gs1_check_digit

START = datetime(2026, 1, 1, tzinfo=UTC)
MILLION = 1_000_000

COLUMNS = {
    "party": "id identifier name name_en kind region revision",
    "place": "id identifier party_id name name_en region revision",
    "product": "id identifier party_id name name_en brand storage shelf_life_days revision",
    "item": "id kind canonical gtin lot",
    "event": "id event_id type action event_time time_zone_offset record_time biz_step"
    " read_point party_id source destination temperature_low temperature_high hidden",
    "event_item": "event_id role item_id amount uom",
    "edge": "parent_id child_id event_id kind",
    "containment": "content_id container_id since until amount uom",
    "lot": "item_id event_id product_identifier party_id made_at lot_number production_date"
    " expiry_date origin amount uom",
    "certificate": "id party_id number lot kind sampled_on issued_on verdict recorded_at",
    "certificate_result": "certificate_id position analyte outcome value unit",
}

# Name, lots for each lot of a shop, how many inputs one has, from which level, how many firms.
Level = tuple[str, float, tuple[int, int], str | None, int]
LEVELS: Sequence[Level] = (
    ("farm", 0.25, (0, 0), None, 1000),
    ("packer", 0.17, (2, 5), "farm", 100),
    ("processor", 0.085, (3, 20), "packer", 60),
    ("factory", 0.085, (3, 8), "processor", 40),
    ("distributor", 0.25, (1, 1), "factory", 40),
    ("shop", 1.0, (1, 1), "distributor", 800),
)
# Short chains, as most consumers see them: seven ancestors, two dozen hops.
SHORT_LEVELS: Sequence[Level] = (
    ("farm", 0.5, (0, 0), None, 200),
    ("packer", 0.5, (1, 2), "farm", 100),
    ("processor", 0.4, (2, 3), "packer", 60),
    ("shop", 1.0, (1, 1), "processor", 200),
)
CERTIFIED = ("packer", "processor")
WINDOW = 200  # a lot's inputs are of its own weeks and region


def checked(digits: str) -> str:
    """A GS1 key with its check digit."""
    return digits + gs1_check_digit(digits)


def stamp(day: float) -> str:
    """A point in time as both databases take it."""
    return (START + timedelta(days=day)).strftime("%Y-%m-%d %H:%M:%S.%f")


@dataclass
class Supply:
    """The rows of one graph, by table, and the lots that the benchmark asks about."""

    edges: int
    kinds: Sequence[Level] = LEVELS
    with_hub: bool = True
    rows: dict[str, list[tuple[Any, ...]]] = field(
        default_factory=lambda: {table: [] for table in COLUMNS}
    )
    levels: dict[str, list[int]] = field(default_factory=dict)
    firms: dict[str, list[tuple[int, str, str]]] = field(default_factory=dict)
    hub: str = ""

    def __post_init__(self) -> None:
        self.random = random.Random(self.edges)
        self.events = 0
        self.masters = 0
        self._firms()
        a_shop_lot = sum(share * sum(inputs) / 2 for _, share, inputs, _, _ in self.kinds)
        for step, level in enumerate(self.kinds):
            self._level(step, *level[:4], int(self.edges / a_shop_lot))
        if self.with_hub:
            self._hub()

    def pick(self, level: str, count: int) -> list[str]:
        """Some lots of a level, the same each time."""
        chooser = random.Random(count)
        lots = self.levels[level]
        return [self.rows["item"][chooser.choice(lots) - 1][2] for _ in range(count)]

    def _firms(self) -> None:
        for step, (level, _, _, _, count) in enumerate(self.kinds):
            self.firms[level] = []
            for number in range(count):
                self.masters += 3
                party, gln = self.masters, checked(f"69{step}{number:09d}")
                name = f"{level} {number}"
                row = (party, f"/417/{gln}", name, name, level, f"Region {number % 30}", 1)
                self.rows["party"].append(row)
                where = (party + 1, f"/414/{gln}", party, f"{name} gate", name, "Region", 1)
                self.rows["place"].append(where)
                gtin = checked(f"069{step}{number:09d}")
                what = (
                    party + 2,
                    f"/01/{gtin}",
                    party,
                    f"Food {number}",
                    "Food",
                    "B",
                    "4 °C",
                    30,
                    1,
                )
                self.rows["product"].append(what)
                self.firms[level].append((party, gln, gtin))

    def _level(
        self,
        step: int,
        name: str,
        share: float,
        inputs: tuple[int, int],
        above: str | None,
        shops: int,
    ) -> None:
        count = max(int(share * shops), 40)
        lots = self.levels[name] = []
        for number in range(count):
            day = step * 5 + 300 * number / count
            firm = self.firms[name][self.random.randrange(len(self.firms[name]))]
            lot = self._item(firm, f"L{number}")
            lots.append(lot)
            parents = self._parents(above, inputs, number / count) if above else []
            self._made(lot, parents, firm, day)
            if name in CERTIFIED:
                self._certificate(lot, day)
            if name != "shop":
                self._journey(lot, firm, self.kinds[step + 1][0], day)

    def _item(self, firm: tuple[int, str, str], lot: str) -> int:
        number = len(self.rows["item"]) + 1
        lot = f"{lot}-{number}"
        row = (number, "lot", f"/01/{firm[2]}/10/{lot}", firm[2], lot)
        self.rows["item"].append(row)
        return number

    def _parents(self, above: str, inputs: tuple[int, int], progress: float) -> list[int]:
        lots = self.levels[above]
        middle = int(progress * len(lots))
        near = lots[max(0, middle - WINDOW // 2) : middle + WINDOW // 2]
        return self.random.sample(near, min(len(near), self.random.randint(*inputs)))

    def _made(self, lot: int, parents: list[int], firm: tuple[int, str, str], day: float) -> None:
        kind = (
            ("TransformationEvent", None, None)
            if parents
            else ("ObjectEvent", "ADD", "commissioning")
        )
        event = self._event(kind, day, firm)
        role = "output" if parents else "epc"
        self.rows["event_item"].append((event, role, lot, 100 * MILLION, "KGM"))
        for parent in parents:
            self.rows["event_item"].append((event, "input", parent, 5 * MILLION, "KGM"))
            self.rows["edge"].append((parent, lot, event, "made"))
        date = stamp(day)[:10]
        self.rows["lot"].append(
            (
                lot,
                event,
                f"/01/{firm[2]}",
                firm[0],
                stamp(day),
                str(lot),
                date,
                date,
                "Region",
                100 * MILLION,
                "KGM",
            )
        )

    def _journey(self, lot: int, firm: tuple[int, str, str], below: str, day: float) -> None:
        """The lot is cooled and sent on; one in five travels on a pallet."""
        to = self.firms[below][self.random.randrange(len(self.firms[below]))]
        moved, role, amount, uom = lot, "epc", 60 * MILLION, "KGM"
        if self.random.random() < 0.2:
            moved = len(self.rows["item"]) + 1
            self.rows["item"].append(
                (moved, "logistic", f"/00/{checked(f'3690{moved:013d}')}", None, None)
            )
            packed = self._event(("AggregationEvent", "ADD", "packing"), day + 0.5, firm)
            self.rows["event_item"].append((packed, "parent", moved, MILLION, None))
            self.rows["event_item"].append((packed, "child", lot, amount, uom))
            self.rows["containment"].append(
                (lot, moved, stamp(day + 0.5), stamp(day + 3), amount, uom)
            )
            amount, uom = MILLION, None
        for step, after, who in (("shipping", 1, firm), ("receiving", 2, to)):
            event = self._event(("ObjectEvent", "OBSERVE", step), day + after, who, (firm, to))
            self.rows["event_item"].append((event, role, moved, amount, uom))

    def _event(
        self,
        kind: tuple[str, str | None, str | None],
        day: float,
        firm: tuple[int, str, str],
        sides: tuple[tuple[int, str, str], tuple[int, str, str]] | None = None,
    ) -> int:
        self.events += 1
        number = self.masters + self.events
        cold = (2 * MILLION, 4 * MILLION) if kind[2] == "receiving" else (None, None)
        source, destination = [f"/417/{side[1]}" for side in sides] if sides else [None, None]
        self.rows["event"].append(
            (
                number,
                f"urn:uuid:{number:032x}",
                kind[0],
                kind[1],
                stamp(day),
                "+08:00",
                stamp(day),
                kind[2],
                f"/414/{firm[1]}",
                firm[0],
                source,
                destination,
                *cold,
                False,
            )
        )
        return number

    def _certificate(self, lot: int, day: float) -> None:
        number = self.masters + self.events + 1
        self.events += 1  # a certificate is a statement as well
        name = self.rows["item"][lot - 1][2]
        date = stamp(day)[:10]
        self.rows["certificate"].append(
            (number, 1, f"C{number}", name, "commissioned", date, date, "pass", stamp(day))
        )
        for position in range(3):
            self.rows["certificate_result"].append(
                (number, position, f"Analyte {position}", "measured", "0.05", "mg/kg")
            )

    def _hub(self) -> None:
        """One lot of salt that a quarter of the processors used."""
        firm = self.firms["farm"][0]
        number = len(self.rows["item"]) + 1
        gtin = checked("0690000000009")
        self.hub = f"/01/{gtin}/10/HUB"
        self.rows["item"].append((number, "lot", self.hub, gtin, "HUB"))
        self._made(number, [], firm, 0)
        made_by = {row[1]: row[2] for row in self.rows["edge"]}
        lots = [lot for lot in self.levels["processor"] if lot in made_by]
        for lot in lots[: len(lots) // 4]:
            self.rows["edge"].append((number, lot, made_by[lot], "made"))
            self.rows["event_item"].append((made_by[lot], "input", number, MILLION, "KGM"))


def tables() -> Iterator[tuple[str, list[str]]]:
    """Yield each table with its columns, parents before children."""
    for table, columns in COLUMNS.items():
        yield table, columns.split()
