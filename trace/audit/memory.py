"""What an auditor remembers from one audit to the next, in a file far from the operator."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from foodtrace.trace.audit.growth import Growth
from foodtrace.trace.log.merkle import HASH_SIZE

FORMAT = "foodtrace-audit-state/1"


class BrokenMemory(ValueError):
    """The file is no memory of an audit."""


class KnownLog(msgspec.Struct, forbid_unknown_fields=True):
    """What was seen of one log: the last head, and what is needed to go on from there.

    `levels` are the unfinished tiles of the whole bundles that were read; `last_time` is the
    time of their last leaf in milliseconds, `first` and `latest` are those of the head's
    cosignatures in POSIX seconds. `public` maps places of public statements to their leaves.
    """

    size: int
    root: bytes
    note: bytes
    first: int | None
    latest: int | None
    levels: list[bytes]
    last_time: int
    public: dict[int, bytes]

    @property
    def growth(self) -> Growth:
        """The whole bundles. Raises ValueError where that is not what is kept."""
        return Growth(
            [
                [level[i : i + HASH_SIZE] for i in range(0, len(level), HASH_SIZE)]
                for level in self.levels
            ]
        )


class Memory(msgspec.Struct, forbid_unknown_fields=True):
    """All that is remembered, as JSON: logs by their origins, and the last number of each series of
    each thing."""

    format: str = FORMAT
    logs: dict[str, KnownLog] = {}
    series: dict[str, dict[str, int]] = {}


def load(path: Path) -> Memory:
    """Return what is remembered, nothing if there is no file yet. Raises BrokenMemory, OSError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Memory()
    try:
        memory = msgspec.json.decode(data, type=Memory)
        for known in memory.logs.values():
            if known.growth.size > known.size or len(known.root) != HASH_SIZE:
                raise ValueError("its parts do not fit together")
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise BrokenMemory(f"{path.name} is no memory of an audit: {error}") from None
    if memory.format != FORMAT:
        raise BrokenMemory(f"{path.name} is of another version: {memory.format[:80]}")
    return memory


def save(path: Path, memory: Memory) -> None:
    """Replace the file as a whole; it is on the disk on return. Raises OSError."""
    descriptor, fresh = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(memory), indent=1))
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(fresh)
        raise
