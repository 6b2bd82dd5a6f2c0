"""The machine view: the facts of a page as JSON-LD, in the words of schema.org and GS1. Pure.

Nothing is here that the page does not show; it says nothing in one language only, so the
bytes are the same for all.
"""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from foodtrace.trace.gs1.model import GS1_ROOT

if TYPE_CHECKING:
    from foodtrace.consumer_web.story import AboutProduct, Recalled, Story, Tested
    from foodtrace.trace.chain.model import ChainItem, Hop, PartyFacts
    from foodtrace.trace.masterdata.models import Party, Place, Product

CONTEXT = [
    "https://schema.org/",
    {"gs1": "https://gs1.org/voc/", "foodtrace": "https://foodtrace.example/ns/"},
]
EPCIS_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
# Events that say of one thing what happened to it, without naming what else took part.
_TOLD = frozenset({"ObjectEvent", "TransformationEvent"})
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_PRODUCT = ["Product", "gs1:FoodBeverageTobaccoProduct"]


def of_story(story: "Story", url: str) -> dict[str, Any]:
    """Return the facts of a lot, a piece or a logistic unit."""
    item, lot = story.item, story.product
    about = {
        "@context": CONTEXT,
        "@id": url,
        "url": url,
        **(_unit(story) if item.kind == "logistic" else _lot(story)),
        "foodtrace:verdict": story.verdict.value,
        "foodtrace:recall": [_recall(one) for one in story.recalls],
        "hasCertification": [_certificate(one) for one in story.tests],
        "dateModified": story.as_of.isoformat() if story.as_of else None,
    }
    if lot.gtin and item.kind != "logistic":
        about["gtin"] = lot.gtin
    return _without_nothing(about)


def of_product(about: "AboutProduct", url: str) -> dict[str, Any]:
    """Return the facts of a product, whatever its lot."""
    return _without_nothing(
        {
            "@context": CONTEXT,
            "@id": url,
            "url": url,
            "@type": _PRODUCT,
            **_label(about.label),
            "gtin": about.identifier[4:] if about.identifier.startswith("/01/") else None,
            "manufacturer": _organisation(about.maker),
            "foodtrace:recall": [_recall(one) for one in about.recalls],
        }
    )


def of_place(place: "Place", party: "Party | None", url: str) -> dict[str, Any]:
    """Return what is public of a place: what it is called, in which region, and whose it is."""
    return _without_nothing(
        {
            "@context": CONTEXT,
            "@id": url,
            "url": url,
            "@type": "Place",
            "name": _names(place.name, place.name_en),
            "address": place.region,
            "globalLocationNumber": place.identifier.split("/")[2],
            # Only who it is: where else that organisation is, is on its own page.
            "foodtrace:party": {
                "@type": "Organization",
                "name": _names(party.name, party.name_en),
            }
            if party
            else None,
        }
    )


def of_party(party: "Party", url: str) -> dict[str, Any]:
    """Return what is public of an organisation."""
    return _without_nothing(
        {"@context": CONTEXT, "@id": url, "url": url, **(_organisation(party) or {})}
    )


def events_of(story: "Story", base_url: str) -> dict[str, Any]:
    """Return the thing's own steps as an EPCIS document, redacted to what the page shows.

    Left out are amounts, exact places, partners, all that others put in or took out, and the
    eventID: these are no longer the events as they were captured.
    """
    events = [
        _event(hop, item, base_url)
        for hop in (step.hop for step in story.journey.steps)
        if hop.type in _TOLD and not hop.hidden and not hop.declared
        for item in _named(hop, story)
    ]
    return {
        "@context": [EPCIS_CONTEXT],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": (story.as_of or _NEVER).isoformat(),
        "epcisBody": {"eventList": events},
    }


