"""Keeping the log: attaching it to a store, and the jobs that sequence, sign and publish."""

import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, text

from foodtrace.trace.errors import Problem, ReadOnly, mark
from foodtrace.trace.log.anchor import Anchor, AnchorMoved, BrokenAnchor, head_of
from foodtrace.trace.log.checking import broken, discrepancy, fault_of, stop
from foodtrace.trace.log.electing import Election
from foodtrace.trace.log.opening import begin_next, close_if_over, newest_log, open_log
from foodtrace.trace.log.publishing import head_to_sign, newest_head, publish, signed
from foodtrace.trace.log.recomputing import Discrepancy
from foodtrace.trace.log.sequencing import Clock, Fenced, clock_fault, now_ms, sequence, waiting
from foodtrace.trace.log.signers import NoSigner, load_signer
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store

# Between two rounds there are so many seconds: a head for each capture would cost as much as
# the capture, and nobody could look at so many.
PACE_SECONDS = 0.25
# Of what waits on PostgreSQL, so much gets its place in one transaction.
LARGEST_BATCH = 1_000
# On SQLite a commit waits for the places of what it records: so many at most, the rest follows.
LARGEST_GROWTH = 10_000
# A sequencer that falls asleep in its transaction keeps the next one out no longer than this.
_NEVER_HANG = text("SET LOCAL idle_in_transaction_session_timeout = '5s'")

_log = logging.getLogger(__name__)


def attach(store: Store, settings: Settings, *, clock: Clock = now_ms) -> None:
    """Open the log of a store, check it against the anchor, and have it grow with the record.

    A store that does not extend what was signed is read-only from here on; reading goes on.
    """
    fault = _fault(store, Anchor(settings.anchor_folder), clock)
    try:
        if fault is None and not settings.is_sequenced_elsewhere:
            open_log(store, settings, clock=clock)
    except NoSigner as error:
        fault = _no_signer(str(error))
    except OSError as error:
        fault = _no_signer(str(error.strerror))
    if fault is not None:
        _refuse(store, fault)
        return
    if store.dialect == "sqlite":
        store.before_commit = _growing(store, clock)
    if store.standing.reason is not None:
        _log.warning("the record is not read-only any more: recording goes on")
    store.standing.resume()


def _fault(store: Store, anchor: Anchor, clock: Clock) -> Problem | None:
    """Return why nothing may be recorded; None if all is well."""
    with store.reading() as session:
        fault = fault_of(session, anchor)
        state = newest_log(session.connection())
    return fault or (clock_fault(state.time, clock()) if state else None)


def _refuse(store: Store, reason: Problem) -> None:
    """Record no more in this process, until `attach` finds the reason gone."""
    if store.standing.reason != reason:
        _log.critical("the record is read-only: %s", reason.text)
    store.standing.stop(reason)


def _growing(store: Store, clock: Clock) -> Callable[[Connection], None]:
    """Return what gives the statements of a batch their places before its commit."""

    def grow(connection: Connection) -> None:
        try:
            sequence(connection, clock=clock, most=LARGEST_GROWTH)
        except Discrepancy as error:
            reason = discrepancy(error)
            _refuse(store, reason)
            raise ReadOnly(reason) from error

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
        if not self._may_grow(store, settings):
            self.close()  # another process, whose clock or files are right, may keep it
            return False
        if self._election is not None and not self._election.is_won():
            return False
        epoch = self._election.epoch if self._election else None
        try:
            done = close_if_over(store, clock=self._clock, epoch=epoch)
            done = self._sequence(store, epoch) or done
            done = self._publish(store, settings) or done
            return begin_next(store, settings, clock=self._clock, epoch=epoch) or done
        except (Fenced, AnchorMoved) as error:
            _log.warning("another process keeps the log: %s", error)
            self.close()
        except ReadOnly as error:
            _refuse(store, error.problems[0])
        except BrokenAnchor as error:
            _refuse(store, broken(error))
        except NoSigner as error:
            _refuse(store, _no_signer(str(error)))
        except Discrepancy as error:
            self._stop(store, discrepancy(error))
        return False

    def close(self) -> None:
        """Let another process keep the log."""
        if self._election is not None:
            self._election.resign()

    def _may_grow(self, store: Store, settings: Settings) -> bool:
        """Learn what other processes have found out, and what has become of clock and files.

        Once the reason to stop is gone, the record goes on.
        """
        if store.standing.reason is None and self._is_as_published(store):
            return True
        fault = _fault(store, self._anchor, self._clock) or self._fault_of_key(store, settings)
        if fault is not None:
            _refuse(store, fault)
        elif store.standing.reason is not None:
            attach(store, settings, clock=self._clock)
        return store.standing.reason is None

    def _is_as_published(self, store: Store) -> bool:
        """Tell whether all is as it nearly always is: what was signed is published."""
        try:
            with store.reading() as session:
                connection = session.connection()
                state = newest_log(connection)
                if state is None or state.stopped is not None:
                    return False
                published = newest_head(connection, state)
            if clock_fault(state.time, self._clock()) is not None:
                return False
            return self._anchor.head(state.year) == published
        except BrokenAnchor:
            return False

    def _fault_of_key(self, store: Store, settings: Settings) -> Problem | None:
        with store.reading() as session:
            state = newest_log(session.connection())
        try:
            if state is not None:
                load_signer(settings.log_key_folder, state.year, state.vkey)
        except NoSigner as error:
            return _no_signer(str(error))
        return None

    def _sequence(self, store: Store, epoch: int | None) -> bool:
        """Give what waits its places: on SQLite what other programs left without one."""
        with store.reading() as session:
            if not waiting(session.connection()):
                return False
        signed = {year: self._anchor.head(year) for year in self._anchor.years()}
        with store.transaction() as session:
            connection = session.connection()
            if store.dialect == "postgresql":
                connection.execute(_NEVER_HANG)
            state = newest_log(connection)
            head = signed.get(state.year) if state else None
            if state and head and state.size < head.size:
                # The database was exchanged for an older one a moment ago.
                raise Discrepancy(f"the log {state.year} has {state.size} leaves of {head.size}")
            return bool(sequence(connection, clock=self._clock, most=LARGEST_BATCH, epoch=epoch))

    def _publish(self, store: Store, settings: Settings) -> bool:
        """Publish what was signed before a crash; else sign the head, if the log has grown."""
        with store.reading() as session:
            connection = session.connection()
            state = newest_log(connection)
            if state is None:
                return False
            note = self._anchor.note(state.year)
            if note is None or head_of(note) == newest_head(connection, state):
                note = self._signed(connection, settings, state)
        if note is None:
            return False
        with store.transaction() as session:
            publish(session.connection(), state.year, note)
        return True

    def _signed(self, connection: Connection, settings: Settings, state: Row[Any]) -> bytes | None:
        head = head_to_sign(connection, state.year)
        if head is None:
            return None
        signer = load_signer(settings.log_key_folder, state.year, state.vkey)
        return signed(head, signer, self._anchor)

    def _stop(self, store: Store, reason: Problem) -> None:
        """Record no more in any process, until somebody has looked."""
        _refuse(store, reason)
        with store.transaction() as session:
            state = newest_log(session.connection())
            if state is not None:
                stop(session, state.year, reason)


def _no_signer(error: str) -> Problem:
    return Problem(
        "",
        mark("The key of the log cannot be used: %(error)s"),
        mark("Bring its file back, or set FOODTRACE_LOG_KEYS"),
        {"error": error},
    )
