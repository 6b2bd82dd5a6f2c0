"""The stage: the acts of the demonstration, each done by its organisation's own service call.

Days are counted back from the day the demonstration is made for, in China's time: every run
for the same day states the same events.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from foodtrace.consumer_web.demonstration.cast import FOODS, ORGS, SITES, Food, Org, Site
from foodtrace.inspections import services as inspections
from foodtrace.inspections.rules import CHINA, CertificateKind, Result
from foodtrace.producers import services as producers
from foodtrace.producers.events import Moved, Reading
from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.masterdata import services as masterdata

ROLES: dict[str, Role] = {
    "farm": Role.PRODUCER,
    "packer": Role.PRODUCER,
    "processor": Role.PRODUCER,
    "cold_store": Role.OPERATOR,
    "distributor": Role.OPERATOR,
    "shop": Role.OPERATOR,
    "laboratory": Role.LABORATORY,
    "authority": Role.REGULATOR,
}


@dataclass(frozen=True, slots=True)
class When:
    """So many days before the demonstration's day, at a time of day in China."""

    days_before: int
    clock: str = "08:00"


def kilograms(identifier: str, amount: int) -> Moved:
    """Some kilograms of a lot."""
    return Moved(identifier, Decimal(amount), "KGM")


def pieces(identifier: str, amount: int) -> Moved:
    """Some pieces (jars) of a lot."""
    return Moved(identifier, Decimal(amount))


