"""The checks of what values hold, by their names in the GS1 Barcode Syntax Dictionary.

Each takes one component of a value, of the right length and characters, and returns what is
wrong with it, or None.
"""

from collections.abc import Callable, Mapping, Set

from foodtrace.trace.errors import mark
from foodtrace.trace.gs1.charset import CHARSET_82, DIGITS, HEX_DIGITS, LETTERS
from foodtrace.trace.gs1.check_digits import gs1_check_digit
from foodtrace.trace.gs1.code_lists import (
    COUNTRIES,
    COUNTRY_NUMBERS,
    CURRENCY_NUMBERS,
    PACKAGE_TYPES,
)
from foodtrace.trace.gs1.coupons import coupon_code, positive_offer
from foodtrace.trace.gs1.dates import date_check
from foodtrace.trace.gs1.faults import COPY, Fault, wrong_character

Linter = Callable[[str], Fault | None]

# The shortest company prefix that GS1 gives out has so many digits.
_SHORTEST_PREFIX = 4
_MEDIA_TYPES = frozenset(f"{number:02}" for number in (*range(1, 11), *range(80, 100)))
# The values of characters in GS1's check character pair (General Specifications 7.9.5).
_CSET_82_ORDER = "".join(sorted(CHARSET_82))
_CSET_32 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83)
_SHORTEST_IBAN = 11


def _check_digit(value: str) -> Fault | None:
    if gs1_check_digit(value[:-1]) == value[-1]:
        return None
    return Fault(
        len(value) - 1,
        mark("The check digit of %(name)s %(number)s is wrong"),
        mark("Compare the digits with the label: at least one was mistyped"),
        {"number": value},
    )


def _check_pair(value: str) -> Fault | None:
    """General Specifications 7.9.5: weights are primes from the right, modulo 1021."""
    data, pair = value[:-2], value[-2:]
    weights = zip(reversed(data), _PRIMES, strict=False)
    total = sum(_CSET_82_ORDER.index(char) * prime for char, prime in weights) % 1021
    if pair == _CSET_32[total >> 5] + _CSET_32[total & 31]:
        return None
    return Fault(
        max(len(data), 0),
        mark("The two check characters at the end of %(name)s are wrong"),
        mark("Compare the characters with the label: at least one was mistyped"),
    )


def _company_prefix(start: int) -> Linter:
    def check(value: str) -> Fault | None:
        prefix = value[start : start + _SHORTEST_PREFIX]
        if len(prefix) == _SHORTEST_PREFIX and DIGITS.issuperset(prefix):
            return None
        at = next((i for i, char in enumerate(prefix) if char not in DIGITS), len(prefix))
        return Fault(
            start + at,
            mark("%(name)s begins with a GS1 company prefix of at least 4 digits"),
            COPY,
        )

    return check


def _number_up_to(limit: int, rule: str) -> Linter:
    def check(value: str) -> Fault | None:
        return None if int(value) <= limit else Fault(0, rule, COPY, {"limit": limit})

    return check


_HOUR = _number_up_to(23, mark("%(name)s has an hour after %(limit)s"))
_MINUTE = _number_up_to(59, mark("%(name)s has a minute after %(limit)s"))


def _hour_and_minute(value: str) -> Fault | None:
    fault = _MINUTE(value[2:])
    return _HOUR(value[:2]) or (fault and Fault(2, fault.rule, fault.fix, fault.values))


def _one_of(codes: Set[str], rule: str) -> Linter:
    def check(value: str) -> Fault | None:
        return None if value in codes else Fault(0, rule, COPY, {"code": value})

    return check


_COUNTRY = mark("%(name)s holds %(code)s, which is no country of ISO 3166-1")
_CHOICE = mark("%(name)s holds %(code)s, which means nothing there")


def _percent_encoding(value: str) -> Fault | None:
    at = value.find("%")
    while at >= 0:
        escape = value[at + 1 : at + 3]
        if len(escape) < 2 or not HEX_DIGITS.issuperset(escape):
            return Fault(
                at,
                mark("A percent sign is not followed by two hexadecimal digits"),
                mark("Write a percent sign itself as %%25"),
            )
        at = value.find("%", at + 3)
    return None


