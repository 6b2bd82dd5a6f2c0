"""A lot's chain both ways as rows, moves and reach. Pure: it reads chains, no database."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from foodtrace.trace.chain.acts import Act, Deed, Holder, acts_of
from foodtrace.trace.chain.model import Carried, Chain, ChainItem, Hop, Link, Part

STEP = "event"  # the kind of an item that is a step of many inputs and outputs, and no lot


class Standing(StrEnum):
    """How far a handing-over is proved: a link counts only when both sides state it."""

    CONFIRMED = "confirmed"
    CLAIMED_BY_SENDER = "claimed_by_sender"
    CLAIMED_BY_RECIPIENT = "claimed_by_recipient"
    CLAIMED_BY_OTHERS = "claimed_by_others"
    VOID = "void"  # declared wrong by the party that recorded it


@dataclass(frozen=True, slots=True)
class Move:
    """A lot handed from one holder to another, over all the times it happened."""

    item_id: int
    sender: Holder
    recipient: Holder
    standing: Standing
    sent: Mapping[str | None, Decimal]  # by unit
    received: Mapping[str | None, Decimal]
    first_at: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """One lot in one event: the line of the table and of the file."""

    hop: Hop
    item: ChainItem
    role: str
    amount: Decimal | None
    uom: str | None
    container: ChainItem | None
    sender: Holder | None
    recipient: Holder | None
    standing: Standing | None  # None where nothing changes hands


@dataclass
class _Handing:
    """What both sides say of one lot between two holders."""

    sender: Holder
    recipient: Holder
    first_at: datetime
    sent: dict[str | None, Decimal] = field(default_factory=dict)
    received: dict[str | None, Decimal] = field(default_factory=dict)
    by_sender: bool = False
    by_recipient: bool = False


def join(back: Chain, forward: Chain) -> Chain:
    """Return both walks as one chain; an event that both met is one hop with all its parts."""
    hops: dict[int, Hop] = {hop.id: hop for hop in back.hops}
    for hop in forward.hops:
        known = hops.get(hop.id)
        hops[hop.id] = hop if known is None else _joined(known, hop)
    return Chain(
        root=back.root,
        items={**back.items, **forward.items},
        nodes=back.nodes | forward.nodes,
        links=tuple(dict.fromkeys(back.links + forward.links)),
        hops=tuple(sorted(hops.values(), key=lambda hop: (hop.event_time, hop.id))),
        contents=back.contents | forward.contents,
    )


def moves_of(chain: Chain) -> list[Move]:
    """Return who handed what to whom, and how far each handing-over is proved."""
    captors = {hop.id: hop.party.identifier if hop.party else None for hop in chain.hops}
    handings: dict[tuple[int, str, str], _Handing] = {}
    for act in acts_of(chain):
        if act.giver is None or act.taker is None or act.giver.key == act.taker.key:
            continue
        key = (act.item_id, act.giver.key, act.taker.key)
        handing = handings.setdefault(key, _Handing(act.giver, act.taker, act.at))
        _note(handing, act, captors[act.event_id])
    return [
        Move(
            item_id,
            handing.sender,
            handing.recipient,
            _standing(handing),
            handing.sent,
            handing.received,
            handing.first_at,
        )
        for (item_id, _, _), handing in handings.items()
    ]


def rows_of(chain: Chain) -> list[Row]:
    """Return every lot in every event, in time order; void events are kept and say so."""
    standings = {
        (move.item_id, move.sender.key, move.recipient.key): move.standing
        for move in moves_of(chain)
    }
    acts = {(act.event_id, act.item_id): act for act in acts_of(chain)}
    return [
        _row(chain, hop, part, acts.get((hop.id, part.item_id)), standings)
        for hop in chain.hops
        for part in _parts(hop, chain)
    ]


def descendants(links: Iterable[Link], start: Collection[int]) -> set[int]:
    """Return the items of `start` and all that was made of them. Cycles are walked once."""
    children: dict[int, list[int]] = {}
    for link in links:
        children.setdefault(link.parent_id, []).append(link.child_id)
    found = set(start)
    waiting = list(found)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def lots(chain: Chain) -> list[ChainItem]:
    """Return the lots and items of the chain, without steps, by identifier."""
    return sorted(
        (chain.items[key] for key in chain.nodes if chain.items[key].kind != STEP),
        key=lambda item: item.canonical,
    )


def recalled(chain: Chain, canonicals: Collection[str]) -> set[int]:
    """Return the items that a recall of one of these lots reaches."""
    start = [key for key in chain.nodes if chain.items[key].canonical in canonicals]
    return descendants(chain.links, start)


def _joined(one: Hop, other: Hop) -> Hop:
    # What the one walk named by its container the other may have named itself.
    named = {part.item_id for part in one.parts + other.parts}
    carried = dict.fromkeys(c for c in one.carried + other.carried if c.item_id not in named)
    return replace(
        one,
        parts=tuple(dict.fromkeys(one.parts + other.parts)),
        carried=tuple(carried),
        via=one.via if other.via is not None else None,
    )


def _row(
    chain: Chain,
    hop: Hop,
    part: Part | Carried,
    act: Act | None,
    standings: Mapping[tuple[int, str, str], Standing],
) -> Row:
    sender = recipient = standing = None
    if act is not None and act.deed in (Deed.SENT, Deed.RECEIVED):
        sender, recipient = act.giver, act.taker
        if sender is not None and recipient is not None:
            standing = standings.get((part.item_id, sender.key, recipient.key))
    container = part.container_id if isinstance(part, Carried) else None
    return Row(
        hop,
        chain.items[part.item_id],
        part.role if isinstance(part, Part) else "",
        part.amount,
        part.uom,
        chain.items.get(container) if container else None,
        sender,
        recipient,
        Standing.VOID if hop.declared else standing,
    )


def _note(handing: _Handing, act: Act, captor: str | None) -> None:
    sends = act.deed is Deed.SENT
    said = handing.sent if sends else handing.received
    if act.amount is not None:
        said[act.uom] = said.get(act.uom, Decimal(0)) + act.amount
    # What a side records itself is its word, and so is a record that no party captured.
    # What anybody else records is not: a partner cannot confirm for the other.
    if sends:
        handing.by_sender |= captor in (None, handing.sender.key)
    elif act.deed is Deed.RECEIVED:
        handing.by_recipient |= captor in (None, handing.recipient.key)


def _standing(handing: _Handing) -> Standing:
    if handing.by_sender and handing.by_recipient:
        return Standing.CONFIRMED
    if handing.by_sender:
        return Standing.CLAIMED_BY_SENDER
    if handing.by_recipient:
        return Standing.CLAIMED_BY_RECIPIENT
    return Standing.CLAIMED_BY_OTHERS


def _parts(hop: Hop, chain: Chain) -> list[Part | Carried]:
    """Return the chain's lots in a hop: those it names, and those inside what it names."""
    both: tuple[Part | Carried, ...] = (*hop.parts, *hop.carried)
    return [
        part
        for part in both
        if part.item_id in chain.nodes and chain.items[part.item_id].kind != STEP
    ]
