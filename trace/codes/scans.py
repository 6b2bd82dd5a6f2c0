"""Looks at the pages of single things: counted, judged, shown to their producer, forgotten."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Insert, case, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_on_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import require
from foodtrace.trace.codes.circumstances import circumstances_of
from foodtrace.trace.codes.models import CodeRun, CodeWarning, Scan, ScanTotal, UnitCode
from foodtrace.trace.codes.queue import Scanned, is_same
from foodtrace.trace.codes.rules import SAME_LOOK, Finding, Kind, Look, find_copies, find_late
from foodtrace.trace.errors import NotFound
from foodtrace.trace.store.bulk import insert_rows
from foodtrace.trace.store.models import Base, Item
from foodtrace.trace.store.sets import among_ids, among_texts

KEPT = timedelta(days=30)
# What is read of one code to judge it: a code that was put on the Internet has millions.
MOST_JUDGED = 400
PORTION = 1000
MOST_WARNINGS = 200


@dataclass(frozen=True, slots=True)
class KnownCode:
    """A code that somebody made, whatever became of it."""

    canonical: str
    run_id: int
    position: int
    product: str
    lot: str | None
    state: str
    since: datetime
    reason: str | None
    party_id: int
    is_item: bool  # events name it, too


@dataclass(frozen=True, slots=True)
class Looks:
    """What is known of the looks at a code, all but those that are not written yet."""

    count: int = 0
    first_at: datetime | None = None
    warnings: frozenset[Kind] = frozenset()


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning as its producer reads it, with the provinces of the newest looks."""

    canonical: str
    lot: str | None
    run_id: int
    position: int
    kind: Kind
    since: datetime
    scans: int
    looked_at: datetime | None
    regions: tuple[str, ...]


def find_code(session: Session, canonical: str) -> KnownCode | None:
    """Return what is known of a code, or None where nobody made it."""
    found = find_looks(session, canonical)
    return None if found is None else found[0]


def find_looks(session: Session, canonical: str) -> tuple[KnownCode, Looks] | None:
    """Return a code and the looks at it, in one query; None where nobody made the code."""
    rows = session.execute(
        select(
            UnitCode.canonical, UnitCode.run_id, UnitCode.position, CodeRun.product, UnitCode.lot,
            UnitCode.state, UnitCode.since, UnitCode.reason, CodeRun.party_id,
            exists().where(Item.canonical == UnitCode.canonical),
            ScanTotal.count, ScanTotal.first_at, CodeWarning.kind,
        )
        .join(CodeRun, CodeRun.id == UnitCode.run_id)
        .outerjoin(ScanTotal, ScanTotal.canonical == UnitCode.canonical)
        .outerjoin(CodeWarning, CodeWarning.canonical == UnitCode.canonical)
        .where(UnitCode.canonical == canonical)
    ).all()  # fmt: skip
    if not rows:
        return None
    *facts, count, first_at, _ = rows[0]
    warnings = frozenset(Kind(row.kind) for row in rows if row.kind)
    return KnownCode(*facts), Looks(count or 0, first_at, warnings)


def is_repeat(session: Session, canonical: str, look: Look) -> bool:
    """Tell whether the same reader's look at a code within SAME_LOOK is written already."""
    same = exists().where(
        Scan.canonical == canonical,
        Scan.client == look.client,
        Scan.at > look.at - SAME_LOOK,
        Scan.at < look.at + SAME_LOOK,
    )
    return bool(session.scalar(select(same)))


def record_looks(session: Session, scanned: Sequence[Scanned]) -> int:
    """Write looks, and the warnings that follow from them; return how many looks counted.

    A reader's look again within SAME_LOOK, which another process saw, is left out.
    """
    fresh = _fresh(session, sorted(scanned, key=lambda each: each.look.at))
    insert_rows(
        session,
        Scan,
        [
            {"canonical": each.canonical, "at": each.look.at, "client": each.look.client,
             "region": each.look.region}
            for each in fresh
        ],
    )  # fmt: skip
    by_code: dict[str, list[Look]] = {}
    # In one order for all: processes that write the same codes wait, and never for each other.
    for each in sorted(fresh, key=lambda one: (one.canonical, one.look.at)):
        by_code.setdefault(each.canonical, []).append(each.look)
    if by_code:
        _add_totals(session, by_code)
        _warn(session, by_code)
    return len(fresh)


def forget_old(session: Session, now: datetime) -> bool:
    """Delete looks that are older than KEPT, a portion of them; tell whether there were any."""
    old = select(Scan.id).where(Scan.at < now - KEPT).order_by(Scan.at).limit(PORTION)
    ids = session.scalars(old).all()
    if ids:
        session.execute(delete(Scan).where(Scan.id.in_(among_ids(ids))))
    return bool(ids)


def list_warnings(
    session: Session, actor: Actor, *, run_id: int | None = None, unseen_only: bool = False
) -> list[Warned]:
    """Return the newest warnings of the codes that the actor's party made."""
    require(actor, "lot.register", owner=actor.party_id)
    query = (
        select(CodeWarning, UnitCode.lot, UnitCode.run_id, UnitCode.position)
        .join(UnitCode, UnitCode.canonical == CodeWarning.canonical)
        .join(CodeRun, CodeRun.id == UnitCode.run_id)
        .where(CodeRun.party_id == actor.party_id)
        .order_by(CodeWarning.since.desc(), CodeWarning.canonical, CodeWarning.kind)
        .limit(MOST_WARNINGS)
    )
    if run_id is not None:
        query = query.where(CodeRun.id == run_id)
    if unseen_only:
        query = query.where(CodeWarning.looked_at.is_(None))
    rows = session.execute(query).all()
    regions = _regions(session, {warning.canonical for warning, *_ in rows})
    return [
        Warned(
            warning.canonical, lot, run, position, Kind(warning.kind), warning.since,
            warning.scans, warning.looked_at, regions.get(warning.canonical, ()),
        )
        for warning, lot, run, position in rows
    ]  # fmt: skip


