"""The one word on top of the page: what is known to be wrong, or that nothing is. Pure.

The first that holds wins. It never says "genuine": a code can be copied, so all that is
judged is the record which this code belongs to.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from foodtrace.consumer_web.journey import Journey
from foodtrace.inspections.findings import Certificate, Findings
from foodtrace.inspections.rules import Verdict as TestVerdict
from foodtrace.trace.chain.model import Chain, ChainItem, Hop

VOID_STEPS = frozenset({"decommissioning", "destroying"})
HOLD = frozenset({"non_conformant", "stolen"})
HOLD_PREFIX = "non_sellable"
# Goods on the road are no gap; goods that nobody confirms a week later are one.
LONGEST_ON_THE_ROAD = timedelta(days=7)


class Verdict(StrEnum):
    """What the page says first, gravest first."""

    RECALLED = "recalled"  # 召回
    VOID = "void"  # 已停用
    EXPIRED = "expired"  # 已过期
    UNKNOWN = "unknown"  # 查无此码
    FAILED = "failed"  # 检验不合格
    HOLD = "hold"  # 暂停销售
    INCOMPLETE = "incomplete"  # 记录不完整
    COMPLETE = "complete"  # 记录齐全且检验合格


class Gap(StrEnum):
    """Why a record is incomplete."""

    ORIGIN = "origin"  # nobody recorded how a lot of the chain was made
    CLAIMED = "claimed"  # a shipment that its recipient has not confirmed within a week
    MAKER = "maker"  # the maker is not registered
    PRODUCT = "product"  # the product is not registered
    UNTESTED = "untested"  # no valid test, neither of the lot nor of all that is in it


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, and for an incomplete record how often each gap occurs."""

    verdict: Verdict
    gaps: tuple[tuple[Gap, int], ...] = ()


def judge(
    chain: Chain, product: ChainItem, journey: Journey, findings: Findings, today: date
) -> Judgement:
    """Judge a record. `product` is the item that carries the label facts of the root."""
    expiry = expiry_of(product)
    if findings.open_recalls or _maker_says(chain, lambda hop: hop.disposition == "recalled"):
        return Judgement(Verdict.RECALLED)
    if _is_void(chain):
        return Judgement(Verdict.VOID)
    if expiry is not None and expiry < today:
        return Judgement(Verdict.EXPIRED)
    if any(_fails(certificate) for certificate in findings.certificates):
        return Judgement(Verdict.FAILED)
    if _maker_says(chain, _holds_back):
        return Judgement(Verdict.HOLD)
    gaps = tuple(_gaps(chain, product, journey, findings.certificates, today))
    return Judgement(Verdict.INCOMPLETE if gaps else Verdict.COMPLETE, gaps)


def expiry_of(item: ChainItem) -> date | None:
    """Return the last good day: as stated, else production date and shelf life."""
    if item.expiry_date is not None:
        return item.expiry_date
    if item.production_date is not None and item.shelf_life_days is not None:
        return item.production_date + timedelta(days=item.shelf_life_days)
    return None


def is_tested(chain: Chain, certificates: Iterable[Certificate], today: date) -> bool:
    """Tell whether a valid test covers the root: its own, or one of everything it is made of.

    A certificate that ran out still counts for an ingredient that had been used by then:
    what matters is that it was valid when the lot was made.
    """
    passed = _passed(certificates)
    parents = _parents(chain)
    queue = [(chain.root.id, today)]
    seen = {chain.root.id}
    found_one = False
    while queue:
        item_id, day = queue.pop()
        item = chain.items[item_id]
        if any(certificate.counts_on(day) for certificate in passed.get(item.canonical, ())):
            found_one = True
            continue
        if not parents[item_id]:
            return False
        used_on = item.made_at.date() if item.made_at else day
        queue.extend((parent, used_on) for parent in parents[item_id] - seen)
        seen |= parents[item_id]
    return found_one


def _passed(certificates: Iterable[Certificate]) -> dict[str, list[Certificate]]:
    """Return the certificates that say pass and stand, by lot."""
    passed: dict[str, list[Certificate]] = {}
    for certificate in certificates:
        if certificate.verdict is TestVerdict.PASS and certificate.withdrawn_at is None:
            passed.setdefault(certificate.lot, []).append(certificate)
    return passed


def _parents(chain: Chain) -> dict[int, set[int]]:
    """Return what each item is made of; a logistic unit, of what lay in it."""
    parents: dict[int, set[int]] = {item_id: set() for item_id in chain.items}
    for link in chain.links:
        if link.parent_id != link.child_id:
            parents[link.child_id].add(link.parent_id)
    parents[chain.root.id] |= chain.contents
    return parents


def _gaps(
    chain: Chain,
    product: ChainItem,
    journey: Journey,
    certificates: Iterable[Certificate],
    today: date,
) -> Iterable[tuple[Gap, int]]:
    if unmade := sum(leg.unmade for leg in journey.legs):
        yield Gap.ORIGIN, unmade
    overdue = today - LONGEST_ON_THE_ROAD
    if claimed := sum(step.claimed and step.at.date() < overdue for step in journey.steps):
        yield Gap.CLAIMED, claimed
    if product.kind != "logistic":
        if product.party is None or product.party.name is None:
            yield Gap.MAKER, 1
        if product.product_name is None:
            yield Gap.PRODUCT, 1
    if not is_tested(chain, certificates, today):
        yield Gap.UNTESTED, 1


def _fails(certificate: Certificate) -> bool:
    return certificate.verdict is TestVerdict.FAIL and certificate.withdrawn_at is None


def _is_void(chain: Chain) -> bool:
    """Tell whether the code itself was taken out of use, not only some of the goods.

    A whole lot only by its maker: others may destroy what they hold of it.
    """
    maker = chain.root.party
    for hop in chain.hops:
        if hop.declared or hop.biz_step not in VOID_STEPS or hop.action != "DELETE":
            continue
        if chain.root.kind == "lot" and not _is_said_by(hop, maker.id if maker else 0):
            continue
        for part in hop.parts:
            whole = part.amount is None or chain.root.kind in ("instance", "logistic")
            if part.item_id == chain.root.id and whole:
                return True
    return False


def _maker_says(chain: Chain, condition: Callable[[Hop], bool]) -> bool:
    """Tell whether the newest thing that its maker said of the root meets the condition.

    Others may say what they like of their own goods: it is no judgement of the lot.
    """
    maker = chain.root.party
    said = [
        hop
        for hop in chain.hops
        if hop.disposition and not hop.declared and _is_said_by(hop, maker.id if maker else 0)
        if any(part.item_id == chain.root.id for part in hop.parts)
    ]
    return bool(said) and condition(said[-1])


def _is_said_by(hop: Hop, party_id: int) -> bool:
    return hop.party is not None and hop.party.id == party_id


def _holds_back(hop: Hop) -> bool:
    disposition = hop.disposition or ""
    return disposition in HOLD or disposition.startswith(HOLD_PREFIX)
