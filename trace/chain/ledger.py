"""The ledger of one item in one unit: who has it, what is on the way, what is gone. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from foodtrace.trace.chain.acts import Act, Deed, Holder
from foodtrace.trace.chain.model import PartyFacts, PlaceFacts

ZERO = Decimal(0)
BEGINNING = datetime.min.replace(tzinfo=UTC)


class State(StrEnum):
    """Where an amount is; the order is that of a list of holdings."""

    HELD = "held"
    CLAIMED = "claimed"  # the receiver says so, the sender does not
    IN_TRANSIT = "in_transit"  # the sender says so, nobody has received it
    USED = "used"
    SOLD = "sold"
    CONSUMED = "consumed"
    DESTROYED = "destroyed"
    GONE = "gone"
    DISCREPANCY = "discrepancy"  # left or arrived here, and was never here before


@dataclass(slots=True)
class Pile:
    """An amount, and whether there is more of which nobody said how much."""

    amount: Decimal = ZERO
    some: bool = False
    since: datetime = BEGINNING

    @property
    def is_empty(self) -> bool:
        """Whether nothing lies here."""
        return not self.amount and not self.some

    def add(self, amount: Decimal, some: bool, at: datetime) -> None:
        """Put an amount here."""
        self.amount += amount
        self.some |= some
        self.since = at

    def take(self, wanted: Decimal | None, at: datetime) -> tuple[Decimal, bool]:
        """Take what is known up to `wanted`, or everything; return (amount, some)."""
        if self.is_empty:
            return ZERO, False
        taken = self.amount if wanted is None else min(self.amount, wanted)
        some = self.some and wanted is None
        self.amount -= taken
        self.some &= wanted is not None
        self.since = at
        return taken, some


Way = tuple[str, str]  # from whom, to whom; "" is unknown
Line = tuple[State, PartyFacts | None, PlaceFacts | None, PartyFacts | None, Pile]


class Ledger:
    """The amounts of one item in one unit, by holder and place."""

    def __init__(self, *, origin_known: bool, counted: bool) -> None:
        self.stock: dict[Way, Pile] = {}  # by holder and place
        self.transit: dict[Way, Pile] = {}
        self.unconfirmed: dict[Way, Pile] = {}
        self.ended: dict[tuple[State, str], Pile] = {}
        self.known = {"": Holder(None)}
        self.places: dict[str, PlaceFacts] = {}
        # An item that nobody recorded making was with the first who parts with it.
        self._opening = not origin_known
        self._counted = counted

    def apply(self, act: Act, amount: Decimal | None) -> None:
        """Enter one act; `amount` is in the ledger's unit, None is all there was."""
        giver, taker = self._meet(act.giver), self._meet(act.taker)
        place = self._at(act)
        if act.deed == Deed.MADE:
            self._put(taker, place, (amount or ZERO, amount is None), act.at)
        elif act.deed == Deed.SENT:
            self._send((giver, taker), place, amount, act.at)
        elif act.deed == Deed.RECEIVED:
            self._receive((giver, taker), place, amount, act.at)
        elif act.deed == Deed.CALLED_BACK:
            ways = [way for way in self.transit if way[0] == giver and taker in ("", way[1])]
            self._put(giver, place, self._from_transit(ways, amount, act.at), act.at)
        else:
            taken = self._take(giver, place, amount, act.at)
            _pile(self.ended, (State(act.deed.value), giver)).add(*taken, act.at)

    def _meet(self, holder: Holder | None) -> str:
        if holder is None:
            return ""
        self.known.setdefault(holder.key, holder)
        return holder.key

    def _at(self, act: Act) -> str:
        """Return the identifier of the place where an act happened."""
        holder = act.taker if act.deed in (Deed.MADE, Deed.RECEIVED) else act.giver
        if holder is None or holder.place is None:
            return ""
        self.places.setdefault(holder.place.identifier, holder.place)
        return holder.place.identifier

    def _put(self, holder: str, place: str, what: tuple[Decimal, bool], at: datetime) -> None:
        if what[0] or what[1]:
            _pile(self.stock, (holder, place)).add(*what, at)

    def _take(
        self, holder: str, place: str, wanted: Decimal | None, at: datetime, *, blamed: str = ""
    ) -> tuple[Decimal, bool]:
        """Take from a holder, at the place first; what is not there is a discrepancy."""
        taken, some = self._from_stock(holder, place, wanted, at)
        missing = _pile(self.ended, (State.DISCREPANCY, blamed or holder))
        if wanted is not None:
            if taken < wanted and not some:
                missing.add(wanted - taken, False, at)
            return wanted, False
        if not taken and not some:
            missing.add(ZERO, True, at)
            return ZERO, True
        return taken, some

    def _from_stock(
        self, holder: str, place: str, wanted: Decimal | None, at: datetime
    ) -> tuple[Decimal, bool]:
        """Take what a holder has, up to `wanted`; `some` says that an unknown rest covers it."""
        if self._opening:
            self._opening = False
            opening = (Decimal(1), False) if self._counted else (ZERO, True)
            self._put(holder, place, opening, at)
        here = self.stock.get((holder, place), Pile())
        taken, some = here.take(wanted, at)
        if wanted is None and (taken or some):
            return taken, some
        elsewhere = [pile for (who, _), pile in self.stock.items() if who == holder]
        if place and (wanted is not None or all(pile.is_empty for pile in elsewhere)):
            # What leaves a place lay there: the same firm may be known by its key in one
            # event, and by a GLN that nobody has registered in the next.
            others = [key for key in self.stock if key[0] != holder and key[1] == place]
            elsewhere += [self.stock[key] for key in others]
        for pile in elsewhere:
            more, more_some = pile.take(None if wanted is None else wanted - taken, at)
            taken, some = taken + more, some or more_some
        if wanted is not None:
            some = here.some or any(pile.some for pile in elsewhere)
        return taken, some

    def _send(self, way: Way, place: str, amount: Decimal | None, at: datetime) -> None:
        claimed = self.unconfirmed.get(way)
        if claimed is not None and not claimed.is_empty:
            # The receiver's clock or report was ahead: the goods have moved already.
            confirmed, some = claimed.take(amount, at)
            if amount is None or some or confirmed == amount:
                return
            amount -= confirmed
        _pile(self.transit, way).add(*self._take(way[0], place, amount, at), at)

    def _receive(self, way: Way, place: str, amount: Decimal | None, at: datetime) -> None:
        taker = way[1]
        taken, some = self._from_transit(self._announced(way), amount, at)
        if amount is None:
            if not taken and not some:
                taken, some = self._claim(way, None, at)
            self._put(taker, place, (taken, some), at)
            return
        if taken < amount and not some:
            self._claim(way, amount - taken, at)
        self._put(taker, place, (amount, False), at)

    def _announced(self, way: Way) -> list[Way]:
        """Return the shipments that may have arrived here, the surest first."""
        giver, taker = way
        sure = [w for w in self.transit if w[1] == taker and giver in ("", w[0])]
        open_ = [w for w in self.transit if w[1] == "" != taker and giver in ("", w[0])]
        return sure + open_

    def _from_transit(
        self, ways: Iterable[Way], wanted: Decimal | None, at: datetime
    ) -> tuple[Decimal, bool]:
        taken, some = ZERO, False
        for way in ways:
            pile = self.transit[way]
            if wanted is not None and pile.some and taken + pile.amount < wanted:
                # Sent without an amount: what is received is what was sent.
                pile.take(None, at)
                return wanted, True
            more, more_some = pile.take(None if wanted is None else wanted - taken, at)
            taken, some = taken + more, some or more_some
        return taken, some

    def _claim(self, way: Way, wanted: Decimal | None, at: datetime) -> tuple[Decimal, bool]:
        """Take what nobody says to have sent: from the sender named, else the only holder."""
        giver, taker = way
        giver = giver or self._likely_giver(taker, wanted)
        taken, some = self._take(giver, "", wanted, at, blamed=giver or taker)
        if giver != taker:
            _pile(self.unconfirmed, (giver, taker)).add(taken, some, at)
        return taken, some

    def _likely_giver(self, taker: str, wanted: Decimal | None) -> str:
        """Return the only other holder, or the taker itself who moves what it has already."""
        others = {who for (who, _), pile in self.stock.items() if not pile.is_empty} - {taker}
        if len(others) == 1:
            return others.pop()
        own = [pile for (who, _), pile in self.stock.items() if who == taker]
        enough = sum(pile.amount for pile in own) >= (wanted or ZERO)
        return taker if own and (enough or any(pile.some for pile in own)) else ""

    def concerns(self, act: Act) -> bool:
        """Whether there is anything here that the act could be about."""
        giver = act.giver.key if act.giver else ""
        taker = act.taker.key if act.taker else ""
        on_the_way = [self.transit[way] for way in self._announced((giver, taker))]
        at_hand = [pile for (who, _), pile in self.stock.items() if giver in ("", who)]
        piles = at_hand + on_the_way if act.deed == Deed.RECEIVED else at_hand
        return act.deed == Deed.MADE or any(not pile.is_empty for pile in piles)

    def lines(self) -> Iterator[Line]:
        """Yield every pile with its state, its party and place, and the other side."""
        for who in {holder: None for holder, _ in self.stock}:
            yield from self._stock_of(who)
        for (giver, taker), pile in self.transit.items():
            yield State.IN_TRANSIT, self._party(giver), None, self._party(taker), pile
        for (state, who), pile in self.ended.items():
            yield state, self._party(who), self.known[who].place, None, pile

    def _stock_of(self, who: str) -> Iterator[Line]:
        """Yield what a holder has, place by place: first what only this holder claims."""
        claims = {w[0]: pile.amount for w, pile in self.unconfirmed.items() if w[1] == who}
        doubtful = {w[0] for w, pile in self.unconfirmed.items() if w[1] == who and pile.some}
        for (holder, at), pile in self.stock.items():
            if holder != who:
                continue
            place, left = self.places.get(at), pile.amount
            for giver in claims:
                share = min(left, claims[giver])
                left, claims[giver] = left - share, claims[giver] - share
                some = pile.some and giver in doubtful
                claimed = Pile(share, some, pile.since)
                yield State.CLAIMED, self._party(who), place, self._party(giver), claimed
            rest = Pile(left, pile.some and not doubtful, pile.since)
            yield State.HELD, self._party(who), place, None, rest

    def _party(self, key: str) -> PartyFacts | None:
        return self.known[key].party


Key = TypeVar("Key")


def _pile(piles: dict[Key, Pile], key: Key) -> Pile:
    return piles.setdefault(key, Pile())
