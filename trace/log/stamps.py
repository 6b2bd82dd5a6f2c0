"""Time stamps as they are read: those of the days for everybody, those of certificates for whom
was shown the certificate.

A leaf says nothing of what it is of. So the address of a certificate's stamp has a part that
only an opening of the statement tells: nobody finds out by trying which leaves are certificates.
"""

import hmac
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session

from foodtrace.trace.log.leaves import Leaf as Entry
from foodtrace.trace.log.leaves import salts_of
from foodtrace.trace.log.models import Leaf, StampState, TimeStamp
from foodtrace.trace.log.sequencing import Clock, now_ms
from foodtrace.trace.log.stamping import (
    LAST_OF_DAY,
    bounds_of,
    checkpoint_subject,
    day_of_next_head,
    leaf_subject,
    today_of,
)
from foodtrace.trace.store.bulk import table_of

Reading = Callable[[], AbstractContextManager[Session]]

_STATE, _STAMP, _LEAF = table_of(StampState), table_of(TimeStamp), table_of(Leaf)
_SINCE = select(_STATE.c.since)
_TOKEN = select(_STAMP.c.token).where(_STAMP.c.subject == bindparam("subject"))
_OF_SUBJECTS = select(_STAMP.c.subject, _STAMP.c.time, _STAMP.c.authority).where(
    _STAMP.c.subject.in_(bindparam("subjects", expanding=True))
)
_OF_LOG = select(_STAMP.c.subject, _STAMP.c.time, _STAMP.c.authority).where(
    _STAMP.c.subject.like(bindparam("start"))
)
_THE_LEAF = select(_LEAF.c.time, _LEAF.c.commitment, _LEAF.c.secret).where(
    _LEAF.c.year == bindparam("year"), _LEAF.c.idx == bindparam("idx")
)
_LEAVES = select(_LEAF.c.statement_id, _LEAF.c.year, _LEAF.c.idx, _LEAF.c.secret).where(
    _LEAF.c.statement_id.in_(bindparam("ids", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A stamp of a certificate: when it existed, who says so, and where the token is.

    `path` stands below the address of the log, without its ending ``.tsr``.
    """

    time: datetime
    authority: str
    path: str


@dataclass(frozen=True, slots=True)
class Day:
    """The last head of a day (UTC), and its stamp: None is a gap that is still open."""

    day: date
    size: int
    time: datetime | None
    authority: str | None


@dataclass(frozen=True, slots=True)
class Stamped:
    """A token (DER), and the very bytes whose digest is in it."""

    token: bytes
    data: bytes


def days_of(session: Session, year: int, *, clock: Clock = now_ms) -> list[Day] | None:
    """Return the days of a log since stamping began, today excluded; None where it never has."""
    connection = session.connection()
    since: date | None = connection.execute(_SINCE).scalar_one_or_none()
    if since is None:
        return None
    start = checkpoint_subject(year, 0).removesuffix("0") + "%"
    stamps = {row.subject: row for row in connection.execute(_OF_LOG, {"start": start})}
    found, today = [], today_of(clock())
    day = day_of_next_head(connection, year, since)
    while day is not None and day < today:
        head = connection.execute(LAST_OF_DAY, {"year": year, **bounds_of(day)}).one()
        stamp = stamps.get(checkpoint_subject(year, head.size))
        found.append(
            Day(day, head.size, stamp and stamp.time, stamp and stamp.authority),
        )
        day = day_of_next_head(connection, year, day + timedelta(days=1))
    return found


def days_file(days: list[Day]) -> bytes:
    """Return the file `days.json`."""
    return msgspec.json.format(msgspec.json.encode(days), indent=2) + b"\n"


def stamp_of_day(session: Session, year: int, day: date) -> Stamped | None:
    """Return the stamp of the last head of a day, with the note; None where there is none."""
    connection = session.connection()
    head = connection.execute(LAST_OF_DAY, {"year": year, **bounds_of(day)}).one_or_none()
    if head is None:
        return None
    token = _token(connection, checkpoint_subject(year, head.size))
    return None if token is None else Stamped(token, bytes(head.note))


def stamp_of_leaf(session: Session, year: int, idx: int, salt: bytes) -> Stamped | None:
    """Return the stamp of a certificate's leaf, with the entry, for who knows the salt.

    The salt is that of the statement, as every opening of it shows it.
    """
    connection = session.connection()
    leaf = connection.execute(_THE_LEAF, {"year": year, "idx": idx}).one_or_none()
    if leaf is None or leaf.secret is None:
        return None
    if not hmac.compare_digest(salts_of(bytes(leaf.secret), 0)[0], salt):
        return None
    token = _token(connection, leaf_subject(year, idx))
    if token is None:
        return None
    return Stamped(token, Entry(leaf.time, bytes(leaf.commitment)).entry)


def stamps_of(session: Session, statement_ids: Collection[int]) -> dict[int, Stamp]:
    """Return the stamps of these statements by their ids; who asks may see the statements."""
    connection = session.connection()
    leaves = {
        leaf_subject(row.year, row.idx): row
        for row in connection.execute(_LEAVES, {"ids": list(statement_ids)})
        if row.secret is not None
    }
    rows = connection.execute(_OF_SUBJECTS, {"subjects": list(leaves)})
    return {
        leaves[row.subject].statement_id: Stamp(
            row.time, row.authority, _path_of(leaves[row.subject])
        )
        for row in rows
    }


def public_stamps(
    reading: Reading, year: int, *, clock: Clock = now_ms
) -> Iterator[tuple[str, bytes]]:
    """Yield the public files of a log's stamps: the path below the log's address, and the bytes."""
    with reading() as session:
        days = days_of(session, year, clock=clock)
    if days is None:
        return
    yield f"{year}/stamps/days.json", days_file(days)
    for each in days:
        with reading() as session:
            found = stamp_of_day(session, year, each.day)
        if found is not None:
            yield f"{year}/stamps/{each.day.isoformat()}.tsr", found.token
            yield f"{year}/stamps/{each.day.isoformat()}.note", found.data


def _path_of(leaf: Any) -> str:
    salt = salts_of(bytes(leaf.secret), 0)[0]
    return f"{leaf.year}/stamps/{leaf.idx}/{salt.hex()}"


def _token(connection: Connection, subject: str) -> bytes | None:
    token = connection.execute(_TOKEN, {"subject": subject}).scalar_one_or_none()
    return None if token is None else bytes(token)
