"""What a hop does to a lot: made, used, sent, received, sold, gone. Pure.

The words are those of the Core Business Vocabulary 2.0 (bizStep). A step that is not
named here (storing, inspecting, packing, …) observes and moves nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from foodtrace.trace.chain.model import Chain, Hop, PartyFacts, PlaceFacts


class Deed(StrEnum):
    """What happened to an amount of an item."""

    MADE = "made"
    USED = "used"
    SENT = "sent"
    RECEIVED = "received"
    CALLED_BACK = "called_back"
    SOLD = "sold"
    CONSUMED = "consumed"
    DESTROYED = "destroyed"
    GONE = "gone"


# Several steps may tell of one movement: the truck that was loaded also departs. The
# step that a holder uses which stands first here is believed, its others are not counted.
STEPS_OUT = ("shipping", "departing")
STEPS_IN = ("receiving", "accepting", "arriving")
STEPS = {
    **dict.fromkeys(STEPS_OUT, Deed.SENT),
    **dict.fromkeys(STEPS_IN, Deed.RECEIVED),
    "void_shipping": Deed.CALLED_BACK,
    "retail_selling": Deed.SOLD,
    "dispensing": Deed.CONSUMED,
    "consuming": Deed.CONSUMED,
    "destroying": Deed.DESTROYED,
}
RANK = {step: rank for steps in (STEPS_OUT, STEPS_IN) for rank, step in enumerate(steps)}


@dataclass(frozen=True, slots=True)
class Holder:
    """A party at a place; either may be unknown."""

    party: PartyFacts | None
    place: PlaceFacts | None = None

    @property
    def key(self) -> str:
        """What this holder is known by: the party, else the place."""
        if self.party is not None:
            return self.party.identifier
        return self.place.identifier if self.place is not None else ""


@dataclass(frozen=True, slots=True)
class Act:
    """An amount of an item changes hands, begins or ends. `amount` None is all there was."""

    deed: Deed
    item_id: int
    at: datetime
    event_id: int
    amount: Decimal | None
    uom: str | None
    giver: Holder | None
    taker: Holder | None
    rank: int


def acts_of(chain: Chain) -> list[Act]:
    """Return what the hops of a chain did to its items, in time order.

    Facts that were declared wrong did nothing. What is made at a moment is there before
    anything else happens at that moment: many records carry a day and no time.
    """
    acts = [act for hop in chain.hops if not hop.declared for act in _acts(chain, hop)]
    acts.sort(key=lambda act: (act.at, act.deed != Deed.MADE, act.event_id))
    return _without_echoes(acts)


def _acts(chain: Chain, hop: Hop) -> Iterator[Act]:
    owner = hop.place.party if hop.place else None
    here = Holder(owner or hop.party, hop.place)
    for role, item_id, amount, uom in _shares(chain, hop):
        deed = _deed(hop, role)
        if deed is None:
            continue
        giver, taker = _sides(deed, hop, here)
        if chain.items[item_id].kind in ("instance", "logistic"):
            amount = Decimal(1)
        rank = RANK.get(hop.biz_step or "", 0)
        yield Act(deed, item_id, hop.event_time, hop.id, amount, uom, giver, taker, rank)


def _shares(chain: Chain, hop: Hop) -> Iterator[tuple[str, int, Decimal | None, str | None]]:
    """Yield role, item, amount and unit of all of the chain that a hop concerns."""
    for part in hop.parts:
        if part.item_id in chain.nodes and chain.items[part.item_id].kind != "event":
            yield part.role, part.item_id, part.amount, part.uom
    roles = {part.item_id: part.role for part in hop.parts}
    for inside in hop.carried:
        yield roles[inside.container_id], inside.item_id, inside.amount, inside.uom


def _deed(hop: Hop, role: str) -> Deed | None:
    if role == "input":
        return Deed.USED
    if role == "output":
        return Deed.MADE
    by_step = STEPS.get(hop.biz_step or "")
    # Only an object event's ADD and DELETE begin and end things; those of the other
    # types tie things together and part them again.
    if hop.type != "ObjectEvent":
        return by_step
    if hop.action == "ADD":
        return Deed.MADE
    if hop.action == "DELETE" and by_step not in (Deed.SOLD, Deed.CONSUMED, Deed.DESTROYED):
        return Deed.GONE
    return by_step


def _sides(deed: Deed, hop: Hop, here: Holder) -> tuple[Holder | None, Holder | None]:
    """Return who gives and who takes; None where the event does not say."""
    source = Holder(hop.source) if hop.source else None
    destination = Holder(hop.destination) if hop.destination else None
    if deed == Deed.MADE:
        return None, here
    if deed == Deed.RECEIVED:
        return source, Holder(hop.destination, hop.place) if hop.destination else here
    if deed in (Deed.SENT, Deed.CALLED_BACK):
        return Holder(hop.source, hop.place) if hop.source else here, destination
    return here, None


def _without_echoes(acts: Sequence[Act]) -> list[Act]:
    """Drop the departure of what was shipped already, and the arrival of what is received."""
    best: dict[tuple[int, Deed, str], int] = {}
    for key, act in zip(_movements(acts), acts, strict=True):
        best[key] = min(act.rank, best.get(key, act.rank))
    return [act for key, act in zip(_movements(acts), acts, strict=True) if act.rank == best[key]]


def _movements(acts: Iterable[Act]) -> Iterator[tuple[int, Deed, str]]:
    for act in acts:
        mover = act.taker if act.deed == Deed.RECEIVED else act.giver
        yield act.item_id, act.deed, mover.key if mover else ""
