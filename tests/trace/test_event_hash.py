"""The event hash ID of CBV 2.0, held against published hashes and against its own promises."""

import hashlib
import json
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.epcis.context import STANDARD_PREFIXES
from foodtrace.trace.epcis.event_hash import event_hash, hash_of, pre_hash
from foodtrace.trace.epcis.hashed import pre_hashes
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.epcis.xml.reading import read_xml
from foodtrace.trace.epcis.xml.writing import xml_document
from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.constrained import constrained_uri

DATA = Path(__file__).parents[1] / "data"
EXAMPLES = DATA / "event_hash/examples"
DOCUMENTS = sorted(path for path in EXAMPLES.iterdir() if "hashes" not in path.suffix)
EQUAL = sorted((DATA / "event_hash/expected_equal").iterdir())
BOTH = sorted({path.stem for path in DOCUMENTS if path.suffix == ".xml"}
    & {path.stem for path in DOCUMENTS if path.suffix == ".jsonld"})  # fmt: skip
# What a document says of the fields of its events is not said of each of them.
WRITABLE = [
    path
    for path in (*DOCUMENTS, *sorted((DATA / "epcis/Capture/Documents").iterdir()))
    if b"ignoreFields" not in path.read_bytes()
]

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PREFIXES = {**STANDARD_PREFIXES, "ex": "https://ns.example.com/epcis/"}


def event_of(**fields):
    event = {
        "type": "ObjectEvent",
        "eventTime": "2026-07-22T06:45:00+08:00",
        "eventTimeZoneOffset": "+08:00",
        "action": "OBSERVE",
    }
    event |= {name.replace("ex_", "ex:"): value for name, value in fields.items()}
    return {name: value for name, value in event.items() if value is not None}


HEAD = "eventType=ObjectEventeventTime=2026-07-21T22:45:00.000ZeventTimeZoneOffset=+08:00"


def tail_of(**fields):
    """Return what a hash covers behind the action."""
    head, _, tail = pre_hash(event_of(**fields), PREFIXES).partition("action=OBSERVE")
    assert head.startswith(HEAD)
    return tail


def test_it_works():
    event = event_of(epcList=["urn:epc:id:sgtin:4012345.011111.9876"], bizStep="shipping")
    text = (
        f"{HEAD}epcListepc=https://id.gs1.org/01/04012345111118/21/9876"
        "action=OBSERVEbizStep=https://ref.gs1.org/cbv/BizStep-shipping"
    )
    assert pre_hash(event, PREFIXES) == text
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert event_hash(event, PREFIXES) == f"ni:///sha-256;{digest}?ver=CBV2.0"


def test_the_published_examples_are_complete():
    assert (len(DOCUMENTS), len(EQUAL), len(BOTH)) == (29, 11, 9)
    assert len(WRITABLE) == 29 - 3 + 38


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_event_has_its_published_hash(path):
    texts = pre_hashes(path.read_bytes())
    assert [hash_of(text) for text in texts] == lines_of(path.with_suffix(".hashes"))
    published = lines_of(path.with_suffix(".prehashes"))
    for text, other in zip(texts, published, strict=True):
        # Three of the published texts are not what was hashed (SOURCE.md).
        assert text == other or hash_of(other) not in lines_of(path.with_suffix(".hashes"))


def test_three_published_texts_are_garbled_and_no_more():
    garbled = [
        (path.stem, index)
        for path in sorted(EXAMPLES.glob("*.prehashes"))
        for index, text in enumerate(lines_of(path))
        if hash_of(text) != lines_of(path.with_suffix(".hashes"))[index]
    ]
    assert garbled == [
        ("epcisDocWithAllGS1Keys", 0),
        ("epcisDocWithCustomSchemaInContext", 1),
        ("epcisDocWithDefaultSchemaInContext", 1),
    ]


