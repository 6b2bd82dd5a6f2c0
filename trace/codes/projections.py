"""Rows of runs and of their codes, from the statements of who made them."""

from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from foodtrace.trace.capture.projections import Body, Received, projection
from foodtrace.trace.codes.models import CodeRun, UnitCode
from foodtrace.trace.store.bulk import insert_columns

RUN, ACTIVATION, END = "codes", "activation", "codes_end"
WAITING, ACTIVE = "waiting", "active"


@projection(RUN, CodeRun, UnitCode)
def project_run(session: Session, statement_id: int, body: Body, received: Received) -> None:
    """Write a run with all its codes."""
    codes: list[str] = body["codes"]
    session.execute(
        insert(CodeRun).values(
            id=statement_id,
            party_id=received.party_id,
            product=body["product"],
            lot=body["lot"],
            count=len(codes),
            note=body["note"],
            created_at=received.at,
        )
    )
    count = len(codes)
    insert_columns(
        session,
        UnitCode,
        {
            "canonical": [canonical_of(body["product"], code) for code in codes],
            "run_id": [statement_id] * count,
            "position": range(1, count + 1),
            "lot": [body["lot"]] * count,
            "state": [ACTIVE if body["lot"] else WAITING] * count,
            "since": [received.at] * count,
        },
    )


@projection(ACTIVATION, UnitCode)
def project_activation(session: Session, _id: int, body: Body, received: Received) -> None:
    """Give a stretch of a roll to a lot."""
    _change(session, body, lot=body["lot"], state=ACTIVE, since=received.at)


@projection(END, UnitCode)
def project_end(session: Session, _id: int, body: Body, received: Received) -> None:
    """Take a stretch of codes out of use."""
    _change(session, body, state=body["state"], since=received.at, reason=body["reason"])


def canonical_of(product: str, code: str) -> str:
    """Return the identifier of a single thing: a serial of its GTIN, or a code of ours.

    >>> canonical_of("/01/06901234567892", "x-1"), canonical_of("/q/A", "B")
    ('/01/06901234567892/21/x-1', '/q/B')
    """
    return f"{product}/21/{code}" if product.startswith("/01/") else f"/q/{code}"


def _change(session: Session, body: Body, **values: Any) -> None:
    session.execute(
        update(UnitCode)
        .where(
            UnitCode.run_id == body["run"],
            UnitCode.position.between(body["first"], body["last"]),
        )
        .values(**values)
    )
