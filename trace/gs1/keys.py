"""The GS1 keys as paths of GS1 Digital Link: what each is made of, and its canonical form.

Every way of writing a key (EPC URN, Digital Link, plain path) ends in `identifier_of`, so
that they cannot disagree. GS1 Digital Link URI Syntax 1.4, sections 4.4 to 4.6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.charset import (
    CHARSET_39,
    CHARSET_82,
    DIGITS,
    checked_value,
    encoded,
    is_digits,
)
from foodtrace.trace.gs1.check_digits import checked_number, normal_gtin
from foodtrace.trace.gs1.model import Identifier, ItemKind


@dataclass(frozen=True, slots=True)
class Key:
    """A primary key: `number` digits, the last a check digit, then up to `more` characters.

    `orders` are the qualifiers that may follow, in the order in which they must stand.
    """

    name: str
    number: int = 0
    more: int = 0
    charset: frozenset[str] = CHARSET_82
    orders: tuple[tuple[str, ...], ...] = ()


KEYS: Mapping[str, Key] = {
    "00": Key("SSCC", 18),
    "01": Key("GTIN", 14, orders=(("22", "10", "21"), ("235",))),
    "253": Key("GDTI", 13, 17),
    "255": Key("GCN", 13, 12, DIGITS),
    "401": Key("GINC", more=30),
    "402": Key("GSIN", 17),
    "414": Key("GLN", 13, orders=(("254",), ("7040",))),
    "417": Key("PARTY GLN", 13, orders=(("7040",),)),
    "8003": Key("GRAI", 14, 16),
    "8004": Key("GIAI", more=30, orders=(("7040",),)),
    "8006": Key("ITIP", 18, orders=(("22", "10", "21"),)),
    "8010": Key("CPID", more=30, charset=CHARSET_39, orders=(("8011",),)),
    "8013": Key("GMN", more=25),
    "8017": Key("GSRN", 18, orders=(("8019",),)),
    "8018": Key("GSRN", 18, orders=(("8019",),)),
}

# Data title, longest value and characters of each qualifier (GS1 General Specifications,
# section 3).
QUALIFIERS: Mapping[str, tuple[str, int, frozenset[str]]] = {
    "22": ("CPV", 20, CHARSET_82),
    "10": ("BATCH/LOT", 20, CHARSET_82),
    "21": ("SERIAL", 20, CHARSET_82),
    "235": ("TPX", 28, CHARSET_82),
    "254": ("GLN EXTENSION COMPONENT", 20, CHARSET_82),
    "7040": ("UIC", 4, CHARSET_82),
    "8011": ("CPID SERIAL", 12, DIGITS),
    "8019": ("SRIN", 10, DIGITS),
}

# The keys that chains are made of: a mistake in one of these is always refused.
CHAIN_KEYS = frozenset({"00", "01", "414", "417"})


def identifier_of(ai: str, value: str, qualifiers: Sequence[tuple[str, str]]) -> Identifier:
    """Return the identifier of a primary key and its qualifiers, all decoded. Raises Invalid.

    Only the finest level stays in the canonical form: a serial hides its lot.
    """
    key = KEYS[ai]
    _check_order(key, [name for name, _ in qualifiers])
    for name, text in qualifiers:
        label, limit, charset = QUALIFIERS[name]
        checked_value(label, text, limit, charset)
    if ai == "01":
        return _trade_item(normal_gtin(value), qualifiers)
    _check_key(ai, key, value)
    canonical = f"/{ai}/{encoded(value)}"
    if qualifiers:
        name, text = qualifiers[-1]
        canonical += f"/{name}/{encoded(text)}"
    return Identifier(canonical, _kind_of(ai, value, qualifiers))


def _trade_item(gtin: str, qualifiers: Sequence[tuple[str, str]]) -> Identifier:
    if not qualifiers:
        return Identifier(f"/01/{gtin}", ItemKind.CLASS, gtin)
    finest, value = qualifiers[-1]
    canonical = f"/01/{gtin}/{finest}/{encoded(value)}"
    lot = next((text for name, text in qualifiers if name == "10"), None)
    if finest == "10":
        return Identifier(canonical, ItemKind.LOT, gtin, lot)
    if finest == "22":
        return Identifier(canonical, ItemKind.CLASS, gtin)
    return Identifier(canonical, ItemKind.INSTANCE, gtin, lot, value)


def _kind_of(ai: str, value: str, qualifiers: Sequence[tuple[str, str]]) -> ItemKind:
    if ai == "00" or (ai == "8003" and len(value) > KEYS[ai].number):
        return ItemKind.LOGISTIC
    if ai == "417":
        return ItemKind.PARTY
    if ai == "414" and (not qualifiers or qualifiers[-1][0] == "254"):
        return ItemKind.PLACE
    return ItemKind.OTHER


def _check_key(ai: str, key: Key, value: str) -> None:
    number, more = value[: key.number], value[key.number :]
    if ai == "8006":  # a GTIN, then which piece of how many
        checked_number(key.name, number[:14], 14)
        if len(number) != key.number or not is_digits(number):
            raise Invalid(_malformed(key.name))
    elif key.number:
        checked_number(key.name, number, key.number)
    if ai == "8003" and not number.startswith("0"):
        raise Invalid(_malformed(key.name))
    if more or not key.number:
        checked_value(key.name, more, key.more, key.charset)


def _check_order(key: Key, names: list[str]) -> None:
    for order in key.orders:
        expected = iter(order)
        if all(name in expected for name in names):
            return
    if names:
        raise Invalid(
            Problem(
                "identifier",
                mark("Application identifier %(ai)s cannot stand there after the %(key)s"),
                mark("Write the parts in the order of GS1 Digital Link, for example 01, 10, 21"),
                {"ai": names[-1], "key": key.name},
            )
        )


def _malformed(name: str) -> Problem:
    return Problem(
        "identifier",
        mark("This is no %(name)s"),
        mark("Copy the complete key"),
        {"name": name},
    )
