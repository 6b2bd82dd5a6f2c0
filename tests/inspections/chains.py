"""A small supply chain, told by the events of those in it.

Alba grows APPLE and ships 60 kg of it to Bruno, who receives them, makes JAM of them and
of SALT (which nobody says came to him), and ships 40 jars to Carla, who says nothing.
"""

from types import SimpleNamespace

from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.capture.services import record_event
from foodtrace.trace.gs1.check_digits import gs1_check_digit
from foodtrace.trace.masterdata.services import register_party, register_product

GTIN = "06901234567892"
APPLE, JAM, SALT = (f"/01/{GTIN}/10/{lot}" for lot in ("APPLE", "JAM", "SALT"))


def gln(number):
    digits = f"690123450{number:03d}"
    return digits + gs1_check_digit(digits)


def member(session, number, name, name_en, kind, role):
    party = register_party(session, SYSTEM, name=name, name_en=name_en, kind=kind, gln=gln(number))
    actor = Actor(f"user:{name_en.lower()}", party.id, frozenset({role}))
    return SimpleNamespace(actor=actor, uri=f"https://id.gs1.org/417/{gln(number)}", party=party)


def add_members(session):
    return SimpleNamespace(
        alba=member(session, 1, "阿尔巴果园", "Alba Orchard", "farm", Role.PRODUCER),
        bruno=member(session, 2, "布鲁诺果酱厂", "Bruno Jams", "processor", Role.PRODUCER),
        carla=member(session, 3, "卡拉便利店", "Carla's Shop", "shop", Role.OPERATOR),
        dora=member(session, 4, "多拉盐场", "Dora Salt", "processor", Role.PRODUCER),
    )


def quantity(lot, amount, uom="KGM"):
    return {"epcClass": f"https://id.gs1.org{lot}", "quantity": amount} | (
        {"uom": uom} if uom else {}
    )


def event(session, who, day, **content):
    return record_event(
        session,
        who.actor,
        {
            "type": "ObjectEvent",
            "eventTime": f"2026-11-{day:02d}T08:00:00+08:00",
            "eventTimeZoneOffset": "+08:00",
        }
        | content,
    )


def makes(session, who, day, lot, amount=100, uom="KGM"):
    event(
        session,
        who,
        day,
        action="ADD",
        bizStep="commissioning",
        quantityList=[quantity(lot, amount, uom)],
    )


def hands_over(session, who, day, step, lot, amount, sender, recipient, uom="KGM"):
    """One side's record of a handing-over: `who` records `step` (shipping or receiving)."""
    event(
        session,
        who,
        day,
        action="OBSERVE",
        bizStep=step,
        quantityList=[quantity(lot, amount, uom)],
        sourceList=[{"type": "possessing_party", "source": sender.uri}],
        destinationList=[{"type": "possessing_party", "destination": recipient.uri}],
    )


def processes(session, who, day, inputs, outputs):
    event(
        session,
        who,
        day,
        type="TransformationEvent",
        bizStep="commissioning",
        inputQuantityList=[quantity(*each) for each in inputs],
        outputQuantityList=[quantity(*each) for each in outputs],
    )


def add_jam(session):
    """Record the whole chain; return its members."""
    members = add_members(session)
    alba, bruno, carla, dora = members.alba, members.bruno, members.carla, members.dora
    makes(session, alba, 1, APPLE)
    makes(session, dora, 1, SALT)
    hands_over(session, alba, 2, "shipping", APPLE, 60, alba, bruno)
    hands_over(session, bruno, 3, "receiving", APPLE, 60, alba, bruno)
    processes(session, bruno, 4, [(APPLE, 60), (SALT, 1)], [(JAM, 200, None)])
    hands_over(session, bruno, 5, "shipping", JAM, 40, bruno, carla, None)
    # Last: all three lots have this GTIN, and a registered one is for its owner's lots alone.
    register_product(
        session, SYSTEM, party_id=bruno.party.id, name="苹果酱", name_en="Apple jam", gtin=GTIN
    )
    return members
