"""What the log shows to everybody: heads, tiles, opened statements of public kinds, history.

Nothing beyond the newest published head is ever shown: what is not signed may still be undone.
Whoever serves or exports the log asks here; docs/log.md has the formats.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, exists, func, literal_column, or_, select
from sqlalchemy.orm import Session

from foodtrace.trace.log.checkpoints import with_lines
from foodtrace.trace.log.contents import contents, header_of
from foodtrace.trace.log.cosigners import cosigners, lines_of
from foodtrace.trace.log.leaves import Opening, fields_of, open_fields
from foodtrace.trace.log.models import Leaf, LogCheckpoint, LogCosignature, LogState
from foodtrace.trace.log.openings import dump_opening
from foodtrace.trace.log.policies import Policy
from foodtrace.trace.log.tiles import ENTRIES, HEIGHT, WIDTH, Tile
from foodtrace.trace.log.tree import read_tile
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.models import Statement
from foodtrace.trace.store.types import LARGEST_ID

Reading = Callable[[], AbstractContextManager[Session]]

# Statements that everybody may read: what the log itself, the keys of issuers and the erasure
# of personal data are about. Kinds of keys begin with "key".
PUBLIC_KINDS = ("log", "lost", "policy", "erasure")
# They would publish how much a party records: shown as digests. The numbers of statements about
# keys count nothing else, and a key that is left out leaves a hole.
HIDDEN_FIELDS = frozenset({"n", "number"})
_HIDDEN_OF_KEYS = frozenset({"n"})
# Whose personal data it was, where it stood and how much it was would tell the same.
_ERASURE, _SHOWN_OF_ERASURES = "erasure", frozenset({"kind", "received", "/ground"})
FIRST_YEAR, LAST_YEAR = 1970, 9999

_PORTION = 200
# So many cosigned heads are looked through for one with a quorum.
_MOST_HEADS = 50

_STATE, _CHECKPOINT = table_of(LogState), table_of(LogCheckpoint)
_COSIGNATURE, _LEAF, _STATEMENT = table_of(LogCosignature), table_of(Leaf), table_of(Statement)

_SIZE = (
    select(func.max(_CHECKPOINT.c.size))
    .where(_CHECKPOINT.c.year == bindparam("year"))
    .scalar_subquery()
)
_PUBLISHED = select(_SIZE)
_LOGS = select(
    _STATE.c.year,
    _STATE.c.origin,
    _STATE.c.vkey,
    _STATE.c.is_closed,
    select(func.max(_CHECKPOINT.c.size))
    .where(_CHECKPOINT.c.year == _STATE.c.year)
    .scalar_subquery()
    .label("size"),
).order_by(_STATE.c.year)
_NOTE = select(_CHECKPOINT.c.note).where(
    _CHECKPOINT.c.year == bindparam("year"), _CHECKPOINT.c.size == bindparam("size")
)
_COSIGNED_SIZES = (
    select(_COSIGNATURE.c.size)
    .where(_COSIGNATURE.c.year == bindparam("year"))
    .distinct()
    .order_by(_COSIGNATURE.c.size.desc())
    .limit(_MOST_HEADS)
)
_PUBLIC = (
    select(_LEAF.c.idx, _LEAF.c.statement_id)
    .join(_STATEMENT, _STATEMENT.c.id == _LEAF.c.statement_id)
    .where(
        # The first condition is that of the index over statements that are no events.
        _STATEMENT.c.kind != literal_column("'event'"),
        or_(
            _STATEMENT.c.kind.in_(PUBLIC_KINDS),
            (_STATEMENT.c.kind >= "key") & (_STATEMENT.c.kind < "kez"),
        ),
        _LEAF.c.year == bindparam("year"),
        _LEAF.c.idx < bindparam("size"),
    )
)
_SECRETS = select(
    _LEAF.c.statement_id, _LEAF.c.idx, _LEAF.c.time, _LEAF.c.secret, _LEAF.c.header
).where(_LEAF.c.statement_id.in_(bindparam("ids", expanding=True)))
_OF_DAY = (
    _CHECKPOINT.c.year == bindparam("year"),
    _CHECKPOINT.c.signed_at >= bindparam("start"),
    _CHECKPOINT.c.signed_at < bindparam("end"),
    _CHECKPOINT.c.size <= bindparam("up_to"),
)
_SPAN = select(func.min(_CHECKPOINT.c.signed_at), func.max(_CHECKPOINT.c.signed_at)).where(
    _CHECKPOINT.c.year == bindparam("year")
)
_LAST_OF_DAY = select(func.max(_CHECKPOINT.c.size)).where(*_OF_DAY)
_HISTORY = (
    select(_CHECKPOINT.c.size, _CHECKPOINT.c.note)
    .where(
        *_OF_DAY,
        _CHECKPOINT.c.size > bindparam("after"),
        or_(
            _CHECKPOINT.c.size == bindparam("last"),
            exists().where(
                _COSIGNATURE.c.year == _CHECKPOINT.c.year,
                _COSIGNATURE.c.size == _CHECKPOINT.c.size,
            ),
        ),
    )
    .order_by(_CHECKPOINT.c.size)
    .limit(_PORTION)
)
_LINES = (
    select(_COSIGNATURE.c.size, _COSIGNATURE.c.line)
    .where(
        _COSIGNATURE.c.year == bindparam("year"),
        _COSIGNATURE.c.size.in_(bindparam("sizes", expanding=True)),
    )
    .order_by(_COSIGNATURE.c.size, _COSIGNATURE.c.time, _COSIGNATURE.c.witness)
)

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class PublicLog:
    """A log as everybody may know it; `size` is that of its newest published head."""

    year: int
    origin: str
    vkey: str
    is_closed: bool
    size: int

    @property
    def facts(self) -> dict[str, Any]:
        """What `logs.json` says of it."""
        return {
            "year": self.year,
            "origin": self.origin,
            "vkey": self.vkey,
            "closed": self.is_closed,
            "size": self.size,
        }


def logs_of(session: Session) -> list[PublicLog]:
    """Return all logs of this installation, the oldest first."""
    return [
        PublicLog(row.year, row.origin, row.vkey, row.is_closed, row.size or 0)
        for row in session.connection().execute(_LOGS)
    ]


def logs_file(logs: Sequence[PublicLog]) -> bytes:
    """Return the file `logs.json`."""
    return msgspec.json.format(_encoder.encode([log.facts for log in logs]), indent=2) + b"\n"


def published_size(session: Session, year: int) -> int | None:
    """Return the size of the newest published head of a log; None where there is none."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    size: int | None = session.connection().execute(_PUBLISHED, {"year": year}).scalar_one()
    return size