@pytest.mark.parametrize("path", EQUAL, ids=lambda path: path.name)
def test_one_event_in_different_words_has_one_hash(path):
    texts = pre_hashes(path.read_bytes())
    assert len(texts) > 1
    assert len(set(texts)) == 1


@pytest.mark.parametrize("name", BOTH)
def test_json_and_xml_say_the_same(name):
    texts = [pre_hashes((EXAMPLES / name).with_suffix(end).read_bytes()) for end in SUFFIXES]
    assert texts[0] == texts[1]


SUFFIXES = (".jsonld", ".xml")


@pytest.mark.parametrize("path", WRITABLE, ids=lambda path: path.name)
def test_what_is_written_as_xml_keeps_its_hash(path):
    body = path.read_bytes()
    read = read_document(read_xml(body).body if path.suffix == ".xml" else body, now=NOW)
    xml = b"".join(xml_document([(each.body, each.prefixes) for each in read.events], created=NOW))
    assert pre_hashes(xml) == pre_hashes(body)


def lines_of(path):
    return [line for line in path.read_text("utf-8").splitlines() if line]


@pytest.mark.parametrize(
    ("written", "hashed"),
    [
        ("2026-07-21T22:45:00Z", "2026-07-21T22:45:00.000Z"),
        ("2026-07-22T06:45:00.1+08:00", "2026-07-21T22:45:00.100Z"),
        ("2023-02-02T11:04:03.1415Z", "2023-02-02T11:04:03.142Z"),
        ("2023-02-02T11:04:03.1414Z", "2023-02-02T11:04:03.141Z"),
        ("2023-02-02T11:04:03.1405Z", "2023-02-02T11:04:03.141Z"),
        ("2023-02-02T23:59:59.999500Z", "2023-02-03T00:00:00.000Z"),
        ("2023-02-02T11:04:03.123456789Z", "2023-02-02T11:04:03.123Z"),
        ("2023-02-30T11:04:03Z", "2023-02-30T11:04:03Z"),
        ("9999-12-31T23:59:59.9999-14:00", "9999-12-31T23:59:59.9999-14:00"),
        ("2023-02-02T11:04:03", "2023-02-02T11:04:03"),
    ],
)
def test_times_are_in_utc_with_milliseconds(written, hashed):
    assert f"eventTime={hashed}eventTimeZone" in pre_hash(event_of(eventTime=written), PREFIXES)


@pytest.mark.parametrize(
    ("written", "hashed"),
    [
        (26, "26"),
        (Decimal("26.00"), "26"),
        ("26.0", "26"),
        (" 0012.10 ", "12.1"),
        (Decimal("0.005"), "0.005"),
        (Decimal("1E+2"), "100"),
        ("1e-05", "1e-05"),
        ("+7", "7"),
        ("-0", "0"),
        ("-07", "-7"),
        ("-0.0", "0"),
        (".50", "0.5"),
        ("81234567890123456789", "81234567890123456789"),
        (81234567890123456789, "81234567890123456789"),
        ("1_000", "1_000"),
        ("1.2.3", "1.2.3"),
        ("12a", "12a"),
        ("2026-07-22", "2026-07-22"),
        ("nan", "nan"),
        ("1e400", "1e400"),
        ("１２", "１２"),
        (True, "true"),
        ("true", "true"),
    ],
)
def test_numbers_are_written_shortest_and_lose_no_digit(written, hashed):
    assert tail_of(ex_field=written) == f"{{https://ns.example.com/epcis/}}field={hashed}"


