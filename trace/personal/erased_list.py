"""What was erased, remembered outside of the database: an older backup must not bring it back.

A file beside the anchor, which is in no backup of the database (trace/log/anchor.py): one
commitment and the number of its document a line, added before the erasure is committed. It says
nothing of the values. An empty file beside it tells how far the wiping of the database's files has
come (wiping.py): it is renamed from step to step, so that what is erased meanwhile is a file of its
own, and is wiped after.
"""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from foodtrace.trace.flushing import flush_folder, make_folder
from foodtrace.trace.personal.commitments import read_commitment, written

_LIST = "erased"
_UNWIPED, _REWRITING, _FLUSHING = "erased.unwiped", "erased.rewriting", "erased.flushing"


class ErasedValue(NamedTuple):
    """A value that was erased: its commitment, and the document that it stood in.

    Another document may hold the same commitment, if its sender was given value and salt: that
    one is not erased with it.
    """

    digest: bytes
    document_id: int


class ErasedList:
    """The list of one installation, in the folder of its anchor."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, values: Collection[ErasedValue]) -> None:
        """Remember that these were erased; it is on disk on return."""
        make_folder(self._folder)
        self._append(_UNWIPED, "")
        lines = (f"{written(each.digest)} {each.document_id}\n" for each in values)
        self._append(_LIST, "".join(lines))
        flush_folder(self._folder)

    def values(self) -> set[ErasedValue]:
        """Return everything that was ever erased; a line that a crash cut off is left out."""
        try:
            text = (self._folder / _LIST).read_text("ascii", "replace")
        except FileNotFoundError:
            return set()
        return {value for line in text.splitlines() if (value := _read(line)) is not None}

    @property
    def is_unwiped(self) -> bool:
        """Whether bytes of something erased may still be in the files of the database."""
        steps = (_UNWIPED, _REWRITING, _FLUSHING)
        return any((self._folder / step).exists() for step in steps)

    @property
    def is_to_be_rewritten(self) -> bool:
        """Whether the table is still to be written anew; what is erased from here on is next."""
        self._advance(_UNWIPED, _REWRITING)
        return (self._folder / _REWRITING).exists()

    def mark_unwiped(self) -> None:
        """Remember that the files have to be wiped."""
        make_folder(self._folder)
        self._append(_UNWIPED, "")

    def mark_rewritten(self) -> None:
        """Remember that the table was written anew."""
        self._advance(_REWRITING, _FLUSHING)

    def mark_wiped(self) -> None:
        """Remember that nothing of it is left in the files."""
        with suppress(FileNotFoundError):
            os.unlink(self._folder / _FLUSHING)

    def _advance(self, step: str, following: str) -> None:
        with suppress(FileNotFoundError):  # another process was quicker
            os.replace(self._folder / step, self._folder / following)

    def _append(self, name: str, text: str) -> None:
        descriptor = os.open(self._folder / name, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
        try:
            # Web processes and sequencer may be two users, in the folder's group; whose file it
            # is has done this, whatever the umask.
            with suppress(PermissionError):
                os.fchmod(descriptor, 0o660)
            size = os.fstat(descriptor).st_size
            # After a line that a crash cut off, the next one begins anew.
            if text and size and os.pread(descriptor, 1, size - 1) != b"\n":
                text = "\n" + text
            os.write(descriptor, text.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read(line: str) -> ErasedValue | None:
    commitment, _, document_id = line.partition(" ")
    digest = read_commitment(commitment)
    is_whole = digest is not None and document_id.isdecimal()
    return ErasedValue(digest, int(document_id)) if digest and is_whole else None
