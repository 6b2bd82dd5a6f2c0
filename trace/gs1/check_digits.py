"""Check digits of GTIN, SSCC, GLN and the other numeric GS1 keys."""

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.charset import is_digits

GTIN_LENGTHS = (8, 12, 13, 14)


def gs1_check_digit(digits: str) -> str:
    """Return the check digit that follows these digits (GS1 General Specifications 7.9.1).

    >>> gs1_check_digit("0950600013435")
    '2'
    """
    if not is_digits(digits):
        raise Invalid(_not_digits("digits", digits))
    return str(_check_digit(digits))


def normal_gtin(text: str) -> str:
    """Return a GTIN-8, -12, -13 or -14 as 14 digits. Raises Invalid.

    >>> normal_gtin("9506000134352")
    '09506000134352'
    """
    if not is_digits(text):
        raise Invalid(_not_digits("gtin", text))
    if len(text) not in GTIN_LENGTHS:
        raise Invalid(
            Problem(
                "gtin",
                mark("A GTIN has 8, 12, 13 or 14 digits, this has %(length)s"),
                mark("Copy all digits below the bar code"),
                {"length": len(text)},
            )
        )
    return checked_number("gtin", text, len(text)).zfill(14)


def normal_gln(text: str) -> str:
    """Return a GLN, 13 digits. Raises Invalid."""
    return checked_number("gln", text, 13)


def checked_number(name: str, text: str, length: int) -> str:
    """Return a number of this length whose last digit is its check digit. Raises Invalid."""
    if not is_digits(text):
        raise Invalid(_not_digits(name, text))
    if len(text) != length:
        raise Invalid(
            Problem(
                name,
                mark("%(name)s has %(length)s digits, this has %(given)s"),
                mark("Copy all digits"),
                {"name": name.upper(), "length": length, "given": len(text)},
            )
        )
    if _check_digit(text[:-1]) != int(text[-1]):
        raise Invalid(
            Problem(
                name,
                mark("The check digit of %(name)s %(number)s is wrong"),
                mark("Compare the digits with the label: at least one was mistyped"),
                {"name": name.upper(), "number": text},
            )
        )
    return text


def _check_digit(digits: str) -> int:
    # Weights 3 and 1 from the right. Characters are their digit plus 48 = 8 mod 10. Written
    # out for speed: it runs for every key of every event.
    codes = digits.encode()
    heavy, light = codes[::-2], codes[-2::-2]
    return (3 * (8 * len(heavy) - sum(heavy)) + 8 * len(light) - sum(light)) % 10


def _not_digits(name: str, text: str) -> Problem:
    if any(char.isdigit() and not char.isascii() for char in text):
        return Problem(
            name,
            mark("%(name)s is written with full-width or other digits"),
            mark("Write the half-width digits 0 to 9"),
            {"name": name.upper()},
        )
    return Problem(
        name,
        mark("%(name)s is made of digits only"),
        mark("Write the digits 0 to 9, without spaces or dashes"),
        {"name": name.upper()},
    )
