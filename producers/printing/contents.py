"""What is on labels: the codes of a lot or of a run, and the facts beside them."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from foodtrace.producers.labels import human_readable, lot_url
from foodtrace.producers.printing.texts import Facts, Said
from foodtrace.producers.services import get_lot
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import require
from foodtrace.trace.codes.models import CodeRun, UnitCode
from foodtrace.trace.errors import Conflict, Invalid, NotFound, Problem, mark
from foodtrace.trace.masterdata.models import Lot, Party, Product
from foodtrace.trace.masterdata.services import find_product
from foodtrace.trace.store.models import Item

_RUN = "run:"


@dataclass(frozen=True, slots=True)
class Subject:
    """What labels are for: a lot (`first` and `last` are 1), or positions of a run."""

    name: str
    first: int
    last: int

    @property
    def run_id(self) -> int | None:
        """The run, if it is one."""
        return int(self.name.removeprefix(_RUN)) if self.name.startswith(_RUN) else None

    @property
    def lot(self) -> str | None:
        """The canonical identifier of the lot, if it is one."""
        return None if self.name.startswith(_RUN) else self.name

    @property
    def codes(self) -> int:
        """How many different codes there are."""
        return self.last - self.first + 1


def lot_contents(session: Session, actor: Actor, canonical: str) -> tuple[Subject, Facts]:
    """Return what labels of a lot say. Raises NotFound where the actor may not see it."""
    return Subject(canonical, 1, 1), _facts_of_lot(
        session, get_lot(session, actor, canonical).canonical
    )


def run_contents(
    session: Session, actor: Actor, run_id: int, first: int, last: int | None
) -> tuple[Subject, Facts]:
    """Return what labels of codes of a run say; of their lot, where they have just one.

    Raises NotFound for another's run, Invalid for positions that it has not, and Conflict
    where a code among them is out of use.
    """
    run = session.get(CodeRun, run_id)
    require(actor, "lot.register")
    if run is None:
        raise NotFound()
    require(actor, "lot.register", owner=run.party_id)
    last = run.count if last is None else last
    if not 1 <= first <= last <= run.count:
        raise Invalid(
            Problem(
                "first",
                mark("The run has the codes 1 to %(count)s"),
                mark("Name the first and the last of them, in this order"),
                {"count": run.count},
            )
        )
    among = (UnitCode.run_id == run_id, UnitCode.position.between(first, last))
    ended = session.scalar(
        select(UnitCode.position)
        .where(*among, UnitCode.state.in_(("void", "lost")))
        .order_by(UnitCode.position)
        .limit(1)
    )
    if ended is not None:
        raise Conflict(
            Problem(
                "first",
                mark("Code %(position)s of the run is out of use"),
                mark("Print the codes before and after it"),
                {"position": ended},
            )
        )
    lots = session.scalars(select(UnitCode.lot).where(*among).distinct().limit(2)).all()
    subject = Subject(f"{_RUN}{run_id}", first, last)
    if len(lots) == 1 and lots[0] is not None:
        return subject, _facts_of_lot(session, lots[0])
    return subject, _facts_of(session, find_product(session, run.product), None)


def labels_of(session: Session, subject: Subject, base_url: str) -> list[Said]:
    """Return what the code of each label says, in order."""
    if subject.run_id is None:
        return [_said(subject.name, base_url)]
    codes = session.scalars(
        select(UnitCode.canonical)
        .where(
            UnitCode.run_id == subject.run_id,
            UnitCode.position.between(subject.first, subject.last),
        )
        .order_by(UnitCode.position)
    )
    return [_said(code, base_url) for code in codes]


def _said(canonical: str, base_url: str) -> Said:
    return Said(lot_url(base_url, canonical), human_readable(canonical))


def _facts_of_lot(session: Session, canonical: str) -> Facts:
    row = session.execute(
        select(Item, Lot).outerjoin(Lot, Lot.item_id == Item.id).where(Item.canonical == canonical)
    ).one()
    item, lot = row
    identifier = lot.product_identifier if lot else f"/01/{item.gtin}"
    product = session.scalar(select(Product).where(Product.identifier == identifier))
    return _facts_of(session, product, lot, item.lot)


def _facts_of(
    session: Session, product: Product | None, lot: Lot | None, number: str | None = None
) -> Facts:
    makers = [known.party_id for known in (lot, product) if known is not None]
    maker = session.get(Party, makers[0]) if makers else None
    production, expiry = (lot.production_date, lot.expiry_date) if lot else (None, None)
    return Facts(
        product_name=product.name if product else "食品",
        net_content=product.net_content if product else None,
        lot_number=(lot.lot_number if lot else None) or number,
        production_date=production.isoformat() if production else None,
        expiry_date=expiry.isoformat() if expiry else None,
        storage=product.storage if product else None,
        maker=maker.name if maker else None,
    )
