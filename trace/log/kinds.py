"""Statements of the log about itself that change nothing else."""

from sqlalchemy.orm import Session

from foodtrace.trace.capture.projections import Body, Received, projection

# Leaves from `first` to `last` of the log of `year` were brought back without their statements.
LOST = "lost"


@projection(LOST)
def lose(_session: Session, _id: int, _body: Body, _received: Received) -> None:
    """Derive nothing: what was lost was not brought back."""
