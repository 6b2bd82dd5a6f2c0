"""What one can do with codes on single things: make runs, give rolls to lots, end codes.

Each act is a statement. Who registers lots does this, for the own party only: a run, its
lot and its product have one owner.
"""

import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import require
from foodtrace.trace.capture.services import record_statement
from foodtrace.trace.codes.models import CodeRun, UnitCode
from foodtrace.trace.codes.projections import ACTIVATION, ACTIVE, END, RUN, WAITING, canonical_of
from foodtrace.trace.errors import Conflict, Invalid, NotFound, Problem, mark
from foodtrace.trace.gs1.public_code import new_code
from foodtrace.trace.gs1.scanning import read_code
from foodtrace.trace.masterdata.models import Lot
from foodtrace.trace.masterdata.rules import check_text
from foodtrace.trace.masterdata.services import find_product
from foodtrace.trace.store.models import Item

LARGEST_RUN = 20_000
LONGEST_TEXT = 200
PAGE = 50
# 64 signs that stand in an address as they are. AI 21 holds 20 of them: 120 random bits.
ALPHABET = string.ascii_letters + string.digits + "-_"
SERIAL_LENGTH = 20
RANDOM_BYTES = 15
VOID, LOST = "void", "lost"
ENDED = (VOID, LOST)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Codes of one run that follow one another and are in the same state, of the same lot."""

    first: int
    last: int
    state: str
    lot: str | None
    since: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """A run with its stretches, in order."""

    run: CodeRun
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class RunList:
    """One page of runs, newest first, and the cursor of the next page if there is one."""

    runs: tuple[CodeRun, ...]
    next: int | None


def make_run(
    session: Session,
    actor: Actor,
    *,
    product: str,
    lot: str | None = None,
    count: int,
    note: str | None = None,
) -> CodeRun:
    """Make codes for single things of a product; without a lot they wait to be activated.

    `product` and `lot` are of the actor's party, in any form in which a code is read.
    Raises Invalid where they are not, or where `count` is not 1 to LARGEST_RUN.
    """
    require(actor, "lot.register", owner=actor.party_id)
    if not 1 <= count <= LARGEST_RUN:
        raise Invalid(
            Problem(
                "count",
                mark("A run has 1 to %(most)s codes"),
                mark("Make several runs"),
                {"most": LARGEST_RUN},
            )
        )
    product = _identifier("product", product)
    found = find_product(session, product)
    if found is None or found.party_id != actor.party_id:
        raise Invalid(
            Problem(
                "product",
                mark("You have no such product"),
                mark("Choose one of your products, or register it first"),
            )
        )
    if lot is not None:
        lot = _own_lot(session, actor, lot, product)
    codes = [_new_code(product) for _ in range(count)]
    body = {"product": product, "lot": lot, "note": _text("note", note), "codes": codes}
    return session.get_one(CodeRun, record_statement(session, actor, RUN, body))


def activate(
    session: Session, actor: Actor, *, run_id: int, first: str, last: str, lot: str
) -> Stretch:
    """Give a lot the codes of a roll from the first to the last that was scanned.

    Twice is the same as once. Raises Conflict, naming the code, when the two are not of the
    run or in the wrong order, or when one between them is in use or out of use already.
    """
    run = _locked(session, actor, run_id)
    lot = _own_lot(session, actor, lot, run.product)
    begin, end = _positions(session, run, first, last)
    stretches = _stretches(session, run.id, begin, end)
    if not all(each.state == ACTIVE and each.lot == lot for each in stretches):
        for each in stretches:
            if each.state != WAITING:
                raise _taken(session, run, each, mark("Code %(code)s is of a lot already"))
        body = {"run": run.id, "first": begin, "last": end, "lot": lot}
        record_statement(session, actor, ACTIVATION, body)
    return replace(_stretches(session, run.id, begin, end)[0], last=end)


def end_codes(
    session: Session,
    actor: Actor,
    *,
    run_id: int,
    first: str,
    last: str,
    state: str,
    reason: str | None = None,
) -> Stretch:
    """Take codes out of use for ever: void (spoilt, not used) or lost (out of one's hands).

    Twice is the same as once. Raises Conflict, naming the code, when one of them is out of
    use in the other way already.
    """
    if state not in ENDED:
        raise Invalid(
            Problem("state", mark("Codes become void or lost"), mark("Choose one of the two"))
        )
    run = _locked(session, actor, run_id)
    reason = _text("reason", reason)
    begin, end = _positions(session, run, first, last)
    stretches = _stretches(session, run.id, begin, end)
    if not all(each.state == state for each in stretches):
        for each in stretches:
            if each.state in ENDED:
                raise _taken(session, run, each, mark("Code %(code)s is out of use already"))
        body = {"run": run.id, "first": begin, "last": end, "state": state, "reason": reason}
        record_statement(session, actor, END, body)
    return replace(_stretches(session, run.id, begin, end)[0], last=end)


def list_runs(session: Session, actor: Actor, *, after: int | None = None) -> RunList:
    """Return the runs of the actor's party, newest first, PAGE at a time."""
    require(actor, "lot.register", owner=actor.party_id)
    query = select(CodeRun).where(CodeRun.party_id == actor.party_id)
    if after is not None:
        query = query.where(CodeRun.id < after)
    runs = session.scalars(query.order_by(CodeRun.id.desc()).limit(PAGE + 1)).all()
    return RunList(tuple(runs[:PAGE]), runs[PAGE - 1].id if len(runs) > PAGE else None)


def get_run(session: Session, actor: Actor, run_id: int) -> RunPage:
    """Return a run of the actor's party with the state of its codes. Raises NotFound."""
    run = _own(actor, session.get(CodeRun, run_id))
    return RunPage(run, tuple(_stretches(session, run.id, 1, run.count)))


def run_of_code(session: Session, actor: Actor, code: str, field: str = "first") -> int:
    """Return the run of a code that was scanned. Raises Invalid where it is of no own run."""
    own = CodeRun.party_id == actor.party_id
    if _is_serial(code):
        products = session.scalars(select(CodeRun.product).where(own).distinct())
        names = [canonical_of(product, code.strip()) for product in products]
    else:
        names = [_identifier(field, code)]
    found = session.execute(
        select(CodeRun.id)
        .join(UnitCode, UnitCode.run_id == CodeRun.id)
        .where(UnitCode.canonical.in_(names), own)
    ).scalar()
    if found is None:
        raise Invalid(
            Problem(
                field,
                mark("Code %(code)s is not of a roll of yours"),
                mark("Scan the code again; a lot's code or another's is none of these"),
                {"code": _short(code)},
            )
        )
    return found


def codes_of_run(
    session: Session, actor: Actor, run_id: int, *, first: int = 1, last: int | None = None
) -> list[str]:
    """Return the canonical identifiers of codes of a run, in order. Raises NotFound."""
    run = _own(actor, session.get(CodeRun, run_id))
    return list(
        session.scalars(
            select(UnitCode.canonical)
            .where(
                UnitCode.run_id == run.id,
                UnitCode.position.between(first, run.count if last is None else last),
            )
            .order_by(UnitCode.position)
        )
    )


def counts_of(session: Session, runs: Sequence[CodeRun]) -> Mapping[int, Mapping[str, int]]:
    """Return how many codes of each run are in which state."""
    found: dict[int, dict[str, int]] = {run.id: {} for run in runs}
    rows = session.execute(
        select(UnitCode.run_id, UnitCode.state, func.count())
        .where(UnitCode.run_id.in_(found))
        .group_by(UnitCode.run_id, UnitCode.state)
    )
    for run_id, state, count in rows:
        found[run_id][state] = count
    return found


def _own(actor: Actor, run: CodeRun | None) -> CodeRun:
    require(actor, "lot.register")
    if run is None:
        raise NotFound()
    require(actor, "lot.register", owner=run.party_id)
    return run


def _locked(session: Session, actor: Actor, run_id: int) -> CodeRun:
    """Return a run of the actor's, kept from others until the end of the transaction."""
    query = select(CodeRun).where(CodeRun.id == run_id).with_for_update()
    return _own(actor, session.scalars(query).one_or_none())


def _own_lot(session: Session, actor: Actor, lot: str, product: str) -> str:
    """Return the canonical form of a lot of this product that the actor's party made."""
    canonical = _identifier("lot", lot)
    found = session.execute(
        select(Lot.product_identifier, Lot.party_id)
        .join(Item, Item.id == Lot.item_id)
        .where(Item.canonical == canonical)
    ).one_or_none()
    if found is None or found.party_id != actor.party_id:
        raise Invalid(
            Problem("lot", mark("You have no such lot"), mark("Choose one of the lots you made"))
        )
    if found.product_identifier != product:
        raise Conflict(
            Problem(
                "lot",
                mark("The lot is of another product than the codes"),
                mark("Choose a lot of the product that the codes were made for"),
            )
        )
    return canonical


def _positions(session: Session, run: CodeRun, first: str, last: str) -> tuple[int, int]:
    begin, end = _position(session, run, "first", first), _position(session, run, "last", last)
    if begin > end:
        raise Conflict(
            Problem(
                "last",
                mark("Code %(code)s comes before the first one on its roll"),
                mark("Scan the other end of the stretch first"),
                {"code": _short(last)},
            )
        )
    return begin, end


def _position(session: Session, run: CodeRun, field: str, code: str) -> int:
    if _is_serial(code):
        canonical = canonical_of(run.product, code.strip())
    else:
        canonical = _identifier(field, code)
    position = session.scalar(
        select(UnitCode.position).where(UnitCode.canonical == canonical, UnitCode.run_id == run.id)
    )
    if position is None:
        raise Conflict(
            Problem(
                field,
                mark("Code %(code)s is not of this run"),
                mark("Scan two codes of one roll"),
                {"code": _short(canonical)},
            )
        )
    return position


def _stretches(session: Session, run_id: int, first: int, last: int) -> list[Stretch]:
    """Return what the codes from one position to another are, by stretches."""
    rows = session.execute(
        select(UnitCode.position, UnitCode.state, UnitCode.lot, UnitCode.since, UnitCode.reason)
        .where(UnitCode.run_id == run_id, UnitCode.position.between(first, last))
        .order_by(UnitCode.position)
    )
    found = []
    for facts, alike in groupby(rows, key=itemgetter(1, 2, 3, 4)):
        positions = [row.position for row in alike]
        found.append(Stretch(positions[0], positions[-1], *facts))
    return found


def _taken(session: Session, run: CodeRun, stretch: Stretch, rule: str) -> Conflict:
    """Return the refusal that names the first code of a stretch."""
    if stretch.state in ENDED:
        rule = mark("Code %(code)s is out of use already")
    code = session.scalar(
        select(UnitCode.canonical).where(
            UnitCode.run_id == run.id, UnitCode.position == stretch.first
        )
    )
    return Conflict(
        Problem(
            "first",
            rule,
            mark("Scan a stretch without it; it is number %(position)s of its run"),
            {"code": _short(code or ""), "position": stretch.first},
        )
    )


def _identifier(field: str, text: str) -> str:
    try:
        return read_code(text).canonical
    except Invalid as refusal:
        raise Invalid(
            *(Problem(field, each.rule, each.fix, each.values) for each in refusal.problems)
        ) from None


def _is_serial(text: str) -> bool:
    """Tell whether somebody typed the serial that is printed beside a code, and nothing else."""
    return len(text.strip()) == SERIAL_LENGTH and set(ALPHABET).issuperset(text.strip())


def _short(code: str) -> str:
    """Return what is printed beside a code: the serial, or our own code."""
    return code.strip().rpartition("/")[2]


def _text(field: str, text: str | None) -> str | None:
    kept = (text or "").strip()
    check_text(field, kept, LONGEST_TEXT)
    return kept or None


def _new_code(product: str) -> str:
    if not product.startswith("/01/"):
        return new_code()
    return secrets.token_urlsafe(RANDOM_BYTES)
