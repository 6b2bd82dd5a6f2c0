"""Rows of links from their statements: ``link`` makes one, ``link_end`` ends it."""

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from foodtrace.trace.capture.projections import Body, Received, projection
from foodtrace.trace.links.models import ThingLink


@projection("link", ThingLink)
def add(session: Session, statement_id: int, body: Body, received: Received) -> None:
    """Add the link that the statement gives."""
    values = {name: body.get(name) for name in ThingLink.__table__.columns.keys() & body.keys()}
    session.execute(
        insert(ThingLink).values(id=statement_id, created_at=received.at, ended_at=None, **values)
    )


@projection("link_end", ThingLink)
def end(session: Session, _statement_id: int, body: Body, received: Received) -> None:
    """End the link that the statement names."""
    session.execute(
        update(ThingLink).where(ThingLink.id == body["link"]).values(ended_at=received.at)
    )
