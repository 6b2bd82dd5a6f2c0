"""The query language in plain Python: a filter over events as JSON, written after the standard.

Slow and simple, and it shares nothing with trace/query: what the service finds by its indexes
must be what this finds by reading every event (EPCIS 2.0, section 8.2.7.1).
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction

from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.identifiers import parse_identifier

VOC, OLD_VOC = "https://ref.gs1.org/voc/", "https://gs1.org/voc/"
CBV = {
    "bizStep": ("https://ref.gs1.org/cbv/BizStep-", "urn:epcglobal:cbv:bizstep:"),
    "disposition": ("https://ref.gs1.org/cbv/Disp-", "urn:epcglobal:cbv:disp:"),
    "bizTransaction": ("https://ref.gs1.org/cbv/BTT-", "urn:epcglobal:cbv:btt:"),
    "party": ("https://ref.gs1.org/cbv/SDT-", "urn:epcglobal:cbv:sdt:"),
    "errorReason": ("https://ref.gs1.org/cbv/ER-", "urn:epcglobal:cbv:er:"),
    "type": (f"{VOC}MeasurementType-", VOC, f"{OLD_VOC}MeasurementType-", OLD_VOC),
    "exception": (f"{VOC}SensorAlertType-", VOC, f"{OLD_VOC}SensorAlertType-", OLD_VOC),
    "component": ("https://ref.gs1.org/cbv/Comp-",),
}
STANDARD = {
    "epcis": "https://ref.gs1.org/epcis/",
    "cbv": "https://ref.gs1.org/cbv/",
    "cbvmda": "urn:epcglobal:cbv:mda:",
    "gs1": "https://ref.gs1.org/voc/",
}
# Factor and zero of a unit, by its kind.
UNITS = {
    "CEL": ("temperature", Fraction(1), Fraction(0)),
    "FAH": ("temperature", Fraction(5, 9), Fraction(-160, 9)),
    "KEL": ("temperature", Fraction(1), Fraction(-27315, 100)),
    "KGM": ("mass", Fraction(1), Fraction(0)),
    "GRM": ("mass", Fraction(1, 1000), Fraction(0)),
    "TNE": ("mass", Fraction(1000), Fraction(0)),
    "LTR": ("volume", Fraction(1), Fraction(0)),
    "MLT": ("volume", Fraction(1, 1000), Fraction(0)),
    "P1": ("ratio", Fraction(1, 100), Fraction(0)),
    "C62": ("ratio", Fraction(1), Fraction(0)),
    "H87": ("ratio", Fraction(1), Fraction(0)),
}
QUANTITIES = {
    "EPC": ("quantityList", "childQuantityList"),
    "input": ("inputQuantityList",),
    "output": ("outputQuantityList",),
}
EPCS = {
    "epc": ("epcList", "childEPCs"),
    "inputEPC": ("inputEPCList",),
    "outputEPC": ("outputEPCList",),
    "anyEPC": ("epcList", "childEPCs", "inputEPCList", "outputEPCList"),
    "parentID": (),
}
CLASSES = {
    "epcClass": QUANTITIES["EPC"],
    "inputEPCClass": QUANTITIES["input"],
    "outputEPCClass": QUANTITIES["output"],
    "anyEPCClass": sum(QUANTITIES.values(), ()),
}
AREAS = {
    "ILMD_": "ilmd",
    "ERROR_DECLARATION_": "errorDeclaration",
    "readPoint_": "readPoint",
    "bizLocation_": "bizLocation",
}
CONTROLS = {"orderBy", "orderDirection", "eventCountLimit", "maxEventCount", "@context"}


@dataclass
class Told:
    """An event as it was told: its JSON, the namespaces in it, and when it was recorded.

    `master` are the captor's (element, attribute, value), `children` its (parent, child).
    """

    body: dict
    record_time: datetime | None = None
    prefixes: dict = field(default_factory=dict)
    master: tuple = ()
    children: tuple = ()


def found(events, parameters, prefixes=()):
    """Return the eventIDs that a query finds, in its order, newest record first by default."""
    hits = [each for each in events if matches(each, parameters, prefixes)]
    by_event_time = parameters.get("orderBy") == "eventTime"
    hits.sort(
        key=lambda each: moment(each.body["eventTime"]) if by_event_time else each.record_time
    )
    if parameters.get("orderDirection") != "ASC":
        hits.reverse()
    return [each.body["eventID"] for each in hits][: parameters.get("eventCountLimit")]


def matches(told, parameters, prefixes=()):
    """Say whether all parameters hold for the event."""
    return all(
        holds(told, name, value, dict(prefixes))
        for name, value in parameters.items()
        if name not in CONTROLS
    )


def holds(told, name, value, prefixes):  # noqa: C901 a table of the parameters, as the standard has it
    body, ours = told.body, {**STANDARD, **told.prefixes}
    theirs = {**STANDARD, **prefixes}
    values = value if isinstance(value, list) else [value]
    compare, _, what = name.partition("_")
    if name == "eventType":
        return body["type"] in values
    if what in ("eventTime", "recordTime"):
        at = moment(body["eventTime"]) if what == "eventTime" else told.record_time
        return at >= moment(value) if compare == "GE" else at < moment(value)
    if name == "EQ_action":
        return body.get("action") in values
    if name in ("EQ_bizStep", "EQ_disposition"):
        return what in body and any(same_word(what, body[what], ours, v, theirs) for v in values)
    if what.startswith("persistentDisposition_"):
        said = body.get("persistentDisposition", {}).get(what.partition("_")[2], [])
        return any(same_word("disposition", s, ours, v, theirs) for s in said for v in values)
    if what in ("readPoint", "bizLocation") and compare in ("EQ", "WD"):
        place = what in body and thing(body[what]["id"], ours)
        wanted = {thing(v, theirs) for v in values}
        return place in (wanted if compare == "EQ" else within(told.children, wanted))
    if name == "EQ_transformationID":
        said = body.get("transformationID")
        return said is not None and thing(said, ours) in {thing(v, theirs) for v in values}
    if name == "EQ_eventID":
        return body.get("eventID") in values
    if what.split("_")[0] in ("bizTransaction", "source", "destination") and compare == "EQ":
        return in_typed_list(body, what, values, ours, theirs)
    if compare == "MATCH":
        return matches_items(body, what, values, ours, theirs)
    if re.fullmatch(r"quantity(_\w+)?", what):
        return compares_quantity(body, compare, what, values)
    if compare in ("HASATTR", "EQATTR"):
        return describes(told, compare, what, values, ours, theirs)
    if ":" in what:
        return holds_extension(body, compare, what, values, ours, theirs)
    if what in ("errorDeclaration", "sensorElementList"):
        return what in body
    if "error" in what or what == "correctiveEventID":
        return in_declaration(body, compare, what, values, ours, theirs)
    return in_sensors(body, compare, what, values, ours, theirs)


def moment(text):
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def expanded(text, prefixes):
    prefix, colon, rest = text.partition(":")
    known = colon and prefix in prefixes and not rest.startswith("//")
    return prefixes[prefix] + rest if known else text


def thing(text, prefixes):
    full = expanded(text, prefixes)
    try:
        return parse_identifier(full).canonical
    except Invalid:
        return full


def word(kind, text, prefixes):
    full = expanded(text, prefixes)
    for start in CBV[kind]:
        if full.startswith(start):
            return full[len(start) :]
    return full


def same_word(kind, said, ours, wanted, theirs):
    return word(kind, said, ours) == word(kind, wanted, theirs)


def within(children, places):
    """All places that are these or lie in them."""
    known = set(places)
    while True:
        more = {child for parent, child in children if parent in known} - known
        if not more:
            return known
        known |= more


def in_typed_list(body, what, values, ours, theirs):
    name, _, kind = what.partition("_")
    words = "bizTransaction" if name == "bizTransaction" else "party"

    def reading(text, prefixes):
        known = thing(text, prefixes)
        is_party = words == "party" and not same_word(words, kind, theirs, "location", {})
        if is_party and re.fullmatch(r"/414/\d+", known):
            return known.replace("/414/", "/417/")
        return known

    wanted = {reading(v, theirs) for v in values}
    return any(
        (not kind or ("type" in e and same_word(words, e["type"], ours, kind, theirs)))
        and reading(e[name], ours) in wanted
        for e in body.get(f"{name}List", [])
    )


def matches_items(body, what, values, ours, theirs):
    if what in CLASSES:
        items = [e["epcClass"] for name in CLASSES[what] for e in body.get(name, [])]
        fits = class_fits
    else:
        items = [epc for name in EPCS[what] for epc in body.get(name, [])]
        if what in ("parentID", "anyEPC") and "parentID" in body:
            items.append(body["parentID"])
        fits = epc_fits
    return any(fits(thing(item, ours), v, theirs) for item in items for v in values)


def epc_fits(item, pattern, prefixes):
    """Company patterns, and all serials of a reference; the rest is equality."""
    parts = re.fullmatch(r"urn:epc:idpat:(sgtin|sscc|sgln):([\d.]*?)\.?(\*(?:\.\*)*)", pattern)
    if not parts:
        return item == thing(pattern, prefixes)
    scheme, known, _ = parts.groups()
    company, _, reference = known.partition(".")
    if scheme == "sgtin":
        stem = f"/01/{reference[:1]}{company}{reference[1:]}" if reference else None
        found = re.fullmatch(r"/01/(\d{14})/21/.+", item)
        if not found:
            return False
        return item.startswith(stem) if stem else item[5:].startswith(company)
    if scheme == "sscc":
        return item.startswith("/00/") and item[5:].startswith(company)
    return item.startswith(f"/414/{company}{reference}")


def class_fits(item, pattern, prefixes):
    lots = re.fullmatch(r"urn:epc:idpat:lgtin:(\d+)\.(\d)(\d+)\.\*", pattern)
    if lots:
        company, first, rest = lots.groups()
        return re.fullmatch(rf"/01/{first}{company}{rest}\d/10/.+", item) is not None
    all_lots = re.fullmatch(r"urn:epc:idpat:lgtin:(\d+)\.\*\.\*", pattern)
    if all_lots:
        return re.fullmatch(rf"/01/\d{all_lots.group(1)}\d+/10/.+", item) is not None
    all_of = re.fullmatch(r"urn:epc:idpat:sgtin:(\d+)\.\*\.\*", pattern)
    if all_of:
        return re.fullmatch(rf"/01/\d{all_of.group(1)}\d+", item) is not None
    return item == thing(pattern, prefixes)


OPERATIONS = {
    "EQ": lambda said, wanted: said == wanted,
    "GT": lambda said, wanted: said > wanted,
    "GE": lambda said, wanted: said >= wanted,
    "LT": lambda said, wanted: said < wanted,
    "LE": lambda said, wanted: said <= wanted,
}


def compared(compare, said, values):
    return any(OPERATIONS[compare](said, wanted) for wanted in values)


def measured(value, unit, *, spread=False):
    kind, factor, zero = UNITS.get(unit or "C62", (unit, Fraction(1), Fraction(0)))
    return kind, Fraction(str(value)) * factor + (0 if spread else zero)


def compares_measured(compare, said, said_unit, values, unit, *, spread=False):
    kind, number = measured(said, said_unit, spread=spread)
    wanted = [measured(value, unit, spread=spread) for value in values]
    return any(k == kind and OPERATIONS[compare](number, n) for k, n in wanted)


def compares_quantity(body, compare, what, values):
    unit = what.partition("_")[2]
    entries = [e for names in QUANTITIES.values() for name in names for e in body.get(name, [])]
    for entry in entries:
        if "quantity" not in entry:
            continue
        said = entry["quantity"]
        if not unit:
            if compared(compare, Fraction(str(said)), [Fraction(str(v)) for v in values]):
                return True
        elif compares_measured(compare, said, entry.get("uom"), values, unit):
            return True
    return False


def in_declaration(body, compare, what, values, ours, theirs):
    declaration = body.get("errorDeclaration")
    if declaration is None:
        return False
    if what in ("errorDeclarationTime", "errorDeclaration_Time"):
        at = moment(declaration["declarationTime"])
        return compared(compare, at, [moment(v) for v in values])
    if what == "errorReason":
        said = declaration.get("reason")
        return said is not None and any(same_word(what, said, ours, v, theirs) for v in values)
    return any(v in declaration.get("correctiveEventIDs", []) for v in values)


def in_sensors(body, compare, what, values, ours, theirs):
    for element in body.get("sensorElementList", []):
        parts = [element.get("sensorMetadata", {}), *element["sensorReport"]]
        if any(says_sensor(part, compare, what, values, ours, theirs) for part in parts):
            return True
    return False


def says_sensor(part, compare, what, values, ours, theirs):
    name, _, unit = what.partition("_")
    if name not in part:
        return False
    said = part[name]
    if unit:
        spread = name == "sDev"
        return compares_measured(compare, said, part.get("uom"), values, unit, spread=spread)
    if name in ("time", "startTime", "endTime"):
        return compared(compare, moment(said), [moment(v) for v in values])
    if name == "percRank":
        return compared(compare, Fraction(str(said)), [Fraction(str(v)) for v in values])
    if name in ("type", "exception", "component"):
        return any(same_word(name, said, ours, v, theirs) for v in values)
    if name == "booleanValue":
        return said in values
    if name == "hexBinaryValue":
        return said.lower() in [v.lower() for v in values]
    if name == "stringValue":
        return said in values
    return thing(said, ours) in {thing(v, theirs) for v in values}


def split(what):
    """Return whether a field is an inner one, where it stands, and its name."""
    inner = what.startswith("INNER_")
    what = what.removeprefix("INNER_")
    for area in (*AREAS, "SENSORELEMENT_", "SENSORMETADATA_", "SENSORREPORT_"):
        if what.startswith(area):
            return inner, area, what.removeprefix(area)
    return inner, "", what


def parts_of(body, area):
    if area in AREAS:
        return [body[AREAS[area]]] if AREAS[area] in body else []
    elements = body.get("sensorElementList", [])
    if area == "SENSORELEMENT_":
        return elements
    if area == "SENSORMETADATA_":
        return [e["sensorMetadata"] for e in elements if "sensorMetadata" in e]
    if area == "SENSORREPORT_":
        return [report for e in elements for report in e["sensorReport"]]
    return [body]


def members(part, inner):
    """Yield the names and values at the top of a place, or all within its extensions."""
    for name, value in part.items():
        if ":" in name:
            if not inner:
                yield name, value
            else:
                yield from below(value)


def below(value):
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, dict):
            for name, child in part.items():
                yield name, child
                yield from below(child)


def scalars(value):
    for part in value if isinstance(value, list) else [value]:
        if not isinstance(part, (dict, list)) and part is not None:
            yield part


def full_name(name, prefixes):
    """A name with its namespace, however the two are put together."""
    return re.sub("[#/:]+", "/", expanded(name, prefixes))


def extension_values(body, what, ours, theirs):
    inner, area, wanted = split(what)
    wanted = full_name(wanted, theirs)
    for part in parts_of(body, area):
        for name, value in members(part, inner):
            if full_name(name, ours) == wanted:
                yield value


def holds_extension(body, compare, what, values, ours, theirs):
    said = list(extension_values(body, what, ours, theirs))
    if compare == "EXISTS":
        return bool(said)
    return any(
        fits_extension(compare, scalar, wanted)
        for each in said
        for scalar in scalars(each)
        for wanted in values
    )


def number(value):
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and not re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", value):
        return None
    return Fraction(str(value))


def time(value):
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d", value):
        return None
    try:
        return moment(value)
    except ValueError:
        return None


def fits_extension(compare, said, wanted):
    if compare != "EQ":
        for reading in (number, time):
            if reading(wanted) is not None:
                return reading(said) is not None and OPERATIONS[compare](
                    reading(said), reading(wanted)
                )
        return False
    if isinstance(said, bool) or isinstance(wanted, bool):
        return str(said).lower() == str(wanted).lower()
    if isinstance(said, str) and isinstance(wanted, str):
        same_time = time(said) is not None and time(said) == time(wanted)
        return same_time or thing(said, {}) == thing(wanted, {})
    return number(said) is not None and number(said) == number(wanted)


def describes(told, compare, what, values, ours, theirs):
    if compare == "HASATTR":
        attributes, wanted = [attribute(v, theirs) for v in values], None
    else:
        what, _, name = what.rpartition("_") if ":" in what else what.partition("_")
        attributes, wanted = [attribute(name, theirs)], values
    elements = {
        element
        for element, name, said in told.master
        if name in attributes and (wanted is None or said in wanted)
    }
    return any(element in elements for element in named(told.body, what, ours, theirs))


def attribute(name, prefixes):
    return expanded(name if ":" in name else f"cbvmda:{name}", prefixes)


def named(body, what, ours, theirs):
    """Yield the things that stand in a field."""
    if what in ("readPoint", "bizLocation"):
        if what in body:
            yield thing(body[what]["id"], ours)
    elif what in ("source", "destination", "bizTransaction"):
        yield from (thing(entry[what], ours) for entry in body.get(f"{what}List", []))
    elif what == "epcClass":
        names = CLASSES["anyEPCClass"]
        yield from (thing(e["epcClass"], ours) for name in names for e in body.get(name, []))
    elif what == "epc":
        yield from (thing(epc, ours) for name in EPCS["anyEPC"] for epc in body.get(name, []))
        if "parentID" in body:
            yield thing(body["parentID"], ours)
    else:
        for value in extension_values(body, what, ours, theirs):
            yield from (thing(text, {}) for text in scalars(value) if isinstance(text, str))