def dumped(value: Any) -> str:
    """Return JSON that can stand inside of an HTML element: no sign in it ends one."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _lot(story: "Story") -> dict[str, Any]:
    item, lot = story.item, story.product
    return {
        "@type": _PRODUCT,
        "name": _names(lot.product_name, lot.product_name_en),
        **_label(lot),
        "gs1:hasBatchLotNumber": lot.lot_number or lot.lot,
        "serialNumber": item.serial,
        "productionDate": _day(lot.production_date),
        "gs1:expirationDate": _day(story.expiry),
        "gs1:provenanceStatement": lot.origin,
        "foodtrace:certificateNumber": lot.certificate_number,
        "manufacturer": _organisation(lot.party),
    }


def _unit(story: "Story") -> dict[str, Any]:
    return {
        "@type": "gs1:LogisticUnit",
        "identifier": story.item.canonical.rpartition("/")[2],
        "foodtrace:contains": [
            _without_nothing(
                {"name": _names(one.product_name, one.product_name_en), "identifier": _called(one)}
            )
            for one in story.contents
        ],
    }


def _called(item: "ChainItem") -> str:
    return item.serial or item.lot_number or item.lot or item.canonical.rpartition("/")[2]


def _label(label: "Product | ChainItem") -> dict[str, Any]:
    """Return what the label says; of a product its names too."""
    names = getattr(label, "name", None), getattr(label, "name_en", None)
    return {
        **({"name": _names(*names)} if any(names) else {}),
        "brand": {"@type": "Brand", "name": label.brand} if label.brand else None,
        "size": label.net_content,
        "gs1:consumerStorageInstructions": label.storage,
        "gs1:ingredientStatement": label.ingredients,
        "gs1:allergenStatement": label.allergens,
        "foodtrace:standard": label.standard,
    }


def _organisation(party: "Party | PartyFacts | None") -> dict[str, Any] | None:
    if party is None or not party.name:
        return None
    return _without_nothing(
        {
            "@type": "Organization",
            "name": _names(party.name, party.name_en),
            "address": party.address or party.region,
            "foodtrace:foodLicence": party.food_licence,
        }
    )


def _certificate(tested: "Tested") -> dict[str, Any]:
    certificate = tested.certificate
    holds = tested.counts
    return _without_nothing(
        {
            "@type": "Certification",
            "certificationIdentification": certificate.number,
            "certificationStatus": f"Certification{'Active' if holds else 'Inactive'}",
            "issuedBy": {
                "@type": "Organization",
                "name": _names(certificate.laboratory, certificate.laboratory_en),
            },
            "validFrom": _day(certificate.issued_on),
            "expires": _day(certificate.valid_until),
            "foodtrace:result": certificate.verdict.value,
            "foodtrace:lot": _called(tested.item),
        }
    )


def _recall(one: "Recalled") -> dict[str, Any]:
    recall = one.recall
    return _without_nothing(
        {
            "foodtrace:lot": _called(one.item),
            "foodtrace:recallClass": recall.recall_class,
            "foodtrace:reason": _names(recall.reason, recall.reason_en),
            "foodtrace:hazard": _names(recall.hazard, recall.hazard_en),
            "foodtrace:advice": _names(recall.advice, recall.advice_en),
            "foodtrace:openedAt": recall.opened_at.isoformat(),
            "foodtrace:contact": recall.contact,
        }
    )


def _named(hop: "Hop", story: "Story") -> "list[ChainItem]":
    """Return the thing if the hop names it, else its lot if the hop names that."""
    parts = {part.item_id for part in hop.parts}
    return [item for item in (story.item, story.product) if item.id in parts][:1]


def _event(hop: "Hop", item: "ChainItem", base_url: str) -> dict[str, Any]:
    root = base_url if item.canonical.startswith("/q/") else GS1_ROOT
    name = root + item.canonical if item.canonical.startswith("/") else item.canonical
    is_class = item.kind == "lot"
    things: list[Any] = [{"epcClass": name}] if is_class else [name]
    kind = "quantityList" if is_class else "epcList"
    event: dict[str, Any] = {
        "type": hop.type,
        "eventTime": hop.event_time.isoformat(),
        "eventTimeZoneOffset": hop.time_zone_offset,
    }
    if hop.biz_step and ":" not in hop.biz_step:
        event["bizStep"] = hop.biz_step
    if hop.type == "ObjectEvent":
        return event | {"action": hop.action, kind: things}
    # Half of a transformation: the other half is not for everybody to see.
    roles = {part.role for part in hop.parts if part.item_id == item.id}
    side = "input" if "input" in roles else "output"
    half = f"{base_url}/entry/{hop.id}"
    event["transformationID"] = uuid5(NAMESPACE_URL, half).urn
    return event | {f"{side}{'QuantityList' if is_class else 'EPCList'}": things}


def _names(chinese: str | None, english: str | None) -> list[dict[str, str]]:
    pairs: Iterable[tuple[str, str | None]] = (("zh", chinese), ("en", english))
    return [{"@language": tag, "@value": text} for tag, text in pairs if text]


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _without_nothing(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, [], "")}
