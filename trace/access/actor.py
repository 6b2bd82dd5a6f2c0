"""Who is asking, and what each role may do."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The roles of DESIGN.md; a person or key may have several."""

    PRODUCER = "producer"
    OPERATOR = "operator"
    LABORATORY = "laboratory"
    INSPECTOR = "inspector"
    REGULATOR = "regulator"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, a machine's key, or the command line, acting for a party.

    `name` says who in records (``user:12``, ``key:a1b2c3``, ``system``); it carries nothing
    personal, for whose account it is stands in the account alone. `party_id` is None for
    those who act for no party.
    """

    name: str
    party_id: int | None = None
    roles: frozenset[Role] = frozenset()


ANONYMOUS = Actor("anonymous")
SYSTEM = Actor("system", None, frozenset({Role.ADMINISTRATOR}))
