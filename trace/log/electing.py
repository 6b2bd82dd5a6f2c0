"""Who sequences on PostgreSQL: one process, elected by a lock and fenced by an epoch.

The lock belongs to a connection and ends with it, and the connection ends when nothing is
heard of its process: others need not wait for one that stands still. A process that was asleep
while another took over finds that its epoch is old: what it writes changes no row, and is undone.
"""

from contextlib import suppress

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from foodtrace.trace.log.models import LogState
from foodtrace.trace.log.opening import newest_log
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.session import Store

_SEQUENCING = 0x666F6F11
# Longer than a round, and what a failed one is followed by (trace/worker.py), usually take.
_END_IN_SILENCE = text("SET idle_session_timeout = '5s'")
_STATE = table_of(LogState)


class Election:
    """The candidacy of this process; `epoch` is not None while it is elected."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connection: Connection | None = None
        self.epoch: int | None = None

    def is_won(self) -> bool:
        """Tell whether this process sequences now; stand for election if nobody does."""
        if self._is_alive():
            return True
        self.resign()
        connection = self._store.writers.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            if not connection.scalar(select(func.pg_try_advisory_lock(_SEQUENCING))):
                connection.close()
                return False
            connection.execute(_END_IN_SILENCE)
        except SQLAlchemyError:
            connection.invalidate()
            connection.close()
            raise
        self._connection = connection
        self.epoch = self._take_over()
        if self.epoch is None:
            self.resign()
        return self.epoch is not None

    def resign(self) -> None:
        """Let others stand at once; a lock that cannot be given back ends with the connection."""
        self.epoch = None
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                self._connection.scalar(select(func.pg_advisory_unlock(_SEQUENCING)))
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def _is_alive(self) -> bool:
        if self._connection is None or self.epoch is None:
            return False
        try:
            return self._connection.scalar(select(1)) == 1
        except SQLAlchemyError:
            return False

    def _take_over(self) -> int | None:
        """Raise the epoch, so that who sequenced before cannot write any more.

        Returns None where no log was opened yet.
        """
        with self._store.transaction() as session:
            state = newest_log(session.connection())
            if state is None:
                return None
            raised = session.execute(
                update(_STATE)
                .where(_STATE.c.year == state.year)
                .values(epoch=_STATE.c.epoch + 1)
                .returning(_STATE.c.epoch)
            )
            epoch: int = raised.scalar_one()
            return epoch
