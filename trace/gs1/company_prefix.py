"""How long the GS1 company prefix is that a key begins with.

Nothing in a key says so. GS1 publishes a list of the prefixes it gave out, which the package
`biip` brings along.
"""

from itertools import takewhile

from biip.gs1_prefixes import GS1CompanyPrefix

from foodtrace.trace.gs1.charset import DIGITS

# An EPC URN takes a company prefix of this many digits (EPC Tag Data Standard, section 6.3).
SHORTEST, LONGEST = 6, 12


def company_prefix_length(key: str) -> int | None:
    """Return how many digits of the key are its company prefix.

    The key begins with the prefix: an indicator or extension digit is left out. None where
    GS1's list does not say, and where an EPC URN cannot hold the prefix.

    >>> company_prefix_length("6901234567892")
    7
    """
    digits = "".join(takewhile(DIGITS.__contains__, key[:LONGEST]))
    # biip shortens a prefix to the digits it is given, so it is always given enough.
    prefix = GS1CompanyPrefix.extract(digits.ljust(LONGEST, "0"))
    if prefix is None or not SHORTEST <= len(prefix.value) <= len(digits):
        return None
    return len(prefix.value)
