"""What an identifier is, once read: one canonical form whatever it came as."""

from dataclasses import dataclass
from enum import StrEnum

GS1_ROOT = "https://id.gs1.org"


class ItemKind(StrEnum):
    """What kind of thing an identifier names."""

    CLASS = "class"  # a trade item: GTIN
    LOT = "lot"  # GTIN + lot, or one of our own codes
    INSTANCE = "instance"  # GTIN + serial
    LOGISTIC = "logistic"  # SSCC, and returnable crates (GRAI)
    PLACE = "place"  # GLN of a place, with or without extension
    PARTY = "party"  # GLN of a party
    OTHER = "other"  # any other GS1 key, pattern or URI


@dataclass(frozen=True, slots=True)
class Identifier:
    """A GS1 key, one of our own codes or another URI, in its one canonical form.

    `canonical` is the path of the GS1 Digital Link without a domain, finest level only
    (``/01/09506000134352/10/L1``, ``/01/…/21/…``, ``/00/…``, ``/414/…/254/…``,
    ``/417/…``); ``/q/CODE`` for our own code; the URI itself for anything else.
    """

    canonical: str
    kind: ItemKind
    gtin: str | None = None
    lot: str | None = None
    serial: str | None = None

    @property
    def uri(self) -> str:
        """The identifier as an absolute URI: GS1 keys on https://id.gs1.org."""
        is_key = self.canonical.startswith("/") and not self.canonical.startswith("/q/")
        return GS1_ROOT + self.canonical if is_key else self.canonical
