"""What the reader makes of an event, and what it refuses by name."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from foodtrace.trace.epcis import strict_json
from foodtrace.trace.epcis.model import Role
from foodtrace.trace.epcis.reader import read_document, read_event
from foodtrace.trace.errors import Invalid, TooLarge

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CONTEXT = [
    "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
    {"example": "https://example.com/ns/", "code": "https://example.com/q/"},
]
LOT = "https://example.cn/01/09506000134352/10/L1"


def event_of(**fields):
    event = {
        "@context": CONTEXT,
        "type": "ObjectEvent",
        "eventTime": "2026-07-22T06:45:00.123+08:00",
        "eventTimeZoneOffset": "+08:00",
        "action": "OBSERVE",
        "quantityList": [{"epcClass": LOT, "quantity": 2}],
    }
    event |= fields
    return {name: value for name, value in event.items() if value is not None}


def read(**fields):
    (event,) = read_event(encoded(event_of(**fields)), now=NOW).events
    return event


def encoded(value):
    return json.dumps(value, ensure_ascii=False).encode()


def document_of(*events):
    document = {
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-07-22T06:45:00Z",
        "epcisBody": {"eventList": list(events)},
    }
    return document


def refusal(body, read=read_event):
    with pytest.raises(Invalid) as refused:
        read(body, now=NOW)
    return [(problem.place, problem.rule % problem.values) for problem in refused.value.problems]


def test_an_event_is_read():
    event = read(bizStep="shipping", eventID="urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8")
    assert event.event_id == "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8"
    assert (event.type, event.action, event.biz_step) == ("ObjectEvent", "OBSERVE", "shipping")
    assert event.event_time == datetime(2026, 7, 21, 22, 45, 0, 123000, tzinfo=UTC)
    assert event.time_zone_offset == "+08:00"
    (part,) = event.participations
    assert (part.role, part.amount, part.uom) == (Role.EPC, Decimal(2), None)
    assert part.identifier.canonical == "/01/09506000134352/10/L1"


def test_slices_are_the_bytes_received_whatever_the_language_and_layout():
    first = event_of(**{"example:note": "番茄 🍅", "@context": None})
    second = event_of(**{"example:note": "黄瓜", "@context": None})
    body = json.dumps(document_of(first, second), ensure_ascii=False, indent=3).encode()
    document = read_document(body, now=NOW)
    slices = [body[each.start : each.start + each.length] for each in document.events]
    assert [json.loads(each) for each in slices] == [first, second]
    assert all(each[:1] == b"{" and each[-1:] == b"}" for each in slices)


def test_an_event_without_an_id_gets_its_event_hash():
    one, same, other = read(), read(recordTime="2026-07-22T07:00:00Z"), read(action="ADD")
    assert one.event_id == same.event_id != other.event_id
    assert re.fullmatch(r"ni:///sha-256;[0-9a-f]{64}\?ver=CBV2\.0", one.event_id)


def test_the_hash_leaves_out_what_the_document_says_and_knows_the_namespaces_of_the_event():
    plain = event_of(**{"@context": {"own": "https://own.example/"}})
    noted = plain | {"own:captureID": "77", "@context": {"mine": "https://own.example/"}}
    noted["mine:captureID"] = noted.pop("own:captureID")
    document = document_of(plain, noted)
    document["@context"] = [*CONTEXT, {"repo": "https://own.example/"}]
    told_apart = read_document(encoded(document), now=NOW).events
    document["repo:ignoreFields"] = ["repo:captureID"]
    told_alike = read_document(encoded(document), now=NOW).events
    assert len({event.event_id for event in told_apart}) == 2
    assert len({event.event_id for event in told_alike}) == 1


def test_roles_and_amounts_of_a_transformation():
    event = read(
        type="TransformationEvent",
        action=None,
        quantityList=None,
        inputEPCList=["urn:epc:id:sgtin:4012345.011111.987"],
        inputQuantityList=[{"epcClass": LOT, "quantity": 12.5, "uom": "KGM"}],
        outputQuantityList=[{"epcClass": "urn:epc:class:lgtin:9506000.013435.L2"}],
        transformationID="urn:epc:id:gdti:0614141.12345.400",
    )
    parts = [(each.role, each.identifier.canonical, each.amount) for each in event.participations]
    assert parts == [
        (Role.INPUT, "/01/04012345111118/21/987", 1),
        (Role.INPUT, "/01/09506000134352/10/L1", Decimal("12.5")),
        (Role.OUTPUT, "/01/09506000134352/10/L2", None),
    ]
    assert event.transformation_id == "/253/0614141123452400"
    assert event.participations[1].uom == "KGM"


def test_parent_and_children_of_an_aggregation():
    event = read(
        type="AggregationEvent",
        action="ADD",
        quantityList=None,
        parentID="https://id.gs1.org/00/106141412345678908",
        childEPCs=["urn:epc:id:sscc:4012345.0000000333"],
        childQuantityList=[{"epcClass": LOT, "quantity": 40}],
    )
    assert [
        (each.role, each.identifier.canonical, each.amount) for each in event.participations
    ] == [
        (Role.PARENT, "/00/106141412345678908", 1),
        (Role.CHILD, "/00/040123450000003338", 1),
        (Role.CHILD, "/01/09506000134352/10/L1", 40),
    ]


def test_the_same_thing_in_two_forms_counts_once():
    event = read(
        quantityList=None,
        epcList=[
            "urn:epc:id:sscc:4012345.0000000333",
            "https://id.gs1.org/00/040123450000003338",
        ],
    )
    (part,) = event.participations
    assert part.amount == 1


def test_amounts_of_the_same_class_add_up_if_their_units_agree():
    twice = [{"epcClass": LOT, "quantity": 2, "uom": "KGM"}, {"epcClass": LOT, "quantity": 0.5}]
    assert refusal(encoded(event_of(quantityList=twice))) == [
        (
            "/quantityList/1/epcClass",
            "The class stands in the event twice, in amounts that cannot be added",
        )
    ]
    twice[1]["uom"] = "KGM"
    (part,) = read(quantityList=twice).participations
    assert part.amount == Decimal("2.5")


def test_amounts_keep_six_decimals_exactly():
    body = encoded(event_of()).replace(b'"quantity": 2', b'"quantity": 0.1234565')
    (event,) = read_event(body, now=NOW).events
    assert event.participations[0].amount == Decimal("0.123456")
    body = encoded(event_of()).replace(b'"quantity": 2', b'"quantity": 999999999999.999999')
    (event,) = read_event(body, now=NOW).events
    assert event.participations[0].amount == Decimal("999999999999.999999")


def test_a_party_named_by_a_location_number_is_that_party():
    event = read(
        sourceList=[
            {"type": "location", "source": "urn:epc:id:sgln:4012345.00225.0"},
            {"type": "possessing_party", "source": "urn:epc:id:sgln:4012345.00001.0"},
            {"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00225"},
        ],
        destinationList=[
            {"type": "cbv:SDT-location", "destination": "urn:epc:id:sgln:0614141.00777.0"},
            {"type": "cbv:my_own_party", "destination": "urn:epc:id:pgln:0614141.00777"},
        ],
    )
    assert event.source == "/417/4012345000016"
    assert event.destination == "/414/0614141007776"


def test_places_have_their_canonical_form():
    event = read(
        readPoint={"id": "urn:epc:id:sgln:0614141.07346.1234"},
        bizLocation={"id": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8"},
    )
    assert event.read_point == "/414/0614141073467/254/1234"
    assert event.biz_location == "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8"


def test_curies_are_resolved_with_the_declared_prefixes():
    event = read(
        bizStep="example:drying",
        disposition="cbv:Disp-in_transit",
        readPoint={"id": "example:shed"},
        **{"@context": [*CONTEXT, {"example": "https://other.example/"}]},
    )
    assert event.biz_step == "https://other.example/drying"
    assert event.disposition == "in_transit"
    assert event.read_point == "https://other.example/shed"


@pytest.mark.parametrize(
    "step",
    [
        "shipping",
        "cbv:BizStep-shipping",
        "https://ref.gs1.org/cbv/BizStep-shipping",
        "urn:epcglobal:cbv:bizstep:shipping",
    ],
)
def test_a_standard_word_has_four_spellings(step):
    assert read(bizStep=step).biz_step == "shipping"


def test_names_of_the_ilmd_are_expanded_and_its_numbers_stay_json():
    event = read(
        action="ADD",
        ilmd={
            "cbvmda:lotNumber": "L1",
            "example:grade": {"example:sugar": 12.5, "plain": [1, "a"]},
            "https://example.org/x": True,
        },
    )
    assert event.ilmd == {
        "urn:epcglobal:cbv:mda:lotNumber": "L1",
        "https://example.com/ns/grade": {"https://example.com/ns/sugar": 12.5, "plain": [1, "a"]},
        "https://example.org/x": True,
    }
    assert json.loads(json.dumps(event.ilmd)) == event.ilmd


def test_a_party_may_keep_a_step_from_the_public():
    ours = {"@context": [*CONTEXT, {"foodtrace": "https://foodtrace.example/ns/"}]}
    assert not read().hidden
    assert not read(**ours, **{"foodtrace:visibility": "public"}).hidden
    assert read(**ours, **{"foodtrace:visibility": "hidden"}).hidden
    assert read(**{"https://foodtrace.example/ns/visibility": "hidden"}).hidden
    assert not read(**{"example:visibility": "hidden"}).hidden


def sensors(*reports):
    return [{"sensorReport": list(reports)}]


def test_temperatures_are_the_extremes_in_celsius():
    event = read(
        sensorElementList=sensors(
            {"type": "Temperature", "value": 3.5, "uom": "CEL"},
            {"type": "gs1:Temperature", "minValue": 28.4, "maxValue": 41, "uom": "FAH"},
            {"type": "Temperature", "meanValue": 276.15, "uom": "KEL"},
            {"type": "RelativeHumidity", "value": 90, "uom": "P1"},
            {"type": "Temperature", "value": 77},
        )
    )
    assert (event.temperature_low, event.temperature_high) == (Decimal("-2.00"), Decimal("5.00"))


def test_an_event_without_temperatures_has_none():
    event = read(sensorElementList=sensors({"type": "Speed", "value": 50, "uom": "KMH"}))
    assert (event.temperature_low, event.temperature_high) == (None, None)


def test_a_temperature_below_absolute_zero_is_refused():
    body = encoded(
        event_of(sensorElementList=sensors({"type": "Temperature", "value": -300, "uom": "CEL"}))
    )
    assert refusal(body) == [
        (
            "/sensorElementList/0/sensorReport/0/value",
            "-300.00 degrees Celsius is no temperature that food can have",
        )
    ]


def test_an_error_declaration_says_when_it_was_declared():
    event = read(
        errorDeclaration={
            "declarationTime": "2026-08-01T00:00:00+08:00",
            "reason": "incorrect_data",
        }
    )
    assert event.declared_at == datetime(2026, 7, 31, 16, tzinfo=UTC)


def test_a_document_names_at_most_twenty_problems():
    broken = event_of(bizStep="nonsense", **{"@context": None})
    found = refusal(encoded(document_of(*[broken] * 30)), read_document)
    assert len(found) == 20
    assert found[19][0] == "/epcisBody/eventList/19/bizStep"


@pytest.mark.parametrize(
    ("change", "place", "rule"),
    [
        ({"type": "EPCISQueryDocument"}, "/epcisBody/queryResults", "queryResults is missing"),
        ({"schemaVersion": "1.2"}, "/schemaVersion", "Only EPCIS 2 is read here"),
        ({"epcisBody": {"eventList": []}}, "/epcisBody/eventList", "The document holds no events"),
        ({"epcisBody": {}}, "/epcisBody/eventList", "eventList is missing"),
        ({"epcisBody": []}, "/epcisBody", "The value is not of type object"),
        ({"epcisBody": {"eventList": {}}}, "/epcisBody/eventList", "The value is not of type arr"),
        ({"epcisBody": {"eventList": [1]}}, "/epcisBody/eventList/0", "This is no JSON object"),
        ({"epcisBody": {"eventList": [{}]}}, "/epcisBody/eventList/0/type", "None is no EPCIS ev"),
        ({"@context": []}, "/@context", "The context of EPCIS is missing"),
        ({"@context": [*CONTEXT, {"@vocab": "x:"}]}, "/@context/2/@vocab", "A context here may on"),
        ({"@context": [*CONTEXT, {"urn": "x:y"}]}, "/@context/2/urn", "urn cannot be a prefix"),
        ({"@context": [*CONTEXT, {"a": "b"}]}, "/@context/2/a", "The namespace of a is no absol"),
        (
            {"@context": [*CONTEXT, "https://evil.example/context"]},
            "/@context/2",
            "The context https://evil.example/context is not known here, and contexts are never",
        ),
        ({"extra": 1}, "/extra", "EPCIS has no field extra here"),
    ],
)
def test_a_broken_head_is_refused(change, place, rule):
    document = document_of(event_of(**{"@context": None})) | change
    found = refusal(encoded(document), read_document)
    assert [each for each in found if each[0] == place and each[1].startswith(rule)]


def test_a_bare_event_needs_the_context_of_epcis():
    assert refusal(encoded(event_of(**{"@context": None}))) == [
        ("/@context", "@context is missing")
    ]
    assert refusal(encoded(event_of(**{"@context": {"example": "https://example.com/"}}))) == [
        ("/@context", "The context of EPCIS is missing")
    ]


NESTED = 100_000


@pytest.mark.parametrize(
    ("body", "place", "rule"),
    [
        (b"", "", "This is no JSON object"),
        (b"[]", "", "This is no JSON object"),
        (b"\xef\xbb\xbf{}", "", "The body starts with a byte order mark"),
        (b'{"a": "\xff"}', "", "The body is not UTF-8: byte 7"),
        (b'{"a": 1', "line 1, column 8", "The JSON is broken at line 1, column 8"),
        (b'{"a": 1}\n {', "line 2, column 2", "The JSON is broken at line 2, column 2"),
        (b'{"a": 1,}', "line 1, column 9", "The JSON is broken"),
        (b"{'a': 1}", "line 1, column 2", "The JSON is broken"),
        (b'{"a": "\t"}', "line 1, column 8", "The JSON is broken"),
        (b'{"a": 01}', "line 1, column 8", "The JSON is broken"),
        (b'{"a": NaN}', "", "NaN and Infinity are no JSON numbers"),
        (b'{"a": -Infinity}', "", "NaN and Infinity are no JSON numbers"),
        (b'{"a": 1, "a": 2}', "", "The name a stands there twice"),
        (b'{"a": [{"b": 1, "c": {"d": 1, "d": 1}}]}', "/a/0/c", "The name d stands there twice"),
        (b'{"a": 1, "\\u0061": 2}', "", "The name a stands there twice"),
        (b'{"a": ' + b"1" * 41 + b"}", "", "A number has more than 40 digits"),
        (b'{"a": 1e400}', "", "A number has more than 40 digits"),
        (b'{"a": 1e-400}', "", "A number has more than 40 digits"),
        (b'{"a": 0.' + b"1" * 5000 + b"}", "", "A number has more than 40 digits"),
        (b'{"a": "x\\u0000"}', "/a", "control character U+0000"),
        (b'{"a": "x\\ny"}', "/a", "control character U+000A"),
        (b'{"a": "x\x7f"}', "/a", "control character U+007F"),
        ('{"a": "L\u200b1"}'.encode(), "/a", "control character U+200B"),
        ('{"a": ["L\u202e1"]}'.encode(), "/a/0", "control character U+202E"),
        ('{"a": "\ufdd0"}'.encode(), "/a", "control character U+FDD0"),
        ('{"a": "\ufffe"}'.encode(), "/a", "control character U+FFFE"),
        ('{"a": "\U0003ffff"}'.encode(), "/a", "control character U+3FFFF"),
        (b'{"a": "\\ud800"}', "/a", "control character U+D800"),
        (b'{"a": {"\\ud800": 1, "\\ud800": 2}}', "/a", "control character U+D800"),
        ('{"a": "e\u0301"}'.encode(), "/a", "The text is not in Unicode normal form C"),
        (b'{"a": "e\\u0301"}', "/a", "The text is not in Unicode normal form C"),
        (b'{"e\\u0301": 1}', "", "The text is not in Unicode normal form C"),
        (b'{"a":' + b"[" * 65 + b"]" * 65 + b"}", "", "The JSON is nested deeper than 64"),
        (b'{"a":' + b"[" * NESTED + b"]" * NESTED + b"}", "", "The JSON is nested deeper than 64"),
        (b'{"a":' * NESTED + b"1" + b"}" * NESTED, "", "The JSON is nested deeper than 64"),
        (b'{"a":' + b"[" * NESTED, "", "The JSON is nested deeper than 64"),
        (
            b"{" + b",".join(b'"%d":1' % number for number in range(10_001)) + b"}",
            "",
            "The object has more than 10000 names",
        ),
    ],
    ids=range(37),
)
def test_json_that_programs_disagree_about_is_refused(body, place, rule):
    ((found_place, found_rule),) = refusal(body)
    assert found_place == place
    assert rule in found_rule
    # The same bytes inside a document.
    if body.startswith(b"{"):
        inside = b'{"epcisBody": {"eventList": [' + body + b"]}}"
        assert refusal(inside, read_document)


@pytest.mark.parametrize(
    "body",
    [
        b'{"epcisBody": 1, "epcisBody": 2}',
        b'{"epcisBody": {"eventList": [], "eventList": []}}',
        b'{"epcisBody": {"eventList": [] "x": 1}}',
        b'{"epcisBody": {"eventList": [}}',
        b'{"epcisBody" {"eventList": []}}',
        b'{epcisBody: {"eventList": []}}',
        b'{"epcisBody": {"eventList": []}} x',
        b'{"epcisBody": {"eventList": [{},',
        b"{",
        b'{"',
        b'{"epcisBody"',
        b'{"epcisBody":',
        b"[" * NESTED,
    ],
)
def test_a_broken_document_is_refused(body):
    assert refusal(body, read_document)


def test_a_long_name_does_not_come_back_whole():
    ((place, rule),) = refusal(encoded(event_of(**{"x" * 100_000: 1})))
    assert len(place) < 300
    assert len(rule) < 300


def test_depth_64_is_still_read():
    deep = {"a": 1}
    for _ in range(62):
        deep = {"a": deep}
    assert read(**{"example:deep": deep}).body["example:deep"] == deep


def test_limits_on_size_are_told_apart_from_faults():
    for body, rule in (
        (b" " * (strict_json.MAX_BYTES + 1), "The body has 10485761 bytes"),
        (b'{"a": [' + b"[]," * 600_000 + b"[]]}", "The body has more than 500000 values"),
        (
            encoded(event_of(**{"example:long": ["x" * 1000] * 1100})),
            "One event, or one part of the head, has more than 1048576 characters",
        ),
    ):
        with pytest.raises(TooLarge, match=rule):
            read_event(body, now=NOW)
    many = b'{"epcisBody":{"eventList":[' + b"{}," * 10_000 + b"{}]}}"
    with pytest.raises(TooLarge, match="The document has more than 10000 events"):
        read_document(many, now=NOW)


def test_chinese_text_and_emoji_of_several_signs_are_welcome():
    text = "四川省成都市双流区·李家农场 𠮷 👨‍🌾 é"
    assert read(**{"example:note": text}).body["example:note"] == text
    body = json.dumps(event_of(**{"example:note": text})).encode()  # all escaped
    assert read_event(body, now=NOW).events[0].body["example:note"] == text
