"""Wiping: after an erasure no file of the live database holds the bytes any more.

A deleted row leaves traces: PostgreSQL keeps its bytes in the page, and SQLite, although it
overwrites what is deleted (secure_delete), forgets copies that lie where rows were moved from when
pages were balanced: of 50,000 rows that were deleted in random order, 38. So the table of personal
values is written anew, into pages that were empty. SQLite's write-ahead log is emptied as well;
what PostgreSQL's holds goes when its files do.
"""

import logging

from sqlalchemy.exc import DBAPIError

from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.personal.erased_list import ErasedList
from foodtrace.trace.personal.erasing import erase_again
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store

_log = logging.getLogger(__name__)


def wipe(store: Store, settings: Settings) -> bool:
    """Wipe the files if something was erased; tell whether that was done. A job of the worker.

    Readers that are at work keep old pages alive: then it is tried again later.
    """
    erased = ErasedList(settings.anchor_folder)
    if not erased.is_unwiped:
        return False
    try:
        is_wiped = _wipe_sqlite(store) if store.dialect == "sqlite" else _wipe_postgresql(store)
    except DBAPIError as error:
        _log.warning("the files of the database are not wiped yet: %s", type(error.orig).__name__)
        return False
    if is_wiped:
        erased.mark_wiped()
    return is_wiped


def erase_restored(store: Store, settings: Settings) -> int:
    """Erase again what a restored backup brought back, and wipe; return how much that was.

    To be called before anything is served.
    """
    erased = ErasedList(settings.anchor_folder)
    digests = erased.digests()
    if not digests:
        return 0
    with store.transaction() as session:
        on_record = store.standing.reason is None
        count = erase_again(session, SYSTEM, digests, on_record=on_record)
        if count:
            erased.mark_unwiped()
    if count:
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


def _wipe_sqlite(store: Store) -> bool:
    """Write the table anew, all pages to the file, and cut the write-ahead log to nothing."""
    with store.transaction() as session:
        for statement in _ANEW:
            session.connection().exec_driver_sql(statement)
    connection = store.writers.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        is_busy, _log_pages, _written = cursor.fetchone() or (1, 0, 0)
        cursor.close()
    finally:
        connection.close()
    return not is_busy


def _wipe_postgresql(store: Store) -> bool:
    """Have PostgreSQL write the table and its indexes into new files, and remove the old ones."""
    with store.writers.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        alone.exec_driver_sql("SET statement_timeout = 0")
        alone.exec_driver_sql("SET lock_timeout = '5s'")
        try:
            alone.exec_driver_sql("VACUUM (FULL) personal")
        finally:
            alone.exec_driver_sql("RESET statement_timeout")
            alone.exec_driver_sql("RESET lock_timeout")
    return True
