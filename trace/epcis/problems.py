"""A collection of problems: a sender should learn of all faults of a document at once."""

from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec, TypeVar

from foodtrace.trace.errors import Invalid, Problem
from foodtrace.trace.gs1.identifiers import parse_identifier
from foodtrace.trace.gs1.model import Identifier

MAX_PROBLEMS = 20
# Of so many bad events in a document that proceeds all their problems are told, of those after
# them one each: what is told of a document stays in proportion to it.
TOLD_IN_FULL = 100

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class Problems:
    """At most 20 problems, in the order in which they were found."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    @property
    def room(self) -> int:
        """How many more problems are kept."""
        return MAX_PROBLEMS - len(self.found)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add problems while there is room; an iterator is not read further than that."""
        if self.room:
            for problem in problems:
                self.found.append(problem)
                if not self.room:
                    return

    def tried(
        self,
        read: Callable[_Arguments, _Result],
        *arguments: _Arguments.args,
        **keywords: _Arguments.kwargs,
    ) -> _Result | None:
        """Return what the function returns; None, and its problems here, if it raises Invalid."""
        try:
            return read(*arguments, **keywords)
        except Invalid as error:
            self.extend(error.problems)
            return None

    def check(self) -> None:
        """Raise Invalid if anything was found."""
        if self.found:
            raise Invalid(*self.found)


def told(problems: Sequence[Problem], before: int) -> tuple[Problem, ...]:
    """Return those of a bad event's problems that are told; `before` it, so many were bad."""
    return tuple(problems[: MAX_PROBLEMS if before < TOLD_IN_FULL else 1])


def identifier_at(text: str, place: str) -> Identifier:
    """Return the identifier; its problems name this place. Raises Invalid."""
    try:
        return parse_identifier(text)
    except Invalid as error:
        raise Invalid(
            *(Problem(place, each.rule, each.fix, each.values) for each in error.problems)
        ) from None
