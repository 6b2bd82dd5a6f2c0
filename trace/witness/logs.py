"""The logs that a witness knows; the file that lists them is read again when it changes."""

import logging
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.log.notes import ED25519, NoteError, Verifier

LARGEST_LIST = 1024 * 1024

_log = logging.getLogger(__name__)


class KnownLogs:
    """Keys of logs: those given at the start, and those of a file that may grow each year."""

    def __init__(self, vkeys: Sequence[str], path: Path | None = None) -> None:
        """Read the keys. Raises Invalid, OSError."""
        self._given = [_verifier(vkey, "--log") for vkey in vkeys]
        self._path = path
        self._lock = threading.Lock()
        self._seen = self._look()
        self._by_origin = _by_origin([*self._given, *self._listed()])

    def verifiers_of(self, origin: str) -> list[Verifier]:
        """Return the keys that may sign for an origin."""
        self._read_again()
        return self._by_origin.get(origin, [])

    def origins(self) -> list[str]:
        """Return the origins of all logs that are known."""
        self._read_again()
        return sorted(self._by_origin)

    def _read_again(self) -> None:
        """Take what the file says now; a file that cannot be read changes nothing."""
        with self._lock:
            try:
                seen = self._look()
            except OSError:
                seen = None
            if seen == self._seen:
                return
            self._seen = seen
            try:
                self._by_origin = _by_origin([*self._given, *self._listed()])
            except (Invalid, OSError) as error:
                _log.error("%s; the logs known before stay", error)
            else:
                _log.warning("the logs known now: %s", ", ".join(sorted(self._by_origin)))

    def _look(self) -> tuple[int, int, int] | None:
        if self._path is None:
            return None
        status = self._path.stat()
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _listed(self) -> list[Verifier]:
        """Return the keys of the file: one a line, comments begin with #. Raises Invalid."""
        if self._path is None:
            return []
        with self._path.open("rb") as file:
            data = file.read(LARGEST_LIST + 1)
        if len(data) > LARGEST_LIST or (data and not data.endswith(b"\n")):
            raise _wrong(str(self._path), "it is too long, or was cut off in its last line")
        try:
            lines = data.decode().split("\n")
        except UnicodeDecodeError:
            raise _wrong(str(self._path), "it is not UTF-8") from None
        return [
            _verifier(line.strip(), f"{self._path}, line {number}")
            for number, line in enumerate(lines, start=1)
            if line.strip() and not line.strip().startswith("#")
        ]


def _by_origin(verifiers: Iterable[Verifier]) -> dict[str, list[Verifier]]:
    found: dict[str, list[Verifier]] = {}
    for verifier in verifiers:
        keys = found.setdefault(verifier.name, [])
        if verifier not in keys:
            keys.append(verifier)
    return found


def _verifier(vkey: str, place: str) -> Verifier:
    try:
        verifier = Verifier.from_vkey(vkey)
    except NoteError as error:
        raise _wrong(place, str(error)) from None
    if verifier.kind != ED25519:
        raise _wrong(place, f"the key of a log is of kind {ED25519}, this one of {verifier.kind}")
    return verifier


def _wrong(place: str, reason: str) -> Invalid:
    return Invalid(
        Problem(
            place,
            mark("This names no log: %(reason)s"),
            mark("Write the key of a log as its operator gave it to you: name+id+base64"),
            {"reason": reason},
        )
    )
