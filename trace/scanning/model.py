"""What a scan names, what the record knows of it, and what may be done with it. Pure."""

from dataclasses import dataclass
from datetime import date

from foodtrace.trace.errors import Problem
from foodtrace.trace.gs1.model import Identifier, ItemKind


@dataclass(frozen=True, slots=True)
class Known:
    """A thing on record, as far as the person who asks may know it."""

    canonical: str
    kind: ItemKind
    name: str | None = None
    name_en: str | None = None
    lot_number: str | None = None
    owner: str | None = None  # who made the lot, has the product registered, or has the place
    owner_en: str | None = None
    expiry_date: date | None = None
    is_recalled: bool = False


@dataclass(frozen=True, slots=True)
class Scanned:
    """One scanned text: what it names, and what is known of that.

    `known` may be coarser than `identifier`: the lot of a serial number that nobody recorded.
    `lots` are those at hand of a product whose code says no lot. With `problem` it names nothing.
    """

    text: str
    identifier: Identifier | None = None
    known: Known | None = None
    lots: tuple[Known, ...] = ()
    problem: Problem | None = None
    unit: str | None = None  # of one of our codes on single things: waiting, active, void, lost

    @property
    def is_exact(self) -> bool:
        """Whether the thing itself is known, and not only its lot or product."""
        return (
            self.known is not None
            and self.identifier is not None
            and self.known.canonical == self.identifier.canonical
        )

    @property
    def is_goods(self) -> bool:
        """Whether a lot, a single thing or a pallet is known: something that can be moved."""
        return self.known is not None and self.known.kind in GOODS


@dataclass(frozen=True, slots=True)
class Step:
    """What may be done next with a scanned thing: an English text, marked, and where."""

    text: str
    address: str
    is_first: bool = False


GOODS = frozenset({ItemKind.LOT, ItemKind.INSTANCE, ItemKind.LOGISTIC})
