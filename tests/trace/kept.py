"""A store whose log is kept by the test: round by round, at the time that it sets."""

from dataclasses import replace

from sqlalchemy import select, text

from foodtrace.trace.log.anchor import Anchor
from foodtrace.trace.log.keeping import LogKeeper, attach
from foodtrace.trace.log.models import Leaf, LogCheckpoint
from foodtrace.trace.log.opening import newest_log
from foodtrace.trace.store.session import Store

from ..faults.checker import violations
from ..web import settings_of
from .acts import capture, make

NOON = 1_795_000_000_000  # 2026-11-18
YEAR = 2026
HOUR = 3_600_000


class Clock:
    """A clock that a test sets; it goes on by a millisecond each time."""

    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        self.now += 1
        return self.now


class Kept:
    """One process that has attached the log of a store, and keeps it when told to."""

    def __init__(self, store, folder, clock=None, *, anchor=None):
        self.store, self.clock = store, clock or Clock()
        self.settings = replace(
            settings_of(store),
            data=folder,
            anchor=anchor or folder / "anchor",
            base_url="https://trace.example",
        )
        self.anchor = Anchor(self.settings.anchor_folder)
        attach(store, self.settings, clock=self.clock)
        self.keeper = LogKeeper(store, self.settings, clock=self.clock)

    def keep(self):
        return self.keeper.keep(self.store, self.settings)

    def keep_all(self):
        """Keep until nothing is left to do."""
        rounds = 0
        while self.keep():
            rounds += 1
            assert rounds < 50, "there is always something to do"

    def capture(self, number, *more):
        """Capture one event about a lot of its own, or of that name."""
        return capture(self.store, make(number, {f"{more[0] if more else f'L{number}'}": 1}))

    @property
    def reason(self):
        """The rule that makes the store read-only, filled in; None if it records."""
        found = self.store.standing.reason
        return None if found is None else found.text

    def checkpoints(self):
        with self.store.reading() as session:
            return session.scalars(select(LogCheckpoint).order_by(LogCheckpoint.size)).all()

    def sizes(self):
        return [each.size for each in self.checkpoints()]

    def state(self):
        with self.store.reading() as session:
            return newest_log(session.connection())

    def leaves(self):
        with self.store.reading() as session:
            return session.scalars(select(Leaf).order_by(Leaf.year, Leaf.idx)).all()

    def violations(self, seen=None, **options):
        return violations(self.store, self.anchor, seen, **options)

    def again(self, folder=None):
        """Return the same after a restart of its process."""
        self.close()
        return Kept(Store(self.store.url), folder or self.settings.data, self.clock)

    def close(self):
        self.keeper.close()
        self.store.close()


def tamper(store, *statements, guarded=()):
    """Change rows as somebody does who has the database's password: triggers do not bind him."""
    with store.writers.begin() as connection:
        for table in guarded:
            _disarm(connection, table)
        for statement in statements:
            assert connection.execute(text(statement)).rowcount != 0, statement


def _disarm(connection, table):
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
    else:
        for verb in ("update", "delete", "replace"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_refuses_{verb}"))


def flipped(data, bit=0):
    """The same octets with one bit changed."""
    octets = bytearray(data)
    octets[bit // 8] ^= 1 << bit % 8
    return bytes(octets)


def literal(store, octets):
    """The octets as SQL writes them."""
    return f"'\\x{octets.hex()}'::bytea" if store.dialect == "postgresql" else f"x'{octets.hex()}'"