def test_the_text_of_a_sensor_is_a_double_where_it_is_digits():
    report = {"type": "Dimensionless", "stringValue": "111100001111000011110000"}
    text = tail_of(sensorElementList=[{"sensorReport": [report]}])
    assert text.endswith("stringValue=111100001111000003641344")
    report["stringValue"] = "9" * 400
    text = tail_of(sensorElementList=[{"sensorReport": [report]}])
    assert text.endswith("stringValue=" + "9" * 400)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"bizStep": "shipping"}, "bizStep=https://ref.gs1.org/cbv/BizStep-shipping"),
        ({"bizStep": "cbv:BizStep-shipping"}, "bizStep=https://ref.gs1.org/cbv/BizStep-shipping"),
        (
            {"bizStep": "urn:epcglobal:cbv:bizstep:shipping"},
            "bizStep=https://ref.gs1.org/cbv/BizStep-shipping",
        ),
        ({"bizStep": "ex:drying"}, "bizStep=https://ns.example.com/epcis/drying"),
        ({"disposition": "in_transit"}, "disposition=https://ref.gs1.org/cbv/Disp-in_transit"),
        (
            {"persistentDisposition": {"unset": ["recalled"], "set": ["stolen", "damaged"]}},
            "persistentDispositionset=https://ref.gs1.org/cbv/Disp-damaged"
            "set=https://ref.gs1.org/cbv/Disp-stolen"
            "unset=https://ref.gs1.org/cbv/Disp-recalled",
        ),
        (
            {"sourceList": [{"source": "urn:epc:id:pgln:4012345.00000", "type": "location"}]},
            "sourceListtype=https://ref.gs1.org/cbv/SDT-location"
            "source=https://id.gs1.org/417/4012345000009",
        ),
        (
            {"bizTransactionList": [{"bizTransaction": "urn:epcglobal:cbv:bt:1:2"}]},
            "bizTransactionListbizTransaction=urn:epcglobal:cbv:bt:1:2",
        ),
        ({"bizTransactionList": [], "epcList": [], "quantityList": []}, ""),
    ],
)
def test_words_and_types_have_one_form(fields, text):
    assert tail_of(**fields) == text


def test_several_certificates_stand_behind_the_time():
    event = event_of(certificationInfo=["https://b.example/1", "https://a.example/1"])
    assert pre_hash(event, PREFIXES) == (
        f"{HEAD}certificationInfo=https://a.example/1certificationInfo=https://b.example/1"
        "action=OBSERVE"
    )


def test_all_fields_stand_in_the_canonical_order():
    sensor = {
        "sensorReport": [
            {"uom": "CEL", "value": 4, "type": "gs1:Temperature", "ex:cv": 1, "component": "x"},
            {"type": "https://ref.gs1.org/voc/Speed", "exception": "ALARM_CONDITION"},
        ],
        "ex:note": "",
        "sensorMetadata": {"ex:m": "2", "time": "2026-07-22T06:00:00+08:00"},
    }
    text = tail_of(
        ilmd={"cbvmda:lotNumber": "L1", "ex:grade": ["B", "A"]},
        ex_extra={"ex:b": 1, "@ex:a": 2, "#text": " t ", "rdfs:comment": "not hashed"},
        sensorElementList=[sensor],
        bizLocation={"ex:dock": "7", "id": "urn:epc:id:sgln:4012345.00005.0"},
        destinationList=[{"type": "location", "destination": "urn:epc:id:sgln:4012345.00005.12"}],
        disposition="active",
    )
    ex = "{https://ns.example.com/epcis/}"
    assert text == (
        "disposition=https://ref.gs1.org/cbv/Disp-active"
        f"bizLocationid=https://id.gs1.org/414/4012345000054{ex}dock=7"
        f"sensorElementListsensorElementsensorMetadatatime=2026-07-21T22:00:00.000Z{ex}m=2"
        "sensorReporttype=https://gs1.org/voc/Speedexception=https://gs1.org/voc/ALARM_CONDITION"
        "sensorReporttype=https://gs1.org/voc/Temperaturevalue=4"
        f"component=https://ref.gs1.org/cbv/Comp-xuom=CEL{ex}cv=1"
        f"{ex}note"
        "destinationListtype=https://ref.gs1.org/cbv/SDT-location"
        "destination=https://id.gs1.org/414/4012345000054/254/12"
        f"ilmd{ex}grade=A{ex}grade=B{{urn:epcglobal:cbv:mda}}lotNumber=L1"
        f"{ex}extra=t{ex}a=2{ex}b=1"
    )