class Stage:
    """A session, a day, and who and what was registered."""

    def __init__(self, session: Session, day: date) -> None:
        self.session = session
        self.day = day
        self.parties: dict[str, int] = {}
        self.places: dict[str, int] = {}
        self.products: dict[str, int] = {}

    def register_all(self) -> None:
        """Register every organisation, place and product."""
        for org in ORGS:
            self.parties[org.gln] = masterdata.register_party(
                self.session,
                SYSTEM,
                name=org.name,
                name_en=org.name_en,
                kind=org.kind,
                gln=org.gln,
                uscc=org.uscc,
                food_licence=org.food_licence,
                region=org.region,
                address=org.address,
                phone=org.phone,
            ).id
        for site in SITES:
            self.places[site.gln] = masterdata.register_place(
                self.session,
                SYSTEM,
                party_id=self.parties[site.owner.gln],
                name=site.name,
                name_en=site.name_en,
                gln=site.gln,
                region=site.region or site.owner.region,
                address=site.address or site.owner.address,
            ).id
        for food in FOODS:
            self._register_product(food)

    def _register_product(self, food: Food) -> None:
        self.products[food.name] = masterdata.register_product(
            self.session,
            self.actor(food.maker),
            party_id=self.parties[food.maker.gln],
            name=food.name,
            name_en=food.name_en,
            gtin=food.gtin,
            code=food.code,
            brand=food.brand,
            net_content=food.net_content,
            storage=food.storage,
            shelf_life_days=food.shelf_life_days,
            standard=food.standard,
            ingredients=food.ingredients,
            allergens=food.allergens,
        ).id

    def actor(self, org: Org) -> Actor:
        """Who acts for an organisation."""
        role = ROLES[org.kind]
        return Actor("demonstration", self.parties[org.gln], frozenset({role}))

    def date(self, days_before: int) -> date:
        """Return the day so many days before the demonstration's."""
        return self.day - timedelta(days=days_before)

    def at(self, when: When) -> datetime:
        """Return a moment of the story."""
        clock = time.fromisoformat(when.clock)
        return datetime.combine(self.date(when.days_before), clock, CHINA)

    def readings(self, start: When, hours: int, *celsius: str) -> list[Reading]:
        """Return temperatures measured every so many hours from a moment on."""
        first = self.at(start)
        return [
            Reading(first + timedelta(hours=hours * i), Decimal(value))
            for i, value in enumerate(celsius)
        ]

    def make(
        self,
        food: Food,
        site: Site,
        when: When,
        lot_number: str,
        amount: Decimal | int,
        uom: str | None = "KGM",
        *,
        inputs: Sequence[Moved] = (),
        origin: str | None = None,
        certificate_number: str | None = None,
        code: str | None = None,
    ) -> str:
        """Register a lot that its maker harvested, or made from others; return its identifier."""
        return producers.register_batch(
            self.session,
            self.actor(food.maker),
            product_id=self.products[food.name],
            place_id=self.places[site.gln],
            amount=Decimal(amount),
            uom=uom,
            made_at=self.at(when),
            production_date=self.date(when.days_before),
            lot_number=lot_number,
            origin=origin,
            certificate_number=certificate_number,
            inputs=inputs,
            code=code,
        ).identifier

    def send(
        self,
        items: Sequence[Moved],
        origin: Site,
        target: Site,
        when: When,
        number: str,
        readings: Sequence[Reading] = (),
    ) -> None:
        """Ship goods to another organisation, with a despatch advice of this number."""
        producers.ship(
            self.session,
            self.actor(origin.owner),
            items=items,
            place_id=self.places[origin.gln],
            recipient_id=self.parties[target.owner.gln],
            at=self.at(when),
            document=number,
            temperatures=readings,
        )

    def take_in(self, items: Sequence[Moved], origin: Site, target: Site, when: When) -> None:
        """Confirm that goods arrived from another organisation."""
        producers.receive(
            self.session,
            self.actor(target.owner),
            items=items,
            place_id=self.places[target.gln],
            sender_id=self.parties[origin.owner.gln],
            at=self.at(when),
        )

    def deliver(
        self,
        items: Sequence[Moved],
        origin: Site,
        target: Site,
        sent: When,
        arrived: When,
        number: str,
    ) -> None:
        """Ship goods to another organisation, which confirms that they arrived."""
        self.send(items, origin, target, sent, number)
        self.take_in(items, origin, target, arrived)

    def store(
        self,
        items: Sequence[Moved],
        site: Site,
        when: When,
        readings: Sequence[Reading],
        *,
        hidden: bool = False,
    ) -> None:
        """Keep goods in a store, with the temperatures measured there."""
        producers.record_temperatures(
            self.session,
            self.actor(site.owner),
            items=items,
            place_id=self.places[site.gln],
            at=self.at(when),
            readings=readings,
            hidden=hidden,
        )

    def pack(self, sscc: str, contents: Sequence[Moved], site: Site, when: When) -> Moved:
        """Put things into a carton or on a pallet with this SSCC."""
        producers.pack(
            self.session,
            self.actor(site.owner),
            sscc=sscc,
            contents=contents,
            place_id=self.places[site.gln],
            at=self.at(when),
        )
        return Moved(f"/00/{sscc}")

    def unpack(self, sscc: str, contents: Sequence[Moved], site: Site, when: When) -> None:
        """Take things out of a carton or off a pallet; without any, all."""
        producers.unpack(
            self.session,
            self.actor(site.owner),
            sscc=sscc,
            contents=contents,
            place_id=self.places[site.gln],
            at=self.at(when),
        )

    def sell(self, items: Sequence[Moved], site: Site, when: When) -> None:
        """Sell goods to consumers."""
        producers.sell(
            self.session,
            self.actor(site.owner),
            items=items,
            place_id=self.places[site.gln],
            at=self.at(when),
        )

    def certify(
        self,
        laboratory: Org,
        kind: CertificateKind,
        number: str,
        lot: str,
        sampled: int,
        results: Sequence[Result],
        *,
        sampled_at: Site,
        sampled_by: str | None = None,
    ) -> None:
        """Issue a certificate three days after the sample was taken."""
        inspections.issue_certificate(
            self.session,
            self.actor(laboratory),
            number=number,
            lot=lot,
            kind=kind,
            sampled_on=self.date(sampled),
            issued_on=self.date(sampled - 3),
            results=results,
            sampled_at=sampled_at.name,
            sampled_by=sampled_by,
        )
