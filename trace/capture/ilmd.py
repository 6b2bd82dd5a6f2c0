"""What the ILMD of an event says of the lot it makes, under the names that are in use.

Master data of a lot come in the words of the CBV (``cbvmda:lotNumber``), of GS1's web
vocabulary or of our own namespace; the reader has expanded them to full IRIs. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.identifiers import parse_identifier

FOODTRACE = "https://foodtrace.example/ns/"
_CBV = (
    "urn:epcglobal:cbv:mda:",
    "urn:epcglobal:cbv:mda",
    "https://ref.gs1.org/cbv/",
    "https://ref.gs1.org/cbv/mda/",
)
_VOCABULARY = tuple(
    f"{scheme}://{host}/voc/"
    for host in ("gs1.org", "ref.gs1.org", "www.gs1.org")
    for scheme in ("https", "http")
)

# Full names, and which of them counts where an ILMD says several.
_Ranks = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Said:
    """What an ILMD says of a lot; `more` is the rest of it, as JSON by full names."""

    lot_number: str | None = None
    product: str | None = None
    production_date: date | None = None
    expiry_date: date | None = None
    origin: str | None = None
    certificate_number: str | None = None
    more: dict[str, Any] | None = None


def _ranks(ours: str, cbv: Sequence[str] = (), vocabulary: Sequence[str] = ()) -> _Ranks:
    """Return the full names of one thing, ours first."""
    names = [
        FOODTRACE + ours,
        *(root + name for name in cbv for root in _CBV),
        *(root + name for name in vocabulary for root in _VOCABULARY),
    ]
    return {name: rank for rank, name in enumerate(names)}


_LOT_NUMBER = _ranks("lotNumber", ["lotNumber"], ["hasBatchLotNumber", "hasBatchLot"])
_PRODUCT = _ranks("product")
_PRODUCTION_DATE = _ranks("productionDate", ["productionDate"], ["productionDate"])
_EXPIRY_DATE = _ranks(
    "expiryDate",
    ["itemExpirationDate", "bestBeforeDate", "sellByDate"],
    ["expirationDate", "bestBeforeDate", "sellByDate"],
)
_ORIGIN = _ranks("origin", ["countryOfOrigin"], ["countryOfOrigin"])
_CERTIFICATE_NUMBER = _ranks("certificateNumber")
_KNOWN = frozenset().union(
    _LOT_NUMBER, _PRODUCT, _PRODUCTION_DATE, _EXPIRY_DATE, _ORIGIN, _CERTIFICATE_NUMBER
)
_NOTHING = Said()


def read_ilmd(ilmd: Mapping[str, Any] | None) -> Said:
    """Return what an ILMD says; what has no form that fits is left out, never cut to fit."""
    if not ilmd:
        return _NOTHING
    known = {name: value for name, value in ilmd.items() if name in _KNOWN}
    return Said(
        lot_number=_text(known, _LOT_NUMBER, 20),
        product=_product(known),
        production_date=_date(known, _PRODUCTION_DATE),
        expiry_date=_date(known, _EXPIRY_DATE),
        origin=_text(known, _ORIGIN, 200),
        certificate_number=_text(known, _CERTIFICATE_NUMBER, 100),
        more={name: _plain(value) for name, value in ilmd.items() if name not in known} or None,
    )


def _text(known: Mapping[str, Any], ranks: _Ranks, longest: int) -> str | None:
    for name in sorted((name for name in known if name in ranks), key=ranks.__getitem__):
        value = known[name]
        if isinstance(value, dict):
            value = value.get("@value") or value.get("@id") or value.get("id")
        if isinstance(value, list) and len(value) == 1:
            (value,) = value
        if isinstance(value, str) and 0 < len(value.strip()) <= longest:
            return value.strip()
    return None


def _date(known: Mapping[str, Any], ranks: _Ranks) -> date | None:
    """Return a date, or the day of a time as it was there."""
    text = _text(known, ranks, 40)
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None


def _product(known: Mapping[str, Any]) -> str | None:
    text = _text(known, _PRODUCT, 100)
    try:
        return parse_identifier(text).canonical if text else None
    except Invalid:
        return None


def _plain(value: Any) -> Any:
    """Return JSON that both databases keep the same: decimals as texts, exactly."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
