"""The story of one code: chain, certificates and recalls put together for one page.

Four queries, whatever the size of the chain: three for the chain, one for the findings.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy.orm import Session

from foodtrace.consumer_web.journey import Journey, journey_of, visible_items
from foodtrace.consumer_web.verdict import Gap, Judgement, Verdict, expiry_of, judge
from foodtrace.inspections.findings import Certificate, Findings, Recall
from foodtrace.inspections.rules import Verdict as TestVerdict
from foodtrace.inspections.services import findings_of, list_recalls
from foodtrace.trace.chain import services as chains
from foodtrace.trace.chain.model import Chain, ChainItem, Hop, PartyFacts
from foodtrace.trace.gs1.model import Identifier
from foodtrace.trace.issuers.signers import signature_marks
from foodtrace.trace.links.services import marks_of
from foodtrace.trace.masterdata.models import Party, Product
from foodtrace.trace.masterdata.services import find_party, find_product


class Recalled(NamedTuple):
    """A recall, and the lot that it names: the scanned one, or something that is in it."""

    recall: Recall
    item: ChainItem
    is_own: bool


class Tested(NamedTuple):
    """A certificate, and the lot that was tested."""

    certificate: Certificate
    item: ChainItem
    is_own: bool
    counts: bool  # neither withdrawn nor past its date


@dataclass(frozen=True, slots=True)
class AboutProduct:
    """What is known of a product, whatever its lot."""

    identifier: str
    label: Product
    maker: Party | None
    recalls: tuple[Recalled, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """All that the page shows. `product` carries the label facts of the scanned `item`."""

    item: ChainItem
    product: ChainItem
    expiry: date | None
    judgement: Judgement
    recalls: tuple[Recalled, ...]
    past_recalls: tuple[Recalled, ...]
    tests: tuple[Tested, ...]
    journey: Journey
    contents: tuple[ChainItem, ...]
    making: Hop | None  # what put the scanned lot on record
    parties: tuple[PartyFacts, ...]
    as_of: datetime | None  # when the newest fact of this page was recorded

    @property
    def verdict(self) -> Verdict:
        """What the page says first."""
        return self.judgement.verdict

    @property
    def valid_tests(self) -> tuple[Tested, ...]:
        """The tests that were passed and stand."""
        return tuple(
            tested
            for tested in self.tests
            if tested.counts and tested.certificate.verdict is TestVerdict.PASS
        )

    @property
    def failed_tests(self) -> tuple[Tested, ...]:
        """The tests that were failed, unless their certificate is withdrawn."""
        return tuple(
            tested
            for tested in self.tests
            if tested.certificate.verdict is TestVerdict.FAIL
            and tested.certificate.withdrawn_at is None
        )

    @property
    def hidden_steps(self) -> int:
        """How many steps of the journey their parties hide."""
        return sum(step.hop.hidden for step in self.journey.steps)

    @property
    def has_gap(self) -> dict[Gap, int]:
        """The gaps of the record, and how often each occurs."""
        return dict(self.judgement.gaps)


def tell(session: Session, canonical: str, today: date) -> Story | None:
    """Return the story of an item, or None where nothing is recorded of it."""
    chain = chains.trace_back(session, canonical)
    names = [chain.items[item_id].canonical for item_id in sorted(chain.nodes)] if chain else []
    findings = findings_of(session, names)
    if chain is None or not (chain.hops or findings.recalls):
        return None  # unknown, or only ever named beside something else: the same work for both
    return story_of(chain, findings, today)


def fingerprint(session: Session, canonical: str) -> str | None:
    """Return a text that differs whenever the page of this item may differ, but for its date.

    None where nothing is recorded of the item.
    """
    found = chains.fingerprint(session, canonical)
    names = found.canonicals if found else ()
    # Names of laboratories, links of products and signatures of certificates included.
    findings = findings_of(session, names)
    certified = [each.id for each in findings.certificates]
    signed = signature_marks(session, certified) if certified else []
    said = repr((findings, marks_of(session, names), signed))
    return f"{found.text} {sha256(said.encode()).hexdigest()}" if found else None


def about_product(session: Session, identifier: Identifier) -> AboutProduct | None:
    """Return what is known of the product that a code belongs to, or None."""
    name = f"/01/{identifier.gtin}" if identifier.gtin else identifier.canonical
    product = find_product(session, name)
    if product is None:
        return None
    return AboutProduct(
        product.identifier,
        product,
        find_party(session, party_id=product.party_id),
        tuple(one for one in recalls_of(session) if one.item.product_identifier == name),
    )


def recalls_of(session: Session) -> list[Recalled]:
    """Return the open recalls, newest first, with what is known of the lots they name."""
    found = list_recalls(session, open_only=True)
    items = chains.items_named(session, [recall.lot for recall in found])
    unknown = ChainItem(id=0, canonical="", kind="lot")
    return [Recalled(recall, items.get(recall.lot, unknown), True) for recall in found]


def story_of(chain: Chain, findings: Findings, today: date) -> Story:
    """Put the parts together. Pure."""
    journey = journey_of(chain)
    product = _product_of(chain)
    by_name = {item.canonical: item for item in chain.items.values()}
    visible = {chain.items[item_id].canonical for item_id in visible_items(chain)}
    own = {chain.root.canonical, product.canonical}
    recalled = [
        Recalled(recall, by_name[recall.lot], recall.lot in own) for recall in findings.recalls
    ]
    # What is over, of something that only a hidden step used, is nobody's business.
    past = tuple(one for one in recalled if not one.recall.is_open and one.recall.lot in visible)
    present = [one for one in recalled if one.recall.is_open]
    present.sort(key=lambda one: (one.recall.recall_class, not one.is_own, -one.recall.id))
    tests = tuple(
        Tested(one, by_name[one.lot], one.lot in own, one.counts_on(today))
        for one in sorted(findings.certificates, key=lambda c: (c.lot not in own, -c.id))
        if one.lot in visible
    )
    return Story(
        item=chain.root,
        product=product,
        expiry=expiry_of(product),
        judgement=judge(chain, product, journey, findings, today),
        recalls=tuple(present),
        past_recalls=past,
        tests=tests,
        journey=journey,
        contents=tuple(chain.items[item_id] for item_id in sorted(chain.contents)),
        making=_making(chain, product),
        parties=_parties(journey),
        as_of=max(_record_times(journey, (*present, *past), tests), default=None),
    )


def _product_of(chain: Chain) -> ChainItem:
    """Return the item that carries the label facts: of an instance, its lot."""
    root = chain.root
    if root.made_at is None or root.production_date is None:
        for link in chain.links:
            if link.child_id == root.id and link.kind == "member":
                return chain.items[link.parent_id]
    return root


def _making(chain: Chain, product: ChainItem) -> Hop | None:
    """Return the first hop of the lot that is not declared wrong."""
    for hop in chain.hops:
        if not hop.declared and any(part.item_id == product.id for part in hop.parts):
            return hop
    return None


def _parties(journey: Journey) -> tuple[PartyFacts, ...]:
    """Return everybody who took part, in the order of the journey."""
    found: dict[str, PartyFacts] = {}
    for step in journey.steps:
        hop = step.hop
        for party in (hop.party, None if hop.hidden else hop.destination):
            if party is not None and not hop.declared:
                found.setdefault(party.identifier, party)
    return tuple(found.values())


def _record_times(
    journey: Journey, recalled: Iterable[Recalled], tests: Iterable[Tested]
) -> Iterable[datetime]:
    """Yield when each fact of the page was recorded: of what it leaves out, nothing."""
    yield from (step.recorded_at for step in journey.steps)
    for tested in tests:
        yield tested.certificate.recorded_at
        if tested.certificate.withdrawn_at is not None:
            yield tested.certificate.withdrawn_at
    for one in recalled:
        yield one.recall.opened_at
        if one.recall.ended_at is not None:
            yield one.recall.ended_at