def _only(char: str) -> Linter:
    def check(value: str) -> Fault | None:
        at = next((i for i, other in enumerate(value) if other != char), None)
        return None if at is None else wrong_character(value, at, COPY)

    return check


def _importer_index(value: str) -> Fault | None:
    if value in DIGITS | LETTERS | {"-", "_"}:
        return None
    return wrong_character(value, 0, COPY)


def _not_zero(value: str) -> Fault | None:
    return None if value.strip("0") else Fault(0, mark("%(name)s holds a measure of zero"), COPY)


def _no_leading_zero(value: str) -> Fault | None:
    if value == "0" or not value.startswith("0"):
        return None
    return Fault(0, mark("%(name)s begins with a zero"), mark("Leave the zeros in front out"))


def _not_digits_only(value: str) -> Fault | None:
    if not DIGITS.issuperset(value):
        return None
    return Fault(0, mark("%(name)s is digits only, and must not be"), COPY)


_PIECE = mark("%(name)s names a piece that its total does not have")


def _piece_of_total(value: str) -> Fault | None:
    half = len(value) // 2
    piece, total = value[:half], value[half:]
    return None if 1 <= int(piece) <= int(total) else Fault(0, _PIECE, COPY)


def _position_in_sequence(value: str) -> Fault | None:
    position, slash, end = value.partition("/")
    is_whole = all(
        DIGITS.issuperset(part) and part[:1] not in ("", "0") for part in (position, end)
    )
    if slash and is_whole and int(position) <= int(end):
        return None
    return Fault(0, _PIECE, mark("Write which one of how many, for example 1/2"))


def _iban(value: str) -> Fault | None:
    """ISO 13616-1: with the first four characters last, letters from A = 10, 1 modulo 97."""
    at = next((i for i, char in enumerate(value) if char not in DIGITS | _CAPITALS), None)
    if at is not None:
        return wrong_character(value, at, COPY)
    number = "".join(str(int(char, 36)) for char in value[4:] + value[:4])
    if len(value) >= _SHORTEST_IBAN and value[:2] in COUNTRIES and int(number) % 97 == 1:
        return None
    return Fault(0, mark("%(name)s is no IBAN: its country or its check digits are wrong"), COPY)


_CAPITALS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

LINTERS: Mapping[str, Linter] = {
    "csum": _check_digit,
    "csumalpha": _check_pair,
    "gcppos1": _company_prefix(0),
    "gcppos2": _company_prefix(1),
    "yymmdd": date_check("YYMMDD"),
    "yymmd0": date_check("YYMMDD", day_zero=True),
    "yyyymmdd": date_check("YYYYMMDD"),
    "hh": _HOUR,
    "mi": _MINUTE,
    "ss": _number_up_to(59, mark("%(name)s has a second after %(limit)s")),
    "hhmi": _hour_and_minute,
    "iso3166": _one_of(COUNTRY_NUMBERS, _COUNTRY),
    "iso3166999": _one_of(COUNTRY_NUMBERS | {"999"}, _COUNTRY),
    "iso3166alpha2": _one_of(COUNTRIES, _COUNTRY),
    "iso4217": _one_of(
        CURRENCY_NUMBERS, mark("%(name)s holds %(code)s, which is no currency of ISO 4217")
    ),
    "iso5218": _one_of(frozenset("0129"), _CHOICE),
    "yesno": _one_of(frozenset("01"), _CHOICE),
    "winding": _one_of(frozenset("019"), _CHOICE),
    "mediatype": _one_of(_MEDIA_TYPES, _CHOICE),
    "packagetype": _one_of(PACKAGE_TYPES, _CHOICE),
    "pcenc": _percent_encoding,
    "hyphen": _only("-"),
    "zero": _only("0"),
    "nonzero": _not_zero,
    "nozeroprefix": _no_leading_zero,
    "hasnondigit": _not_digits_only,
    "importeridx": _importer_index,
    "latitude": _number_up_to(
        1_800_000_000, mark("%(name)s has a latitude over %(limit)s, the north pole")
    ),
    "longitude": _number_up_to(
        3_600_000_000, mark("%(name)s has a longitude over %(limit)s, once round the earth")
    ),
    "pieceoftotal": _piece_of_total,
    "posinseqslash": _position_in_sequence,
    "iban": _iban,
    "couponcode": coupon_code,
    "couponposoffer": positive_offer,
}
