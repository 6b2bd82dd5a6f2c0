"""What each event does to the stock of the party that recorded it, and what is left.

Stock is what lies loose in a party's hands. What is packed leaves the loose stock and
comes back when it is unpacked; the container lies in the stock in its place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from foodtrace.trace.chain.acts import RANK, STEPS, Deed

# What a deed does to the stock of who does it. "Called back" is a shipment that never left.
_EFFECTS = {
    Deed.RECEIVED: 1,
    Deed.CALLED_BACK: 1,
    Deed.SENT: -1,
    Deed.SOLD: -1,
    Deed.CONSUMED: -1,
    Deed.DESTROYED: -1,
}
_PACKING = {("child", "ADD"): -1, ("child", "DELETE"): 1, ("parent", "ADD"): 1}


@dataclass(frozen=True, slots=True)
class Movement:
    """The sum of all that one kind of event did with one item.

    `unsaid` counts the events that do not say how much. `step` is the CBV's word for the
    kind of event, where it has one.
    """

    item_id: int
    uom: str | None
    effect: int  # 1 in, -1 out
    amount: Decimal
    unsaid: int = 0
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """One line of a shipment on its way: an item and how much of it was sent."""

    event_id: int
    item_id: int
    amount: Decimal | None
    uom: str | None


@dataclass(frozen=True, slots=True)
class Arrived:
    """One line of a receipt. `closes`: it says that no more of this shipment will come."""

    item_id: int
    amount: Decimal | None
    closes: bool


def effect_of(event_type: str, action: str | None, biz_step: str | None, role: str) -> int:
    """Return 1 when the item comes into the stock, -1 when it leaves it, else 0.

    >>> effect_of("ObjectEvent", "OBSERVE", "shipping", "epc")
    -1
    >>> effect_of("TransformationEvent", None, None, "output")
    1
    """
    if event_type == "TransformationEvent":
        return {"input": -1, "output": 1}.get(role, 0)
    if event_type in ("AggregationEvent", "AssociationEvent"):
        return _PACKING.get((role, action or ""), 0)
    if event_type == "ObjectEvent" and action != "OBSERVE":
        return {"ADD": 1, "DELETE": -1}.get(action or "", 0)
    deed = STEPS.get(biz_step or "")
    return 0 if deed is None else _EFFECTS[deed]


def stock(movements: Iterable[Movement]) -> Mapping[tuple[int, str | None], Decimal | None]:
    """Return what is left of each item in each unit; None where nobody said how much came.

    An item of which all is gone is left out.
    """
    sums: dict[tuple[int, str | None], Decimal] = {}
    unsaid: dict[tuple[int, str | None], int] = {}
    for movement in _without_echoes(list(movements)):
        key = movement.item_id, movement.uom
        sums[key] = sums.get(key, Decimal(0)) + movement.effect * movement.amount
        unsaid[key] = unsaid.get(key, 0) + movement.effect * movement.unsaid
    left: dict[tuple[int, str | None], Decimal | None] = {}
    for key, amount in sums.items():
        if unsaid[key] > 0:
            left[key] = None
        # "All of it" went out without a number: nothing is left.
        elif unsaid[key] == 0 and amount > 0:
            left[key] = amount
    return left


def _without_echoes(movements: list[Movement]) -> list[Movement]:
    """Count an arrival once, where a party records that it arrived and that it was received."""
    best: dict[tuple[int, int], int] = {}
    for movement in movements:
        if movement.step in RANK:
            key = movement.item_id, movement.effect
            best[key] = min(RANK[movement.step], best.get(key, RANK[movement.step]))
    return [
        movement
        for movement in movements
        if movement.step not in RANK
        or RANK[movement.step] == best[movement.item_id, movement.effect]
    ]


def still_open(
    sent: Iterable[Sent], arrived: Iterable[Arrived]
) -> list[tuple[Sent, Decimal | None]]:
    """Return the lines that have not arrived in full, with what is still to come.

    Receipts name no shipment: what arrives settles the oldest open line of its item
    first. Both are given in time order. The amount still to come is None where
    the sender did not say how much there is.
    """
    lines = list(sent)
    to_come: dict[int, Decimal | None] = {i: line.amount for i, line in enumerate(lines)}
    for receipt in arrived:
        left = receipt.amount
        for i in [i for i in to_come if lines[i].item_id == receipt.item_id]:
            expected = to_come[i]
            if expected is None or left is None or receipt.closes or left >= expected:
                del to_come[i]
                left = _less(left, expected)
            else:
                to_come[i] = expected - left
                left = Decimal(0)
            if not left:
                break
    return [(lines[i], amount) for i, amount in to_come.items()]


def _less(left: Decimal | None, settled: Decimal | None) -> Decimal | None:
    """Return what is left of a receipt; nothing where the line or it had no number."""
    return None if left is None or settled is None else max(left - settled, Decimal(0))
