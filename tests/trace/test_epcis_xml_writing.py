"""EPCIS in XML as we write it: in the order of the schema, streamed, and nothing lost."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from foodtrace.trace.epcis.context import STANDARD_PREFIXES
from foodtrace.trace.epcis.event_hash import event_hash
from foodtrace.trace.epcis.xml.event_writing import event_xml
from foodtrace.trace.epcis.xml.names import FIELDS
from foodtrace.trace.epcis.xml.problems import problem_xml
from foodtrace.trace.epcis.xml.reading import read_xml
from foodtrace.trace.epcis.xml.writing import xml_document, xml_query_document
from tests.trace.epcis_values import events_of, parsed, said

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
PREFIXES = {**STANDARD_PREFIXES, "ex": "https://ex.example/ns/", "other": "urn:other"}


def event(**more):
    return {
        "type": "ObjectEvent",
        "eventTime": "2026-05-01T08:00:00Z",
        "eventTimeZoneOffset": "+08:00",
        "epcList": ["urn:epc:id:sgtin:9521141.001234.2017"],
        "action": "ADD",
        **more,
    }


def written(*events, prefixes=PREFIXES):
    return b"".join(xml_document([(each, prefixes) for each in events], created=NOW))


def element_of(made, prefixes=PREFIXES):
    return etree.fromstring(event_xml(made, prefixes))


def comes_back(made, prefixes=PREFIXES):
    """Return the event that is read from the XML of this one; check that it says the same."""
    ((other, others),) = events_of(parsed(read_xml(written(made, prefixes=prefixes)).body))
    assert said(other, others) == said(made, prefixes)
    assert event_hash(other, others) == event_hash(made, prefixes)
    return other


def test_it_works():
    assert event_xml(event(bizStep="shipping"), PREFIXES).decode() == (
        "<ObjectEvent><eventTime>2026-05-01T08:00:00Z</eventTime>"
        "<eventTimeZoneOffset>+08:00</eventTimeZoneOffset>"
        "<epcList><epc>urn:epc:id:sgtin:9521141.001234.2017</epc></epcList><action>ADD</action>"
        "<bizStep>urn:epcglobal:cbv:bizstep:shipping</bizStep></ObjectEvent>"
    )


def test_fields_are_written_in_the_order_of_the_schema():
    made = event(
        ilmd={"ex:a": "1"},
        bizLocation={"id": "urn:x:y"},
        readPoint={"id": "urn:x:z", "ex:b": "2"},
        eventID="urn:x:1",
        recordTime="2026-05-01T08:00:01Z",
        **{"ex:c": "3"},
    )
    names = [child.tag.rpartition("}")[2] for child in element_of(made)]
    assert names[:-1] == [name for name in FIELDS["ObjectEvent"] if name in made]
    assert names[-1] == "c"


def test_a_document_has_its_events_and_its_time():
    root = etree.fromstring(written(event(), event()))
    assert root.tag == "{urn:epcglobal:epcis:xsd:2}EPCISDocument"
    assert dict(root.attrib) == {
        "schemaVersion": "2.0",
        "creationDate": "2026-05-01T08:00:00.000Z",
    }
    assert len(root.findall("EPCISBody/EventList/ObjectEvent")) == 2


def test_a_document_without_events_is_one():
    assert parsed(read_xml(written()).body)["epcisBody"]["eventList"] == []


def test_a_document_is_written_event_by_event():
    seen = []

    def events() -> Iterator[tuple[dict, dict]]:
        for number in range(3):
            seen.append(number)
            yield event(), PREFIXES

    pieces = xml_document(events(), created=NOW)
    next(pieces)
    assert seen == []
    next(pieces)
    assert seen == [0]
    assert len(list(pieces)) == 3
    assert seen == [0, 1, 2]


def test_results_of_a_query_name_it_and_the_subscription():
    pieces = xml_query_document(
        [(event(), PREFIXES)], query_name="a<b", subscription_id="s1", created=NOW
    )
    body = b"".join(pieces)
    results = etree.fromstring(body).find("EPCISBody/{urn:epcglobal:epcis-query:xsd:2}QueryResults")
    assert [child.tag for child in results] == ["queryName", "subscriptionID", "resultsBody"]
    document = parsed(read_xml(body).body)
    assert document["epcisBody"]["queryResults"]["queryName"] == "a<b"
    assert [said(*each) for each in events_of(document)] == [said(event(), PREFIXES)]


def test_extensions_stand_in_their_namespaces():
    made = event(**{"ex:a": {"ex:b": "1", "bare": "2"}, "https://full.example/ns#c": "3"})
    root = element_of(made)
    assert root.findtext("{https://ex.example/ns/}a/{https://ex.example/ns/}b") == "1"
    assert root.findtext("{https://ex.example/ns/}a/bare") == "2"
    assert root.findtext("{https://full.example/ns#}c") == "3"
    comes_back(made)


def test_only_namespaces_that_are_used_are_declared():
    assert element_of(event()).nsmap == {}
    assert element_of(event(**{"ex:a": "1"})).nsmap == {"ex": "https://ex.example/ns/"}


def test_curies_become_whole_uris():
    root = element_of(event(bizStep="ex:step", disposition="cbv:Disp-damaged"))
    assert root.findtext("bizStep") == "https://ex.example/ns/step"
    assert root.findtext("disposition") == "https://ref.gs1.org/cbv/Disp-damaged"


def test_sensor_fields_are_attributes():
    made = event(
        sensorElementList=[
            {
                "sensorMetadata": {"time": "2026-05-01T08:00:00Z", "ex:note": "cold"},
                "sensorReport": [
                    {
                        "type": "Temperature",
                        "value": Decimal("4.20"),
                        "booleanValue": True,
                        "component": "x",
                        "stringValue": " two  words ",
                        "ex:count": 7,
                    }
                ],
                "ex:more": ["1", "2"],
            }
        ]
    )
    report = element_of(made).find("sensorElementList/sensorElement/sensorReport")
    assert report.get("type") == "gs1:Temperature"
    assert report.get("value") == "4.20"
    assert report.get("booleanValue") == "true"
    assert report.get("component") == "https://ref.gs1.org/cbv/Comp-x"
    assert comes_back(made)["sensorElementList"][0]["ex:more"] == ["1", "2"]


def test_a_quantity_is_written_without_exponent():
    made = event(
        quantityList=[{"epcClass": "urn:x:y", "quantity": Decimal("1.5E+3"), "uom": "KGM"}]
    )
    assert element_of(made).findtext("quantityList/quantityElement/quantity") == "1500"
    comes_back(made)


def test_characters_of_markup_are_escaped():
    comes_back(event(**{"ex:a": "<&>\"' ]]>", "ex:b": {"@c": '<&>"', "#text": "x"}}))


@pytest.mark.parametrize(
    "value",
    [
        "",
        " around ",
        "two\u00a0words",
        "\uffff",
        "true",
        "007",
        "ex:curie",
        "other:curie",
        "nobody:knows",
        True,
        False,
        None,
        0,
        -12,
        10**30,
        Decimal("3.50"),
        Decimal("1E+5"),
        [],
        ["one"],
        [["one"], "two"],
        [[1, 2]],
        [None, {}],
        {},
        {"ex:a": {}},
        {"@ex:unit": "KGM", "#text": Decimal("1.5")},
        {"@unit": "KGM"},
        {"@unit": "KGM", "#text": ""},
        {"@unit": 5, "#text": "x"},
        {"#text": "x"},
        {"@unit": "x", "ex:child": "y"},
        {"not a name": 1, "ex:1": 2, "": 3, "xml": 4},
        {"undeclared:name": 1, "@": 2},
    ],
    ids=repr,
)
def test_any_json_value_of_an_extension_comes_back(value):
    made = comes_back(event(**{"ex:v": value}, ilmd={"ex:w": value}))
    assert made["ilmd"]["ex:w"] == value
    report = {"type": "Temperature", "value": 1, "ex:v": value}
    metadata = {"ex:v": value}
    comes_back(event(sensorElementList=[{"sensorMetadata": metadata, "sensorReport": [report]}]))


@pytest.mark.parametrize(
    ("name", "namespace"),
    [
        ("xsi", "http://own.example/xsi"),
        ("json", "http://own.example/json"),
        ("xs", "http://own.example/xs"),
        ("ns1", "http://own.example/ns1"),
        ("epc2", "urn:epcglobal:epcis:xsd:2"),
        ("gs1", "http://own.example/gs1/"),
    ],
)
def test_prefixes_that_xml_uses_itself_come_back(name, namespace):
    prefixes = {**PREFIXES, name: namespace}
    made = event(**{f"{name}:a": 1, "ex:b": None, "https://full.example/c": [f"{name}:1 bad"]})
    comes_back(made, prefixes)


def test_names_of_a_prefix_that_xml_forbids_come_back_under_another():
    prefixes = {**PREFIXES, "xml": "http://own.example/xml/"}
    made = comes_back(event(**{"xml:a": 1, "ex:b": [{"xml:not a name": [[]]}]}), prefixes)
    assert made["ns1:a"] == 1


def test_two_events_may_mean_different_things_by_one_prefix():
    one, two = {**PREFIXES, "ex": "urn:one:"}, {**PREFIXES, "ex": "urn:two:"}
    made = event(**{"ex:a": "ex:b"})
    body = b"".join(xml_document([(made, one), (made, two)], created=NOW))
    others = events_of(parsed(read_xml(body).body))
    assert [event_hash(*each) for each in others] == [
        event_hash(made, one),
        event_hash(made, two),
    ]


def test_lists_of_dispositions_that_are_empty_say_nothing():
    root = element_of(event(persistentDisposition={"set": [], "unset": []}))
    assert root.find("persistentDisposition") is None


GOOD_NAMES = ["ex:a", "ex:b", "other:c", "plain", "https://x.example/ns#q", "ex:ünï", "extension"]
ODD_NAMES = ["ex:1", "ex:a b", "@id", "@ex:t", "#more", "xml:lang", "nobody:knows", "@", ""]
NAMES = st.sampled_from(GOOD_NAMES + ODD_NAMES)
TEXTS = st.one_of(
    st.sampled_from(["ex:abc", "other:x", " a", "a ", "a  b", "12", "cbv:BizStep-shipping", "é"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
)
NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20),
    st.decimals(-(10**6), 10**6, allow_nan=False, allow_infinity=False, places=3),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), TEXTS, NUMBERS),
    lambda part: st.one_of(st.lists(part, max_size=3), st.dictionaries(NAMES, part, max_size=3)),
    max_leaves=8,
)
TOP = st.sampled_from(["ex:a", "other:c", "ex:1", "ex:a b", "https://x.example/ns#q", "ex:ünï"])
EXTENSIONS = st.dictionaries(TOP, VALUES, max_size=3)


@settings(max_examples=200)
@given(EXTENSIONS, EXTENSIONS, EXTENSIONS, TEXTS)
def test_whatever_json_says_comes_back_from_xml(extensions, ilmd, attributes, text):
    report = {"type": "Temperature", "stringValue": text, **attributes}
    element = {"sensorMetadata": attributes, "sensorReport": [report], **extensions}
    comes_back(event(sensorElementList=[element], ilmd=ilmd, **extensions))


def test_a_problem_document_is_xml_of_its_own_namespace():
    body = problem_xml(
        {
            "type": "epcisException:ValidationException",
            "title": "The input breaks a rule",
            "status": 400,
            "detail": "a < b \x00",
            "errors": [{"place": "line 1", "fix": None}, {"place": "line 2", "fix": True}],
        }
    )
    root = etree.fromstring(body)
    space = "{urn:ietf:rfc:7807}"
    assert root.tag == f"{space}problem"
    assert root.findtext(f"{space}status") == "400"
    assert root.findtext(f"{space}detail") == "a < b \ufffd"
    places = root.findall(f"{space}errors/{space}i/{space}place")
    assert [place.text for place in places] == ["line 1", "line 2"]
