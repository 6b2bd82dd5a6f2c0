"""Who holds how much of what, and whether the amounts add up. Pure.

Every item has a ledger (ledger.py) in each unit. What is made must be somewhere: held, on the way,
used, sold or gone. What left a holder who did not have it is a `discrepancy`, so that
always: made = held + claimed + in transit + used + sold + … - discrepancies.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from foodtrace.trace.chain.acts import Act, Deed, acts_of
from foodtrace.trace.chain.ledger import Ledger, Pile, State
from foodtrace.trace.chain.model import Chain, PartyFacts, PlaceFacts

# UN/CEFACT Recommendation 20: units that are an exact multiple of another.
UNITS = {
    "MGM": ("KGM", Decimal("0.000001")),
    "GRM": ("KGM", Decimal("0.001")),
    "TNE": ("KGM", Decimal(1000)),
    "MLT": ("LTR", Decimal("0.001")),
    "HLT": ("LTR", Decimal(100)),
    "MTQ": ("LTR", Decimal(1000)),
}


@dataclass(frozen=True, slots=True)
class Holding:
    """An amount of an item in one state.

    `party` is who holds it, sent it, used it or sold it; `other` is the recipient of what
    is in transit and the alleged sender of what is claimed. `amount` None: some, not said
    how much. `since` is the last time that the amount changed.
    """

    item_id: int
    state: State
    party: PartyFacts | None
    place: PlaceFacts | None
    other: PartyFacts | None
    amount: Decimal | None
    uom: str | None
    since: datetime


def holdings(chain: Chain) -> list[Holding]:
    """Return where every amount of the chain's items is, by item and state."""
    by_item: dict[int, list[Act]] = {}
    for act in acts_of(chain):
        by_item.setdefault(act.item_id, []).append(act)
    found = [
        holding
        for item_id, acts in by_item.items()
        for holding in _of_item(item_id, acts, chain.items[item_id].kind)
    ]
    order = {state: number for number, state in enumerate(State)}
    found.sort(key=lambda one: (one.item_id, order[one.state], one.since))
    return found


def _of_item(item_id: int, acts: Iterable[Act], kind: str) -> Iterator[Holding]:
    for uom, ledger in _ledgers(list(acts), kind).items():
        for state, party, place, other, pile in ledger.lines():
            for amount in _amounts(pile):
                yield Holding(item_id, state, party, place, other, amount, uom, pile.since)


def _ledgers(acts: list[Act], kind: str) -> dict[str | None, Ledger]:
    origin_known = any(act.deed == Deed.MADE and act.amount is not None for act in acts)
    ledgers: dict[str | None, Ledger] = {}
    for act in acts:
        uom, factor = UNITS.get(act.uom or "", (act.uom, Decimal(1)))
        if act.amount is None and uom is None and ledgers:
            # All that was there, in whatever units it was counted.
            concerned = [one for one in ledgers.values() if one.concerns(act)]
            for ledger in concerned or list(ledgers.values())[:1]:
                ledger.apply(act, None)
            continue
        if uom not in ledgers:
            counted = kind in ("instance", "logistic")
            ledgers[uom] = Ledger(origin_known=origin_known, counted=counted)
        ledgers[uom].apply(act, None if act.amount is None else act.amount * factor)
    return ledgers


def _amounts(pile: Pile) -> Iterator[Decimal | None]:
    if pile.amount:
        yield pile.amount
    if pile.some:
        yield None
