"""Where statements stand in the log, and who has seen them there: for the pages, one query."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, CompoundSelect, literal_column, null, select, true
from sqlalchemy.orm import Session

from foodtrace.trace.log.models import Leaf, LogCheckpoint, LogCosignature, LogState
from foodtrace.trace.log.policies import Policy
from foodtrace.trace.store.bulk import table_of
from foodtrace.trace.store.sets import id_rows, text_rows

_LEAF, _LOG = table_of(Leaf).c, table_of(LogState).c
_HEAD, _LINE = table_of(LogCheckpoint).c, table_of(LogCosignature).c


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a statement in the log of a year.

    `witnesses` are the names, in the policy, of those who have cosigned a head that covers it;
    `is_witnessed` says that they are as many as the policy asks for.
    """

    year: int
    index: int
    at: datetime
    is_published: bool = False  # a signed head covers it
    witnesses: tuple[str, ...] = ()
    is_witnessed: bool = False

    @property
    def number(self) -> str:
        """What people call it by.

        >>> Place(2026, 17, datetime(2026, 11, 2, tzinfo=UTC)).number
        '2026/17'
        """
        return f"{self.year}/{self.index}"


@dataclass(frozen=True, slots=True)
class Places:
    """The places of some statements by their ids; those that have none yet are not in it.

    `witnesses` names all whom the policy knows.
    """

    by_id: Mapping[int, Place]
    wanted: int
    witnesses: tuple[str, ...] = ()

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing more will be said of these statements than is said now."""
        everybody = len(self.witnesses)
        return len(self.by_id) == self.wanted and all(
            place.is_published and len(place.witnesses) == everybody
            for place in self.by_id.values()
        )


def _reading() -> CompoundSelect[*tuple[Any, ...]]:
    """Return rows: leaves, the newest head of each log, how far each witness has come."""
    ids, names = id_rows("ids"), text_rows("names")
    leaves = select(
        literal_column("'leaf'"), _LEAF.year, _LEAF.statement_id, _LEAF.idx, _LEAF.time, null()
    ).join_from(ids, table_of(Leaf), _LEAF.statement_id == ids.c.id)
    newest = (
        select(_HEAD.size)
        .where(_HEAD.year == _LOG.year)
        .order_by(_HEAD.size.desc())
        .limit(1)
        .scalar_subquery()
    )
    zero = literal_column("0", BigInteger)
    heads = select(literal_column("'head'"), _LOG.year, zero, newest, zero, null())
    seen = (
        select(_LINE.size)
        .where(_LINE.year == _LOG.year, _LINE.witness == names.c.id)
        .order_by(_LINE.size.desc())
        .limit(1)
        .scalar_subquery()
    )
    lines = select(literal_column("'seen'"), _LOG.year, zero, seen, zero, names.c.id).join_from(
        names, table_of(LogState), true()
    )
    return leaves.union_all(heads, lines)


_READING = _reading()


def places_of(session: Session, ids: Collection[int], policy: Policy | None) -> Places:
    """Return where these statements stand, and who of a policy's witnesses has seen them."""
    witnesses = policy.witnesses if policy else ()
    names = {each.verifier.name: shown_name(each.name) for each in witnesses}
    rows = session.connection().execute(_READING, {"ids": ids, "names": list(names)}).all()
    published = {row[1]: row[3] or 0 for row in rows if row[0] == "head"}
    seen: dict[int, list[tuple[str, int]]] = {}
    for row in rows:
        if row[0] == "seen":
            seen.setdefault(row[1], []).append((row[5], row[3] or 0))
    found = {}
    for _, year, statement_id, index, time, _ in (row for row in rows if row[0] == "leaf"):
        who = {name for name, size in seen.get(year, ()) if size > index}
        met = policy is not None and policy.is_met(
            [each.name for each in witnesses if each.verifier.name in who]
        )
        found[statement_id] = Place(
            year,
            index,
            datetime.fromtimestamp(time // 1000, UTC),
            is_published=published.get(year, 0) > index,
            witnesses=tuple(sorted(names[name] for name in who)),
            is_witnessed=met and bool(who),
        )
    return Places(found, len(set(ids)), tuple(names.values()))


def shown_name(name: str) -> str:
    """Return a name of a policy, which may be any octets, as a text.

    >>> shown_name("regulator")
    'regulator'
    """
    return name.encode(errors="surrogateescape").decode(errors="replace")