def checkpoint_of(session: Session, year: int) -> bytes | None:
    """Return the newest published head of a log, with what its witnesses said of it last."""
    size = published_size(session, year)
    return None if size is None else _cosigned(session, year, size)


def witnessed_of(session: Session, year: int, policy: Policy) -> bytes | None:
    """Return the newest head of a log whose cosigners are a quorum of the policy.

    A log that grows all the time has newer ones, which the witnesses have not seen yet.
    """
    if policy.is_met(()):
        return checkpoint_of(session, year)
    if published_size(session, year) is None:
        return None
    sizes = session.connection().execute(_COSIGNED_SIZES, {"year": year}).scalars().all()
    for size in sizes:
        if policy.is_met(cosigners(session, policy, year, size)):
            return _cosigned(session, year, size)
    return None


def _cosigned(session: Session, year: int, size: int) -> bytes:
    note = session.connection().execute(_NOTE, {"year": year, "size": size}).scalar_one()
    return with_lines(bytes(note), lines_of(session, year, size))


def tile_of(session: Session, year: int, tile: Tile) -> bytes | None:
    """Return the bytes of a tile or bundle; None where the newest published head has no such."""
    size = published_size(session, year)
    if size is None or not _covers(size, tile):
        return None
    return read_tile(session.connection(), year, tile)


