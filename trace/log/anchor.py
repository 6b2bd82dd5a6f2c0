"""The anchor: the last head that was signed, remembered outside of the database.

It belongs on another disk than the database, and never into the same backup: a database
that was set back does not extend it, and is then only read. One file a log, replaced whole.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from foodtrace.trace.log.checkpoints import Checkpoint, parse_checkpoint
from foodtrace.trace.log.notes import NoteError, parse_note


class AnchorMoved(RuntimeError):
    """The anchor is not the one that was expected: somebody else has signed meanwhile."""


class BrokenAnchor(RuntimeError):
    """The file of the anchor holds no checkpoint."""


class Anchor:
    """The anchors of an installation's logs: a folder with one signed note a year."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, year: int) -> bytes | None:
        """Return the last note that was signed of a log; None if there was none."""
        try:
            return self._path(year).read_bytes()
        except FileNotFoundError:
            return None

    def head(self, year: int) -> Checkpoint | None:
        """Return the last head that was signed of a log. Raises BrokenAnchor."""
        note = self.note(year)
        return None if note is None else head_of(note)

    def years(self) -> list[int]:
        """Return the years of which something was signed, oldest first."""
        with suppress(FileNotFoundError):
            return sorted(int(path.name) for path in self._folder.iterdir() if path.name.isdigit())
        return []

    def advance(self, year: int, expected: Checkpoint | None, note: bytes) -> None:
        """Replace the expected head by a note that was just signed; it is on disk on return.

        Raises AnchorMoved when another head is there.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            if self.head(year) != expected:
                raise AnchorMoved(f"the anchor of the log {year} has moved")
            descriptor, whole = tempfile.mkstemp(dir=self._folder, prefix="new-")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(note)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(whole, self._path(year))
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(whole)
                raise
            _flush_folder(self._folder)

    def _path(self, year: int) -> Path:
        return self._folder / str(year)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes out; the lock ends with the process that holds it."""
        descriptor = os.open(self._folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def head_of(note: bytes) -> Checkpoint:
    """Return the checkpoint that a kept note signs. Raises BrokenAnchor."""
    try:
        return parse_checkpoint(parse_note(note).text)
    except NoteError as error:
        raise BrokenAnchor(str(error)) from error


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