def mark_looked(session: Session, actor: Actor, *, canonical: str) -> None:
    """Note that the producer has looked at the warnings of a code. Raises NotFound."""
    require(actor, "lot.register")
    owner = session.scalar(
        select(CodeRun.party_id)
        .join(UnitCode, UnitCode.run_id == CodeRun.id)
        .where(UnitCode.canonical == canonical)
    )
    if owner is None:
        raise NotFound()
    require(actor, "lot.register", owner=owner)
    session.execute(
        update(CodeWarning)
        .where(CodeWarning.canonical == canonical, CodeWarning.looked_at.is_(None))
        .values(looked_at=datetime.now(UTC))
    )


def _fresh(session: Session, scanned: Sequence[Scanned]) -> list[Scanned]:
    """Return the looks that are not the same as one in the database, or as one before them."""
    if not scanned:
        return []
    names = among_texts({each.canonical for each in scanned})
    known: dict[tuple[str, bytes], list[Look]] = {}
    rows = session.execute(
        select(Scan.canonical, Scan.at, Scan.client).where(
            Scan.canonical.in_(names), Scan.at > scanned[0].look.at - SAME_LOOK
        )
    )
    for canonical, at, client in rows:
        known.setdefault((canonical, client), []).append(Look(at, client))
    fresh = []
    for each in scanned:
        before = known.setdefault((each.canonical, each.look.client), [])
        if not any(is_same(other, each.look) for other in before):
            before.append(each.look)
            fresh.append(each)
    return fresh


def _insert(session: Session, model: type[Base]) -> Any:
    """Return an INSERT of this database that knows what to do where a row is there already."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    return insert_on_sqlite(model) if is_sqlite else insert_on_postgresql(model)


def _add_totals(session: Session, by_code: dict[str, list[Look]]) -> None:
    statement = _insert(session, ScanTotal)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=["canonical"],
        set_={
            "count": ScanTotal.count + new.count,
            "first_at": case(
                (new.first_at < ScanTotal.first_at, new.first_at), else_=ScanTotal.first_at
            ),
        },
    )
    _execute_many(
        session,
        statement,
        [
            {"canonical": canonical, "count": len(looks), "first_at": looks[0].at}
            for canonical, looks in by_code.items()
        ],
    )


def _warn(session: Session, by_code: dict[str, list[Look]]) -> None:
    """Judge the codes that were just looked at, and write what was found."""
    totals = dict(
        session.execute(
            select(ScanTotal.canonical, ScanTotal.count).where(
                ScanTotal.canonical.in_(among_texts(by_code))
            )
        ).all()
    )
    newest = _newest(session, {name for name in by_code if totals.get(name, 0) > 1})
    circumstances = circumstances_of(session, by_code)
    rows = []
    for canonical, looks in by_code.items():
        found = find_copies(newest.get(canonical, looks), totals.get(canonical, len(looks)))
        for each in looks:
            late = find_late(each.at, circumstances[canonical]) if circumstances else []
            found.extend(Finding(kind, each.at) for kind in late)
        first = {finding.kind: finding.since for finding in reversed(found)}
        rows += [
            {"canonical": canonical, "kind": kind.value, "since": since,
             "scans": totals.get(canonical, len(looks))}
            for kind, since in first.items()
        ]  # fmt: skip
    if rows:
        statement = _insert(session, CodeWarning)
        statement = statement.on_conflict_do_update(
            index_elements=["canonical", "kind"], set_={"scans": statement.excluded.scans}
        )
        _execute_many(session, statement, rows)


def _execute_many(session: Session, statement: Insert, rows: list[dict[str, Any]]) -> None:
    # Through the connection: the ORM would put a RETURNING to it, row by row.
    session.connection().execute(statement, rows)


def _newest(session: Session, names: Collection[str]) -> dict[str, list[Look]]:
    """Return the newest looks at each of these codes, oldest first."""
    if not names:
        return {}
    number = func.row_number().over(
        partition_by=Scan.canonical, order_by=(Scan.at.desc(), Scan.id.desc())
    )
    ranked = (
        select(Scan.canonical, Scan.at, Scan.client, Scan.region, number.label("number"))
        .where(Scan.canonical.in_(among_texts(names)))
        .subquery()
    )
    rows = session.execute(
        select(ranked.c.canonical, ranked.c.at, ranked.c.client, ranked.c.region)
        .where(ranked.c.number <= MOST_JUDGED)
        .order_by(ranked.c.canonical, ranked.c.number.desc())
    )
    found: dict[str, list[Look]] = {}
    for canonical, at, client, region in rows:
        found.setdefault(canonical, []).append(Look(at, client, region))
    return found


def _regions(session: Session, names: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the provinces in which each of these codes was looked at lately, most looks first."""
    rows = session.execute(
        select(Scan.canonical, Scan.region)
        .where(Scan.canonical.in_(among_texts(names)), Scan.region.is_not(None))
        .group_by(Scan.canonical, Scan.region)
        .order_by(Scan.canonical, func.count().desc(), Scan.region)
    )
    found: dict[str, tuple[str, ...]] = {}
    for canonical, region in rows:
        found[canonical] = (*found.get(canonical, ()), region or "")
    return found