def test_a_field_where_the_order_has_none_comes_at_the_end():
    report = {"type": "Speed", "bizRules": "https://id.gs1.org/253/4012345000054987"}
    text = tail_of(sensorElementList=[{"sensorReport": [report]}], ex_a="1")
    assert text == (
        "sensorElementListsensorElementsensorReporttype=https://gs1.org/voc/Speed"
        "sensorElementListsensorElementsensorReport"
        "bizRules=https://id.gs1.org/253/4012345000054987"
        "{https://ns.example.com/epcis/}a=1"
    )


def test_an_element_has_text_and_attributes():
    ex = "{https://ns.example.com/epcis/}"
    assert tail_of(ex_a={"@ex:unit": "KGM", "@n": 2, "#text": "5.0"}) == f"{ex}a=5n=2{ex}unit=KGM"
    assert tail_of(ex_a={"#text": {"ex:b": 1, "ex:c": 2}}) == f"{ex}a#text{ex}b=1{ex}c=2"
    assert tail_of(ex_a=None) == tail_of(ex_a=[]) == ""
    assert tail_of(ex_a={}) == tail_of(ex_a="") == tail_of(ex_a=[" "]) == f"{ex}a"


def test_names_have_the_same_namespace_however_they_are_written():
    full = {"https://ns.example.com/epcis/a": "1"}
    assert pre_hash(event_of() | full, {}) == pre_hash(event_of(ex_a="1"), PREFIXES)
    other = {"other:a": "1"}
    same = {"other": "https://ns.example.com/epcis/"}
    assert pre_hash(event_of() | other, same) == pre_hash(event_of(ex_a="1"), PREFIXES)


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("urn:epc:id:sgtin:4012345.011111.98%2F76", "01/04012345111118/21/98%2F76"),
        ("urn:epc:id:sgtin:4012345.011111.a%2fb", "01/04012345111118/21/a%2Fb"),
        ("urn:epc:id:sgtin:4012345.011111.a'b;c=d", "01/04012345111118/21/a'b;c=d"),
        ("urn:epc:id:sgtin:4012345.011111.a(b)+c", "01/04012345111118/21/a%28b%29%2Bc"),
        ("urn:epc:idpat:sgtin:4012345.011111.*", "01/04012345111118"),
        ("https://example.com/x/01/4012345111118?17=260101#a", "01/04012345111118"),
        ("HTTPS://example.com/01/04012345111118/22/2A/10/L1/21/9", "01/04012345111118/21/9"),
        ("https://example.com/01/04012345111118/22/2A", "01/04012345111118"),
        ("https://example.com/gtin/4012345111118/lot/L1", "01/04012345111118/10/L1"),
        ("https://id.gs1.org/giai/4000001111", "8004/4000001111"),
        ("https://id.gs1.org/414/4012345000054/7040/1ABC", "414/4012345000054"),
        ("https://id.gs1.org/8018/401234598765400000/8019/1", "8018/401234598765400000"),
        ("https://id.gs1.org/8010/4012345ABC/8011/12", "8010/4012345ABC/8011/12"),
    ],
)
def test_identifiers_are_constrained_digital_links(text, uri):
    assert constrained_uri(text) == f"https://id.gs1.org/{uri}"
    assert tail_of(transformationID=text) == f"transformationID=https://id.gs1.org/{uri}"


@pytest.mark.parametrize(
    "text",
    [
        "urn:epc:id:sgtin:4012345.011111",
        "https://example.com/01/04012345111119/21/1",
        "https://example.com/reports/2026",
        "https://food.example/q/7Q2M5X8K3J9W4T6R2P8N5H7F3D9B",
        "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
        "https://example.com/01/04012345111118/21/" + "9" * 500,
    ],
)
def test_what_names_no_gs1_key_stays_as_it_is(text):
    assert constrained_uri(text) is None
    assert tail_of(transformationID=text) == f"transformationID={text}"


