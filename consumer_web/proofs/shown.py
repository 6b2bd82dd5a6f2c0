"""Which fields of a statement everybody may see: those that the page shows. Pure.

Lists of names, never "all but": a field that is not named here stays a digest. Among these are
who it was (a number of GS1 tells more than the name on the page), the hash of the whole
statement (who can guess a statement could check the guess) and how much the party records.
"""

import re
from collections.abc import Callable, Collection, Mapping

import msgspec

from foodtrace.trace.log.leaves import Field

Shows = Callable[[Field], bool]

EVENT, CERTIFICATE, WITHDRAWAL = "event", "certificate", "withdrawal"
RECALL, RECALL_END = "recall", "recall_end"
SIGNATURE = "signature"
NUMBER = "number"
_LOT = re.compile(r"/lot[0-9]+")

_ABOUT = frozenset({"kind", "received"})
# By kind of statement; an event that makes the lot shows its label facts besides.
FIELDS: Mapping[str, frozenset[str]] = {
    EVENT: _ABOUT
    | {"/type", "/action", "/eventTime", "/eventTimeZoneOffset", "/bizStep"},
    CERTIFICATE: _ABOUT
    | {"/number", "/kind", "/sampled_on", "/issued_on", "/valid_until", "/verdict", "/results"}
    # The hash of the laboratory's report says nothing, and ties the file to the number.
    | {"/file"},
    WITHDRAWAL: _ABOUT | {"/certificate", "/withdrawn_at", "/reason"},
    RECALL: _ABOUT
    | {"/recall_class", "/opened_at", "/contact", "/area", "/notice_url", "/reason", "/reason_en"}
    | {"/hazard", "/hazard_en", "/advice", "/advice_en", "/compensation", "/compensation_en"},
    RECALL_END: _ABOUT | {"/recall", "/ended_at", "/statement"},
    # Neither how often the key has signed, nor its signature: against that one could check guesses.
    SIGNATURE: _ABOUT | {"/kind", "/public_key", "/signed_at", "/lots"},
}  # fmt: skip
_LABEL = {
    "cbvmda:": (
        *("lotNumber", "productionDate", "itemExpirationDate", "bestBeforeDate", "sellByDate"),
        "countryOfOrigin",
    ),
    "gs1:": (
        *("hasBatchLotNumber", "hasBatchLot", "productionDate", "expirationDate"),
        *("bestBeforeDate", "sellByDate", "countryOfOrigin"),
    ),
    "foodtrace:": ("lotNumber", "productionDate", "expiryDate", "origin", "certificateNumber"),
}
LABEL_FIELDS = frozenset(
    f"/ilmd/{prefix}{name}" for prefix, names in _LABEL.items() for name in names
)


def blank(things: Collection[str]) -> Shows:
    """Show nothing but the numbers of these things: a step that is hidden, or not one's business.

    >>> blank(["/01/06901234567892/10/L1"])(Field("number", "aB 2 /01/06901234567892/10/L1"))
    True
    """

    def shows(field: Field) -> bool:
        return field.name == NUMBER and field.value.split(" ", 2)[-1] in things

    return shows


def public(kind: str, things: Collection[str], *, is_making: bool = False) -> Shows:
    """Show what the page says of a statement of this kind, and its numbers of these things.

    A kind that is not listed is a blank. `is_making` is for the event that made the lot.
    """
    names = FIELDS.get(kind, frozenset())
    if is_making:
        names |= LABEL_FIELDS
    numbers = blank(things)

    def shows(field: Field) -> bool:
        if kind == SIGNATURE and _LOT.fullmatch(field.name):
            return msgspec.json.decode(field.value)["lot"] in things
        return field.name in names or numbers(field)

    return shows
