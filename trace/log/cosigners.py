"""What witnesses have said of a log, and how it stands with each: the tables behind the asking."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from foodtrace.trace.log.checkpoints import Checkpoint, Cosignature, cosignatures
from foodtrace.trace.log.models import LogCheckpoint, LogCosignature, LogState, WitnessState
from foodtrace.trace.log.notes import Note, NoteError, SignatureLine, format_line, parse_line
from foodtrace.trace.log.policies import Policy, Witness
from foodtrace.trace.log.rounds import LEASE, Asked, to_ask
from foodtrace.trace.store.bulk import table_of

WARNINGS_STAY = 7 * 24 * 3_600_000  # milliseconds
_LONGEST_TEXT = 500

_LOG, _HEAD = table_of(LogState), table_of(LogCheckpoint)
_LINE, _STATE = table_of(LogCosignature), table_of(WitnessState)

# The log that grows, and the one before: its last head is still to be cosigned.
_LATEST_LOGS = select(_LOG.c.year, _LOG.c.is_closed).order_by(_LOG.c.year.desc()).limit(2)
_NEWEST = (
    select(_HEAD.c.size, _HEAD.c.root, _HEAD.c.note, _LOG.c.origin)
    .join(_LOG, _LOG.c.year == _HEAD.c.year)
    .where(_HEAD.c.year == bindparam("year"), _HEAD.c.size > 0)
    .order_by(_HEAD.c.size.desc())
    .limit(1)
)
_OF_SIZE = (
    select(_HEAD.c.size, _HEAD.c.root, _HEAD.c.note, _LOG.c.origin)
    .join(_LOG, _LOG.c.year == _HEAD.c.year)
    .where(_HEAD.c.year == bindparam("year"), _HEAD.c.size == bindparam("size"))
)
_STATES = select(_STATE).where(_STATE.c.year == bindparam("year"))
_LINES = (
    select(_LINE)
    .where(_LINE.c.year == bindparam("year"), _LINE.c.size == bindparam("size"))
    # The latest of each witness comes last.
    .order_by(_LINE.c.witness, _LINE.c.is_first.desc())
)
_FIRST = select(_LINE.c.line).where(
    _LINE.c.year == bindparam("year"),
    _LINE.c.size == bindparam("size"),
    _LINE.c.witness == bindparam("witness"),
    _LINE.c.is_first,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A witness to ask, for the head of this size; `known` is the size that it last cosigned."""

    year: int
    witness: Witness
    size: int
    known: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with a witness, for those who run the service.

    `name` is that of the policy. `size` and `time` (POSIX seconds) are those of what it last
    said, `error` why it did not cosign when it was last asked, `warning` what somebody has to
    ask its operator about.
    """

    name: str
    size: int | None
    time: int | None
    error: str | None
    warning: str | None


@dataclass(frozen=True, slots=True)
class Head:
    """A head that was published: the checkpoint, and the note that the log has signed."""

    checkpoint: Checkpoint
    note: bytes


def standings(session: Session, policy: Policy, year: int, now: int) -> list[Standing]:
    """Return how it stands with each witness of a policy that is asked; `now` in milliseconds."""
    rows = {row.name: row for row in session.execute(_STATES, {"year": year})}
    return [_standing(witness, rows.get(witness.verifier.name), now) for witness in asked(policy)]


def lines_of(session: Session, year: int, size: int) -> list[SignatureLine]:
    """Return the latest cosignature of each witness under a head, in the order of their names."""
    rows = session.execute(_LINES, {"year": year, "size": size})
    return list({row.witness: parse_line(row.line) for row in rows}.values())


def cosigners(session: Session, policy: Policy, year: int, size: int) -> frozenset[str]:
    """Return the names, in a policy, of those who have cosigned a head.

    They have its quorum where `policy.is_met` says so of them.
    """
    head = head_of_size(session.connection(), year, size)
    if head is None:
        return frozenset()
    names = {witness.verifier: witness.name for witness in policy.witnesses}
    found: set[str] = set()
    for line in lines_of(session, year, size):
        # A line that is damaged does not count; those of others do.
        with suppress(NoteError):
            note = Note(head.checkpoint.text, (line,))
            found.update(names[each.verifier] for each in cosignatures(note, names))
    return frozenset(found)


def asked(policy: Policy) -> list[Witness]:
    """Return the witnesses of a policy that have an address."""
    return [witness for witness in policy.witnesses if witness.url is not None]


def newest_head(connection: Connection, year: int) -> Head | None:
    """Return the newest head of a log that was published; None while it has no leaves."""
    return _head(connection.execute(_NEWEST, {"year": year}).one_or_none())


def head_of_size(connection: Connection, year: int, size: int) -> Head | None:
    """Return the published head of this size."""
    return _head(connection.execute(_OF_SIZE, {"year": year, "size": size}).one_or_none())


def due(connection: Connection, policy: Policy, now: int, *, lock: bool = False) -> list[Claim]:
    """Return whom to ask now (milliseconds) for which head; `lock` holds others off meanwhile."""
    witnesses = {witness.verifier.name: witness for witness in asked(policy)}
    claims = []
    for log in connection.execute(_LATEST_LOGS).all() if witnesses else ():
        head = newest_head(connection, log.year)
        if head is None:
            continue
        if lock:
            _add_missing(connection, log.year, witnesses)
        query = _STATES.with_for_update() if lock else _STATES
        rows = {row.name: row for row in connection.execute(query, {"year": log.year})}
        follow = _followers(witnesses, rows, head.checkpoint.size, is_closed=log.is_closed)
        states = [_asked_of(name, rows.get(name)) for name in follow]
        for name, size in to_ask(states, head.checkpoint.size, now).items():
            known = (row.size if (row := rows.get(name)) else None) or 0
            # One who says to know more than there is, is asked as if nothing were known of it.
            known = known if known <= head.checkpoint.size else 0
            claims.append(Claim(log.year, witnesses[name], size, known))
    return claims


def claim(connection: Connection, policy: Policy, now: int) -> list[Claim]:
    """Claim those who are due, so that no other process asks them meanwhile."""
    claims = due(connection, policy, now, lock=True)
    for each in claims:
        _update(connection, each, {"target": each.size, "asked_at": now, "busy_until": now + LEASE})
    return claims


def write_cosignature(
    connection: Connection, claim: Claim, found: Cosignature, *, size: int, error: str | None
) -> None:
    """Keep what a witness has said of a head: the first time, and the latest time.

    `error` is what is odd about it all the same.
    """
    row = {
        "year": claim.year,
        "size": size,
        "witness": claim.witness.verifier.name,
        "time": found.time,
        "line": format_line(found.line).removesuffix("\n"),
    }
    insert = _insert(connection, LogCosignature)
    connection.execute(insert.values(is_first=True, **row).on_conflict_do_nothing())
    if connection.execute(_FIRST, row).scalar_one() != row["line"]:
        latest = insert.values(is_first=False, **row)
        connection.execute(
            latest.on_conflict_do_update(
                index_elements=list(_LINE.primary_key),
                set_={"time": latest.excluded.time, "line": latest.excluded.line},
            )
        )
    settled = {"size": size, "time": found.time, "failures": 0, "error": _short(error)}
    _update(connection, claim, {**settled, "busy_until": 0})


def write_failure(connection: Connection, claim: Claim, error: str, said: int | None) -> None:
    """Note that a witness did not cosign, and why; `said` is the size that it claims to know."""
    values: dict[str, Any] = {"failures": _STATE.c.failures + 1, "error": _short(error)}
    if said is not None:
        values["size"] = said
    _update(connection, claim, {**values, "busy_until": 0})


def write_warning(connection: Connection, claim: Claim, warning: str, now: int) -> None:
    """Note what somebody has to ask the operator of a witness about; it stays for a week."""
    _update(connection, claim, {"warning": _short(warning), "warned_at": now})


def _followers(
    witnesses: Collection[str], rows: dict[str, Row[Any]], newest: int, *, is_closed: bool
) -> Sequence[str]:
    """Return who is asked for the heads of a log: all, or those who have yet to see its end."""
    if not is_closed:
        return list(witnesses)
    return [
        name
        for name in witnesses
        if (row := rows.get(name)) is not None and row.size is not None and row.size < newest
    ]


def _standing(witness: Witness, row: Row[Any] | None, now: int) -> Standing:
    if row is None:
        return Standing(witness.name, None, None, None, None)
    is_fresh = row.warned_at is not None and now - row.warned_at < WARNINGS_STAY
    return Standing(witness.name, row.size, row.time, row.error, row.warning if is_fresh else None)


def _asked_of(name: str, row: Row[Any] | None) -> Asked:
    if row is None:
        return Asked(name, None, 0, 0, 0)
    return Asked(name, row.target, row.asked_at, row.busy_until, row.failures)


def _head(row: Row[*tuple[Any, ...]] | None) -> Head | None:
    if row is None:
        return None
    return Head(Checkpoint(row.origin, row.size, bytes(row.root)), bytes(row.note))


def _add_missing(connection: Connection, year: int, names: Iterable[str]) -> None:
    add = _insert(connection, WitnessState).on_conflict_do_nothing()
    rows = [
        {"year": year, "name": name, "asked_at": 0, "busy_until": 0, "failures": 0}
        for name in sorted(names)
    ]
    connection.execute(add, rows)


def _update(connection: Connection, claim: Claim, values: dict[str, Any]) -> None:
    connection.execute(
        update(_STATE)
        .where(_STATE.c.year == claim.year, _STATE.c.name == claim.witness.verifier.name)
        .values(values)
    )


def _insert(connection: Connection, model: type[LogCosignature] | type[WitnessState]) -> Any:
    table = table_of(model)
    is_postgresql = connection.dialect.name == "postgresql"
    return postgresql.insert(table) if is_postgresql else sqlite.insert(table)


def _short(text: str | None) -> str | None:
    return None if text is None else text[:_LONGEST_TEXT]
