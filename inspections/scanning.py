"""What those who check food may do next with a scanned thing."""

from typing import TYPE_CHECKING

from flask import url_for

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import can
from foodtrace.trace.errors import mark
from foodtrace.trace.gs1.model import ItemKind
from foodtrace.trace.scanning.model import GOODS, Scanned, Step

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_LOTS = frozenset({ItemKind.LOT, ItemKind.INSTANCE})


def next_steps(session: "Session", actor: Actor, scanned: Scanned) -> list[Step]:
    """Return the pages of inspection that take this thing, filled in."""
    identifier, known = scanned.identifier, scanned.known
    steps = []
    if known is not None and known.kind in GOODS and can(actor, "chain.read", 0):
        path = known.canonical.removeprefix("/")
        steps.append(
            Step(
                mark("Trace its chain"), url_for("inspections.lot", identifier=path), is_first=True
            )
        )
        if known.kind in _LOTS and can(actor, "recall.open", 0):
            steps.append(
                Step(mark("Recall it"), url_for("inspections.recall_form", identifier=path))
            )
    # A sample may come to a laboratory that has nothing else to do with its lot.
    if identifier is not None and identifier.kind in _LOTS and can(actor, "certificate.issue"):
        lot = known.canonical if known and scanned.is_goods else identifier.canonical
        address = url_for("inspections.certificate_form", lot=lot)
        steps.append(Step(mark("Issue a certificate"), address, is_first=not steps))
    return steps
