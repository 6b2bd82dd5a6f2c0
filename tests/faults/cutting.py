"""Fill the disk of the database, and that of the anchor: small disks in memory (root only)."""

import subprocess
from contextlib import contextmanager, suppress

from sqlalchemy.exc import DBAPIError

from foodtrace.trace.errors import Unavailable
from foodtrace.trace.store.migrate import upgrade
from foodtrace.trace.store.session import Store

from ..trace.acts import count
from ..trace.kept import Kept


@contextmanager
def small_disk(folder, kilobytes):
    """Mount a disk of this size there; what is on it is gone afterwards."""
    folder.mkdir()
    options = f"size={kilobytes}k"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def ballast(folder):
    """Fill the disk; return what empties it again."""
    file = (folder / "ballast").open("wb", buffering=0)
    size = 65_536
    while size:
        try:
            file.write(bytes(size))
        except OSError:
            size //= 2
    file.close()
    return (folder / "ballast").unlink


def captured(kept, numbers):
    """Return how many of these events were acknowledged."""
    done = 0
    for number in numbers:
        with suppress(Unavailable, DBAPIError):
            kept.capture(number)
            done += 1
    return done


def fill_disks(folder):
    """Return counts, and what was wrong: of a full disk of the database, then of the anchor."""
    wrong, counts = [], {}
    with small_disk(folder / "database", 8_192) as disk:
        store = Store(f"sqlite:///{disk}/log.sqlite")
        upgrade(store)
        kept = Kept(store, folder / "rest")
        counts["before"] = captured(kept, range(1, 6))
        kept.keep_all()
        empty = ballast(disk)
        counts["while full"] = captured(kept, range(100, 400))
        if counts["while full"] == 300:
            wrong.append("the disk was never full")
        if count(store, "event")["event"] != counts["before"] + counts["while full"]:
            wrong.append("what is read is not what was acknowledged")
        empty()
        counts["afterwards"] = captured(kept, range(500, 505))
        kept.keep_all()
        wrong += kept.violations()
        if counts["afterwards"] != 5:
            wrong.append("it does not go on when there is room")
        kept.close()
    with small_disk(folder / "anchor", 64) as disk:
        store = Store(f"sqlite:///{folder}/log.sqlite")
        upgrade(store)
        kept = Kept(store, folder / "more", anchor=disk)
        captured(kept, [1])
        kept.keep_all()
        empty = ballast(disk)
        counts["while the anchor is full"] = captured(kept, range(2, 5))
        with suppress(OSError):
            kept.keep()
            wrong.append("something was signed")
        if kept.sizes() != [1] or kept.anchor.head(2026).size != 1:
            wrong.append("something was signed that the anchor does not hold")
        empty()
        kept.keep_all()
        if kept.sizes() != [1, 4]:
            wrong.append("it does not go on when the anchor has room")
        wrong += kept.violations()
        kept.close()
    return counts, wrong
