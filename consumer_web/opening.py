"""Opening the database of an installation, for the server and for the commands."""

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from foodtrace.trace.capture.rebuild import is_derived
from foodtrace.trace.errors import Invalid, Problem, Unavailable, mark
from foodtrace.trace.log.keeping import attach
from foodtrace.trace.personal.wiping import erase_restored
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.engine import UnsafeSettings
from foodtrace.trace.store.migrate import is_current
from foodtrace.trace.store.session import Store


def open_store(settings: Settings) -> Store:
    """Open a database whose tables are those of this program, with its log; raise Unavailable
    if they are not, and Invalid if its log cannot be kept elsewhere.

    A database that does not extend what was signed of it is read-only (`store.standing`). What
    was erased from it and came back with a backup is erased again.
    """
    store = open_unattached(settings)
    if settings.is_sequenced_elsewhere and store.dialect == "sqlite":
        store.close()
        raise Invalid(
            Problem(
                "FOODTRACE_SEQUENCER",
                mark("On SQLite the process that records keeps the log"),
                mark("Leave FOODTRACE_SEQUENCER out"),
            )
        )
    attach(store, settings)
    erase_restored(store, settings)
    return store


def open_unattached(settings: Settings) -> Store:
    """Open a database whose tables are those of this program, whatever its log says.

    For those who look at the log or repair it. Raises Unavailable.
    """
    store = open_any_store(settings)
    fault = _fault_of(store)
    if fault is not None:
        store.close()
        raise Unavailable(fault)
    return store


def _fault_of(store: Store) -> Problem | None:
    if not is_current(store):
        return Problem(
            "",
            mark("The tables of this database are not those of this program"),
            mark("Run foodtrace migrate"),
        )
    with store.reading() as session:
        if is_derived(session):
            return None
    return Problem(
        "",
        mark("What follows from the record was made by another version of this program"),
        mark("Run foodtrace migrate"),
    )


def open_any_store(settings: Settings) -> Store:
    """Open a database with whatever tables it has; raise Unavailable if that fails."""
    try:
        return Store(settings.database_url)
    except (ArgumentError, NoSuchModuleError, ImportError):
        raise Unavailable(
            Problem(
                "FOODTRACE_DATABASE_URL",
                mark("This is not the address of a database"),
                mark("Write it like sqlite:////folder/file or postgresql://user@host/name"),
            )
        ) from None
    except (OperationalError, OSError, UnsafeSettings) as error:
        url = make_url(settings.database_url).render_as_string(hide_password=True)
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise Unavailable(
            Problem(
                "",
                mark("The database %(url)s cannot be opened: %(reason)s"),
                mark("Check FOODTRACE_DATA and FOODTRACE_DATABASE_URL"),
                {"url": url, "reason": reason},
            )
        ) from None
