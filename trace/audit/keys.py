"""Keys of issuers as their public statements give them, by their places in the log. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from foodtrace.trace.audit.decoding import decoded as decoded_json
from foodtrace.trace.audit.published import Public
from foodtrace.trace.audit.report import Report
from foodtrace.trace.audit.rules import KEY_LET_IN, KEY_VALID, OPENING, SERIES
from foodtrace.trace.issuers.texts import Voucher, decoded, enrolment_text, signing_text
from foodtrace.trace.issuers.validity import Place, Standing, standing_of
from foodtrace.trace.log.ed25519 import KEY_SIZE, SIGNATURE_SIZE, is_signature
from foodtrace.trace.log.series import gaps_of

ENROLMENT, CONFIRMATION, END, COMPROMISE = "key", "key_confirmation", "key_end", "key_compromise"
SIGNATURE = "signature"
# What the statements of a party about its keys are numbered by.
SERIES_OF_KEYS = "urn:foodtrace:keys"

_anything = msgspec.json.Decoder()


@dataclass
class Key:
    """A key of a party, good from `active` to before `revoked`; `compromised` in milliseconds."""

    party: str
    public_key: bytes
    active: Place | None = None
    revoked: Place | None = None
    compromised: int | None = None

    @property
    def is_good(self) -> bool:
        """Whether it may sign after the last statement that was read."""
        return self.active is not None and self.revoked is None


Keys = dict[str, Key]  # by the public key in base64


def members_of(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the members of a statement's JSON object that are shown. Raises ValueError."""
    return {
        name[1:]: decoded_json(_anything, value)
        for name, value in fields.items()
        if name.startswith("/")
    }


def check_numbers(statements: Iterable[Public], report: Report) -> None:
    """Check that no statement about keys was left out of all that are public, in their order."""
    numbers = [
        value for each in statements for name, value in each.opening.fields if name == "number"
    ]
    for gap in gaps_of(numbers, {SERIES_OF_KEYS}):
        report.differ(SERIES, "keys", f"The statements about keys have a hole: {gap}.")


def read_keys(
    statements: Iterable[tuple[int, Public]], report: Report, where: Mapping[int, str]
) -> Keys:
    """Return the keys that public statements give; each comes with its year, in their order.

    `where` names the logs. Reports keys that were let in by nobody who may.
    """
    keys: Keys = {}
    readers = {ENROLMENT: _enrol, CONFIRMATION: _confirm, END: _end, COMPROMISE: _compromise}
    for year, each in statements:
        read = readers.get(each.kind)
        if read is None:
            continue
        place = f"{where[year]}, keys, index {each.index}"
        try:
            wrong = read(keys, Place(year, each.index), members_of(each.fields))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            report.differ(OPENING, place, f"It does not say what a {each.kind!r} says: {error}.")
            continue
        if wrong is not None:
            report.differ(KEY_LET_IN, place, wrong)
        elif each.kind == CONFIRMATION and "/voucher" not in each.fields:
            _check_confirming(keys, each, place, report)
    return keys


def _check_confirming(keys: Keys, each: Public, place: str, report: Report) -> None:
    """Say who has let a key in by their word alone: no signature tells whether they may."""
    key = keys[members_of(each.fields)["public_key"]]
    by = each.fields.get("party", "")
    if by == key.party:
        found = f"The key was let in by the word of {by} alone, whose key it is."
        report.differ(KEY_LET_IN, place, found)
        return
    report.note(
        KEY_LET_IN,
        place,
        f"A key of {key.party} was let in by the word of {by or 'nobody who is named'} alone. No "
        "signature proves that this is a regulator: ask both.",
    )


def _enrol(keys: Keys, place: Place, said: Mapping[str, Any]) -> str | None:
    public_key = decoded(said["public_key"], KEY_SIZE)
    text = enrolment_text(said["party"], said["name"], public_key)
    if not is_signature(public_key, decoded(said["proof"], SIGNATURE_SIZE), text):
        return "The key has not signed its own enrolment: nobody has shown to have it."
    if said["public_key"] in keys:
        return "The key was enrolled before."
    key = keys[said["public_key"]] = Key(said["party"], public_key)
    if said["how"] == "first":
        key.active = place
        if any(
            other.active is not None and other is not key and other.party == key.party
            for other in keys.values()
        ):
            return "It is called the party's first key, and the party has had another."
    return _vouched(keys, key, place, said["voucher"]) if "voucher" in said else None


def _confirm(keys: Keys, place: Place, said: Mapping[str, Any]) -> str | None:
    key = keys[said["public_key"]]
    if "voucher" in said:
        return _vouched(keys, key, place, said["voucher"])
    for other in keys.values():
        if other.party == key.party and other.is_good:
            other.revoked = place
    key.active = place
    return None


def _vouched(keys: Keys, key: Key, place: Place, said: Mapping[str, Any]) -> str | None:
    by, signature = decoded(said["by"], KEY_SIZE), decoded(said["signature"], SIGNATURE_SIZE)
    voucher = Voucher(by, bool(said["replaces"]), signature)
    older = keys.get(said["by"])
    key.active = place
    if older is None or not older.is_good or older.party != key.party:
        return "The key that vouches for it is not one of the party that was good then."
    if not voucher.is_for(key.party, key.public_key):
        return "The older key has not signed that it vouches for this one."
    if voucher.replaces:
        older.revoked = place
    return None


def _end(keys: Keys, place: Place, said: Mapping[str, Any]) -> None:
    key = keys[said["public_key"]]
    key.revoked = key.revoked or place


def _compromise(keys: Keys, place: Place, said: Mapping[str, Any]) -> None:
    _end(keys, place, said)
    since = datetime.fromisoformat(said["since"])
    keys[said["public_key"]].compromised = int(since.timestamp() * 1000)


def check_signature(
    keys: Keys, place: Place, time: int, fields: Mapping[str, str], where: str, report: Report
) -> None:
    """Check a statement of the kind `signature`: its key at its place, and what it signs.

    What is hidden is not checked; `time` is that of its leaf in milliseconds.
    """
    try:
        said = members_of(fields)
        if "public_key" not in said:
            return
        key = keys.get(said["public_key"])
        standing = Standing.VOID
        if key is not None:
            standing = standing_of(
                place,
                active=key.active,
                revoked=key.revoked,
                time=time,
                compromised_since=key.compromised,
            )
        if standing is Standing.VOID:
            why = "is not among the public keys" if key is None else "was not good there"
            report.differ(KEY_VALID, where, f"Its key {said['public_key']} {why}.")
        _check_signed(said, where, report)
    except (KeyError, TypeError, ValueError) as error:
        report.differ(OPENING, where, f"It does not say what a signature says: {error}.")


def _check_signed(said: Mapping[str, Any], where: str, report: Report) -> None:
    parts = ("public_key", "kind", "content", "n", "signed_at", "lots")
    if any(name not in said for name in (*parts, "signature")):
        return
    public_key = decoded(said["public_key"], KEY_SIZE)
    text = signing_text(public_key, *(said[name] for name in parts[1:]))
    if not is_signature(public_key, decoded(said["signature"], SIGNATURE_SIZE), text):
        report.differ(KEY_VALID, where, "It is not the key's signature of what it is said to sign.")