@pytest.mark.parametrize(
    ("body", "place", "rule"),
    [
        (b'{"type": "EPCISDocument"', "line 1, column 25", "The JSON is broken"),
        (b"<a/>", "", "EPCIS"),
        (b"<!DOCTYPE a><a/>", "", "DOCTYPE"),
        (b'{"type": "Sheep"}', "/type", "neither a document nor an event"),
        (b'{"type": ["ObjectEvent"]}', "/type", "neither a document nor an event"),
        (b'{"type": "ObjectEvent"}', "/eventTime", "eventTime is missing"),
        (json.dumps(event_of(**{"nobody:a": 1})).encode(), "/nobody:a", "is not declared"),
    ],
)
def test_what_is_no_event_is_refused(body, place, rule):
    with pytest.raises(Invalid) as refused:
        pre_hashes(body)
    problem = refused.value.problems[0]
    assert problem.place.startswith(place)
    assert rule in problem.text


def test_a_problem_in_xml_names_the_place_in_the_xml():
    body = (EXAMPLES / "persistentDisposition.xml").read_bytes()
    with pytest.raises(Invalid) as refused:
        pre_hashes(body.replace(b"<action>OBSERVE</action>", b"", 1))
    assert [problem.place[:5] for problem in refused.value.problems] == ["line "]


def test_a_time_to_come_is_hashed():
    body = json.dumps(event_of(eventTime="2999-01-01T00:00:00Z"))
    assert "eventTime=2999-01-01T00:00:00.000Z" in pre_hashes(body.encode())[0]


# Values that differ, each in the spellings that say the same.
TIMES = [
    ("2026-07-22T06:45:00+08:00", "2026-07-21T22:45:00Z", "2026-07-21T22:45:00.000+00:00"),
    ("2026-07-22T06:45:00.001+08:00", "2026-07-21T22:45:00.0014Z"),
    ("2026-07-22T06:45:01+08:00",),
]
THINGS = [
    ("urn:epc:id:sgtin:4012345.011111.9876", "https://shop.example/01/04012345111118/21/9876?a=1"),
    ("urn:epc:class:lgtin:4012345.011111.9876", "https://id.gs1.org/01/4012345111118/10/9876"),
    ("urn:epc:id:sscc:4012345.0000000111", "https://id.gs1.org/00/040123450000001112"),
    ("https://shop.example/01/04012345111118/reviews",),
]
STEPS = [
    ("shipping", "cbv:BizStep-shipping", "urn:epcglobal:cbv:bizstep:shipping"),
    ("packing", "https://ref.gs1.org/cbv/BizStep-packing"),
    ("https://ns.example.com/epcis/drying", "ex:drying"),
]
NUMBERS = [(4, "4.0", Decimal("4.00")), (4.5, Decimal("4.500"), " 4.5"), (Decimal("-4"), "-04")]
MEASURES = [("Temperature", "gs1:Temperature", "https://gs1.org/voc/Temperature"), ("Speed",)]
TEXTS = [("A", " A ", "A\n"), ("a",), ("番茄",), ("A B",), ("81234567890123456789",), ("",)]
POOLS = [TIMES, THINGS, STEPS, NUMBERS, MEASURES, TEXTS]


def one_of(pool):
    return st.sampled_from([spelling for spellings in pool for spelling in spellings])


def several(values):
    return st.lists(values, min_size=1, max_size=3)


