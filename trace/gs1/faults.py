"""What is wrong with a value, before it is known where the value stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from foodtrace.trace.errors import mark


@dataclass(frozen=True, slots=True)
class Fault:
    """A broken rule and its fix, from which character of the value on (0 is the first).

    The texts may use %(name)s for what the value is, besides what `values` fills in.
    """

    at: int
    rule: str
    fix: str
    values: Mapping[str, object] = field(default_factory=dict)


COPY = mark("Write the value exactly as it is printed")


def shown(char: str) -> str:
    """Return a character as a message can show it: nothing invisible, nothing that looks alike."""
    return char if "!" <= char <= "~" else f"U+{ord(char):04X}"


def wrong_character(value: str, at: int, fix: str) -> Fault:
    """Return that the character at this place is none that the value may hold."""
    return Fault(
        at,
        mark("Character %(at)s of %(name)s is %(char)s, which cannot stand there"),
        fix,
        {"char": shown(value[at]), "at": at + 1},
    )
