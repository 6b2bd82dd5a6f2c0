"""Who looked at a page, as far as one must know to count a reader once: a hash for a day.

The salt of a day is in memory, and in the data folder so that a restart keeps it and all
processes have the same. It is deleted when its day in China is over; then nobody, not even
who runs the service, can find out which address a hash was made of.
"""

import os
import secrets
import tempfile
import threading
from contextlib import suppress
from datetime import date, datetime
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from foodtrace.trace.codes.rules import CHINA

SALT_BYTES = 32
HASH_BYTES = 16
# A household has a network of IPv6, and a telephone a new address in it every day.
_NETWORK_BITS = 64
_PREFIX = "scan-salt-"


class Clients:
    """Makes the hashes of readers. Without a data folder the salt is in memory alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._day: date | None = None
        self._salt = b""

    def hash_of(self, address: str, agent: str, at: datetime) -> bytes:
        """Return the hash of a reader's address and user agent for the day of `at`."""
        text = f"{_network(address)}\n{agent}".encode(errors="surrogateescape")
        return blake2b(text, digest_size=HASH_BYTES, key=self._salt_of(day_of(at))).digest()

    def _salt_of(self, day: date) -> bytes:
        with self._lock:
            if self._day != day:
                forget_salts(self._folder, day)
                self._salt = _kept_salt(self._folder, day)
                self._day = day
            return self._salt


def day_of(moment: datetime) -> date:
    """Return the day in China."""
    return moment.astimezone(CHINA).date()


def forget_salts(folder: Path, today: date) -> None:
    """Delete the salts of all days but this one."""
    for path in folder.glob(f"{_PREFIX}*"):
        if path.name != _name(today):
            path.unlink(missing_ok=True)


def _kept_salt(folder: Path, day: date) -> bytes:
    """Return the salt of a day; make it, for its owner only, where there is none."""
    path = folder / _name(day)
    made = secrets.token_bytes(SALT_BYTES)
    try:
        if not path.exists():
            # Another process may start the day at this moment: it never reads half a salt.
            descriptor, whole = tempfile.mkstemp(dir=folder)
            with os.fdopen(descriptor, "wb") as file:
                file.write(made)
            with suppress(FileExistsError):
                os.link(whole, path)
            os.unlink(whole)
        return path.read_bytes() or made
    except OSError:
        return made  # a full disk, or no folder: a reader may count twice after a restart


def _name(day: date) -> str:
    return f"{_PREFIX}{day.isoformat()}"


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(int(parsed) >> (128 - _NETWORK_BITS))
    return str(parsed)
