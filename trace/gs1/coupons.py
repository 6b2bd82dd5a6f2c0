"""Coupon codes of North America: AI (8110), and the positive offer file's AI (8112).

Both are digits only, in fields of which many are led by a digit that says how long they are.
"""

from collections.abc import Callable

from foodtrace.trace.errors import mark
from foodtrace.trace.gs1.charset import DIGITS
from foodtrace.trace.gs1.dates import date_check
from foodtrace.trace.gs1.faults import COPY, Fault, wrong_character

_DATE = date_check("YYMMDD")
# What the first digit of a purchase requirement's code may be.
_REQUIREMENTS = "012349"


class _Broken(Exception):
    """A field of the coupon is missing or wrong, from this character on."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class _Reader:
    """The digits of a coupon, read from the left."""

    def __init__(self, digits: str) -> None:
        self.digits = digits
        self.at = 0

    @property
    def done(self) -> bool:
        return self.at == len(self.digits)

    def take(self, length: int) -> str:
        field = self.digits[self.at : self.at + length]
        if len(field) < length:
            raise _Broken(self.at)
        self.at += length
        return field

    def choice(self, allowed: str) -> str:
        if self.digits[self.at : self.at + 1] not in tuple(allowed):
            raise _Broken(self.at)
        return self.take(1)

    def led(self, allowed: str, more: int = 0) -> None:
        """Skip a field that is `more` digits longer than the digit before it says."""
        self.take(int(self.choice(allowed)) + more)

    def has(self, field: str) -> bool:
        """Say whether this optional field comes next, and step behind its number."""
        found = self.digits.startswith(field, self.at)
        self.at += found
        return found

    def date(self) -> str:
        date = self.take(6)
        fault = _DATE(date)
        if fault is not None:
            raise _Broken(self.at - len(date) + fault.at)
        return date


def coupon_code(value: str) -> Fault | None:
    """Return what is wrong with a coupon code (North American Coupon Application Guideline)."""
    return _fault(value, _coupon)


def positive_offer(value: str) -> Fault | None:
    """Return what is wrong with a coupon code of a positive offer file."""
    return _fault(value, _offer)


def _fault(value: str, read: Callable[[_Reader], None]) -> Fault | None:
    at = next((i for i, char in enumerate(value) if char not in DIGITS), None)
    if at is not None:
        return wrong_character(value, at, COPY)
    reader = _Reader(value)
    try:
        read(reader)
        if not reader.done:
            raise _Broken(reader.at)
    except _Broken as broken:
        return Fault(
            broken.at,
            mark("%(name)s is no coupon code from character %(at)s on"),
            COPY,
            {"at": broken.at + 1},
        )
    return None


def _offer(reader: _Reader) -> None:
    reader.choice("01")  # the format
    reader.led("0123456", 6)  # who pays
    reader.take(6)  # the offer
    reader.led("0123456789", 6)  # the serial number


def _coupon(reader: _Reader) -> None:
    reader.led("0123456", 6)  # the company prefix
    reader.take(6)  # the offer
    reader.led("12345")  # what is saved
    _purchase(reader)
    if reader.has("1"):
        reader.choice("0123")  # how the purchases belong together
        _purchase(reader)
        _other_company(reader)
    if reader.has("2"):
        _purchase(reader)
        _other_company(reader)
    _dates(reader)
    if reader.has("5"):
        reader.led("0123456789", 6)  # the serial number
    if reader.has("6"):
        reader.led("1234567", 6)  # the retailer
    if reader.has("9"):
        reader.choice("01256")  # what the saved value is
        reader.choice("012")  # the item that it applies to
        reader.take(1)  # whether it is a store's coupon
        reader.choice("01")  # whether it may be multiplied


def _purchase(reader: _Reader) -> None:
    reader.led("12345")
    reader.choice(_REQUIREMENTS)
    reader.take(3)  # the family code


def _other_company(reader: _Reader) -> None:
    if not reader.has("9"):  # the same company
        reader.led("0123456", 6)


def _dates(reader: _Reader) -> None:
    expires = reader.date() if reader.has("3") else None
    start = reader.date() if reader.has("4") else None
    if expires is not None and start is not None and start > expires:
        raise _Broken(reader.at - 6)
