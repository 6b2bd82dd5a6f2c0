"""Keeping the log: attaching it to a store, and the jobs that sequence, sign and publish."""

import logging
from collections.abc import Callable

from sqlalchemy import Connection

from foodtrace.trace.errors import Problem, ReadOnly, mark
from foodtrace.trace.log.anchor import Anchor, AnchorMoved, BrokenAnchor
from foodtrace.trace.log.checking import discrepancy, fault_of, problem_of, stop
from foodtrace.trace.log.electing import Election
from foodtrace.trace.log.opening import newest_log, open_log, turn_over
from foodtrace.trace.log.publishing import head_to_sign, publish, signed, signed_unpublished
from foodtrace.trace.log.recomputing import Discrepancy
from foodtrace.trace.log.sequencing import Clock, Fenced, clock_fault, now_ms, sequence
from foodtrace.trace.log.signers import NoSigner, load_signer
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store

# Of what waits on PostgreSQL, so much gets its place in one transaction.
LARGEST_BATCH = 1_000

_log = logging.getLogger(__name__)


def attach(store: Store, settings: Settings, *, clock: Clock = now_ms) -> None:
    """Open the log of a store, check it against the anchor, and have it grow with the record.

    A store that does not extend what was signed is read-only from here on; reading goes on.
    """
    fault = _fault(store, Anchor(settings.anchor_folder), clock)
    if fault is not None:
        if store.standing.reason is None:
            _log.critical("the record is read-only: %s", fault.text)
        store.standing.stop(fault)
        return
    open_log(store, settings, clock=clock)
    if store.dialect == "sqlite":
        store.before_commit = _growing(clock)
    store.standing.resume()


def _fault(store: Store, anchor: Anchor, clock: Clock) -> Problem | None:
    """Return why nothing may be recorded; None if all is well."""
    with store.reading() as session:
        fault = fault_of(session, anchor)
        state = newest_log(session.connection())
    return fault or (clock_fault(state.time, clock()) if state else None)


def _growing(clock: Clock) -> Callable[[Connection], None]:
    """Return what gives the statements of a batch their places before its commit."""

    def grow(connection: Connection) -> None:
        sequence(connection, clock=clock)

    return grow


class LogKeeper:
    """The jobs of the process that keeps the log of a store (trace/worker.py)."""

    def __init__(self, store: Store, settings: Settings, *, clock: Clock = now_ms) -> None:
        self._clock = clock
        self._anchor = Anchor(settings.anchor_folder)
        self._election = Election(store) if store.dialect == "postgresql" else None

    def keep(self, store: Store, settings: Settings) -> bool:
        """Sequence what waits, sign and publish; say whether there was anything to do.

        What must not be signed stops the record: it is read-only until somebody has looked.
        """
        self._learn(store, settings)
        if store.standing.reason is not None:
            return False
        if self._election is not None and not self._election.is_won():
            return False
        epoch = self._election.epoch if self._election else None
        try:
            done = turn_over(store, settings, clock=self._clock, epoch=epoch)
            done = self._sequence(store, epoch) or done
            return self._publish(store, settings) or done
        except (Fenced, AnchorMoved) as error:
            _log.warning("another process keeps the log: %s", error)
            self.close()
            return False
        except ReadOnly as error:
            store.standing.stop(error.problems[0])
            return False
        except (Discrepancy, BrokenAnchor, NoSigner, FileNotFoundError) as error:
            self._stop(store, _reason_of(error))
            return False

    def close(self) -> None:
        """Let another process keep the log."""
        if self._election is not None:
            self._election.resign()

    def _sequence(self, store: Store, epoch: int | None) -> bool:
        """Give what waits its places: on SQLite what other programs left without one."""
        with store.transaction() as session:
            return bool(
                sequence(session.connection(), clock=self._clock, most=LARGEST_BATCH, epoch=epoch)
            )

    def _publish(self, store: Store, settings: Settings) -> bool:
        with store.reading() as session:
            connection = session.connection()
            state = newest_log(connection)
            if state is None:
                return False
            note = signed_unpublished(connection, state.year, self._anchor)
            head = None if note else head_to_sign(connection, state.year)
        if head is not None:
            signer = load_signer(settings.log_key_folder, state.year, state.origin)
            note = signed(head, signer, self._anchor)
        if note is None:
            return False
        with store.transaction() as session:
            publish(session.connection(), state.year, note)
        return True

    def _learn(self, store: Store, settings: Settings) -> None:
        """Take over what another process has found out, and go on when it was settled."""
        if store.standing.reason is not None:
            attach(store, settings, clock=self._clock)
            return
        with store.reading() as session:
            state = newest_log(session.connection())
        if state is None:
            return
        if state.stopped is not None:
            store.standing.stop(problem_of(state.stopped))
        elif (fault := clock_fault(state.time, self._clock())) is not None:
            store.standing.stop(fault)

    def _stop(self, store: Store, reason: Problem) -> None:
        _log.critical("the record is read-only: %s", reason.text)
        store.standing.stop(reason)
        with store.transaction() as session:
            state = newest_log(session.connection())
            if state is not None:
                stop(session, state.year, reason)


def _reason_of(error: Exception) -> Problem:
    if isinstance(error, NoSigner | FileNotFoundError):
        return Problem(
            "",
            mark("The key of the log cannot be used: %(error)s"),
            mark("Bring its file back, or set FOODTRACE_LOG_KEYS"),
            {"error": str(error)},
        )
    return discrepancy(error)