def _covers(size: int, tile: Tile) -> bool:
    count = size if tile.level == ENTRIES else size >> (HEIGHT * tile.level)
    return tile.n * WIDTH + tile.width <= count


def keys_of(reading: Reading, year: int, *, up_to: int | None = None) -> Iterator[bytes]:
    """Yield the published statements of public kinds, opened: one JSON object a line.

    With `up_to` only those of the first so many leaves. Each portion is read in a session of
    its own.
    """
    with reading() as session:
        size = min(published_size(session, year) or 0, LARGEST_ID if up_to is None else up_to)
        rows = session.connection().execute(_PUBLIC, {"year": year, "size": size}).all()
    ids = [
        statement_id for _idx, statement_id in sorted((row.idx, row.statement_id) for row in rows)
    ]
    for start in range(0, len(ids), _PORTION):
        with reading() as session:
            portion = opened(session.connection(), ids[start : start + _PORTION])
        yield b"".join(
            _encoder.encode({"year": year, "index": index, **values}) + b"\n"
            for index, values in portion
        )


def opened(connection: Connection, ids: Sequence[int]) -> list[tuple[int, dict[str, Any]]]:
    """Return index and opening of these statements in the order of the log, numbers hidden."""
    stated = {each.id: each for each in contents(connection, ids)}
    found = []
    for row in connection.execute(_SECRETS, {"ids": ids}):
        each = stated[row.statement_id]
        fields = fields_of(header_of(each, bytes(row.header)), each.content)
        shown = {place for place, field in enumerate(fields) if _is_public(each.kind, field.name)}
        opening: Opening = open_fields(bytes(row.secret), fields, shown)
        found.append((int(row.idx), dump_opening(row.time, opening)))
    return sorted(found, key=lambda pair: pair[0])


def _is_public(kind: str, name: str) -> bool:
    """Tell whether everybody may read a field of a statement of a public kind."""
    if kind == _ERASURE:
        return name in _SHOWN_OF_ERASURES
    return name not in (_HIDDEN_OF_KEYS if kind.startswith("key") else HIDDEN_FIELDS)


def days_of(session: Session, year: int) -> tuple[date, date] | None:
    """Return the days (UTC) of the first and the last head of a log; None where it has none."""
    first, last = session.connection().execute(_SPAN, {"year": year}).one()
    return None if first is None else (first.date(), last.date())


def history_of(
    reading: Reading, year: int, day: date, *, up_to: int = LARGEST_ID
) -> Iterator[bytes]:
    """Yield the heads that were signed on a day (UTC) and cosigned, and the last one of the day.

    Only those of at most `up_to` leaves. One JSON object a line, the smallest first; nothing
    where no head was signed on that day.
    """
    if not (FIRST_YEAR <= year <= LAST_YEAR and FIRST_YEAR <= day.year < LAST_YEAR):
        return
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    at: dict[str, Any] = {
        "year": year,
        "start": start,
        "end": start + timedelta(days=1),
        "up_to": up_to,
    }
    with reading() as session:
        last = session.connection().execute(_LAST_OF_DAY, at).scalar_one()
    after = -1
    while last is not None:
        with reading() as session:
            connection = session.connection()
            heads = connection.execute(_HISTORY, {**at, "last": last, "after": after}).all()
            lines = _lines(connection, year, [head.size for head in heads])
        if not heads:
            return
        yield b"".join(_line_of(head, lines.get(head.size, ())) for head in heads)
        after = heads[-1].size


def _lines(connection: Connection, year: int, sizes: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for row in connection.execute(_LINES, {"year": year, "sizes": sizes}):
        found.setdefault(row.size, []).append(row.line)
    return found


def _line_of(head: Row[Any, Any], lines: Sequence[str]) -> bytes:
    said = {"size": head.size, "note": bytes(head.note).decode(), "cosignatures": list(lines)}
    return _encoder.encode(said) + b"\n"
