"""A chain as it is read from the record: items, the links between them, and their hops.

Plain frozen values: nothing here knows a database. Pages show them, `holders` counts
with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class PartyFacts:
    """An organisation in a chain.

    Who is named by an event but not registered has an `identifier` and nothing else:
    `id` is 0 and `name` is None.
    """

    id: int
    identifier: str
    name: str | None = None
    name_en: str | None = None
    kind: str | None = None
    uscc: str | None = None
    food_licence: str | None = None
    region: str | None = None
    address: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """Where something happened; a place that nobody registered has only an `identifier`.

    `party` is whose place it is.
    """

    identifier: str
    name: str | None = None
    name_en: str | None = None
    region: str | None = None
    address: str | None = None
    party: PartyFacts | None = None

    @property
    def party_id(self) -> int:
        """Whose place it is; 0 where that is not known."""
        return self.party.id if self.party else 0


@dataclass(frozen=True, slots=True)
class ChainItem:
    """One node of a chain: a lot, an instance, a logistic unit or (kind ``event``) an event.

    A transformation of many inputs and outputs is a node of its own, so that n inputs and
    m outputs make n + m links; such a node is drawn as a step, never as a lot.
    `party` is who made the lot. What nothing is known of is None.
    """

    id: int
    canonical: str
    kind: str
    gtin: str | None = None
    lot: str | None = None
    serial: str | None = None
    # From the product's master data.
    product_identifier: str | None = None
    product_name: str | None = None
    product_name_en: str | None = None
    brand: str | None = None
    net_content: str | None = None
    storage: str | None = None
    shelf_life_days: int | None = None
    standard: str | None = None
    ingredients: str | None = None
    allergens: str | None = None
    # From the event that made the lot.
    made_at: datetime | None = None
    lot_number: str | None = None
    production_date: date | None = None
    expiry_date: date | None = None
    origin: str | None = None
    amount: Decimal | None = None
    uom: str | None = None
    certificate_number: str | None = None
    party: PartyFacts | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """The parent became (part of) the child, in this event. Kind: made, member."""

    parent_id: int
    child_id: int
    event_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class Part:
    """An item's part in a hop. `role` is one of trace.epcis.model.Role.

    `amount` None means that the event does not say how much.
    """

    role: str
    item_id: int
    amount: Decimal | None
    uom: str | None


@dataclass(frozen=True, slots=True)
class Carried:
    """An item that lay in a container, at any depth, while the container took part.

    `amount` is what was packed of the item, None where that is not said.
    """

    item_id: int
    container_id: int
    amount: Decimal | None
    uom: str | None


@dataclass(frozen=True, slots=True)
class Hop:
    """One event of a chain.

    `id` is the statement's id, `event_id` the event's own identifier. `parts` lists the
    chain's items (and their containers) that the event itself names, `carried` those that
    took part inside a container; `via` is the container where nothing else joins the
    event to the chain. `declared` is True on an event that its party declared wrong, and
    on the declaration itself, which alone has `declared_at`: such facts are void.
    """

    id: int
    event_id: str
    type: str
    action: str | None
    event_time: datetime
    time_zone_offset: str
    record_time: datetime
    biz_step: str | None
    disposition: str | None
    temperature_low: Decimal | None = None
    temperature_high: Decimal | None = None
    declared: bool = False
    declared_at: datetime | None = None
    hidden: bool = False
    place: PlaceFacts | None = None
    party: PartyFacts | None = None
    source: PartyFacts | None = None
    destination: PartyFacts | None = None
    parts: tuple[Part, ...] = ()
    carried: tuple[Carried, ...] = ()
    via: int | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """All that one walk found: `hops` in time order, `items` by id, containers included.

    `nodes` holds the ids of the walk itself (the root, and its ancestors or descendants);
    what `items` has beyond them are containers in which these travelled. `contents` are the
    items that lay in the root, where the root is a logistic unit.
    """

    root: ChainItem
    items: Mapping[int, ChainItem]
    nodes: frozenset[int]
    links: tuple[Link, ...]
    hops: tuple[Hop, ...]
    contents: frozenset[int] = frozenset()
