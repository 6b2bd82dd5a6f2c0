"""The keys that sign the logs: one a year, each in a file for its owner alone.

Never in the database and never in its backup. Whoever holds one can sign another history;
that it is found out is what witnesses are for.
"""

import os
from pathlib import Path

from foodtrace.trace.log.notes import NoteError, Signer


class NoSigner(RuntimeError):
    """The key of a log is not there, or is another one."""


def make_signer(folder: Path, year: int, origin: str) -> Signer:
    """Make the key of a new log, on disk on return; one that is there already is used.

    A log that was to be opened when the power went off has its key already.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return load_signer(folder, year, origin)
    except FileNotFoundError:
        pass
    signer = Signer.generate(origin)
    fresh = folder / f".{year}.key.{os.getpid()}"
    descriptor = os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(signer.to_text() + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, _path(folder, year))
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return signer


def load_signer(folder: Path, year: int, origin: str) -> Signer:
    """Return the key of a log. Raises FileNotFoundError, or NoSigner when it is another's."""
    try:
        signer = Signer.from_text(_path(folder, year).read_text().strip())
    except NoteError as error:
        raise NoSigner(f"{_path(folder, year).name} holds no key: {error}") from error
    if signer.name != origin:
        raise NoSigner(f"{_path(folder, year).name} is the key of {signer.name}, not of {origin}")
    return signer


def _path(folder: Path, year: int) -> Path:
    return folder / f"{year}.key"
