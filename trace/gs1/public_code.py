"""Our own codes, for producers without GTINs: 26 random symbols and one check symbol.

The alphabet is Crockford's base 32, so that a code can be read aloud and typed: no I, L, O
or U, and the look-alikes are taken for what they look like. 130 random bits cannot be guessed.

The 27 symbols, as elements of GF(32) (x^5 + x^2 + 1), are a polynomial with the root x:
any one wrong symbol and any two symbols exchanged are found, for less than 31 symbols.
"""

import secrets

from foodtrace.trace.errors import Invalid, Problem, mark

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 27
_VALUES = {symbol: value for value, symbol in enumerate(ALPHABET)}
_VALUES |= {symbol.lower(): value for symbol, value in _VALUES.items()}
_VALUES |= {"I": 1, "i": 1, "L": 1, "l": 1, "O": 0, "o": 0}


def new_code() -> str:
    """Return a new code of 27 symbols."""
    values = [secrets.randbelow(32) for _ in range(CODE_LENGTH - 1)]
    values.append(_times_x(_remainder(values)))
    return "".join(ALPHABET[value] for value in values)


def normal_code(text: str) -> str:
    """Return a code as 27 capital symbols. Raises Invalid.

    Lower case, I and L for 1, O for 0, and dashes or spaces between groups are accepted.
    """
    if len(text) > 2 * CODE_LENGTH:
        raise Invalid(_problem(mark("The code is too long")))
    symbols = text.replace("-", "").replace(" ", "")
    if len(symbols) != CODE_LENGTH:
        raise Invalid(_problem(mark("The code does not have 27 letters and digits")))
    try:
        values = [_VALUES[symbol] for symbol in symbols]
    except KeyError:
        raise Invalid(
            _problem(mark("The code holds a character that no code of ours has"))
        ) from None
    if _remainder(values) != 0:
        raise Invalid(_problem(mark("One of the letters or digits of the code is wrong")))
    return "".join(ALPHABET[value] for value in values)


def _problem(rule: str) -> Problem:
    return Problem("code", rule, mark("Scan the code again, or copy it letter by letter"))


def _remainder(values: list[int]) -> int:
    remainder = 0
    for value in values:
        remainder = _times_x(remainder) ^ value
    return remainder


def _times_x(value: int) -> int:
    return (value << 1) ^ (0b100101 if value & 0b10000 else 0)
