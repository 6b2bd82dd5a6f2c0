"""Chinese registration numbers that carry a check character."""

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.charset import is_digits

# GB 32100-2015, table 1: digits and capitals without I, O, S, V, Z.
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_LENGTH = 18


def check_uscc(text: str) -> str:
    """Return a unified social credit code (统一社会信用代码, GB 32100-2015). Raises Invalid.

    The organisation code inside it (characters 9 to 17) follows GB 11714, whose own check
    character is not looked at.

    >>> check_uscc("91350100M000100Y43")
    '91350100M000100Y43'
    """
    _refuse_look_alikes("uscc", text)
    if len(text) != _USCC_LENGTH:
        raise Invalid(
            Problem(
                "uscc",
                mark("A unified social credit code has 18 characters, this has %(length)s"),
                mark("Copy it from the business licence"),
                {"length": len(text)},
            )
        )
    wrong = [char for char in text if char not in _USCC_ALPHABET]
    if wrong:
        raise Invalid(
            Problem(
                "uscc",
                mark("%(char)s cannot stand in a unified social credit code"),
                mark("The letters I, O, S, V and Z are never used: look for 1, 0, 5, U or 2"),
                {"char": wrong[0]},
            )
        )
    weighted = sum(
        _USCC_ALPHABET.index(char) * pow(3, position, 31) for position, char in enumerate(text[:-1])
    )
    if _USCC_ALPHABET[-weighted % 31] != text[-1]:
        raise Invalid(_wrong_check("uscc"))
    return text


def check_food_licence(text: str) -> str:
    """Return a food production licence number (食品生产许可证): SC and 14 digits. Raises Invalid.

    The last digit is a check digit by ISO 7064 MOD 11,10 (GB/T 17710).

    >>> check_food_licence("SC10341147101351")
    'SC10341147101351'
    """
    _refuse_look_alikes("food_licence", text)
    digits = text[2:]
    if not text.startswith("SC") or len(digits) != 14 or not is_digits(digits):
        raise Invalid(
            Problem(
                "food_licence",
                mark("A food production licence number is SC followed by 14 digits"),
                mark("Copy it from the licence, for example SC10341147101351"),
            )
        )
    product = 10
    for digit in digits[:-1]:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    if (11 - product) % 10 != int(digits[-1]):
        raise Invalid(_wrong_check("food_licence"))
    return text


def _refuse_look_alikes(place: str, text: str) -> None:
    if not text.isascii():
        raise Invalid(
            Problem(
                place,
                mark("The number holds full-width or other characters"),
                mark("Write half-width digits and letters"),
            )
        )
    if any(char.islower() for char in text):
        raise Invalid(
            Problem(
                place,
                mark("The number holds small letters"),
                mark("Write capital letters"),
            )
        )


def _wrong_check(place: str) -> Problem:
    return Problem(
        place,
        mark("The last character does not fit the others"),
        mark("Compare each character with the licence: at least one was mistyped"),
    )
