"""The keys that sign the logs: one a year, each in a file for its owner alone.

Never in the database and never in its backup. Whoever holds one can sign another history;
that it is found out is what witnesses are for.
"""

import os
from contextlib import suppress
from pathlib import Path

from foodtrace.trace.flushing import flush_folder, make_folder
from foodtrace.trace.log.notes import NoteError, Signer


class NoSigner(RuntimeError):
    """The key of a log is not there, or is another one."""


def make_signer(folder: Path, year: int, origin: str) -> Signer:
    """Make the key of a new log, on disk on return; one that is there already is used.

    A log that was to be opened when the power went off has its key already. Raises OSError, and
    NoSigner when the file holds another key.
    """
    make_folder(folder)
    with suppress(FileNotFoundError):
        signer = _read(_path(folder, year))
        if signer.name != origin:
            raise NoSigner(f"{year}.key is the key of {signer.name}, not of {origin}")
        return signer
    signer = Signer.generate(origin)
    fresh = folder / f".{year}.key.{os.getpid()}"
    descriptor = os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(signer.to_text() + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, _path(folder, year))
    flush_folder(folder)
    return signer


def load_signer(folder: Path, year: int, vkey: str) -> Signer:
    """Return the key of a log that is verified by `vkey`. Raises NoSigner."""
    path = _path(folder, year)
    try:
        signer = _read(path)
    except OSError as error:
        raise NoSigner(f"{path.name}: {error.strerror}") from error
    if signer.vkey != vkey:
        raise NoSigner(f"{path.name} is another key than that of this log")
    return signer


def _read(path: Path) -> Signer:
    try:
        return Signer.from_text(path.read_text().strip())
    except (NoteError, UnicodeDecodeError) as error:
        raise NoSigner(f"{path.name} holds no key: {error}") from error


def _path(folder: Path, year: int) -> Path:
    return folder / f"{year}.key"
