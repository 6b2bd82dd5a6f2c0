"""EPCIS in XML becomes the JSON that says the same; what is wrong is named with its line."""

import pytest

from foodtrace.trace.epcis.xml.polls import read_poll
from foodtrace.trace.epcis.xml.reading import read_xml
from foodtrace.trace.errors import Invalid, TooLarge
from tests.trace.epcis_values import events_of, parsed

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:{edition}" xmlns:ex="http://ex.example/"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" {namespaces}
    schemaVersion="{edition}.0" creationDate="2026-05-01T08:00:00Z">
  <EPCISBody><EventList>
{events}
  </EventList></EPCISBody>
</epcis:EPCISDocument>
"""
EVENT = """<ObjectEvent>
<eventTime>2026-05-01T08:00:00Z</eventTime><eventTimeZoneOffset>+08:00</eventTimeZoneOffset>
<epcList><epc>urn:epc:id:sgtin:9521141.001234.2017</epc></epcList><action>ADD</action>
{more}</ObjectEvent>"""


def document(*events, edition=2, namespaces=""):
    return DOCUMENT.format(
        events="\n".join(events), edition=edition, namespaces=namespaces
    ).encode()


def event(more=""):
    return EVENT.format(more=more)


def read(more, **keywords):
    """Return the one event of a document with this in it, as JSON."""
    ((made, _),) = events_of(parsed(read_xml(document(event(more), **keywords)).body))
    return made


def problems(body):
    with pytest.raises(Invalid) as refused:
        read_xml(body)
    return [(each.place, each.rule % each.values) for each in refused.value.problems]


def test_it_works():
    made = read("<bizStep>urn:epcglobal:cbv:bizstep:commissioning</bizStep>")
    assert made == {
        "type": "ObjectEvent",
        "eventTime": "2026-05-01T08:00:00Z",
        "eventTimeZoneOffset": "+08:00",
        "epcList": ["urn:epc:id:sgtin:9521141.001234.2017"],
        "action": "ADD",
        "bizStep": "urn:epcglobal:cbv:bizstep:commissioning",
    }


def test_events_keep_their_order():
    kinds = ["ObjectEvent", "TransactionEvent", "ObjectEvent"]
    body = document(*(event().replace("ObjectEvent", kind) for kind in kinds))
    events = events_of(parsed(read_xml(body).body))
    assert [made["type"] for made, _ in events] == kinds


def test_quantities_keep_every_digit():
    quantity = (
        "<quantityElement><epcClass>urn:x:y</epcClass><quantity>{}</quantity></quantityElement>"
    )
    amounts = ["200.50", "+7", ".5", "007", "0.1000000000000000000000001"]
    items = "".join(map(quantity.format, amounts))
    body = read_xml(document(event(f"<quantityList>{items}</quantityList>"))).body
    for expected in ("200.50", "7", "0.5", "7", "0.1000000000000000000000001"):
        assert f'"quantity":{expected}}}'.encode() in body


def test_what_is_no_number_stays_a_text_for_the_rules_to_refuse():
    made = read(
        "<quantityList><quantityElement><epcClass>urn:x:y</epcClass><quantity>many</quantity>"
        "</quantityElement></quantityList>"
    )
    assert made["quantityList"][0]["quantity"] == "many"


def test_sensor_fields_have_their_types():
    made = read(
        '<sensorElementList><sensorElement><sensorReport type="gs1:Temperature" value="4.20" '
        'booleanValue="1" stringValue="12" ex:cv="7"/></sensorElement></sensorElementList>'
    )
    (report,) = made["sensorElementList"][0]["sensorReport"]
    assert {name: str(value) for name, value in report.items()} == {
        "type": "gs1:Temperature",
        "value": "4.20",
        "booleanValue": "True",
        "stringValue": "12",
        "ex:cv": "7",
    }


def test_an_extension_is_a_number_only_where_it_says_so():
    made = read(
        '<ex:lot>007</ex:lot><ex:count xsi:type="xsd:integer">007</ex:count>'
        '<ex:weight xsi:type="xsd:decimal">3.50</ex:weight>'
        '<ex:ripe xsi:type="xsd:boolean">1</ex:ripe>'
        '<ex:day xsi:type="xsd:date">2026-05-01</ex:day><ex:none xsi:nil="true"/>'
    )
    assert made["ex:lot"] == "007"
    assert made["ex:count"] == 7
    assert str(made["ex:weight"]) == "3.50"
    assert made["ex:ripe"] is True
    assert made["ex:day"] == "2026-05-01"
    assert made["ex:none"] is None


def test_extensions_nest_and_repeat():
    made = read(
        "<ex:a>1</ex:a><ex:b><bare>2</bare><ex:c>3</ex:c></ex:b><ex:a>4</ex:a><ex:a><ex:d/></ex:a>"
    )
    assert made["ex:a"] == ["1", "4", {"ex:d": ""}]
    assert made["ex:b"] == {"bare": "2", "ex:c": "3"}


def test_layout_is_no_part_of_a_text():
    made = read("<ex:a>\n   two  words,\n     one text </ex:a><bizStep>\n urn:x:step\n</bizStep>")
    assert made["ex:a"] == "two  words, one text"
    assert made["bizStep"] == "urn:x:step"


def test_comments_and_cdata_do_not_split_a_text():
    assert read("<ex:a>one<!-- two --> <![CDATA[<three>]]></ex:a>")["ex:a"] == "one <three>"


def test_a_second_namespace_of_a_prefix_gets_another_one():
    body = document(
        event('<ex:a xmlns:ex="http://one.example/">1</ex:a>'),
        event('<ex:a xmlns:ex="http://two.example/">2</ex:a>'),
        event("<ex:a>3</ex:a>"),
    )
    made = parsed(read_xml(body).body)
    assert made["@context"][1] == {
        "ex": "http://one.example/",
        "ns1": "http://two.example/",
        "ns2": "http://ex.example/",
    }
    names = [[name for name in each if ":" in name] for each, _ in events_of(made)]
    assert names == [["ex:a"], ["ns1:a"], ["ns2:a"]]


def test_one_namespace_has_one_prefix():
    made = read(
        '<ex:a>1</ex:a><o:b xmlns:o="http://ex.example/">2</o:b><b xmlns="http://ex.example/">3</b>'
    )
    assert made["ex:a"] == "1"
    assert made["ex:b"] == ["2", "3"]


def test_a_prefix_that_json_cannot_have_is_replaced():
    made = parsed(read_xml(document(event('<urn:a xmlns:urn="http://x.example/">1</urn:a>'))).body)
    assert made["@context"][1] == {"ns1": "http://x.example/"}


def test_a_namespace_that_is_no_address_is_refused():
    ((place, rule),) = problems(document(event('<o:a xmlns:o="own-names">1</o:a>')))
    assert place == "line 9, ObjectEvent/a"
    assert rule == "The namespace of o is no absolute IRI"


def test_a_value_that_begins_like_a_prefix_stays_a_text():
    converted = parsed(
        read_xml(
            document(
                event(
                    "<bizStep>ex:step</bizStep><ex:a>1</ex:a><readPoint><id>cbv:x</id></readPoint>"
                )
            )
        ).body
    )
    ((made, prefixes),) = events_of(converted)
    assert made["bizStep"] == "ex:step"
    assert "ex" not in prefixes
    assert made["ns1:a"] == "1"
    assert prefixes["ns1"] == "http://ex.example/"


def test_epcis_elements_may_be_qualified():
    qualified = event().replace("<", "<epcis:").replace("<epcis:/", "</epcis:")
    made = events_of(parsed(read_xml(document(qualified)).body))
    assert made == events_of(parsed(read_xml(document(event())).body))


def test_a_bare_event_has_its_own_context():
    body = event("<ex:a>1</ex:a>").replace("<ObjectEvent>", '<ObjectEvent xmlns:ex="urn:x:">')
    made = parsed(read_xml(body.encode()).body)
    assert made["@context"][1] == {"ex": "urn:x:"}
    assert made["type"] == "ObjectEvent"


def test_several_certificates_are_a_list():
    one = "<certificationInfo>urn:x:1</certificationInfo>"
    assert read(one)["certificationInfo"] == "urn:x:1"
    assert read(one + one.replace("1", "2"))["certificationInfo"] == ["urn:x:1", "urn:x:2"]


def test_a_quantity_event_of_epcis_1_becomes_an_object_event():
    body = document(
        "<QuantityEvent><eventTime>2026-05-01T08:00:00Z</eventTime>"
        "<eventTimeZoneOffset>+08:00</eventTimeZoneOffset>"
        "<epcClass>urn:epc:idpat:sgtin:9521141.001234.*</epcClass><quantity>12</quantity>"
        "</QuantityEvent>",
        edition=1,
    )
    ((made, _),) = events_of(parsed(read_xml(body).body))
    assert made["type"] == "ObjectEvent"
    assert made["action"] == "OBSERVE"
    assert made["quantityList"] == [
        {"epcClass": "urn:epc:idpat:sgtin:9521141.001234.*", "quantity": 12}
    ]


def test_wrappers_of_epcis_1_are_taken_off_wherever_they_are():
    made = read(
        "<extension><quantityList/><extension><ilmd><extension/><ex:a>1</ex:a></ilmd></extension>"
        "</extension>",
        edition=1,
    )
    assert made["quantityList"] == []
    assert made["ilmd"] == {"ex:a": "1"}


def test_a_time_of_epcis_1_may_leave_the_seconds_out():
    body = document(event(), edition=1).replace(b"T08:00:00Z</eventTime>", b"T08:00Z</eventTime>")
    ((made, _),) = events_of(parsed(read_xml(body).body))
    assert made["eventTime"] == "2026-05-01T08:00:00Z"


def test_an_unknown_version_reaches_the_rules():
    body = document(event()).replace(b'schemaVersion="2.0"', b'schemaVersion="3.1"')
    assert parsed(read_xml(body).body)["schemaVersion"] == "3.1"


@pytest.mark.parametrize(
    ("more", "place", "rule"),
    [
        ("<colour>red</colour>", "colour", "EPCIS has no field colour here"),
        ("<action>ADD</action>", "action", "The name action stands there twice"),
        (
            "<readPoint><id>urn:x:y</id><name>x</name></readPoint>",
            "readPoint/name",
            "EPCIS has no field name here",
        ),
        (
            '<sourceList><source type="location" kind="x">urn:x:y</source></sourceList>',
            "sourceList/source/@kind",
            "EPCIS has no field kind here",
        ),
        (
            "<quantityList>3 kg<quantityElement/></quantityList>",
            "quantityList",
            "Text stands beside elements",
        ),
        ("<bizStep><b>x</b></bizStep>", "bizStep/b", "EPCIS has no field b here"),
        ("<ex:a>text<ex:b/></ex:a>", "a", "Text stands beside elements"),
        ("<ex:a><ex:b/>text</ex:a>", "a", "Text stands beside elements"),
        (
            "<epcList><ex:a/></epcList>",
            "epcList",
            "The name epcList stands there twice",
        ),
    ],
)
def test_what_epcis_does_not_have_is_refused_with_its_place(more, place, rule):
    assert problems(document(event(more))) == [(f"line 9, ObjectEvent/{place}", rule)]


def test_all_problems_are_told_at_once():
    found = problems(document(event("<colour/>"), event("<size/>\n<taste/>")))
    assert [place for place, _ in found] == [
        "line 9, ObjectEvent/colour",
        "line 13, ObjectEvent/size",
        "line 14, ObjectEvent/taste",
    ]


def test_the_action_may_not_come_before_the_time():
    action = "<action>ADD</action>"
    wrong = event().replace(action, "").replace("<eventTime>", f"{action}<eventTime>")
    (problem,) = problems(document(wrong))
    assert problem == ("line 7, ObjectEvent/eventTime", "eventTime stands after action")
    # EPCIS 1 is sent in any order.
    assert read_xml(document(wrong, edition=1))


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("", "line 4, EPCISDocument"),
        ("/creationDate", "line 4, EPCISDocument/@creationDate"),
        ("/epcisHeader", "line 4, EPCISDocument/EPCISHeader"),
        ("/epcisBody/eventList", "line 5, EPCISDocument/EPCISBody/EventList"),
        ("/epcisBody/eventList/1", "line 10, ObjectEvent"),
        ("/epcisBody/eventList/1/eventTime", "line 11, ObjectEvent/eventTime"),
        ("/epcisBody/eventList/1/parentID", "line 10, ObjectEvent/parentID"),
        ("/epcisBody/eventList/1/epcList/0", "line 12, ObjectEvent/epcList/epc"),
        (
            "/epcisBody/eventList/1/quantityList/1/quantity",
            "line 15, ObjectEvent/quantityList/quantityElement/quantity",
        ),
        (
            "/epcisBody/eventList/1/quantityList/1/uom",
            "line 15, ObjectEvent/quantityList/quantityElement/uom",
        ),
        (
            "/epcisBody/eventList/1/bizTransactionList/0/type",
            "line 16, ObjectEvent/bizTransactionList/bizTransaction/@type",
        ),
        (
            "/epcisBody/eventList/1/bizTransactionList/0/bizTransaction",
            "line 16, ObjectEvent/bizTransactionList/bizTransaction",
        ),
        (
            "/epcisBody/eventList/1/persistentDisposition/set/1",
            "line 18, ObjectEvent/persistentDisposition/set",
        ),
        ("/epcisBody/eventList/1/ex:a/1", "line 20, ObjectEvent/a"),
        ("/epcisBody/eventList/1/ex:b/ex:c", "line 21, ObjectEvent/b/c"),
        ("line 3, column 4", "line 3, column 4"),
    ],
)
def test_a_place_in_the_json_is_one_in_the_xml(pointer, place):
    more = """<quantityList><quantityElement><epcClass>urn:x:1</epcClass></quantityElement>

