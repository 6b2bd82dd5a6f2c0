"""Wiping: after an erasure no file of the live database holds the bytes any more.

A deleted row leaves traces: PostgreSQL keeps its bytes in the page, and SQLite, although it
overwrites what is deleted (secure_delete), forgets copies that lie where rows were moved from when
pages were balanced: of 50,000 rows that were deleted in random order, 38. So the table of personal
values is written anew, into pages that were empty. SQLite's write-ahead log is emptied as well;
what PostgreSQL's holds goes when its files do.
"""

import logging
import sqlite3

from sqlalchemy.exc import DBAPIError

from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.personal.erased_list import ErasedList
from foodtrace.trace.personal.erasing import erase_again, erased_again
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store
from foodtrace.trace.store.silence import unlimited

_log = logging.getLogger(__name__)


def wipe(store: Store, settings: Settings) -> bool:
    """Wipe the files if something was erased; tell whether that was done. A job of the worker.

    Readers that are at work keep old pages alive: then the rest is tried again later.
    """
    erased = ErasedList(settings.anchor_folder)
    if not erased.is_unwiped:
        return False
    is_sqlite = store.dialect == "sqlite"
    try:
        if erased.is_to_be_rewritten:
            (_rewrite_sqlite if is_sqlite else _rewrite_postgresql)(store)
            erased.mark_rewritten()
        if is_sqlite and not _flush(store):
            return False
    except (DBAPIError, sqlite3.Error) as error:
        _log.warning("the files of the database are not wiped yet: %s", type(error).__name__)
        return False
    erased.mark_wiped()
    return not erased.is_unwiped


def erase_restored(store: Store, settings: Settings) -> int:
    """Erase again what a restored backup brought back, and wipe; return how much that was.

    To be called before anything is served.
    """
    erased = ErasedList(settings.anchor_folder)
    values = erased.values()
    with store.reading() as session:
        is_back = bool(erased_again(session, values))
    if not is_back:
        wipe(store, settings)
        return 0
    with store.transaction() as session:
        on_record = store.standing.reason is None
        count = erase_again(session, SYSTEM, values, on_record=on_record)
        erased.mark_unwiped()
    _log.warning("%s personal values that were erased before were there again", count)
    wipe(store, settings)
    return count


_ANEW = (
    "CREATE TEMP TABLE kept AS SELECT * FROM main.personal ORDER BY id",
    # Without a condition all pages are given back, and each is overwritten as a whole.
    "DELETE FROM main.personal",
    "INSERT INTO main.personal SELECT * FROM kept ORDER BY id",
    "DROP TABLE temp.kept",
)


def _rewrite_sqlite(store: Store) -> None:
    """Write the table anew."""
    with store.transaction() as session:
        for statement in _ANEW:
            session.connection().exec_driver_sql(statement)


def _flush(store: Store) -> bool:
    """Write all pages to SQLite's file, and cut its write-ahead log to nothing; tell if it did."""
    connection = store.writers.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        is_busy, _log_pages, _written = cursor.fetchone() or (1, 0, 0)
        cursor.close()
    finally:
        connection.close()
    return not is_busy


def _rewrite_postgresql(store: Store) -> None:
    """Have PostgreSQL write the table and its indexes into new files, and remove the old ones."""
    with store.writers.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        with unlimited(alone):
            alone.exec_driver_sql("VACUUM (FULL) personal")
