"""The refusals of this service: one small tree, turned into a status in one place.

FoodtraceError
├── Invalid          400  the input breaks a rule; `problems` names place, rule and fix
│   └── QueryRefused          the query does: its shape (QueryValidation), what a parameter
│                             may say (QueryParameter), when it runs (SubscriptionControls)
├── Unauthenticated  401  nobody is signed in, or the key is unknown
├── Forbidden        403  the actor's role does not allow the act
├── NotFound         404  there is nothing, or nothing that the actor may see
│   └── NoSuchName            no query or subscription has this name
├── Conflict         409  the act does not fit what is already recorded
├── TooLarge         413  the input is over a limit
│   ├── QueryTooLarge         the query finds more events than it or we allow
│   └── QueryTooComplex       the query itself is over a limit
├── Unprocessable    422  the same idempotency key came with another body
├── Damaged          500  what is kept is not what was recorded; nothing else is given for it
└── Unavailable      503  try again: the queue is full, or the database is away
    └── ReadOnly              the record is not what was signed of it, and is only read
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


def mark(message: str) -> str:
    """Return the message unchanged, and have it collected for translation.

    Rules know no request and so no language: they carry English texts with
    ``%(name)s`` places, and the page that shows one translates it.
    """
    return message


@dataclass(frozen=True)
class Problem:
    """One broken rule: where, which rule, and what to do about it.

    `place` is a JSON pointer (``/epcisBody/eventList/0/action``), a form field's
    name or a line; `values` fills the ``%(name)s`` places of `rule` and `fix`.

    >>> Problem("/gtin", "%(gtin)s has 13 digits", "Write 14", {"gtin": "690"}).text
    '690 has 13 digits. Write 14.'
    """

    place: str
    rule: str
    fix: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The rule and the fix as English sentences."""
        parts = [part % self.values for part in (self.rule, self.fix) if part]
        return " ".join(part if part.endswith((".", "?")) else part + "." for part in parts)


class FoodtraceError(Exception):
    """A request that is refused. Subclasses fix the HTTP status and the title.

    `epcis_type` is what EPCIS 2.0 (section 12.8) calls it, where the status alone does not say.
    """

    status = 400
    title = mark("The request is refused")
    epcis_type: str | None = None

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{p.place}: {p.text}" for p in problems) or self.title)
        self.problems: Sequence[Problem] = problems


class Invalid(FoodtraceError):
    """The input breaks a rule."""

    title = mark("The input breaks a rule")


class QueryRefused(Invalid):
    """A query cannot be asked as it is."""

    title = mark("The query breaks a rule")


class QueryParameter(QueryRefused):
    """A parameter of a query is unknown, or says what it cannot say."""

    epcis_type = "QueryParameterException"


class QueryValidation(QueryRefused):
    """A query is no query at all: not an object, or it lacks its name."""

    epcis_type = "QueryValidationException"


class SubscriptionControls(QueryRefused):
    """A schedule or trigger of a subscription cannot be."""

    epcis_type = "SubscriptionControlsException"


class Unauthenticated(FoodtraceError):
    """Nobody is signed in, or the key is unknown, expired or withdrawn."""

    status = 401
    title = mark("Sign in, or send an API key")


class Forbidden(FoodtraceError):
    """The actor's role does not allow the act."""

    status = 403
    title = mark("Your role does not allow this")


class NotFound(FoodtraceError):
    """There is nothing here, or nothing that the actor may see: both look the same."""

    status = 404
    title = mark("Not found")


class NoSuchName(NotFound):
    """No query or subscription has this name, or none that the actor may see."""

    epcis_type = "NoSuchNameException"


class Conflict(FoodtraceError):
    """The act does not fit what is already recorded."""

    status = 409
    title = mark("This does not fit what is already recorded")


class TooLarge(FoodtraceError):
    """The input is over a limit."""

    status = 413
    title = mark("The input is over a limit")


class QueryTooLarge(TooLarge):
    """A query finds more events than it allows itself, or than are given out at once."""

    title = mark("The query finds too many events")
    epcis_type = "QueryTooLargeException"


class QueryTooComplex(TooLarge):
    """A query has more parameters or values than can be looked up."""

    title = mark("The query is too complex")
    epcis_type = "QueryTooComplexException"


class Unprocessable(FoodtraceError):
    """The same idempotency key came with another body."""

    status = 422
    title = mark("The idempotency key was used with another body")


class Damaged(FoodtraceError):
    """What is kept is not what was recorded: it is not given out, and somebody has to look."""

    status = 500
    title = mark("What is kept here is damaged")


class Unavailable(FoodtraceError):
    """The service cannot take this now; the same request may succeed later."""

    status = 503
    title = mark("Try again in a moment")


class ReadOnly(Unavailable):
    """The record does not fit what was signed of it: it can be read, and nothing added."""

    title = mark("This service is read-only for now")
