"""Names that are on the disk, and not only in memory: a power cut takes the rest.

Flushing a file says nothing about its name: that belongs to the folder it is in.
"""

import os
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a folder, and those it is in, for their owner alone; they are on disk on return.

    Raises OSError.
    """
    folder = folder.absolute()
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
        flush_folder(each.parent)


def flush_folder(folder: Path) -> None:
    """Have the names in a folder on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
