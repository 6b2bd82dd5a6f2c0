"""The public files of the logs as a folder, exactly as they are served.

A copy that stands on another machine is what a log is repaired from after a disk was lost, and
what a web server without any program can serve. Tiles stand there before the head that covers
them, each file whole or not at all; run again, it writes what has come since.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import chain, islice
from pathlib import Path

from foodtrace.trace.errors import Conflict, NotFound, Problem, mark
from foodtrace.trace.flushing import flush_folder
from foodtrace.trace.log.checkpoints import Checkpoint, parse_checkpoint
from foodtrace.trace.log.merkle import edge_at, leaf_hash, root_of
from foodtrace.trace.log.notes import NoteError, parse_note
from foodtrace.trace.log.policy_file import PolicyFile
from foodtrace.trace.log.services import (
    PublicLog,
    Reading,
    checkpoint_of,
    days_of,
    history_of,
    keys_of,
    logs_file,
    logs_of,
    tile_of,
    witnessed_of,
)
from foodtrace.trace.log.stamps import public_stamps
from foodtrace.trace.log.tiles import ENTRIES, Tile, bundles_of, tiles_of, unpack_bundle
from foodtrace.trace.log.tree import hash_at

_PORTION = 256


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written of one log: up to which size, and how many tiles and bundles."""

    log: PublicLog
    tiles: int


def export(reading: Reading, folder: Path, policy: PolicyFile | None) -> list[Exported]:
    """Write the public files of all logs into a folder, or what it lacks of them.

    Raises Conflict when the folder holds files of another log, or of a newer one, and when
    another export is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        with reading() as session:
            logs = logs_of(session)
        done = [_export_log(reading, folder / str(log.year), log, policy) for log in logs]
        if policy is not None:
            _write(folder / "policy", [policy.data])
        _write(folder / "logs.json", [logs_file([each.log for each in done])])
    return done


def _export_log(
    reading: Reading, folder: Path, log: PublicLog, policy: PolicyFile | None
) -> Exported:
    with reading() as session:
        note = checkpoint_of(session, log.year)
        if note is None:
            return Exported(log, 0)
        head = _head(note)
        since = _since(folder / "checkpoint", head)
        if since is not None:
            root = root_of(edge_at(since.size, hash_at(session.connection(), log.year, since.size)))
            if root != since.root:
                raise _another(folder, since)
        span = days_of(session, log.year)
    tiles = _write_tiles(reading, folder, log.year, head.size, since.size if since else 0)
    _write(folder / "keys", keys_of(reading, log.year, up_to=head.size))
    for path, data in public_stamps(reading, log.year):
        _write(folder.parent / path, [data])
    if span is not None:
        for day in _days(folder / "history", *span):
            _write_history(reading, folder / "history" / day.isoformat(), log.year, day, head.size)
    if policy is not None:
        with reading() as session:
            witnessed = witnessed_of(session, log.year, policy.policy)
        if witnessed is not None and _head(witnessed).size <= head.size:
            _write(folder / "witnessed", [witnessed])
    _write(folder / "checkpoint", [note])
    return Exported(replace(log, size=head.size), tiles)


def _head(note: bytes) -> Checkpoint:
    return parse_checkpoint(parse_note(note).text)


def _since(path: Path, head: Checkpoint) -> Checkpoint | None:
    """Return the head that was exported last; None where there is none."""
    try:
        found = _head(path.read_bytes())
    except FileNotFoundError:
        return None
    except NoteError as error:
        raise Conflict(
            Problem(
                str(path),
                mark("This file is no head of a log: %(error)s"),
                mark("Find out who changed it, or export into a new folder"),
                {"error": str(error)},
            )
        ) from None
    if found.origin != head.origin or found.size > head.size:
        raise _another(path.parent, found)
    return found


def _another(folder: Path, found: Checkpoint) -> Conflict:
    return Conflict(
        Problem(
            str(folder),
            mark("These are the files of %(origin)s up to %(size)s, which this log does not go on"),
            mark("Keep them: find out with foodtrace log check which of the two is right"),
            {"origin": found.origin, "size": found.size},
        )
    )


def _write_tiles(reading: Reading, folder: Path, year: int, size: int, since: int) -> int:
    """Write the tiles that are new since; they are on the disk on return. Return how many."""
    tiles = chain(tiles_of(size, since), bundles_of(size, since))
    folders: set[Path] = set()
    count = 0
    while portion := list(islice(tiles, _PORTION)):
        with reading() as session:
            for tile in portion:
                data = tile_of(session, year, tile)
                if data is None:
                    raise NotFound(
                        Problem(
                            tile.path,
                            mark("This tile of the log %(year)s is missing"),
                            mark("Find out what happened: foodtrace log check"),
                            {"year": year},
                        )
                    )
                if tile.level == ENTRIES:
                    _check_entries(data, tile, tile_of(session, year, tile._replace(level=0)))
                _write(folder / tile.path, [data])
                folders.update(
                    path for path in (folder / tile.path).parents if folder in path.parents
                )
        count += len(portion)
    for each in folders:
        flush_folder(each)
    return count


def _check_entries(bundle: bytes, tile: Tile, hashes: bytes | None) -> None:
    """Raise Conflict where entries are not those of the tree: the copy stays what repairs it."""
    if b"".join(map(leaf_hash, unpack_bundle(bundle))) != hashes:
        raise Conflict(
            Problem(
                tile.path,
                mark("Entries of this log were changed in the database: they do not fit its tree"),
                mark("Keep what was exported before. Find out which: foodtrace log check"),
            )
        )


def _days(folder: Path, first: date, last: date) -> list[date]:
    """Return the days to write: the last one that is there may have grown, and the one before."""
    days = [first + timedelta(days=count) for count in range((last - first).days + 1)]
    written = (day for day in days if (folder / day.isoformat()).exists())
    since = max(written, default=first) - timedelta(days=1)
    return [day for day in days if day >= since]


def _write_history(reading: Reading, path: Path, year: int, day: date, up_to: int) -> None:
    lines = history_of(reading, year, day, up_to=up_to)
    start = next(lines, None)
    if start is not None:
        _write(path, chain([start], lines))


def _write(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file whole or not at all, readable by those whom the umask lets."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    # Left by an export that was killed; or a link, by whoever may write here too.
    fresh.unlink(missing_ok=True)
    with fresh.open("xb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other exports out of the folder; the lock ends with the process that holds it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                Problem(
                    str(folder),
                    mark("Another export is writing into this folder"),
                    mark("Let it finish"),
                )
            ) from None
        yield
    finally:
        os.close(descriptor)
