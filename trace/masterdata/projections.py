"""Rows of the register from its statements: one makes a row, later ones revise it."""

from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from foodtrace.trace.capture.projections import Apply, Body, Received, projection
from foodtrace.trace.masterdata.models import Party, Place, Product, Revision

REVISES = "revises"


def _rows_of(model: type[Party] | type[Place] | type[Product]) -> Apply:
    columns = frozenset(model.__table__.columns.keys()) - {"id", "revision"}

    def apply(session: Session, statement_id: int, body: Body, _received: Received) -> None:
        values: dict[str, Any] = {name: body[name] for name in columns & body.keys()}
        values["revision"] = statement_id
        subject_id = body.get(REVISES)
        if subject_id is None:
            subject_id = statement_id
            session.execute(insert(model).values(id=statement_id, **values))
        else:
            session.execute(update(model).where(model.id == subject_id).values(**values))
        session.execute(insert(Revision).values(id=statement_id, subject_id=subject_id))

    return apply


project_party = projection("party", Party, Revision)(_rows_of(Party))
project_place = projection("place", Place, Revision)(_rows_of(Place))
project_product = projection("product", Product, Revision)(_rows_of(Product))
