"""The way of a lot from farm to shop, as the public may see it. Pure.

A chain becomes *legs*, one for each lot on the way, each with its steps in time order.
Three rules decide what stands there:

* A step that its party hides is a numbered blank, and what lies behind it stays hidden.
* A shipment is a claim of its sender until whoever was to receive it is seen with the goods.
* What was sold to other customers on the way is none of this reader's business.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache

from foodtrace.trace.chain.model import Chain, ChainItem, Hop, PartyFacts

SENDING = frozenset({"shipping", "departing", "consigning"})
RECEIVING = frozenset({"receiving", "arriving", "accepting"})
# How a transformation is worded where it says no more than that something new is there.
MAKING = frozenset({None, "commissioning", "creating_class_instance"})
# What travels, not what travelled in it: a leg is never about these.
NO_LEG = frozenset({"event", "place", "party"})
LONGEST_JOURNEY = 250
FIRST_STEPS, LAST_STEPS = 10, 30
SHORTEST_RUN = 4


@dataclass(frozen=True, slots=True)
class Step:
    """One event in a lot's life. Times are in the offset that the event states."""

    hop: Hop
    at: datetime
    recorded_at: datetime
    claimed: bool = False  # a shipment that nobody has confirmed
    used: bool = False  # the lot went into something else


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journey: a step, or a run of the same step (a store's temperatures)."""

    number: int  # of its first step
    steps: tuple[Step, ...]

    @property
    def band(self) -> tuple[Decimal | None, Decimal | None]:
        """The lowest and the highest temperature of its steps."""
        lows = [step.hop.temperature_low for step in self.steps]
        highs = [step.hop.temperature_high for step in self.steps]
        return (
            min((low for low in lows if low is not None), default=None),
            max((high for high in highs if high is not None), default=None),
        )


@dataclass(frozen=True, slots=True)
class Leg:
    """The steps of one lot. `unmade`: nobody recorded how it came to be."""

    item: ChainItem
    steps: tuple[Step, ...]
    unmade: bool
    start: int = 1  # the number of its first step
    omitted: int = 0  # how many steps are left out in the middle, to keep the page short

    @property
    def lines(self) -> tuple[Line, ...]:
        """Its steps, runs of the same one put together."""
        runs: list[Line] = []
        for index, step in enumerate(self.steps):
            left_out = self.omitted if index >= FIRST_STEPS else 0
            number = self.start + index + left_out
            last = runs[-1] if runs else None
            if last and _is_same(last.steps[-1], step) and last.number + len(last.steps) == number:
                runs[-1] = Line(last.number, (*last.steps, step))
            else:
                runs.append(Line(number, (step,)))
        return tuple(line for run in runs for line in _lines_of(run))


@dataclass(frozen=True, slots=True)
class Journey:
    """All legs, the lot in question last. `left_out` counts what a short page leaves out."""

    legs: tuple[Leg, ...]
    left_out: Mapping[str, int]

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step shown, once."""
        return tuple({step.hop.id: step for leg in self.legs for step in leg.steps}.values())

    @property
    def groups(self) -> tuple[tuple[Leg, ...], ...]:
        """The legs by product, in the order of the journey, the last leg by itself."""
        return _grouped(self.legs)


def journey_of(chain: Chain) -> Journey:
    """Return the whole journey, without what is hidden or concerns other customers."""
    visible = visible_items(chain)
    hops = _hops_by_item(chain, visible)
    ends = {chain.root.id} | chain.contents
    uses = _uses(chain, hops)
    legs = []
    for item_id in visible:
        item = chain.items[item_id]
        if item.kind in NO_LEG:
            continue
        own = hops.get(item_id, [])
        kept = own if item_id in ends else _towards(item, own, uses.get(item_id, []))
        steps = tuple(_step(item, hop, own) for hop in kept if hop.declared_at is None)
        legs.append(Leg(item, steps, _is_unmade(chain, item)))
    legs.sort(key=lambda leg: _place_of(leg, ends, chain.root.id))
    legs = [leg for group in _grouped(legs) for leg in group]
    return Journey(_numbered(legs), {})


def abridged(journey: Journey, ends: Iterable[str]) -> Journey:
    """Return a journey of bounded length, which counts what it leaves out by business step.

    The lots named by `ends` (canonical) stay, with their first and last steps; of the
    others as many as fit, the last ones first.
    """
    total = sum(len(leg.steps) for leg in journey.legs)
    if total <= LONGEST_JOURNEY:
        return journey
    room = LONGEST_JOURNEY
    kept: list[Leg] = []
    left_out: dict[str, int] = {}
    wanted = frozenset(ends)
    for leg in reversed(journey.legs):
        short = _shortened(leg)
        if leg.item.canonical in wanted or len(short.steps) <= room:
            room -= len(short.steps)
            kept.append(short)
            gone = leg.steps[FIRST_STEPS : FIRST_STEPS + short.omitted]
        else:
            gone = leg.steps
        for step in gone:
            word = step_word(step.hop)
            left_out[word] = left_out.get(word, 0) + 1
    return Journey(tuple(reversed(kept)), left_out)


def visible_items(chain: Chain) -> list[int]:
    """Return the items that may be named: all but what lies behind a hidden step only."""
    hidden = {hop.id for hop in chain.hops if hop.hidden}
    parents: dict[int, list[int]] = {}
    for link in chain.links:
        if link.event_id not in hidden:
            parents.setdefault(link.child_id, []).append(link.parent_id)
    found = dict.fromkeys([chain.root.id, *sorted(chain.contents)])
    queue = list(found)
    while queue:
        for parent in parents.get(queue.pop(), ()):
            if parent not in found:
                found[parent] = None
                queue.append(parent)
    return list(found)


def step_word(hop: Hop) -> str:
    """Return the CBV word of a step; what makes, packs and unpacks is named by its type."""
    if hop.hidden:
        return "hidden"
    if hop.type == "TransformationEvent" and hop.biz_step in MAKING:
        return "transforming"
    if hop.biz_step:
        return hop.biz_step
    if hop.type == "AggregationEvent":
        return "unpacking" if hop.action == "DELETE" else "packing"
    return "other"


def _hops_by_item(chain: Chain, visible: Iterable[int]) -> dict[int, list[Hop]]:
    """Return the hops of each item that may be named, in time order."""
    wanted = set(visible)
    found: dict[int, list[Hop]] = {}
    for hop in chain.hops:
        ids = {part.item_id for part in hop.parts} | {inside.item_id for inside in hop.carried}
        for item_id in ids & wanted:
            found.setdefault(item_id, []).append(hop)
    return found


def _uses(chain: Chain, hops: Mapping[int, list[Hop]]) -> dict[int, list[Hop]]:
    """Return, for each item, the hops in which it became part of the next one.

    What an instance does shows which way its lot has taken.
    """
    by_id = {hop.id: hop for hop in chain.hops}
    uses: dict[int, list[Hop]] = {}
    for link in chain.links:
        if link.kind == "member":
            uses.setdefault(link.parent_id, []).extend(hops.get(link.child_id, ()))
        elif link.event_id in by_id:
            uses.setdefault(link.parent_id, []).append(by_id[link.event_id])
    return uses


def _towards(item: ChainItem, hops: list[Hop], uses: list[Hop]) -> list[Hop]:
    """Return the hops of an ingredient on its way to where it was used.

    Other buyers of the same lot are left out where the record tells them apart: they took
    goods, and nothing that they passed on ever reached the party that used it here. What
    moved in the very box that was used is no stray, and neither is a recipient whom the
    register does not know: leaving those out would be a silent omission.
    """
    ends = {hop.party.identifier for hop in uses if hop.party}
    if not ends:
        return hops
    last_use = max(hop.event_time for hop in uses)
    ways = [way for hop in hops for way in _ways(hop)]
    onward = _closure(ends, [(to, start) for start, to in ways])
    strays: set[str] = set()
    if item.party and item.party.identifier in onward:
        known = {
            hop.destination.identifier for hop in hops if hop.destination and hop.destination.id
        }
        strays = _closure(({to for _, to in ways} & known) - onward, ways) - onward
    used_boxes = {part.item_id for hop in uses for part in hop.parts if part.role == "input"}

    def is_on_the_way(hop: Hop) -> bool:
        if hop.event_time > last_use or (hop.party and hop.party.identifier in strays):
            return False
        if hop.via in used_boxes:
            return True
        if hop.type == "TransformationEvent" and _consumes(hop, item):
            return False  # the step that used it stands in the leg of what it was used for
        return not any(to in strays for _, to in _ways(hop))

    return [hop for hop in hops if is_on_the_way(hop)]


def _lines_of(run: Line) -> tuple[Line, ...]:
    """Return a run as it is, or step by step if it is short."""
    if len(run.steps) >= SHORTEST_RUN:
        return (run,)
    return tuple(Line(run.number + index, (step,)) for index, step in enumerate(run.steps))


def _is_same(former: Step, step: Step) -> bool:
    """Tell whether one step only goes on with the former one."""
    facts = [
        (one.hop.party, one.hop.place, one.hop.biz_step, one.hop.type, one.hop.action, one.used)
        for one in (former, step)
    ]
    special = any(
        one.hop.hidden or one.hop.declared or one.hop.destination or one.claimed
        for one in (former, step)
    )
    return facts[0] == facts[1] and not special


def _consumes(hop: Hop, item: ChainItem) -> bool:
    return any(part.item_id == item.id and part.role == "input" for part in hop.parts)


def _ways(hop: Hop) -> list[tuple[str, str]]:
    """Return from whom to whom the goods go in this hop."""
    captor = hop.party and hop.party.identifier
    source = (hop.source and hop.source.identifier) or captor
    destination = hop.destination and hop.destination.identifier
    if hop.biz_step in SENDING and source and destination:
        return [(source, destination)]
    if hop.biz_step in RECEIVING and captor and source and source != captor:
        return [(source, captor)]
    return []


def _closure(start: set[str], ways: list[tuple[str, str]]) -> set[str]:
    found, queue = set(start), list(start)
    onward: dict[str, list[str]] = {}
    for here, there in ways:
        onward.setdefault(here, []).append(there)
    while queue:
        for there in onward.get(queue.pop(), ()):
            if there not in found:
                found.add(there)
                queue.append(there)
    return found


def _step(item: ChainItem, hop: Hop, of_item: list[Hop]) -> Step:
    zone = zone_of(hop.time_zone_offset)
    return Step(
        hop,
        hop.event_time.astimezone(zone),
        hop.record_time.astimezone(zone),
        claimed=hop.biz_step in SENDING
        and not (hop.declared or hop.hidden or _is_confirmed(hop, of_item)),
        used=hop.type == "TransformationEvent" and _consumes(hop, item),
    )


def _is_confirmed(shipment: Hop, hops: list[Hop]) -> bool:
    """Tell whether somebody other than the sender is seen with the goods afterwards.

    Where the shipment names a recipient, it has to be that one.
    """
    sender, to = shipment.party, shipment.destination
    for hop in hops:
        if hop.event_time < shipment.event_time or hop.declared or hop.id == shipment.id:
            continue
        if to is not None and to.id:
            if _is_with(hop, to):
                return True
        elif hop.party and (sender is None or hop.party.identifier != sender.identifier):
            return True
    return False


def _is_with(hop: Hop, party: PartyFacts) -> bool:
    at_place = hop.place is not None and hop.place.party_id == party.id
    return at_place or (hop.party is not None and hop.party.id == party.id)


def _is_unmade(chain: Chain, item: ChainItem) -> bool:
    """Tell whether nothing says how a thing came to be. A box of things needs no making."""
    if item.kind == "logistic" or item.made_at is not None:
        return False
    return not any(link.child_id == item.id for link in chain.links)


def _place_of(leg: Leg, ends: set[int], root_id: int) -> tuple[int, float, int]:
    """Order legs from farm to shop: by their first step, what was scanned last."""
    moment = leg.steps[0].hop.event_time if leg.steps else leg.item.made_at
    rank = 2 if leg.item.id == root_id else 1 if leg.item.id in ends else 0
    return rank, moment.timestamp() if moment else 0.0, leg.item.id


def _grouped(legs: Sequence[Leg]) -> tuple[tuple[Leg, ...], ...]:
    """Put the lots of one product side by side; the last leg, what was scanned, stays last."""
    groups: dict[str, list[Leg]] = {}
    for leg in legs[:-1]:
        name = leg.item.product_identifier or leg.item.canonical
        groups.setdefault(name, []).append(leg)
    return tuple(tuple(group) for group in (*groups.values(), legs[-1:]) if group)


def _numbered(legs: Iterable[Leg]) -> tuple[Leg, ...]:
    numbered, start = [], 1
    for leg in legs:
        numbered.append(Leg(leg.item, leg.steps, leg.unmade, start))
        start += len(leg.steps)
    return tuple(numbered)


def _shortened(leg: Leg) -> Leg:
    omitted = len(leg.steps) - FIRST_STEPS - LAST_STEPS
    if omitted <= 0:
        return leg
    steps = leg.steps[:FIRST_STEPS] + leg.steps[-LAST_STEPS:]
    return Leg(leg.item, steps, leg.unmade, leg.start, omitted)


@lru_cache(maxsize=64)
def zone_of(offset: str) -> timezone:
    """Return the zone of an EPCIS offset.

    >>> str(zone_of("+08:00")), str(zone_of("-03:30"))
    ('UTC+08:00', 'UTC-03:30')
    """
    hours, minutes = offset[1:].split(":")
    amount = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-amount if offset.startswith("-") else amount)
