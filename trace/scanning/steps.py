"""What may be done next with a scanned thing: each package of pages says what it offers."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Flask, current_app

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.scanning.model import Scanned, Step

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Steps = Callable[["Session", Actor, Scanned], list[Step]]

_STEPS = "foodtrace.scanning.steps"


def add_steps(app: Flask, steps: Steps) -> None:
    """Add what says which steps an actor may take with a thing."""
    app.extensions[_STEPS] = (*app.extensions.get(_STEPS, ()), steps)


def steps_for(session: "Session", actor: Actor, scanned: Scanned) -> list[Step]:
    """Return all that the actor may do next with a thing, what is likeliest first."""
    sources: tuple[Steps, ...] = current_app.extensions.get(_STEPS, ())
    steps = [step for source in sources for step in source(session, actor, scanned)]
    return sorted(steps, key=lambda step: not step.is_first)