EXTENSIONS = st.recursive(
    one_of(TEXTS) | one_of(NUMBERS) | one_of(THINGS),
    lambda inside: several(inside) | st.fixed_dictionaries({"ex:in": inside, "cbvmda:in": inside}),
    max_leaves=4,
)
QUANTITIES = several(
    st.fixed_dictionaries({"epcClass": one_of(THINGS), "quantity": one_of(NUMBERS)})
)
SENSORS = several(
    st.fixed_dictionaries(
        {
            "sensorReport": several(
                st.fixed_dictionaries({"type": one_of(MEASURES), "value": one_of(NUMBERS)})
            )
        },
        optional={
            "sensorMetadata": st.fixed_dictionaries({"time": one_of(TIMES)}),
            "ex:sensor": EXTENSIONS,
        },
    )
)
EVENTS = st.fixed_dictionaries(
    {"type": st.just("TransactionEvent"), "eventTime": one_of(TIMES)},
    optional={
        "bizStep": one_of(STEPS),
        "parentID": one_of(THINGS),
        "epcList": several(one_of(THINGS)),
        "quantityList": QUANTITIES,
        "readPoint": st.fixed_dictionaries({"id": one_of(THINGS), "ex:dock": EXTENSIONS}),
        "bizTransactionList": several(st.fixed_dictionaries({"bizTransaction": one_of(THINGS)})),
        "sensorElementList": SENSORS,
        "ilmd": st.fixed_dictionaries({"cbvmda:lot": EXTENSIONS}),
        "ex:a": EXTENSIONS,
        "ex:b": EXTENSIONS,
    },
)


def leaves_of(value, path=()):
    if isinstance(value, (dict, list)):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, part in pairs for leaf in leaves_of(part, (*path, key))]
    return [path]


def told(event):
    """Return the paths of all values but the type, which pre_hash cannot do without."""
    return [path for path in leaves_of(event) if path != ("type",)]


def part_at(event, path):
    for key in path:
        event = event[key]
    return event


def with_part(event, path, value):
    made = deepcopy(event)
    part_at(made, path[:-1])[path[-1]] = value
    return made


def spellings_of(value):
    """Return the pool of a value and the spellings that say the same."""
    return next(
        (pool, spellings)
        for pool in POOLS
        for spellings in pool
        if any(type(each) is type(value) and each == value for each in spellings)
    )


def shuffled(data, value):
    if isinstance(value, list):
        return data.draw(st.permutations([shuffled(data, part) for part in value]))
    if isinstance(value, dict):
        names = data.draw(st.permutations(list(value)))
        return {name: shuffled(data, value[name]) for name in names}
    return value


@given(EVENTS, st.data())
def test_the_order_of_members_and_of_lists_says_nothing(event, data):
    assert event_hash(shuffled(data, event), PREFIXES) == event_hash(event, PREFIXES)


@given(EVENTS, st.data())
def test_the_spelling_of_a_value_says_nothing(event, data):
    path = data.draw(st.sampled_from(told(event)))
    _, spellings = spellings_of(part_at(event, path))
    respelt = with_part(event, path, data.draw(st.sampled_from(spellings)))
    assert event_hash(respelt, PREFIXES) == event_hash(event, PREFIXES)


@given(EVENTS, st.data())
def test_any_change_of_a_value_changes_the_hash(event, data):
    path = data.draw(st.sampled_from(told(event)))
    pool, spellings = spellings_of(part_at(event, path))
    other = data.draw(one_of([each for each in pool if each != spellings]))
    assert event_hash(with_part(event, path, other), PREFIXES) != event_hash(event, PREFIXES)


@given(EVENTS, st.data())
def test_what_is_left_out_changes_the_hash(event, data):
    path = data.draw(st.sampled_from(told(event)))
    less = deepcopy(event)
    del part_at(less, path[:-1])[path[-1]]
    assert event_hash(less, PREFIXES) != event_hash(event, PREFIXES)


@given(EVENTS)
def test_what_is_added_when_an_event_is_recorded_or_declared_wrong_says_nothing(event):
    more = event | {
        "@context": "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
        "recordTime": "2026-08-01T00:00:00Z",
        "eventID": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
        "errorDeclaration": {"declarationTime": "2026-08-02T00:00:00Z", "reason": "incorrect_data"},
    }
    assert event_hash(more, PREFIXES) == event_hash(event, PREFIXES)
