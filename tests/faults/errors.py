"""Errors of the program, made on purpose: a check that finds none of them checks nothing."""

import os
import time
import uuid

from sqlalchemy import func, select


def make_error(name):
    """Change the program of this process so that it makes the error of this name."""
    _ERRORS[name]()


def _acknowledge_early():
    """SQLite: whoever shares a commit is told that it is done before it is."""
    from foodtrace.trace.store.session import SharedCommit

    finish = SharedCommit._finish

    def early(self, batch):
        with self._count:
            is_wanted = self._waiting > 0 and batch.size < 8
        if not is_wanted:
            batch.done.set()
            time.sleep(0.05)
        finish(self, batch)

    SharedCommit._finish = early


def _publish_early():
    """The head is signed and anchored before its leaves are committed."""
    from foodtrace.trace.log import keeping
    from foodtrace.trace.log.anchor import Anchor
    from foodtrace.trace.log.checkpoints import sign_checkpoint
    from foodtrace.trace.log.signers import load_signer
    from foodtrace.trace.settings import Settings

    settings = Settings.from_environment()
    anchor, sequence = Anchor(settings.anchor_folder), keeping.sequence

    def early(connection, **options):
        done = sequence(connection, **options)
        if done:
            state = keeping.newest_log(connection)
            head = keeping.head_to_sign(connection, state.year)
            signer = load_signer(settings.log_key_folder, state.year, state.vkey)
            anchor.replace(state.year, sign_checkpoint(head.new, signer))
            time.sleep(0.5 if connection.dialect.name == "postgresql" else 0.05)
        return done

    keeping.sequence = early


def _last_id():
    """The sequencer takes what is newer than the last it took, by id."""
    from foodtrace.trace.log import sequencing
    from foodtrace.trace.log.models import Leaf
    from foodtrace.trace.store.models import Statement

    last = select(func.coalesce(func.max(Leaf.statement_id), 0)).scalar_subquery()
    sequencing._WAITING = select(Statement.id).where(Statement.id > last).order_by(Statement.id)


def _numbers_twice():
    """The last number of each counter is forgotten."""
    from foodtrace.trace.log.numbering import Counters

    rows = Counters.rows.fget
    Counters.rows = property(
        lambda self: [{**row, "last": max(row["last"] - 1, 1)} for row in rows(self)]
    )


def _forget_keys():
    """What is sent again is taken for something new, and so is its event."""
    from foodtrace.trace.capture import recording, services
    from foodtrace.trace.store.models import Event

    insert_job, project_events = services.insert_job, recording.project_events

    def project(session, recorded, *others):
        names = [each.event.event_id for each in recorded]
        known = set(session.scalars(select(Event.event_id).where(Event.event_id.in_(names))))
        new = [each for each in recorded if each.event.event_id not in known]
        project_events(session, new, *others)

    services.answered = lambda *_: None
    services.insert_job = lambda *values, key, **more: insert_job(
        *values, key=f"{key[:150]} {uuid.uuid4()}", **more
    )
    recording.namesakes_of = lambda *_: []
    recording.project_events = project


def _sqlite(synchronous):
    """SQLite is told to flush less."""

    def change():
        from foodtrace.trace.store.engine import SQLITE_PRAGMAS

        SQLITE_PRAGMAS["synchronous"] = synchronous

    return change


def _anchor_unflushed():
    """What the anchor writes is not flushed."""
    from foodtrace.trace.log import anchor

    def write(self, year, note):
        fresh = self._folder / "new-head"
        fresh.write_bytes(note)
        os.replace(fresh, self._path(year))

    anchor.Anchor._write = write


def _anchor_late():
    """The head is published first, and anchored a moment later."""
    import threading

    from foodtrace.trace.log.anchor import Anchor

    advance = Anchor.advance

    def late(*values):
        threading.Timer(0.05, lambda: advance(*values)).start()

    Anchor.advance = late


def _postgresql_asynchronous():
    """PostgreSQL tells that it has committed before it has."""
    from foodtrace.trace.store import engine

    arguments = engine._postgresql_arguments
    engine.POSTGRESQL_SETTINGS["synchronous_commit"].add("off")

    def changed(**named):
        values = arguments(**named)
        return {**values, "options": values["options"] + " -c synchronous_commit=off"}

    engine._postgresql_arguments = changed


def _patient():
    """PostgreSQL is waited for, however long it says nothing."""
    from foodtrace.trace.store.silence import HeardConnection

    del HeardConnection.wait


def _sequencer_for_good():
    """Who sequences keeps its lock, even if nothing is heard of it."""
    from sqlalchemy import text

    from foodtrace.trace.log import electing

    electing._END_IN_SILENCE = text("SELECT 1")


_ERRORS = {
    "sqlite-off": _sqlite(0),
    "sqlite-normal": _sqlite(1),
    "anchor-unflushed": _anchor_unflushed,
    "anchor-late": _anchor_late,
    "postgresql-asynchronous": _postgresql_asynchronous,
    "acknowledge-early": _acknowledge_early,
    "publish-early": _publish_early,
    "last-id": _last_id,
    "patient": _patient,
    "sequencer-for-good": _sequencer_for_good,
    "numbers-twice": _numbers_twice,
    "forget-keys": _forget_keys,
}


def error_of_environment():
    """Make the error that FOODTRACE_TEST_ERROR names, if it names one."""
    if name := os.environ.get("FOODTRACE_TEST_ERROR"):
        make_error(name)
