"""The application identifiers (AIs) of GS1: what each holds and what it stands beside.

The facts are those of the GS1 Barcode Syntax Dictionary, in data/application_identifiers.txt,
which says how to read them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

from foodtrace.trace.errors import Problem, mark
from foodtrace.trace.gs1.charset import is_digits

# The names that keys and qualifiers had in GS1 Digital Link 1.1; later releases drop them.
WORDS: Mapping[str, str] = {
    "gtin": "01", "cpv": "22", "lot": "10", "ser": "21", "sscc": "00", "gln": "414",
    "glnx": "254", "party": "417", "gdti": "253", "gcn": "255", "ginc": "401", "gsin": "402",
    "grai": "8003", "giai": "8004", "itip": "8006", "cpid": "8010", "cpsn": "8011",
    "gmn": "8013", "gsrnp": "8017", "gsrn": "8018", "srin": "8019", "payTo": "415",
    "refno": "8020",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a value: N digits, X CSET 82, Y CSET 39 or Z CSET 64, and checks by name."""

    charset: str
    shortest: int
    longest: int
    optional: bool = False
    linters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplicationIdentifier:
    """What is known of one application identifier.

    `predefined`: the value has one length, and no FNC1 stands behind it. `attribute`: it may
    stand in the query of a link. `orders`: the qualifiers behind a primary key, in each order
    that they may have; None for what is no primary key. `excludes` are AIs or patterns
    (``310n``). Of each of the `requirements` one group must be there, all of it.
    """

    ai: str
    title: str
    components: tuple[Component, ...]
    predefined: bool = False
    attribute: bool = False
    orders: tuple[tuple[str, ...], ...] | None = None
    excludes: tuple[str, ...] = ()
    requirements: tuple[tuple[tuple[str, ...], ...], ...] = ()
    known: bool = True

    @property
    def name(self) -> str:
        """The AI in brackets and its data title."""
        return f"({self.ai}) {self.title}".rstrip()

    @property
    def shortest(self) -> int:
        """How many characters a value has at least."""
        return sum(part.shortest for part in self.components if not part.optional)

    @property
    def longest(self) -> int:
        """How many characters a value has at most."""
        return sum(part.longest for part in self.components)


def read_dictionary(text: str) -> Iterator[ApplicationIdentifier]:
    """Read the lines of data/application_identifiers.txt."""
    for line in text.splitlines():
        if line and not line.startswith("#"):
            facts, _, title = line.partition(" # ")
            names, flags, *words = facts.split()
            first, _, last = names.partition("-")
            for number in range(int(first), int(last or first) + 1):
                ai = str(number).zfill(len(first))
                yield _entry(ai, flags, words, title)


def _entry(ai: str, flags: str, words: list[str], title: str) -> ApplicationIdentifier:
    rules = [word.partition("=") for word in words if word.partition("=")[0] in _RULES]
    return ApplicationIdentifier(
        ai,
        title,
        tuple(_component(word) for word in words if word.partition("=")[0] not in _RULES),
        predefined="*" in flags,
        attribute="?" in flags,
        orders=next((_orders(listed) for name, _, listed in rules if name == "dlpkey"), None),
        excludes=tuple(
            other for name, _, listed in rules if name == "ex" for other in listed.split(",")
        ),
        requirements=tuple(
            tuple(tuple(group.split("+")) for group in listed.split(","))
            for name, _, listed in rules
            if name == "req"
        ),
    )


_RULES = frozenset({"req", "ex", "dlpkey"})


def _orders(listed: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(order.split(",")) for order in listed.split("|") if order)


def _component(word: str) -> Component:
    form, *linters = word.split(",")
    optional = form.startswith("[")
    charset, length = form.strip("[]")[0], form.strip("[]")[1:]
    longest = int(length.removeprefix(".."))
    shortest = 1 if length.startswith("..") else longest
    return Component(charset, shortest, longest, optional, tuple(linters))


APPLICATION_IDENTIFIERS: Mapping[str, ApplicationIdentifier] = {
    entry.ai: entry
    for entry in read_dictionary(
        (files("foodtrace.trace.gs1") / "data" / "application_identifiers.txt").read_text("utf-8")
    )
}

# AIs with the same first two digits are all equally long: that is how scanners tell an AI
# from the value behind it.
_LENGTHS: Mapping[str, int] = {ai[:2]: len(ai) for ai in APPLICATION_IDENTIFIERS}

# GS1 General Specifications, section 7.8: the lengths of values without FNC1, whatever AI will
# be given out there.
_PREDEFINED: Mapping[str, int] = {
    "00": 18, "01": 14, "02": 14, "03": 14, "04": 16, "20": 2, "41": 13,
    **{str(prefix): 6 for prefix in (*range(11, 20), *range(31, 37))},
}  # fmt: skip
_LONGEST_VALUE = 90


def find_ai(ai: str, *, permit_unknown: bool = False) -> ApplicationIdentifier | None:
    """Return what is known of an AI; None for one that GS1 has not given out.

    With `permit_unknown` an AI that GS1 may give out later is taken for any text of up to 90
    characters of CSET 82, or of the length that is laid down for AIs which begin like this.
    """
    entry = APPLICATION_IDENTIFIERS.get(ai)
    if entry is not None or not permit_unknown:
        return entry
    if not 2 <= len(ai) <= 4 or not is_digits(ai) or _LENGTHS.get(ai[:2], len(ai)) != len(ai):
        return None
    length = _PREDEFINED.get(ai[:2])
    component = Component("X", length or 1, length or _LONGEST_VALUE)
    return ApplicationIdentifier(ai, "", (component,), predefined=length is not None, known=False)


def find_ai_at(text: str, at: int, *, permit_unknown: bool = False) -> ApplicationIdentifier | None:
    """Return the AI that begins here in an element string; None if there is none.

    Where GS1 has given out no AI that begins like this, nobody knows how long it is.
    """
    length = _LENGTHS.get(text[at : at + 2])
    if length is None:
        return None
    return find_ai(text[at : at + length], permit_unknown=permit_unknown)


def unknown_ai(place: str, ai: str) -> Problem:
    """Return the problem that an AI is none of GS1's."""
    return Problem(
        place,
        mark("%(ai)s is no application identifier of GS1"),
        mark("Use one such as 01 (GTIN), 10 (lot), 17 (use by) or 21 (serial)"),
        {"ai": ai[:40]},
    )
