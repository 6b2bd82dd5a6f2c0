"""Logs of a given size, made quickly: leaves whose statements are not kept."""

from sqlalchemy import insert, select

from foodtrace.trace.log.leaves import Leaf
from foodtrace.trace.log.models import Leaf as LeafRow
from foodtrace.trace.log.models import LogState
from foodtrace.trace.log.sequencing import grow
from foodtrace.trace.store.bulk import table_of


def fill(kept, size):
    """Fill the log up to this size, as it is after its statements were lost, and publish it."""
    at = kept.clock()
    leaves = [Leaf(at, number.to_bytes(32, "big")) for number in range(size)]
    with kept.store.transaction() as session:
        connection = session.connection()
        state = connection.execute(select(table_of(LogState))).one()
        connection.execute(
            insert(table_of(LeafRow)),
            [
                {
                    "year": state.year,
                    "idx": index,
                    "statement_id": None,
                    "time": leaf.time,
                    "commitment": leaf.commitment,
                    "secret": None,
                    "header": None,
                }
                for index, leaf in enumerate(leaves)
            ],
        )
        grow(connection, state, leaves)
    kept.keep_all()