<quantityElement><quantity>x</quantity></quantityElement></quantityList>
<bizTransactionList><bizTransaction type="x">urn:x:y</bizTransaction></bizTransactionList>
<persistentDisposition><set>damaged</set>
<set>lost</set></persistentDisposition>
<ex:a>1</ex:a>
<ex:a>2</ex:a>
<ex:b><ex:c/></ex:b>
"""
    converted = read_xml(document(event(), event("\n" + more[:-1]).replace("\n\n<q", "\n<q", 1)))
    assert converted.place_of(pointer) == place


def test_lines_are_counted_beyond_65535():
    body = document(event("\n" * 70_000 + "<colour/>"))
    assert problems(body)[0][0] == "line 70009, ObjectEvent/colour"


def test_a_document_of_something_else_is_refused():
    ((place, rule),) = problems(b"<rss><channel/></rss>")
    assert place == "line 1, rss"
    assert rule == "rss is no EPCIS document or event"


def test_more_than_10000_events_are_too_many():
    with pytest.raises(TooLarge) as refused:
        read_xml(document("<ObjectEvent/>" * 10_001))
    assert "10000 events" in str(refused.value)


def test_values_of_a_poll_have_the_types_they_say():
    poll = b"""<q:Poll xmlns:q="urn:epcglobal:epcis-query:xsd:2"
        xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><queryName>SimpleEventQuery</queryName>
      <params>
        <param><name>EQ_action</name><value><string>ADD</string><string>DELETE</string></value></param>
        <param><name>GE_quantity</name><value xsi:type="xs:decimal">1.50</value></param>
        <param><name>maxEventCount</name><value xsi:type="xs:int">20</value></param>
        <param><name>orderBy</name><value>eventTime</value></param>
        <param><name>EXISTS_errorDeclaration</name><value/></param>
        <param><name>EQ_x</name><value xsi:type="q:ArrayOfString"/></param>
      </params></q:Poll>"""
    made = read_poll(poll)
    assert made["name"] == "SimpleEventQuery"
    assert {name: repr(value) for name, value in made["query"].items()} == {
        "EQ_action": "['ADD', 'DELETE']",
        "GE_quantity": "Decimal('1.50')",
        "maxEventCount": "20",
        "orderBy": "'eventTime'",
        "EXISTS_errorDeclaration": "True",
        "EQ_x": "[]",
    }


def test_a_document_without_poll_holds_no_query():
    with pytest.raises(Invalid, match="The document holds no query"):
        read_poll(document(event()))
