"""What parties say of things in the master data of their documents: `master_attribute` rows.

These are claims of whoever captured them. The register (party, place, product) is not touched:
what stands there was checked when it was registered.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.orm import Session

from foodtrace.trace.epcis.master_data import MasterData, MasterElement
from foodtrace.trace.masterdata.models import MasterAttribute, MasterChild
from foodtrace.trace.store.bulk import insert_rows, table_of
from foodtrace.trace.store.sets import text_rows

# With the party's id: captures of one party's master data go one by one on PostgreSQL, so that
# the newest statement is also the last to be written.
_DESCRIBING = 0x666F6F

_ATTRIBUTE, _CHILD = table_of(MasterAttribute), table_of(MasterChild)
_NAMES = select(text_rows("names").c.id)
_FORGET_ATTRIBUTES = delete(_ATTRIBUTE).where(
    _ATTRIBUTE.c.party_id == bindparam("party"), _ATTRIBUTE.c.element.in_(_NAMES)
)
_FORGET_CHILDREN = delete(_CHILD).where(
    _CHILD.c.party_id == bindparam("party"), _CHILD.c.parent.in_(_NAMES)
)


def lock_master_data(session: Session, party_id: int) -> None:
    """Make others that describe things for this party wait until this transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_DESCRIBING, party_id % 2**31)))


def describe(session: Session, data: MasterData, party_id: int) -> None:
    """Replace what the party said before of these elements by what it says now."""
    said: dict[str, list[MasterElement]] = {}
    for element in data.elements:
        said.setdefault(element.element, []).append(element)
    forgotten = {"party": party_id, "names": sorted(said)}
    for statement in (_FORGET_ATTRIBUTES, _FORGET_CHILDREN):
        session.connection().execute(statement, forgotten)
    insert_rows(session, MasterAttribute, list(_attribute_rows(said, party_id)))
    insert_rows(session, MasterChild, list(_child_rows(said, party_id)))


def _attribute_rows(
    said: dict[str, list[MasterElement]], party_id: int
) -> Iterator[dict[str, Any]]:
    """Yield a row for each value; the values of one attribute of one thing count from 0."""
    for name, elements in said.items():
        numbers: dict[str, int] = {}
        for element in elements:
            for attribute, value in element.attributes:
                number = numbers[attribute] = numbers.get(attribute, -1) + 1
                yield {
                    "party_id": party_id,
                    "element": name,
                    "attribute": attribute,
                    "value_number": number,
                    "vocabulary": element.vocabulary,
                    "value": value,
                }


def _child_rows(said: dict[str, list[MasterElement]], party_id: int) -> Iterator[dict[str, Any]]:
    for name, elements in said.items():
        for child in sorted({child for element in elements for child in element.children}):
            yield {"party_id": party_id, "parent": name, "child": child}
