"""What a witness has cosigned, kept for ever: one head for each log, in an SQLite file.

A witness that forgets is worse than none: it would cosign a second history. So the state is made
together with the key, and belongs to it; a folder without it is refused and never begun anew.
Look and change are one transaction, on the disk before it returns, whoever else has the file open.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from foodtrace.trace.errors import Problem, Unavailable, mark
from foodtrace.trace.flushing import flush_folder, make_folder
from foodtrace.trace.log.checkpoints import parse_checkpoint
from foodtrace.trace.log.notes import NoteError, parse_note
from foodtrace.trace.witness.rules import Head

FILE = "witness.sqlite"
SECONDS_TO_WAIT = 5.0  # for another process that writes

_TABLES = """
CREATE TABLE owner (one INTEGER PRIMARY KEY CHECK (one = 1), vkey TEXT NOT NULL) STRICT;
CREATE TABLE head (
    origin TEXT PRIMARY KEY,
    size INTEGER NOT NULL CHECK (size >= 0),
    root BLOB NOT NULL CHECK (length(root) = 32),
    note BLOB NOT NULL,
    time INTEGER NOT NULL
) STRICT;
CREATE TRIGGER head_never_shrinks BEFORE UPDATE ON head
WHEN NEW.origin <> OLD.origin OR NEW.size < OLD.size OR NEW.time < OLD.time
    OR (NEW.size = OLD.size AND NEW.root <> OLD.root)
BEGIN SELECT RAISE(ABORT, 'a head never goes back'); END;
CREATE TRIGGER head_is_never_forgotten BEFORE DELETE ON head
BEGIN SELECT RAISE(ABORT, 'a head is never forgotten'); END;
"""


class DamagedState(Exception):
    """The state cannot be read or kept; nothing may be cosigned."""


class State:
    """The heads of one witness, open; threads share it."""

    def __init__(self, path: Path) -> None:
        """Open a file as it is. Raises sqlite3.Error."""
        uri = f"{path.absolute().as_uri()}?mode=rw"
        self._lock = threading.Lock()
        self._written: dict[str, Head] = {}  # what this process has on the disk
        self._file = sqlite3.connect(
            uri,
            uri=True,
            timeout=SECONDS_TO_WAIT,
            isolation_level=None,
            check_same_thread=False,
        )
        # One file at rest, and its folder is flushed too when a transaction ends.
        try:
            for pragma, value in (("journal_mode", "delete"), ("synchronous", 3)):
                self._file.execute(f"PRAGMA {pragma} = {value}")
                (found,) = self._file.execute(f"PRAGMA {pragma}").fetchone()
                if found != value:
                    raise sqlite3.OperationalError(f"{pragma} is {found}, not {value}")
        except sqlite3.Error:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def owner(self) -> str:
        """Return the public key that this state belongs to. Raises DamagedState."""
        with self._reading() as file:
            row = file.execute("SELECT vkey FROM owner").fetchone()
        if row is None:
            raise DamagedState("the state belongs to no key")
        return str(row[0])

    def heads(self) -> dict[str, Head]:
        """Return the last head of every log. Raises DamagedState."""
        with self._reading() as file:
            rows = file.execute(
                "SELECT origin, size, root, note, time FROM head ORDER BY origin"
            ).fetchall()
        return {origin: _checked(origin, Head(*head)) for origin, *head in rows}

    def advance(self, origin: str, decide: Callable[[Head | None], Head]) -> Head:
        """Replace the head of a log by what `decide` makes of it; it is on the disk on return.

        Nobody else changes the head in between. What `decide` raises leaves it as it is. Raises
        DamagedState; then the head is the old one or the new one.
        """
        with self._reading() as file:
            file.execute("BEGIN IMMEDIATE")
            try:
                row = file.execute(
                    "SELECT size, root, note, time FROM head WHERE origin = ?", (origin,)
                ).fetchone()
                before = _checked(origin, Head(*row)) if row else None
                head = decide(before)
                if head == before == self._written.get(origin):
                    # Whoever sends the same again and again causes no writing. What another
                    # process wrote may not be on the disk yet.
                    return head
                file.execute(
                    "INSERT INTO head (origin, size, root, note, time) VALUES (?, ?, ?, ?, ?) "
                    "ON CONFLICT (origin) DO UPDATE SET size = excluded.size, "
                    "root = excluded.root, note = excluded.note, time = excluded.time",
                    (origin, *head),
                )
                file.execute("COMMIT")
                self._written[origin] = head
            finally:
                # A COMMIT that failed for want of room leaves the transaction open.
                if file.in_transaction:
                    file.execute("ROLLBACK")
        return head

    def require_whole(self) -> None:
        """Read all of it, and write something. Raises DamagedState unless that is possible."""
        with self._reading() as file:
            (said,) = file.execute("PRAGMA quick_check(1)").fetchone()
            if said != "ok":
                raise DamagedState(said)
            file.execute("BEGIN IMMEDIATE")
            file.execute("UPDATE owner SET vkey = vkey")
            file.execute("COMMIT")
        self.owner()
        self.heads()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._file
            except sqlite3.Error as error:
                raise DamagedState(str(error)) from error


def create(folder: Path, vkey: str) -> None:
    """Make the empty state of a new key, on the disk on return. Raises OSError, Unavailable."""
    make_folder(folder)
    path = folder / FILE
    # Never over another key's state: only that one keeps it from cosigning a second history.
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        state = State(path)
        with state._reading() as file:
            file.executescript(f"BEGIN IMMEDIATE; {_TABLES}")
            file.execute("INSERT INTO owner (one, vkey) VALUES (1, ?)", (vkey,))
            file.execute("COMMIT")
        state.close()
    except (sqlite3.Error, DamagedState) as error:
        raise _unusable(path, str(error)) from None
    flush_folder(folder)


def open_state(folder: Path, vkey: str) -> State:
    """Open the state of a key, and read all of it. Raises Unavailable, which says what to do."""
    path = folder / FILE
    if not path.is_file():
        raise Unavailable(
            Problem(
                str(folder),
                mark("The state of this witness is not here"),
                mark(
                    "Mount its disk, or name its folder. If it is lost, the key is too: without "
                    "it a witness could cosign a second history. Make a new key"
                ),
            )
        )
    try:
        state = State(path)
        state.require_whole()
        owner = state.owner()
    except (sqlite3.Error, DamagedState) as error:
        raise _unusable(path, str(error)) from None
    if owner != vkey:
        state.close()
        raise Unavailable(
            Problem(
                str(path),
                mark("This state belongs to another key: %(owner)s"),
                mark("Name the key that was made with it"),
                {"owner": owner},
            )
        )
    return state


def _checked(origin: str, head: Head) -> Head:
    """Return a head whose parts say the same. Raises DamagedState."""
    try:
        checkpoint = parse_checkpoint(parse_note(head.note).text)
    except NoteError as error:
        raise DamagedState(f"the head of {origin!r} is damaged: {error}") from None
    if checkpoint != (origin, head.size, head.root):
        raise DamagedState(f"the head of {origin!r} is damaged: its note says another one")
    return head


def _unusable(path: Path, reason: str) -> Unavailable:
    return Unavailable(
        Problem(
            str(path),
            mark("The state of this witness cannot be used: %(reason)s"),
            mark(
                "Make the disk writable and whole. Never put an older copy in its place: if the "
                "state is lost, make a new key"
            ),
            {"reason": reason},
        )
    )
