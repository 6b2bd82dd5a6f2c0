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

from foodtrace.trace.flushing import flush_folder, make_folder
from foodtrace.trace.log.checkpoints import Checkpoint, parse_checkpoint
from foodtrace.trace.log.notes import NoteError, parse_note

_UNFINISHED = "new-"


class AnchorMoved(RuntimeError):
    """The anchor is not the one that was expected: somebody else has signed meanwhile."""


class BrokenAnchor(RuntimeError):
    """The file of the anchor cannot be read, or holds no checkpoint."""


class Anchor:
    """The anchors of an installation's logs: a folder with one signed note a year."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, year: int) -> bytes | None:
        """Return the last note that was signed of a log; None if there was none.

        Raises BrokenAnchor when the file is there and cannot be read.
        """
        try:
            return self._path(year).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BrokenAnchor(f"{year}: {error.strerror}") from error

    def head(self, year: int) -> Checkpoint | None:
        """Return the last head that was signed of a log. Raises BrokenAnchor."""
        note = self.note(year)
        return None if note is None else head_of(note)

    def years(self) -> list[int]:
        """Return the years of which something was signed, oldest first. Raises BrokenAnchor."""
        try:
            return sorted(int(path.name) for path in self._folder.iterdir() if path.name.isdigit())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise BrokenAnchor(str(error.strerror)) from error

    def advance(self, year: int, expected: Checkpoint | None, note: bytes) -> None:
        """Replace the expected head by a note that was just signed; it is on disk on return.

        Raises AnchorMoved when another head is there, and OSError when it cannot be written:
        then it may be there or not.
        """
        make_folder(self._folder)
        with self._locked():
            if self.head(year) != expected:
                raise AnchorMoved(f"the anchor of the log {year} has moved")
            self._write(year, note)

    def replace(self, year: int, note: bytes) -> None:
        """Put a published note in the place of whatever is there: its operator has looked."""
        make_folder(self._folder)
        with self._locked():
            self._write(year, note)

    def _write(self, year: int, note: bytes) -> None:
        """Write the file whole, and flush it; called under the lock."""
        self._tidy()
        descriptor, whole = tempfile.mkstemp(dir=self._folder, prefix=_UNFINISHED)
        try:
            # The web processes may be of another user than the sequencer, in the folder's group.
            os.fchmod(descriptor, 0o640)
            with os.fdopen(descriptor, "wb") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            os.replace(whole, self._path(year))
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(whole)
            raise
        flush_folder(self._folder)

    def _tidy(self) -> None:
        """Remove what processes left that were killed here; called under the lock."""
        for left in self._folder.glob(f"{_UNFINISHED}*"):
            left.unlink(missing_ok=True)

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
